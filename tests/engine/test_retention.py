from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from thaiocr.config import schema
from thaiocr.engine.retention import build_retention

pytestmark = pytest.mark.slow

HISTORY = [{"epoch": epoch, "acc": acc} for epoch, acc in ((1, 0.2), (2, 0.5), (3, 0.5), (4, 0.1), (6, 0.3))]


@pytest.mark.parametrize(
    ("last", "best", "kept"),
    [
        (None, None, [1, 2, 3, 4, 5, 6]),
        (2, None, [5, 6]),
        (0, None, []),
        (9, None, [1, 2, 3, 4, 5, 6]),
        (None, 1, [2]),
        (None, 3, [2, 3, 6]),
        (1, 2, [2, 3, 6]),
        (2, 1, [2, 5, 6]),
    ],
)
def test_the_newest_and_the_best_are_kept(last: int | None, best: int | None, kept: list[int]) -> None:
    """Epoch 5 was not evaluated and counts as epoch 4 did; of equals the earlier one is better."""
    options = schema.Global(epoch_num=6, keep_last=last, keep_best=best)
    expired = build_retention(options, "acc")
    assert [epoch for epoch in range(1, 7) if epoch not in expired(range(1, 7), HISTORY)] == kept


def test_nothing_is_known_before_the_first_evaluation() -> None:
    expired = build_retention(schema.Global(epoch_num=3, keep_last=0, keep_best=1), "acc")
    assert expired([1, 2], []) == [2]


def test_a_run_leaves_the_checkpoints_that_are_kept_and_the_others_whole(data: Path, tmp_path: Path) -> None:
    changes = ("Global.epoch_num=5", "Global.save_epoch_step=1", "Global.keep_last=2", "Global.keep_best=1")
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, *changes))
    names = {"best_accuracy", "latest", "iter_epoch_1", "iter_epoch_4", "iter_epoch_5"}
    assert {path.stem for path in tmp_path.glob("*.pd*")} == names
    assert {path.stem for path in tmp_path.glob("*.states")} == names
