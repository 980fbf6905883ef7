"""Figures of detection against independent references: loops over all pairs with shapely, as the papers describe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry import Polygon

from thaiocr.metrics.detection import THRESHOLDS, DetectionMetric, PageResult

Floats = NDArray[np.float64]


def square(x: float, y: float, side: float = 10, height: float | None = None) -> Floats:
    high = side if height is None else height
    return np.array([[x, y], [x + side, y], [x + side, y + high], [x, y + high]], np.float64)


def page(truths: list[Floats], found: list[Floats], ignored: Any = (), scores: Any = ()) -> PageResult:
    flags = list(ignored) or [False] * len(truths)
    return PageResult("a.jpg", truths, flags, found, list(scores) or [0.9] * len(found))


def figures(*pages: PageResult) -> dict[str, float]:
    metric = DetectionMetric()
    metric.update(pages)
    return metric.brief()


def drawn(seed: int, pages: int = 3) -> list[PageResult]:
    """Pages with truths, some of them ignored, and detections near them, off them, doubled or missing."""
    random = np.random.default_rng(seed)
    results = []
    for _ in range(pages):
        truths, found = [], []
        for _ in range(int(random.integers(0, 7))):
            shape = square(*random.uniform(0, 60, 2), *random.uniform(4, 25, 2))
            truths.append(shape)
            for _ in range(int(random.integers(0, 3))):
                found.append(shape + random.normal(0, random.choice([0.3, 2.0]), shape.shape))
        found += [square(*random.uniform(0, 60, 2), *random.uniform(4, 25, 2)) for _ in range(random.integers(0, 3))]
        found = [shape for shape in found if Polygon(shape).is_valid]
        ignored = (random.uniform(size=len(truths)) < 0.3).tolist()
        # Few different scores: some are equal.
        results.append(page(truths, found, ignored, random.integers(1, 6, len(found)) / 6))
    return results


def iou(a: Floats, b: Floats) -> float:
    return float(Polygon(a).intersection(Polygon(b)).area / Polygon(a).union(Polygon(b)).area)


def is_in_ignored(result: PageResult, shape: Floats) -> bool:
    return any(
        Polygon(truth).intersection(Polygon(shape)).area / Polygon(shape).area > 0.5
        for truth, is_ignored in zip(result.truths, result.ignored, strict=True)
        if is_ignored
    )


def icdar_by_hand(results: list[PageResult]) -> tuple[int, int, int]:
    """Return pairs, truths that count, and detections that count."""
    pairs = truths = detections = 0
    for result in results:
        counted = [index for index, shape in enumerate(result.found) if not is_in_ignored(result, shape)]
        detections += len(counted)
        taken: set[int] = set()
        for truth, is_ignored in zip(result.truths, result.ignored, strict=True):
            if is_ignored:
                continue
            truths += 1
            for index in counted:
                if index not in taken and iou(truth, result.found[index]) > 0.5:
                    taken.add(index)
                    pairs += 1
                    break
    return pairs, truths, detections


def coco_by_hand(results: list[PageResult], threshold: float) -> float:
    """Precision at 101 recalls, from a list of all detections by score."""
    rows: list[tuple[float, bool]] = []
    truths = 0
    for result in results:
        wanted = [truth for truth, is_ignored in zip(result.truths, result.ignored, strict=True) if not is_ignored]
        truths += len(wanted)
        free = list(range(len(wanted)))
        for score, shape in sorted(zip(result.scores, result.found, strict=True), key=lambda pair: -pair[0]):
            best = max(free, key=lambda index: iou(wanted[index], shape), default=None)
            if best is not None and iou(wanted[best], shape) >= threshold:
                free.remove(best)
                rows.append((score, True))
            elif not is_in_ignored(result, shape):
                rows.append((score, False))
    rows.sort(key=lambda row: -row[0])
    curve, right = [], 0
    for count, (_, is_hit) in enumerate(rows, 1):
        right += is_hit
        curve.append((right / truths if truths else 0, right / count))
    if not truths:
        return 0.0
    found = [max([p for r, p in curve if r >= recall], default=0.0) for recall in np.linspace(0, 1, 101)]
    return float(np.mean(found))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99_999))
def test_precision_and_recall_are_icdars(seed: int) -> None:
    results = drawn(seed)
    pairs, truths, detections = icdar_by_hand(results)

    found = figures(*results)

    assert found["recall"] == pytest.approx(pairs / truths if truths else 0)
    assert found["precision"] == pytest.approx(pairs / detections if detections else 0)
    assert found["hmean"] == pytest.approx(2 * pairs / (truths + detections) if pairs else 0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99_999))
def test_average_precision_is_cocos(seed: int) -> None:
    results = drawn(seed)

    found = figures(*results)

    by_hand = {threshold: coco_by_hand(results, threshold) for threshold in THRESHOLDS}
    assert found["ap50"] == pytest.approx(by_hand[0.5])
    assert found["ap75"] == pytest.approx(by_hand[0.75])
    assert found["map"] == pytest.approx(sum(by_hand.values()) / 10)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99_999))
def test_mean_iou_is_of_every_truth_with_what_is_most_like_it(seed: int) -> None:
    results = drawn(seed)
    best = [
        max([iou(truth, shape) for shape in result.found], default=0.0)
        for result in results
        for truth, is_ignored in zip(result.truths, result.ignored, strict=True)
        if not is_ignored
    ]

    assert figures(*results)["mean_iou"] == pytest.approx(sum(best) / len(best) if best else 0)


NOTHING = dict.fromkeys(("hmean", "precision", "recall", "mean_iou", "map", "ap50", "ap75"), 0.0)
PERFECT = dict.fromkeys(NOTHING, 1.0)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], NOTHING),
        ([page([], [])], NOTHING),
        ([page([square(0, 0)], [])], NOTHING),
        ([page([], [square(0, 0)])], NOTHING),
        ([page([square(0, 0)], [square(50, 50)])], NOTHING),
        ([page([square(0, 0)], [square(0, 0)])], PERFECT),
        ([page([square(0, 0)], [square(0, 0)]), page([], [])], PERFECT),
        # What is ignored is neither missed nor wrong.
        ([page([square(0, 0), square(50, 50)], [square(0, 0)], [False, True])], PERFECT),
        ([page([square(0, 0), square(50, 50)], [square(0, 0), square(51, 51)], [False, True])], PERFECT),
        ([page([square(50, 50)], [square(51, 51)], [True])], NOTHING),
        # Polygons that are none, on either side.
        ([page([square(0, 0), square(5, 5, 0)], [square(0, 0), square(5, 5, 0)])], PERFECT),
        ([page([square(0, 0), square(5, 5) * np.nan], [square(0, 0), square(5, 5) * np.inf])], PERFECT),
        ([page([square(0, 0), square(5, 5)[:2]], [square(0, 0), square(5, 5)[:0]])], PERFECT),
        ([page([square(0, 0)], [square(0, 0), square(0, 0)[[0, 2, 1, 3]]])], PERFECT),
    ],
)
def test_degenerate_pages_have_defined_figures(results: list[PageResult], expected: dict[str, float]) -> None:
    assert figures(*results) == pytest.approx(expected)


def test_an_overlap_of_exactly_one_half_is_not_found() -> None:
    assert figures(page([square(0, 0, 10, 20)], [square(0, 0, 10, 10)]))["hmean"] == 0
    assert figures(page([square(0, 0, 10, 19.9)], [square(0, 0, 10, 10)]))["hmean"] == 1


def test_a_line_found_twice_is_wrong_once() -> None:
    found = figures(page([square(0, 0)], [square(0, 0), square(0, 0.1)]))

    assert (found["recall"], found["precision"]) == (1, 0.5)


def test_ten_thousand_polygons_are_compared() -> None:
    shapes = [square(20 * x, 20 * y) for x in range(100) for y in range(100)]

    metric = DetectionMetric()
    metric.update([page(shapes, shapes[:5000])])

    assert metric.pages[0].matched == 5000


def test_the_summary_names_the_worst_pages() -> None:
    metric = DetectionMetric()
    metric.update([page([square(0, 0)], [square(0, 0)])])
    metric.update([PageResult("b.jpg", [square(0, 0), square(20, 20)], [False, False], [square(60, 60)], [0.8])])

    summary = metric.summary()

    assert (summary["pages"], summary["regions"], summary["found"]) == (2, 3, 2)
    assert summary["worst"] == [{"image": "b.jpg", "missed": 2, "wrong": 1}]
    metric.reset()
    assert metric.brief() == NOTHING
