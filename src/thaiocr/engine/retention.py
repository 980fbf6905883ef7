"""Which of the checkpoints `iter_epoch_N` stay. It follows from the evaluations so far, so a resumed run agrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from thaiocr.config import schema

History: TypeAlias = Sequence[Mapping[str, Any]]
Expired: TypeAlias = Callable[[Sequence[int], History], list[int]]
"""The epochs saved so far, in order, and the evaluations -> the epochs whose checkpoints go."""


def build_retention(options: schema.Global, indicator: str) -> Expired:
    """Return what `Global.keep_last` and `Global.keep_best` ask for."""
    if options.keep_last is None and options.keep_best is None:
        return lambda _epochs, _history: []
    last, best = options.keep_last or 0, options.keep_best or 0

    def expired(epochs: Sequence[int], history: History) -> list[int]:
        ranked = sorted(epochs, key=lambda epoch: -_score(epoch, history, indicator))  # of equals the earlier first
        kept = {*epochs[len(epochs) - min(last, len(epochs)) :], *ranked[:best]}
        return [epoch for epoch in epochs if epoch not in kept]

    return expired


def _score(epoch: int, history: History, indicator: str) -> float:
    """Return what the last evaluation up to the end of an epoch found; -1 before the first one."""
    return next((float(found[indicator]) for found in reversed(history) if found["epoch"] <= epoch), -1.0)
