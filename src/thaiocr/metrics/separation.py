"""Do scores tell right readings from wrong ones, and from images that show nothing to read?

AUROC: the probability that a right reading scores higher than one of the others, ties counted half; the area under the
receiver operating characteristic (Hanley and McNeil, Radiology 143, 1982). It depends on the order of scores alone.

P, N scores of readings that should be high, and low
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypedDict

import numpy as np

from thaiocr.metrics.edit import Floats

KEPT: Final = 0.95
"""Share of the right readings that a threshold is chosen to keep."""
BINS: Final = 10


class ScoreBin(TypedDict):
    """How many scores are in [low, high); the last bin holds a score of 1 too."""

    low: float
    high: float
    right: int
    wrong: int
    negatives: int


class Separation(TypedDict):
    """How far right readings score above the others. None where one of two groups is empty."""

    right: int
    wrong: int
    negatives: int
    """Images without anything to read."""
    auroc: float | None
    """Right readings against wrong ones and negatives together."""
    auroc_wrong: float | None
    auroc_negatives: float | None
    negatives_read: float | None
    """Share of the negatives in which anything was read, at whatever score."""
    threshold: float | None
    """The lowest score of the 95 % of the right readings with the highest scores."""
    negatives_above: float | None
    """Share of the negatives that score as high."""
    wrong_above: float | None
    bins: list[ScoreBin]


def separate(scores: Sequence[float], right: Floats, negatives: Sequence[float]) -> Separation:
    """Compare the scores of readings with those of images that show nothing to read.

    Args:
        scores: Of the readings; NaN (a network that diverged) counts as 0, as it does for calibration.
        right: 1 for a right reading, else 0; as many.
        negatives: Scores of the images with nothing to read; 0 where nothing was read.
    """
    score, none = (np.nan_to_num(np.asarray(each, np.float64), nan=0.0) for each in (scores, negatives))
    good, bad = score[right == 1], score[right != 1]
    threshold = float(np.sort(good)[::-1][int(np.ceil(KEPT * good.size - 1e-9)) - 1]) if good.size else None
    return Separation(
        right=good.size,
        wrong=bad.size,
        negatives=none.size,
        auroc=auroc(good, np.concatenate([bad, none])),
        auroc_wrong=auroc(good, bad),
        auroc_negatives=auroc(good, none),
        negatives_read=float((none > 0).mean()) if none.size else None,
        threshold=threshold,
        negatives_above=_share_above(none, threshold),
        wrong_above=_share_above(bad, threshold),
        bins=_bins(good, bad, none),
    )


def auroc(high_P: Floats, low_N: Floats) -> float | None:
    """Return the probability that one of `high_P` is above one of `low_N`, ties half; None when one is empty."""
    if not high_P.size or not low_N.size:
        return None
    ordered_N = np.sort(low_N)
    below_P, up_to_P = (np.searchsorted(ordered_N, high_P, side=side) for side in ("left", "right"))
    return float((below_P + up_to_P).sum() / (2 * high_P.size * low_N.size))


def _share_above(scores: Floats, threshold: float | None) -> float | None:
    return float((scores >= threshold).mean()) if scores.size and threshold is not None else None


def _bins(*groups: Floats) -> list[ScoreBin]:
    edges = np.linspace(0.0, 1.0, BINS + 1)
    counts = [np.histogram(group.clip(0.0, 1.0), edges)[0].tolist() for group in groups]
    return [
        ScoreBin(low=float(low), high=float(high), right=right, wrong=wrong, negatives=negatives)
        for low, high, right, wrong, negatives in zip(edges, edges[1:], *counts, strict=False)
    ]
