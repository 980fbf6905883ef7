from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thaiocr.predict.order import reading_order

Quad = NDArray[np.float64]


def line(left: float, top: float, width: float, height: float = 20) -> Quad:
    return np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)], float)


def column(left: float, top: float, width: float, lines: int, pitch: float = 30) -> list[Quad]:
    """Running text: the last line is short."""
    return [line(left, top + pitch * number, width * (0.5 if number == lines - 1 else 1)) for number in range(lines)]


def turned(quads: list[Quad], degrees: float) -> list[Quad]:
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return [(quad - 500) @ turn.T + 500 for quad in quads]


def from_the_side(quads: list[Quad]) -> list[Quad]:
    """Further away at the top, and nearer on the right."""
    return [quad / (1 + 0.0002 * quad[:, 1:] - 0.0001 * quad[:, :1]) for quad in quads]


def two_columns() -> list[Quad]:
    """A title over two columns whose lines are on the same heights, and a footer below both."""
    return [line(100, 20, 700, 40), *column(50, 100, 400, 12), *column(500, 100, 400, 12), line(300, 600, 300)]


def table() -> list[Quad]:
    """Five rows of a name, a count and a price."""
    cells = ((50, (180, 70, 120, 90, 60)), (500, (40, 20, 20, 40, 20)), (700, (110, 70, 90, 70, 110)))
    return [line(left, 50 + 40 * row, widths[row]) for row in range(5) for left, widths in cells]


def cards() -> list[Quad]:
    """Two rows of three cards and one of two, each of a name, a price and some words, all on common rows."""
    places = [(350 * column, 250 * row) for row in range(3) for column in range(3)][:-1]
    return [
        line(left, top + 40 * number, width) for left, top in places for number, width in enumerate((200, 80, 260, 260))
    ]


def sections() -> list[Quad]:
    """Two tables with the same columns, a wide one and narrow ones, and high white between them."""
    return [
        line(left, 200 * part + 40 * row, width)
        for part in range(2)
        for row in range(3)
        for left, width in ((0, 300), (450, 60), (600, 60))
    ]


def tall_rows() -> list[Quad]:
    """Two columns of one width whose rows stand far apart."""
    return [line(left, 120 * row, 200) for row in range(5) for left in (0, 300)]


PAGES = {
    "title and columns": two_columns(),
    "table": table(),
    "three columns": [quad for left in (0, 350, 700) for quad in column(left, 0, 300, 9)],
    "table below columns": [
        *column(50, 0, 400, 8),
        *column(500, 0, 400, 8),
        *[quad + np.array((0, 300)) for quad in table()],
    ],
    "label and value": [line(left, 60 * row, width) for row in range(6) for left, width in ((0, 90), (200, 300))],
    "cards": cards(),
    "cards below a title": [line(0, -60, 500, 30), *cards()],
    "sections of a table": sections(),
    "rows far apart": tall_rows(),
    "one line": [line(3, 4, 50)],
    "words of a line": [line(left, 0, 60) for left in range(0, 900, 70)],
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("degrees", [0, 2, -7])
@pytest.mark.parametrize("seed", range(3))
def test_pages_are_read_as_people_read_them_however_they_lie(name: str, degrees: float, seed: int) -> None:
    quads = turned(PAGES[name], degrees)
    shuffled = np.random.default_rng(seed).permutation(len(quads))
    found = reading_order([quads[index] for index in shuffled])
    assert [shuffled[index] for index in found] == list(range(len(quads)))


@pytest.mark.parametrize("name", ["title and columns", "table", "three columns"])
def test_a_photo_from_the_side_is_read_alike(name: str) -> None:
    quads = from_the_side(PAGES[name])
    assert reading_order(quads[::-1]) == list(range(len(quads)))[::-1]


def test_outlines_of_many_corners_are_ordered_like_their_rectangles() -> None:
    outlines = [np.array([*quad, (quad[0] + quad[3]) / 2]) for quad in PAGES["table"]]
    assert reading_order(outlines[::-1]) == list(range(len(outlines)))[::-1]


def test_no_polygon_has_no_order() -> None:
    assert reading_order([]) == []


@settings(max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 300)] * 8), max_size=40))
def test_any_quadrangles_get_an_order_that_holds_each_once(corners: list[tuple[int, ...]]) -> None:
    quads = [np.array(each, float).reshape(4, 2) for each in corners]
    assert sorted(reading_order(quads)) == list(range(len(quads)))


@pytest.mark.parametrize("layout", ["grid", "heap", "stack"])
def test_ten_thousand_boxes_get_an_order(layout: str) -> None:
    rng = np.random.default_rng(0)
    quads = {
        "grid": [line(60 * (number % 100), 30 * (number // 100), 50) for number in range(10_000)],
        "heap": [line(rng.uniform(0, 2000), rng.uniform(0, 2000), rng.uniform(5, 200)) for _ in range(10_000)],
        "stack": [line(0, 25 * number, 300) for number in range(10_000)],
    }[layout]
    found = reading_order(quads)
    assert sorted(found) == list(range(10_000))
    if layout != "heap":
        assert found == list(range(10_000))
