"""Does a score of 0.9 mean nine right out of ten? Expected calibration error, and accuracy without the least sure.

ECE: Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.

N readings  B bins
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypedDict

import numpy as np

from thaiocr.metrics.edit import Floats

BINS: Final = 15
COVERAGE: Final = 0.9


class Bin(TypedDict):
    """The readings with a score in (low, high]; a score of 0 belongs to the first bin."""

    low: float
    high: float
    count: int
    score: float | None
    """Mean score; None when the bin is empty, as is `acc`."""
    acc: float | None


class Calibration(TypedDict):
    """How far scores can be believed. All None and no count for an empty set."""

    ece: float | None
    """Mean over readings of |accuracy - mean score| of their bin: 0 is perfect, 1 the worst."""
    mean_score: float | None
    bins: list[Bin]
    coverage: float
    acc_at_coverage: float | None
    """Accuracy of the `coverage` share of the readings with the highest scores."""
    score_at_coverage: float | None
    """The lowest score among those."""


def calibrate(scores: Sequence[float], right: Floats) -> Calibration:
    """Compare scores with what was right.

    Args:
        scores: N scores; below 0 counts as 0, above 1 as 1, and NaN (a network that diverged) as 0.
        right: 1 for a right reading, else 0. Shape [N].
    """
    score = np.clip(np.nan_to_num(np.asarray(scores, np.float64), nan=0.0), 0.0, 1.0)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    index = np.clip(np.searchsorted(edges, score, side="left") - 1, 0, BINS - 1)
    bins = [
        _bin(float(edges[number]), float(edges[number + 1]), score[index == number], right[index == number])
        for number in range(BINS)
    ]
    acc, threshold = accuracy_at_coverage(score, right, COVERAGE)
    return Calibration(
        ece=_ece(bins),
        mean_score=math.fsum(score) / score.size if score.size else None,
        bins=bins,
        coverage=COVERAGE,
        acc_at_coverage=acc,
        score_at_coverage=threshold,
    )


def accuracy_at_coverage(score: Floats, right: Floats, coverage: float) -> tuple[float | None, float | None]:
    """Return the accuracy of the `coverage` share of readings with the highest scores, and the lowest score kept.

    Readings that tie at the lowest score share the places left: each counts in proportion, so that their order does
    not matter. Both are None for no readings.

    Args:
        score: Shape [N].
        right: 1 for a right reading, else 0. Shape [N].
        coverage: Share to keep, above 0 and up to 1; rounded up to whole readings.
    """
    if not score.size:
        return None, None
    kept = math.ceil(coverage * score.size - 1e-9)
    threshold = np.sort(score)[::-1][kept - 1]
    above, tied = score > threshold, score == threshold
    places = kept - int(above.sum())
    return float((right[above].sum() + places * right[tied].mean()) / kept), float(threshold)


def _bin(low: float, high: float, score: Floats, right: Floats) -> Bin:
    count = int(score.size)
    return Bin(
        low=low,
        high=high,
        count=count,
        score=math.fsum(score) / count if count else None,
        acc=float(right.mean()) if count else None,
    )


def _ece(bins: Sequence[Bin]) -> float | None:
    gaps = [
        (each["count"], abs(each["acc"] - each["score"]))
        for each in bins
        if each["acc"] is not None and each["score"] is not None
    ]
    total = sum(count for count, _ in gaps)
    return sum(count * gap for count, gap in gaps) / total if total else None
