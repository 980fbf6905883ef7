"""The order in which a reader takes the lines of a page: columns one after the other, tables and forms row by row.

A recursive X-Y cut (Nagy and Seth 1984, Hierarchical representation of optically scanned documents): a page is cut
along the white strips that run through it. What the plain algorithm gets wrong is repaired where it is known to fail:

- Lines are first straightened: their slope, as a function of the height on the page, is fitted and taken away, so that
  turned pages and photos from the side have strips to cut along.
- Horizontal strips are rejoined where they share a white column and what stands beside it are lines of running text;
  otherwise a page of columns with aligned lines would be read across. Cells of a table are short and stay in rows.
- Cards in a grid, as in catalogues, are short too, and lines of neighbours may stand on one row. What tells them from
  cells: bands of several rows with high white between them, and the same columns of about one width in all of them.

    N lines  K corners
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thaiocr.predict.boxes import Corners, smallest_box

MIN_GUTTER: Final = 0.3
"""Of the median height of lines: white between columns, and between cells, is wider."""
RUNNING_TEXT: Final = 6.0
"""Median width of a column's lines, in median heights of the page; cells of tables are shorter."""
FILLED: Final = 0.7
"""Share of a column's width that its median line takes up; in tables a long cell makes the others look short."""
MIN_LINES: Final = 2
"""Of a column."""
MOST_COLUMNS: Final = 12
"""More beside each other are cells."""
BREAK: Final = 3.0
"""White from side to side that is higher than so many lines ends columns: what is below it comes after all of them."""
ALIKE: Final = 0.7
"""Width of the narrowest column of cards, in widths of the widest."""
SPANS: Final = 0.6
"""A strip without white that is wider than this share of the page ends what columns stand above it."""
FLAT: Final = 3.0
"""Lines at least so wide, in heights, say how a page is turned."""


class Extent(NamedTuple):
    """Where the core of a line lies after straightening; margins that neighbours may share are cut off."""

    left: float
    right: float
    top: float
    bottom: float
    width: float
    """Of the whole line, in median heights of the page."""
    number: int
    """Of the line."""


Group = list[Extent]


def reading_order(polygons: Sequence[Corners]) -> list[int]:
    """Return the indices of polygons in reading order.

    Args:
        polygons: Corners [K, 2] each, x and y in pixels, finite.
    """
    if len(polygons) < 2:
        return list(range(len(polygons)))
    extents = _straighten(np.stack([_as_quad(points_K2) for points_K2 in polygons]))
    height = float(np.median([2 * (extent.bottom - extent.top) for extent in extents]))
    ordered: list[int] = []
    waiting = [extents]
    while waiting:  # a stack instead of recursion: a page of 10,000 boxes may be cut as often
        group = waiting.pop()
        pieces = [group] if len(group) == 1 else _cut(group, height)
        if len(pieces) == 1:
            ordered += [extent.number for extent in sorted(pieces[0], key=lambda each: (each.top, each.left))]
        else:
            waiting.extend(reversed(pieces))
    return ordered


def _as_quad(points_K2: Corners) -> NDArray[np.float64]:
    """Return upper left, upper right, lower right, lower left; of an outline those of its smallest rectangle."""
    if len(points_K2) == 4:
        return np.asarray(points_K2, np.float64)
    return smallest_box(np.asarray(points_K2, np.float32))[0].astype(np.float64)


def _straighten(quads_N42: NDArray[np.float64]) -> Group:
    """Return the extents of lines on a page whose lines were made horizontal."""
    middles_N2 = quads_N42.mean(axis=1)
    along_N2 = (quads_N42[:, 1] + quads_N42[:, 2] - quads_N42[:, 0] - quads_N42[:, 3]) / 2
    width_N = np.hypot(along_N2[:, 0], along_N2[:, 1])
    down_N2 = (quads_N42[:, 2] + quads_N42[:, 3] - quads_N42[:, 0] - quads_N42[:, 1]) / 2
    height_N = np.maximum(np.hypot(down_N2[:, 0], down_N2[:, 1]), 1e-6)
    slope, bend, middle = _slopes(middles_N2, along_N2, width_N / height_N)
    x_N, y_N = middles_N2[:, 0], middles_N2[:, 1]
    slope_N = slope + bend * (y_N - middle[1])
    # Lines and columns are taken for perpendicular: what moves a line's end down moves the foot of a column left.
    flat_y_N = y_N - (x_N - middle[0]) * slope_N
    flat_x_N = x_N + (y_N - middle[1]) * slope
    half_N = np.maximum(width_N / 2 - 0.25 * height_N, 0.1 * width_N)
    core_N = 0.25 * height_N
    width_N = width_N / np.median(height_N)
    columns = (flat_x_N - half_N, flat_x_N + half_N, flat_y_N - core_N, flat_y_N + core_N, width_N)
    rows: list[list[float]] = np.stack(columns, axis=1).tolist()
    return [
        Extent(left, right, top, bottom, width, number) for number, (left, right, top, bottom, width) in enumerate(rows)
    ]


def _slopes(
    middles_N2: NDArray[np.float64], along_N2: NDArray[np.float64], aspect_N: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.float64]]:
    """Fit slope = a + b * (y - middle) to the lines that are flat; returns a, b and the middle of the page."""
    middle_2 = (middles_N2.min(axis=0) + middles_N2.max(axis=0)) / 2
    is_flat_N = (aspect_N >= FLAT) & (np.abs(along_N2[:, 1]) < np.abs(along_N2[:, 0]))
    if not is_flat_N.any():
        return 0.0, 0.0, middle_2
    slopes = along_N2[is_flat_N, 1] / along_N2[is_flat_N, 0]
    median = float(np.median(slopes))
    is_near = np.abs(slopes - median) < 0.1
    heights = middles_N2[is_flat_N, 1][is_near] - middle_2[1]
    if is_near.sum() < 6 or np.ptp(heights) < 1:
        return median, 0.0, middle_2
    bend, slope = np.polyfit(heights, slopes[is_near], 1, w=np.sqrt(aspect_N[is_flat_N][is_near]))
    return float(slope), float(bend), middle_2


