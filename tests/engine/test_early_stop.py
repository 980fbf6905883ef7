from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.engine.early_stop import build_early_stop, evaluations_without_gain

pytestmark = pytest.mark.slow

PATIENCE = "Global.early_stop={patience: 2}"


@pytest.mark.parametrize(
    ("found", "min_delta", "count"),
    [
        ([], 0.0, 0),
        ([0.0], 0.0, 0),
        ([0.0, 0.0], 0.0, 1),
        ([0.1, 0.2, 0.2, 0.15], 0.0, 2),
        ([0.1, 0.2, 0.2, 0.21], 0.0, 0),
        ([0.1, 0.2, 0.2, 0.21], 0.05, 2),
        ([0.1, 0.14, 0.18], 0.05, 0),
    ],
)
def test_evaluations_without_a_gain_are_counted_from_the_last_gain(
    found: list[float], min_delta: float, count: int
) -> None:
    """Small gains add up: each is measured against the last value that counted."""
    history = [{"acc": value} for value in found]
    assert evaluations_without_gain(history, "acc", min_delta) == count


def test_without_the_key_training_never_ends_early() -> None:
    assert not build_early_stop(None, "acc")([{"acc": 0.0}] * 1000)
    assert build_early_stop(schema.EarlyStop(patience=3), "cer")([{"cer": 0.0}] * 4)


def test_a_run_without_a_gain_ends_early_keeps_its_best_and_says_so_again_when_resumed(
    data: Path, tmp_path: Path
) -> None:
    """`RUNS` learns nothing: its first evaluation stays the best."""
    config = tiny.config(data, tmp_path, *tiny.RUNS, "Global.epoch_num=9", PATIENCE)
    report, lines = tiny.fit(config)

    assert [found["epoch"] for found in report["history"]] == [1, 2, 3]
    assert report["best"] == report["history"][0]
    assert report["ended"] == "early stopping"
    assert store.load(tmp_path / "best_accuracy").states["global_step"] == 2
    assert "early stopping" in lines[-1]
    before = tiny.outcome(tmp_path)

    again, lines = tiny.fit(config, resume=Path())

    assert "stopped early after 3 evaluations; raise Global.early_stop.patience to train longer" in lines[-1]
    times = dict.fromkeys(("seconds", "began", "finished"))
    assert {**again, **times} == {**report, **times}
    assert tiny.outcome(tmp_path) == before


def test_early_stopping_inside_an_epoch_ends_it_there(data: Path, tmp_path: Path) -> None:
    changes = ("Train.loader.batch_size_per_card=4", "Global.eval_batch_step=[0,1]", "Global.epoch_num=9")
    report, _ = tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, *changes, PATIENCE))
    assert [found["step"] for found in report["history"]] == [1, 2, 3]
    assert store.load(tmp_path / "latest").states["position"]["batch"] == 3
    assert not [record for record in tiny.records(tmp_path) if record["event"] == "epoch"]


@pytest.mark.slow
def test_more_patience_goes_on_where_the_run_stopped(data: Path, tmp_path: Path) -> None:
    changes = (*tiny.RUNS, "Global.epoch_num=5")
    tiny.fit(tiny.config(data, tmp_path / "whole", *changes))
    tiny.fit(tiny.config(data, tmp_path / "stopped", *changes, PATIENCE))
    tiny.fit(tiny.config(data, tmp_path / "stopped", *changes), resume=Path())
    assert tiny.outcome(tmp_path / "stopped") == tiny.outcome(tmp_path / "whole")
