"""Confidence intervals that know that images of one font are alike: resample fonts, not images.

Percentile bootstrap of whole groups: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, chapter 3.8.

N readings  G groups (fonts)  R resamples  M occurrences of classes  C classes
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypedDict

import numpy as np

from thaiocr.metrics.edit import Floats, Ints

RESAMPLES: Final = 1000
LEVEL: Final = 0.95
SEED: Final = 0

CELLS: Final = 2_000_000
"""Numbers held at a time: as many resamples are drawn together as fit."""

Interval: TypeAlias = list[float] | None
"""[low, high]; None when there are fewer than two groups, or nothing to divide by."""


class Intervals(TypedDict):
    """Intervals of the figures that have one, and how they were made."""

    by: str
    """What was resampled: "font", or "image" when fewer than two fonts are known."""
    groups: int
    resamples: int
    level: float
    seed: int
    figures: dict[str, Interval]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassHits:
    """M occurrences of classes in labels; each array has shape [M]."""

    reading: Ints
    """Index of the reading."""
    label: Ints
    """Index of the class; every index from 0 up occurs."""
    right: Ints
    """1 when it was read right, else 0."""


def group_by_font(fonts: Sequence[str]) -> tuple[str, Ints]:
    """Return what to resample, "font" or "image", and the group of each of N readings, numbered from 0. Shape [N].

    A reading whose font is not known ("") is a group of its own; so is every reading when fewer than two are known.
    """
    known = sorted({font for font in fonts if font})
    if len(known) < 2:
        return "image", np.arange(len(fonts), dtype=np.int64)
    number = {font: index for index, font in enumerate(known)}
    unknown = iter(range(len(known), len(known) + len(fonts)))
    return "font", np.fromiter((number[font] if font else next(unknown) for font in fonts), np.int64, len(fonts))


def intervals(
    groups: Ints,
    ratios: Mapping[str, tuple[Floats | Ints, Floats | Ints]],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Interval]:
    """Return the interval of each ratio of sums, such as CER = sum of edits / sum of label units.

    Args:
        groups: The group of each reading. Shape [N].
        ratios: Name -> (numerators, denominators), both of shape [N].
        resamples: How many times G groups are drawn with replacement.
        seed: Of the drawing; the same seed gives the same intervals.
    """
    columns = [column for pair in ratios.values() for column in pair]
    count = _count(groups)
    if count < 2:
        return dict.fromkeys(ratios)
    sums = np.stack([np.bincount(groups, weights=column, minlength=count) for column in columns], axis=1)
    drawn = np.concatenate([weights @ sums for weights in _draws(count, count, resamples, seed)])
    return {name: _interval(drawn[:, 2 * at], drawn[:, 2 * at + 1]) for at, name in enumerate(ratios)}


def macro_interval(
    groups: Ints,
    hits: ClassHits,
    *,
    weights_C: Ints | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Return the interval of the macro accuracy: in each resample the mean over the classes that it holds.

    Args:
        groups: The group of each reading. Shape [N].
        hits: M occurrences of C classes.
        weights_C: What a class counts in the mean; all count the same when left out. Shape [C].
        resamples: How many times G groups are drawn with replacement.
        seed: Of the drawing.
    """
    count = _count(groups)
    if count < 2 or not hits.label.size:
        return None
    classes = int(hits.label.max()) + 1
    weight = np.ones(classes) if weights_C is None else weights_C.astype(np.float64)
    cell, at = np.unique(hits.label * count + groups[hits.reading], return_inverse=True)
    occurs, right = np.bincount(at).astype(np.float64), np.bincount(at, hits.right)
    starts = np.searchsorted(cell, np.arange(classes) * count)
    means = []
    for weights in _draws(count, count + 2 * cell.size, resamples, seed):
        drawn = weights[:, cell % count]
        occurs_sum = np.add.reduceat(drawn * occurs, starts, axis=1)
        right_sum = np.add.reduceat(drawn * right, starts, axis=1)
        recall = np.divide(right_sum, occurs_sum, out=np.zeros_like(right_sum), where=occurs_sum > 0)
        means.append(np.stack([recall @ weight, (occurs_sum > 0) @ weight], axis=1))
    found = np.concatenate(means)
    return _interval(found[:, 0], found[:, 1])


def _count(groups: Ints) -> int:
    return int(groups.max()) + 1 if groups.size else 0


def _draws(count: int, cells: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw `count` groups with replacement again and again; yield how often each was drawn, shape [some, G].

    Args:
        count: G.
        cells: Numbers that one resample needs in memory.
        resamples: R.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    step = max(1, CELLS // cells)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = random.integers(count, size=(rows, count)) + np.arange(rows)[:, None] * count
        yield np.bincount(drawn.reshape(-1), minlength=rows * count).reshape(rows, count).astype(np.float64)


def _interval(numerator: Floats, denominator: Floats) -> Interval:
    """Return the quantiles of R ratios, rounded so that the order of additions does not show."""
    usable = denominator > 0
    if not usable.any():
        return None
    tail = (1 - LEVEL) / 2
    return [round(float(edge), 6) for edge in np.quantile(numerator[usable] / denominator[usable], [tail, 1 - tail])]