def _cut(group: Group, height: float) -> list[Group]:
    """Return the parts of a group in reading order; one part where nothing separates it."""
    strips = _split(group, 0.0, is_across=True)
    if len(strips) == 1:
        return _split(group, MIN_GUTTER * height, is_across=False)
    width = max(extent.right for extent in group) - min(extent.left for extent in group)
    pieces: list[Group] = []
    first = 0
    while first < len(strips):
        found, used = _cards(strips, first, height)
        if not used:
            found, used = _columns(strips[first:], height, SPANS * width)
        pieces += found
        first += used
    return pieces


def _split(group: Group, least: float, *, is_across: bool) -> list[Group]:
    """Cut a group where white of more than `least` runs through it, from side to side or from top to bottom."""
    first, last = (2, 3) if is_across else (0, 1)
    ordered = sorted(group, key=lambda extent: extent[first])
    parts: list[Group] = [[ordered[0]]]
    end = ordered[0][last]
    for extent in ordered[1:]:
        if extent[first] - end > least:
            parts.append([])
        parts[-1].append(extent)
        end = max(end, extent[last])
    return parts


def _cards(strips: list[Group], first: int, height: float) -> tuple[list[Group], int]:
    """Return the cards of a grid that begins with a strip, and how many strips they take up; nothing for no grid.

    Its bands stand apart by `BREAK`, the first one perhaps below a lone line; in each of them two columns or more have
    several lines.
    """
    above = strips[first - 1] if first else []
    is_first_row = len(above) < 2 or _white(above, strips[first]) > BREAK * height
    if not is_first_row or len(strips[first]) < 2:
        return [], 0
    gutter = MIN_GUTTER * height
    cards: list[Group] = []
    covered: list[tuple[float, float]] = []
    bands = used = 0
    for band in _bands(strips[first:], height):
        lines = [extent for strip in band for extent in strip]
        columns = _split(lines, gutter, is_across=False)
        own, together = _union([], lines, gutter), _union(covered, lines, gutter)
        widths = [right - left for left, right in (*own, *together)]
        is_alike = min(widths) >= ALIKE * max(widths) and len(own) <= len(together) == len(covered or own)
        if not is_alike or sum(len(column) >= MIN_LINES for column in columns) < 2:
            break
        cards, covered, bands, used = cards + columns, together, bands + 1, used + len(band)
    return (cards, used) if bands > 1 else ([], 0)


def _bands(strips: list[Group], height: float) -> Iterator[list[Group]]:
    """Yield the strips between white of more than `BREAK`."""
    band = [strips[0]]
    for above, strip in pairwise(strips):
        if _white(above, strip) > BREAK * height:
            yield band
            band = []
        band.append(strip)
    yield band


def _white(above: Group, below: Group) -> float:
    return min(extent.top for extent in below) - max(extent.bottom for extent in above)


def _columns(strips: list[Group], height: float, spanning: float) -> tuple[list[Group], int]:
    """Return the columns of the strips from the first one on, and how many strips they take up.

    Where there are no columns it is the first strip alone.
    """
    covered: list[tuple[float, float]] = []
    last, gutter, bottom = 0, MIN_GUTTER * height, math.inf
    for number, strip in enumerate(strips, start=1):
        if min(extent.top for extent in strip) - bottom > BREAK * height:
            break
        bottom = max(extent.bottom for extent in strip)
        covered = _union(covered, strip, gutter)
        is_spanned = len(covered) == 1 and covered[0][1] - covered[0][0] > spanning
        if is_spanned or len(covered) > MOST_COLUMNS:
            break
        last = number if len(covered) > 1 else last
    if last > 1:
        columns = _running(_split([extent for strip in strips[:last] for extent in strip], gutter, is_across=False))
        if len(columns) > 1:
            return columns, last
    return [strips[0]], 1


def _union(covered: list[tuple[float, float]], strip: Group, gutter: float) -> list[tuple[float, float]]:
    """Return what of the page's width is covered, as intervals further apart than a gutter, from left to right."""
    intervals = sorted([*covered, *((extent.left, extent.right) for extent in strip)])
    joined = [intervals[0]]
    for left, right in intervals[1:]:
        if left - joined[-1][1] > gutter:
            joined.append((left, right))
        else:
            joined[-1] = (joined[-1][0], max(joined[-1][1], right))
    return joined


def _running(columns: list[Group]) -> list[Group]:
    """Join what is no column of running text with its neighbour on the left, or on the right where there is none."""
    kept: list[Group] = []
    is_text_before = False
    for column in columns:
        is_text = _is_running_text(column)
        if kept and not (is_text and is_text_before):
            kept[-1] = kept[-1] + column
        else:
            kept.append(column)
        is_text_before = is_text_before or is_text
    return kept


def _is_running_text(column: Group) -> bool:
    if len(column) < MIN_LINES:
        return False
    lengths = sorted(extent.right - extent.left for extent in column)
    whole = max(extent.right for extent in column) - min(extent.left for extent in column)
    is_long = float(np.median([extent.width for extent in column])) >= RUNNING_TEXT
    return is_long and lengths[len(lengths) // 2] >= FILLED * whole
