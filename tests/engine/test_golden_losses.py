"""The losses of 50 steps, against those stored when they were last looked at.

A change of the network, the initialisation, the data pipeline, a loss, an optimizer or a schedule shows here. To store
new ones after a change that is meant: `python tests/engine/test_golden_losses.py`, and say in the commit what changed.
"""

from __future__ import annotations

import json
import tempfile
from itertools import chain, islice
from pathlib import Path
from typing import Final

import numpy as np
import paddle
import pytest
import tiny

from thaiocr.engine.build import build_run
from thaiocr.engine.loop import train_step
from thaiocr.progress import silent

pytestmark = pytest.mark.slow

FILE: Final = Path(__file__).parents[1] / "golden" / "losses_50_steps.json"
STEPS: Final = 50
CHANGES: Final = (
    *tiny.LEARNS,
    "Optimizer.lr={name: Cosine, learning_rate: 0.001, warmup_epoch: 1}",
    "Optimizer.regularizer={name: L2, factor: 0.0001}",
    "Optimizer.clip_norm_global=5.0",
)


TOLERANCES: Final = {"ctc": 2e-3, "guide": 2e-3, "loss": 2e-3, "grad_norm": 0.1}
"""Threads and paddle's own kernels instead of ours changed losses by 1e-4 and norms by 1e-2 at most."""


def losses(folder: Path) -> dict[str, list[float]]:
    data = tiny.write_data(folder / "data", images=192)
    with paddle.utils.unique_name.guard():
        run = build_run(tiny.config(data, folder / "run", *CHANGES), echo=lambda _line: None, progress=silent)
        batches = chain.from_iterable(run.train.epoch(epoch) for epoch in range(6))
        found = [train_step(run, batch) for batch in islice(batches, STEPS)]
    return {name: [float(f"{values[name]:.6g}") for values in found] for name in TOLERANCES}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    return losses(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize(("name", "tolerance"), TOLERANCES.items())
def test_the_losses_of_fifty_steps_are_the_stored_ones(
    found: dict[str, list[float]], name: str, tolerance: float
) -> None:
    np.testing.assert_allclose(found[name], json.loads(FILE.read_text("utf-8"))[name], rtol=tolerance)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        FILE.write_text(json.dumps(losses(Path(folder))) + "\n", "utf-8")
