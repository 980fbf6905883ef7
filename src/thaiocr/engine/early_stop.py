"""When to end before the last epoch. The evaluations so far decide, so a resumed run decides as the first one did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from thaiocr.config import schema

IsOver: TypeAlias = Callable[[Sequence[Mapping[str, Any]]], bool]
"""The evaluations of a run so far -> whether it ends."""


def evaluations_without_gain(history: Sequence[Mapping[str, Any]], indicator: str, min_delta: float) -> int:
    """Return how many evaluations in a row have not risen by more than `min_delta` above the best before them."""
    best, count = None, 0
    for found in history:
        if best is None or found[indicator] > best + min_delta:
            best, count = found[indicator], 0
        else:
            count += 1
    return count


def build_early_stop(options: schema.EarlyStop | None, indicator: str) -> IsOver:
    """Return what `Global.early_stop` asks for."""
    if options is None:
        return lambda _: False
    return lambda history: evaluations_without_gain(history, indicator, options.min_delta) >= options.patience
