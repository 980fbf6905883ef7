"""Polygons found on pages, against those that are there.

Precision, recall and hmean are those of ICDAR 2015 (Karatzas et al.) as PaddleOCR counts them; average precision is
COCO's. Polygons without area, of NaN, or with crossing edges cannot be compared: they are left out on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

MATCH: Final = 0.5
"""Intersection over union above which a polygon is found."""
IGNORED: Final = 0.5
"""Share of a found polygon inside an ignored one above which it counts neither as right nor as wrong."""
THRESHOLDS: Final = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Of the IoU, for average precision."""
RECALLS: Final = np.linspace(0, 1, 101)
"""Where COCO reads precision off."""

Corners = NDArray[Any]
"""[K, 2], x and y."""


@dataclass(frozen=True, slots=True)
class PageResult:
    """What is on a page, and what was found there."""

    image: str
    truths: Sequence[Corners]
    ignored: Sequence[bool]
    """Of the truths, which are neither to be found nor wrong to be found."""
    found: Sequence[Corners]
    scores: Sequence[float]
    """Of what was found."""


class Pairs(NamedTuple):
    """A truth that counts and a detection that have something in common, by truth and then by detection."""

    truth_P: NDArray[np.int64]
    found_P: NDArray[np.int64]
    iou_P: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Matches:
    """How the polygons of a page go together."""

    image: str
    truths: int
    """Of those that count."""
    pairs: Pairs
    is_ignored_D: NDArray[np.bool_]
    scores_D: NDArray[np.float64]
    truths_T: NDArray[np.int64]
    """Which of the page's truths those are that count, in their order."""
    found_D: NDArray[np.int64]
    """Which of the page's detections can be compared."""
    partners: dict[int, int]
    """Truth -> detection of ICDAR's matching, by their places in `truths_T` and `found_D`."""

    @property
    def matched(self) -> int:
        """Return the number of truths that are found."""
        return len(self.partners)

    @property
    def counted(self) -> int:
        """Return the number of detections that are right or wrong."""
        return int((~self.is_ignored_D).sum())

    @property
    def best_ious(self) -> NDArray[np.float64]:
        """Return the IoU of every truth with what is most like it."""
        best_T = np.zeros(self.truths)
        np.maximum.at(best_T, self.pairs.truth_P, self.pairs.iou_P)
        return best_T


def match_page(page: PageResult) -> Matches:
    """Compare a page's polygons, and match them as ICDAR 2015 does: every truth with the first that is like it."""
    truths, is_usable_T = _usable(page.truths)
    found, is_usable_D = _usable(page.found)
    is_ignored_T = np.asarray(page.ignored, np.bool_)[is_usable_T]
    scores_D = np.asarray(page.scores, np.float64)[is_usable_D]
    wanted, ignored = truths[~is_ignored_T], truths[is_ignored_T]
    _, at_D, shared_P = _common(ignored, found)
    is_ignored_D = np.zeros(len(found), np.bool_)
    is_ignored_D[at_D[shared_P > IGNORED * shapely.area(found[at_D])]] = True
    at_T, at_D, shared_P = _common(wanted, found)
    pairs = Pairs(at_T, at_D, shared_P / (shapely.area(wanted[at_T]) + shapely.area(found[at_D]) - shared_P))
    return Matches(
        image=page.image,
        truths=len(wanted),
        pairs=pairs,
        is_ignored_D=is_ignored_D,
        scores_D=scores_D,
        truths_T=np.flatnonzero(is_usable_T)[~is_ignored_T],
        found_D=np.flatnonzero(is_usable_D),
        partners=_first_alike(pairs, is_ignored_D),
    )


