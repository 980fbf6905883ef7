"""The report's plots: SVG written by hand, and the whole confusion matrix as a picture.

C classes
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.metrics.calibration import Bin
from thaiocr.metrics.confusion import Pair
from thaiocr.metrics.markup import Html, visible

Pixels: TypeAlias = NDArray[np.uint8]

MATRIX_PIXELS: Final = 900
"""About the side of the matrix picture; more classes than this get one pixel each."""
MATRIX_CELL: Final = 30
"""Side of a class in pixels at most."""

WHITE: Final = np.array((255, 255, 255))
RIGHT: Final = np.array((31, 95, 191))
WRONG: Final = np.array((200, 30, 30))
"""RGB."""

CELL, EDGE = 30, 58
"""The heat map's cells and the room for its labels, in SVG units."""
LEFT, TOP, SIDE, COUNT_TOP, COUNT_SIDE = 46, 12, 300, 330, 70
"""Where the reliability diagram has its two boxes, in SVG units."""


def confusion_matrix(pairs: Mapping[Pair, int], classes: Sequence[str]) -> NDArray[np.int64]:
    """Return counts, shape [C, C + 1]: a row per label, a column per class read, the last for anything else."""
    number = {label: index for index, label in enumerate(classes)}
    matrix = np.zeros((len(classes), len(classes) + 1), np.int64)
    for (label, text), times in pairs.items():
        if label in number:
            matrix[number[label], number.get(text, len(classes))] += times
    return matrix


def matrix_picture(matrix: NDArray[np.int64]) -> Pixels:
    """Draw the shares of each row: the diagonal in blue, the rest in red, darker for more. RGB, shape [h, w, 3].

    An empty matrix is one white pixel.
    """
    rows, columns = matrix.shape
    if not rows:
        return np.full((1, 1, 3), WHITE, np.uint8)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    picture = _shade(share, is_right=np.eye(rows, columns, dtype=bool))
    cell = min(MATRIX_CELL, max(1, MATRIX_PIXELS // columns))
    return picture.repeat(cell, axis=0).repeat(cell, axis=1)


def png(picture: Pixels) -> bytes:
    """Encode an RGB picture."""
    encoded, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert encoded
    return content.tobytes()


def confused_classes(pairs: Mapping[Pair, int], classes: Sequence[str], limit: int) -> list[str]:
    """Return the classes that are most often read as each other, at most `limit`, in code point order."""
    known = set(classes)
    errors = [(-times, *pair) for pair, times in pairs.items() if pair[0] != pair[1] and known.issuperset(pair)]
    chosen = dict.fromkeys(label for _, *pair in sorted(errors) for label in pair)
    return sorted(list(chosen)[:limit])


def heat_map(matrix: NDArray[np.int64], classes: Sequence[str]) -> Html:
    """Draw a small confusion matrix with its labels.

    Args:
        matrix: Counts of shape [C, C + 1] as from `confusion_matrix`.
        classes: C labels.
    """
    names = [*map(visible, classes), "other"]
    right_end, low_end = EDGE + CELL * len(names), EDGE + CELL * len(classes)
    marks = [_text(EDGE - 8, EDGE + CELL * (at + 0.68), name, anchor="end") for at, name in enumerate(names[:-1])]
    marks += [_text(EDGE + CELL * (at + 0.5), EDGE - 14, name) for at, name in enumerate(names[:-1])]
    marks.append(_text(right_end - CELL / 2, EDGE - 14, names[-1], style="small"))
    for row, column in np.argwhere(matrix).tolist():
        times, total = int(matrix[row, column]), int(matrix[row].sum())
        colour = "#{:02x}{:02x}{:02x}".format(*_shade(np.array(times / total), is_right=row == column))
        x, y = EDGE + CELL * column, EDGE + CELL * row
        marks.append(
            f"<g><title>{escape(names[row])} read as {escape(names[column])}: {times} of {total}</title>"
            f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{colour}"/>'
            + _text(x + CELL / 2, y + CELL * 0.64, str(times), style=_ink(times / total))
            + "</g>"
        )
    marks.append(_box(EDGE, EDGE, right_end - EDGE, low_end - EDGE, "frame"))
    return _svg(right_end + 4, low_end + 4, "Confusion matrix of the most confused classes; each row is a label", marks)


def reliability_diagram(bins: Sequence[Bin]) -> Html:
    """Draw accuracy against score, bin by bin, and below it how many readings each bin has."""
    most = max((each["count"] for each in bins), default=0)
    marks = [
        *_axes(most),
        *(
            _bar(each["low"], each["high"], each["count"], each["acc"], most)
            for each in bins
            if each["acc"] is not None
        ),
        f'<line x1="{LEFT}" y1="{TOP + SIDE}" x2="{LEFT + SIDE}" y2="{TOP}" class="ideal"/>',
        _box(LEFT, TOP, SIDE, SIDE, "frame"),
        _box(LEFT, COUNT_TOP, SIDE, COUNT_SIDE, "frame"),
    ]
    return _svg(
        LEFT + SIDE + 14, COUNT_TOP + COUNT_SIDE + 40, "Share of images read right for each range of scores", marks
    )


def _axes(most: int) -> Iterator[str]:
    low_end = COUNT_TOP + COUNT_SIDE
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = TOP + SIDE * (1 - tick)
        yield f'<line x1="{LEFT}" y1="{y}" x2="{LEFT + SIDE}" y2="{y}" class="grid"/>'
        yield _text(LEFT - 5, y + 4, f"{tick:g}", anchor="end", style="small")
        yield _text(LEFT + SIDE * tick, low_end + 15, f"{tick:g}", style="small")
    yield _text(LEFT - 5, COUNT_TOP + 9, f"{most}", anchor="end", style="small")
    yield _text(LEFT + SIDE / 2, low_end + 34, "score", style="axis")
    for middle, name in ((TOP + SIDE / 2, "share read right"), (COUNT_TOP + COUNT_SIDE / 2, "images")):
        yield f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle" class="axis">{name}</text>'


def _bar(low: float, high: float, count: int, acc: float, most: int) -> str:
    x, width = LEFT + SIDE * low + 1, SIDE * (high - low) - 2
    tall, count_tall = SIDE * acc, COUNT_SIDE * count / most
    return (
        f"<g><title>score {low:.2f} to {high:.2f}: {count} images, {100 * acc:.1f} % right</title>"
        f"{_box(x, TOP + SIDE - tall, width, tall, 'share')}"
        f"{_box(x, COUNT_TOP + COUNT_SIDE - count_tall, width, count_tall, 'count')}</g>"
    )


def _shade(share: NDArray[np.float64], *, is_right: NDArray[np.bool_] | bool) -> Pixels:
    """Return the colour of shares of a row; shape of `share` and 3 more for RGB.

    The square root sets the strength: one misreading in a hundred is still seen.
    """
    ink = np.where(np.asarray(is_right)[..., None], RIGHT, WRONG)
    return np.asarray(np.rint(WHITE + (ink - WHITE) * np.sqrt(share)[..., None]), np.uint8)


def _ink(share: float) -> str:
    return "on-dark" if share > 0.65 else "on-light"


def _text(x: float, y: float, text: str, *, anchor: str = "middle", style: str = "t") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{style}">{escape(text)}</text>'


def _box(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{style}"/>'


def _svg(width: int, height: int, title: str, marks: Iterable[str]) -> Html:
    return Html(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">'
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{title}">\n'
        + "\n".join(marks)
        + "\n</svg></div>"
    )
