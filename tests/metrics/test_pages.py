"""Figures of whole pages, against edit distances and matchings by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from thaiocr.metrics.detection import PageResult
from thaiocr.metrics.pages import PageMetric, PagesSummary, PageTexts
from thaiocr.text.clusters import clusters

Line = tuple[str, int]
"""A text and the row where it stands."""


def box(row: int) -> NDArray[np.float64]:
    return np.array([(0, 20 * row), (100, 20 * row), (100, 20 * row + 10), (0, 20 * row + 10)], np.float64)


def page(
    labels: Sequence[Line], texts: Sequence[Line], *, image: str = "a.jpg", design: str = "", ignored: Any = ()
) -> PageTexts:
    result = PageResult(
        image=image,
        truths=[box(row) for _, row in labels],
        ignored=[row in ignored for _, row in labels],
        found=[box(row) for _, row in texts],
        scores=[0.9] * len(texts),
    )
    return PageTexts(
        result=result, labels=[text for text, _ in labels], texts=[text for text, _ in texts], design=design
    )


def summary(*pages: PageTexts) -> PagesSummary:
    metric = PageMetric()
    metric.update(pages)
    return metric.summary()


def test_a_line_is_compared_with_what_was_read_in_its_place() -> None:
    """In clusters ที่นี่ is 2 and in code points 6; one vowel of it is wrong."""
    found = summary(page([("ที่นี่", 0), ("กา", 1)], [("กา", 1), ("ที่นั่", 0)]))
    rates = found["with_space"]
    assert found["detection"]["hmean"] == 1
    assert rates["line_acc"] == 0.5
    assert rates["line_cer"] == rates["misread"] == 1 / 4
    assert rates["line_cer_code_points"] == 1 / 8
    assert (rates["missed"], rates["extra"]) == (0, 0)


def test_what_is_not_found_is_deleted_and_what_is_not_there_is_inserted() -> None:
    rates = summary(page([("กขค", 0), ("จ", 1)], [("จ", 1), ("ฉฉ", 5)]))["with_space"]
    assert (rates["misread"], rates["missed"], rates["extra"]) == (0, 3 / 4, 2 / 4)
    assert rates["line_cer"] == rates["line_cer_code_points"] == 5 / 4
    assert rates["line_acc"] == 1 / 2


def test_a_wrong_order_is_an_error_of_the_page_alone() -> None:
    rates = summary(page([("กขค", 0), ("จฉชซ", 1)], [("จฉชซ", 1), ("กขค", 0)]))["with_space"]
    assert rates["line_cer"] == 0
    assert rates["page_cer"] == Levenshtein.distance("กขค\nจฉชซ", "จฉชซ\nกขค") / len("กขค\nจฉชซ")


def test_a_line_found_in_two_parts_is_half_wrong_as_a_line_and_almost_right_in_order() -> None:
    left, right = box(0), box(0)
    left[1:3, 0], right[[0, 3], 0] = 60, 60
    result = PageResult("a.jpg", [box(0)], [False], [left, right], [0.9, 0.9])
    rates = summary(PageTexts(result=result, labels=["กขคงจ"], texts=["กขค", "งจ"]))["with_space"]
    assert (rates["misread"], rates["extra"]) == (2 / 5, 2 / 5)
    assert rates["page_cer"] == 1 / 5


def test_ignored_regions_are_left_out_on_both_sides() -> None:
    found = summary(page([("กข", 0), ("###", 1), ("*", 2)], [("ลับ", 1), ("กข", 0)], ignored=(1, 2)))
    assert (found["regions"], found["found"]) == (1, 1)
    for rates in (found["with_space"], found["without_space"]):
        assert (rates["line_acc"], rates["line_cer"], rates["page_cer"]) == (1, 0, 0)


def test_polygons_that_cannot_be_compared_are_left_out_with_their_texts() -> None:
    result = PageResult("a.jpg", [box(0), box(1) * 0], [False, False], [box(1) * np.nan, box(0)], [0.9, 0.9])
    found = summary(PageTexts(result=result, labels=["ก", "ข"], texts=["ฃ", "ก"]))
    assert (found["regions"], found["found"], found["with_space"]["page_cer"]) == (1, 1, 0)


def test_spaces_count_or_do_not() -> None:
    found = summary(page([("ก ข", 0)], [("กข", 0)]))
    assert (found["with_space"]["line_cer"], found["with_space"]["line_acc"]) == (1 / 3, 0)
    assert (found["without_space"]["line_cer"], found["without_space"]["line_acc"]) == (0, 1)
    assert (found["with_space"]["page_cer"], found["without_space"]["page_cer"]) == (1 / 3, 0)


def test_spellings_that_look_alike_are_equal() -> None:
    found = summary(page([("น้ำ เแ", 0)], [("นํ้า เเเ", 0)]))
    assert found["with_space"]["line_cer"] == pytest.approx(2 / 4)  # แ for เเ, in another order


def test_a_line_without_text_adds_no_line_to_the_page() -> None:
    assert summary(page([("ก", 0), ("ข", 2)], [("ก", 0), ("", 1), ("ข", 2)]))["with_space"]["page_cer"] == 0


@pytest.mark.parametrize(
    ("pages", "error", "share"),
    [
        ([], 1, 0),
        ([page([], [])], 0, 0),
        ([page([], [("ก", 0)])], 1, 0),
        ([page([("ก", 0)], [])], 1, 0),
        ([page([("", 0)], [("", 0)])], 0, 1),
    ],
)
def test_degenerate_pages_have_defined_figures(pages: list[PageTexts], error: float, share: float) -> None:
    rates = summary(*pages)["with_space"]
    assert (rates["line_cer"], rates["page_cer"], rates["line_acc"]) == (error, error, share)


LINES = st.lists(st.tuples(st.text("กาที่ ข้", max_size=6), st.integers(0, 3)), max_size=4, unique_by=lambda line: line[1])


@settings(max_examples=20)
@given(st.lists(st.tuples(LINES, LINES), min_size=1, max_size=3))
def test_rates_are_sums_over_pages_of_edits_by_units(drawn: list[tuple[list[Line], list[Line]]]) -> None:
    """Texts without the letters that `normalize` respells would be; these have one spelling each after it."""
    from thaiocr.text.normalize import normalize

    drawn = [tuple([(normalize(text), row) for text, row in some] for some in pair) for pair in drawn]  # type: ignore[misc]
    edits = units = page_edits = page_units = 0
    for labels, texts in drawn:
        read, wanted = {row: text for text, row in texts}, {row: text for text, row in labels}
        for row in {*read, *wanted}:
            edits += Levenshtein.distance(clusters(wanted.get(row, "")), clusters(read.get(row, "")))
        units += sum(len(clusters(text)) for text, _ in labels)
        whole, said = ("\n".join(text for text, _ in some if text) for some in (labels, texts))
        page_edits += Levenshtein.distance(clusters(whole), clusters(said))
        page_units += len(clusters(whole))
    found = summary(*(page(*pair, image=f"{number}.jpg") for number, pair in enumerate(drawn)))
    rates = found["with_space"]
    assert rates["line_cer"] == pytest.approx(edits / units if units else float(edits > 0))
    assert rates["line_cer"] == pytest.approx(rates["misread"] + rates["missed"] + rates["extra"]) or not units
    assert rates["page_cer"] == pytest.approx(page_edits / page_units if page_units else float(page_edits > 0))


def test_designs_are_told_apart_and_the_worst_page_comes_first() -> None:
    found = summary(
        page([("กข", 0)], [("กข", 0)], image="1.jpg", design="letter"),
        page([("กข", 0)], [("กค", 0)], image="2.jpg", design="form"),
        page([("กข", 0)], [("ค", 3)], image="3.jpg", design="form"),
    )
    assert [(row["design"], row["pages"], row["line_cer"], row["hmean"]) for row in found["per_design"]] == [
        ("form", 2, 1.0, 0.5),
        ("letter", 1, 0.0, 1.0),
    ]
    assert found["worst"] == [
        {"image": "3.jpg", "missed": 1, "wrong": 1, "edits": 3},
        {"image": "2.jpg", "missed": 0, "wrong": 0, "edits": 1},
    ]
    assert summary(page([], []))["per_design"] == []


def test_every_line_is_told_with_what_became_of_it() -> None:
    metric = PageMetric()
    metric.update([page([("ก", 0), ("ข", 1), ("ค", 2)], [("ฉ", 5), ("ก", 0), ("ช", 1)])])
    assert list(metric.lines()) == [
        ("a.jpg", "right", "ก", "ก"),
        ("a.jpg", "misread", "ข", "ช"),
        ("a.jpg", "missed", "ค", ""),
        ("a.jpg", "extra", "", "ฉ"),
    ]


def test_intervals_are_of_pages_and_hold_their_figures() -> None:
    pages = [page([("กขค", 0)], [("กขค"[: number % 4], 0)], image=f"{number}.jpg") for number in range(20)]
    found = summary(*pages)
    assert (found["intervals"]["by"], found["intervals"]["groups"]) == ("page", 20)
    for name in ("line_cer", "page_cer", "line_acc", "missed"):
        bounds, value = found["intervals"]["figures"][f"with_space.{name}"], found["with_space"][name]
        assert bounds is not None
        assert bounds[0] <= value <= bounds[1]
    assert found["intervals"]["figures"]["hmean"] == [1.0, 1.0]
    assert summary(*pages[:1])["intervals"]["figures"]["hmean"] is None
    assert summary(*reversed(pages)) == found