def _usable(polygons: Sequence[Corners]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return what can be compared, as shapes, and which those are."""
    shapes, is_usable = [], np.zeros(len(polygons), np.bool_)
    for index, points_K2 in enumerate(polygons):
        if len(points_K2) >= 3 and np.isfinite(points_K2).all():
            shape = shapely.Polygon(points_K2)
            if shape.is_valid and shape.area > 0:
                shapes.append(shape)
                is_usable[index] = True
    return np.array(shapes, object), is_usable


def _common(
    truths: NDArray[Any], found: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return which truths and detections meet, ordered by both, and the area that they have in common."""
    if not len(truths) or not len(found):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    at_D, at_T = shapely.STRtree(truths).query(found)
    order = np.lexsort((at_D, at_T))
    at_T, at_D = at_T[order], at_D[order]
    return at_T, at_D, shapely.area(shapely.intersection(truths[at_T], found[at_D]))


def _first_alike(pairs: Pairs, is_ignored_D: NDArray[np.bool_]) -> dict[int, int]:
    """Pair every truth, in its order, with the first detection above `MATCH` that has no partner yet."""
    partners: dict[int, int] = {}
    is_free_D = ~is_ignored_D
    alike = pairs.iou_P > MATCH
    for truth, found in zip(pairs.truth_P[alike].tolist(), pairs.found_P[alike].tolist(), strict=True):
        if truth not in partners and is_free_D[found]:
            partners[truth] = found
            is_free_D[found] = False
    return partners


@dataclass(slots=True)
class DetectionMetric:
    """Figures over the pages of a data set."""

    pages: list[Matches] = field(default_factory=list)

    def update(self, results: Iterable[PageResult]) -> None:
        """Add pages."""
        self.pages.extend(match_page(result) for result in results)

    def reset(self) -> None:
        """Forget all pages."""
        self.pages.clear()

    def brief(self) -> dict[str, float]:
        """Return the figures by name, 0 to 1; all are 0 where there is nothing to find.

        `precision`, `recall` and `hmean` at an IoU above 0.5. `mean_iou`: of every truth with what is most like it.
        `map`: average precision, mean over IoUs of 0.5 to 0.95; `ap50` and `ap75` at one.
        """
        truths = sum(page.truths for page in self.pages)
        counted = sum(page.counted for page in self.pages)
        matched = sum(page.matched for page in self.pages)
        recall, precision = matched / truths if truths else 0.0, matched / counted if counted else 0.0
        best = sum(float(page.best_ious.sum()) for page in self.pages)
        precisions = {threshold: average_precision(self.pages, threshold) for threshold in THRESHOLDS}
        return {
            "hmean": 2 * precision * recall / (precision + recall) if matched else 0.0,
            "precision": precision,
            "recall": recall,
            "mean_iou": best / truths if truths else 0.0,
            "map": sum(precisions.values()) / len(precisions),
            "ap50": precisions[0.5],
            "ap75": precisions[0.75],
        }

    def summary(self) -> dict[str, Any]:
        """Return all figures, how much they rest on, and the pages with the most mistakes."""
        worst = sorted(self.pages, key=_mistakes, reverse=True)
        return {
            **self.brief(),
            "pages": len(self.pages),
            "regions": sum(page.truths for page in self.pages),
            "found": sum(page.counted for page in self.pages),
            "worst": [
                {
                    "image": page.image,
                    "missed": page.truths - page.matched,
                    "wrong": page.counted - page.matched,
                }
                for page in worst[:10]
                if _mistakes(page)
            ],
        }


def _mistakes(page: Matches) -> int:
    return page.truths + page.counted - 2 * page.matched


def average_precision(pages: Sequence[Matches], threshold: float) -> float:
    """Return COCO's average precision at an IoU: precision at 101 recalls, each the best at that recall or above.

    Detections choose in the order of their scores, each the truth that is most like it and still free. What is in an
    ignored region and has no partner does not count.
    """
    truths = sum(page.truths for page in pages)
    scores, hits = [np.empty(0)], [np.empty(0, np.bool_)]
    for page in pages:
        is_hit_D = _best_free(page, threshold)
        is_counted_D = is_hit_D | ~page.is_ignored_D
        scores.append(page.scores_D[is_counted_D])
        hits.append(is_hit_D[is_counted_D])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right = np.cumsum(np.concatenate(hits)[order])
    if not truths or not len(right):
        return 0.0
    precision = right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(right / truths, RECALLS, side="left")
    return float(np.append(best, 0.0)[at].mean())


def _best_free(page: Matches, threshold: float) -> NDArray[np.bool_]:
    """Tell which detections find a partner."""
    is_free_T, is_hit_D = np.ones(page.truths, np.bool_), np.zeros(len(page.scores_D), np.bool_)
    alike = page.pairs.iou_P >= threshold
    truth_P, found_P, iou_P = (each[alike] for each in page.pairs)
    # By score, then as they were found; of each detection the pair with the highest IoU first.
    order = np.lexsort((-iou_P, found_P, -page.scores_D[found_P]))
    for truth, found in zip(truth_P[order].tolist(), found_P[order].tolist(), strict=True):
        if is_free_T[truth] and not is_hit_D[found]:
            is_free_T[truth], is_hit_D[found] = False, True
    return is_hit_D
