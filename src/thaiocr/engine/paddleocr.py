"""Where a checkpoint that PaddleOCR's own training wrote says its run is."""

from __future__ import annotations

from typing import Any, Final

from thaiocr.checkpoint import store
from thaiocr.engine.run import Position

METRICS: Final = ("acc", "norm_edit_dis")
"""The metrics that both engines have under one name."""


def position_of(checkpoint: store.Checkpoint, *, indicator: str, steps_per_epoch: int) -> Position:
    """Return the beginning of the epoch after the last whole one, with the best result so far.

    PaddleOCR itself forgets both the step and the best result when it resumes; `global_step` then counts from its last
    start, while the schedule still counts every step.

    Args:
        checkpoint: Without our own keys.
        indicator: `Metric.main_indicator`.
        steps_per_epoch: Of the run that goes on, where the checkpoint counts no steps.
    """
    states = checkpoint.states
    epoch = int(states["epoch"])
    schedule = checkpoint.optimizer.get("LR_Scheduler", {})
    step = schedule.get("last_epoch", states.get("global_step", epoch * steps_per_epoch))
    return Position(epoch=epoch, step=int(step), best=_best(states.get("best_model_dict", {}), indicator, epoch))


def _best(found: dict[str, Any], indicator: str, epoch: int) -> dict[str, Any]:
    """Return the metrics of `best_accuracy`; none where it was never saved: PaddleOCR then has 0."""
    if not found.get(indicator):
        return {}
    metrics: dict[str, Any] = {name: float(found[name]) for name in METRICS if name in found}
    return {"epoch": int(found.get("best_epoch", epoch)), **metrics}
