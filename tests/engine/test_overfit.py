"""One batch is learnt by heart where something can be learnt, and only there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from thaiocr.engine.overfit import IMAGES, Overfit, overfit_one_batch
from thaiocr.progress import silent

FOUND = Overfit(images=32, steps=3, learning_rate=0.001, losses=[4.0, 2.0, 0.1], acc=1.0, is_finite=True)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, ""),
        ({"acc": 0.95}, ""),
        ({"losses": [8.0, 3.0]}, ""),
        ({"acc": 0.9}, "the loss falls, but too slowly to read the batch in so few steps; try more with --steps"),
        ({"losses": [4.0, 3.0]}, "the loss does not fall at a learning rate of 0.001; thaiocr train --find-lr"),
        ({"losses": [4.0, 3.0], "acc": 0.0}, "the loss does not fall"),
        ({"is_finite": False}, "the loss is not finite; lower the learning rate"),
        ({"is_finite": False, "losses": []}, "the loss is not finite; lower the learning rate"),
    ],
)
def test_the_advice_fits_what_was_found(changes: dict[str, object], advice: str) -> None:
    found = replace(FOUND, **changes)  # type: ignore[arg-type]  # each of its own type
    assert bool(found.advice) == bool(advice)
    assert found.advice.startswith(advice)


@pytest.mark.slow
def test_a_batch_is_read_and_the_runs_folder_is_not_touched(tmp_path: Path) -> None:
    data = tiny.write_data(tmp_path / "data", images=48)
    config = tiny.config(data, tmp_path / "run", *tiny.LEARNS, "Train.loader.batch_size_per_card=48")
    found = overfit_one_batch(config, progress=silent)
    assert (found.images, found.acc, found.learning_rate) == (IMAGES, 1.0, 0.003)
    assert found.steps < 200
    assert found.has_fallen
    assert found.is_read
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("rate", "steps"),
    [("1e-9", 12), ("1e-30", 1)],
)
def test_a_rate_that_moves_nothing_is_found(data: Path, tmp_path: Path, rate: str, steps: int) -> None:
    config = tiny.config(data, tmp_path / "run", *tiny.RUNS, f"Optimizer.lr.learning_rate={rate}")
    found = overfit_one_batch(config, steps=steps, progress=silent)
    assert (found.steps, found.is_read, found.has_fallen) == (steps, False, False)
    assert np.ptp(found.losses) < 0.01
    assert "does not fall" in found.advice


def test_fewer_images_than_a_batch_are_enough(tmp_path: Path) -> None:
    data = tiny.write_data(tmp_path / "data", images=3)
    config = tiny.config(data, tmp_path / "run", *tiny.RUNS, "Train.loader.drop_last=true")
    assert overfit_one_batch(config, steps=2, progress=silent).images == 3
