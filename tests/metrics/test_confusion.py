from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.metrics.confusion import (
    align,
    confusions,
    count_pairs,
    frequency_weighted_accuracy,
    macro_accuracy,
    pairs_of,
    per_class,
)
from thaiocr.metrics.edit import edit_counts
from thaiocr.text.frequency import cluster_counts

units = st.lists(st.sampled_from(["ก", "กี", "ข", "น้ำ"]), max_size=7)


@given(units, units)
def test_alignment_keeps_both_sides_and_is_as_short_as_the_distance(label: list[str], text: list[str]) -> None:
    pairs = align(label, text)
    assert [expected for expected, _ in pairs if expected] == label
    assert [found for _, found in pairs if found] == text
    assert sum(expected != found for expected, found in pairs) == edit_counts([label], [text]).edits[0]


@pytest.mark.parametrize(
    ("label", "text", "pairs"),
    [
        ("กี่", "กี่", [("กี่", "กี่")]),
        ("ก", "กข", [("ก", "กข")]),
        ("ก", "", [("ก", "")]),
        ("", "", []),
        ("", "ก", [("", "ก")]),
        ("กขค", "กค", [("ก", "ก"), ("ข", ""), ("ค", "ค")]),
        ("กค", "กขค", [("ก", "ก"), ("", "ข"), ("ค", "ค")]),
        ("น้ำใจ", "นำใจ", [("น้ำ", "นำ"), ("ใ", "ใ"), ("จ", "จ")]),
    ],
)
def test_a_lone_cluster_meets_the_whole_text_and_a_line_is_aligned(
    label: str, text: str, pairs: list[tuple[str, str]]
) -> None:
    assert pairs_of(label, text) == pairs


def test_pairs_are_counted_as_often_as_they_occur() -> None:
    assert count_pairs(["ก", "ก", "กข"], ["ก", "ก", "กค"]) == Counter({("ก", "ก"): 3, ("ข", "ค"): 1})


HAND = Counter({("ด", "ด"): 6, ("ด", "ต"): 2, ("ต", "ต"): 1, ("ต", "ด"): 1, ("A", "A"): 4, ("ศ", ""): 2, ("", "ด"): 1})


def test_macro_accuracy_is_the_mean_of_the_class_accuracies() -> None:
    assert macro_accuracy(HAND) == pytest.approx((6 / 8 + 1 / 2 + 1 + 0) / 4)


def test_class_rows_are_the_hand_made_ones() -> None:
    rows = {row["label"]: row for row in per_class(HAND)}
    assert list(rows) == ["A", "ด", "ต", "ศ"]
    assert rows["ด"] == {
        "label": "ด",
        "count": 8,
        "right": 6,
        "acc": 0.75,
        "read": 8,
        "precision": 0.75,
        "corpus": cluster_counts()["ด"],
        "confused_with": "ต",
    }
    assert (rows["A"]["confused_with"], rows["ศ"]["confused_with"]) == (None, "")
    assert rows["ศ"]["precision"] is None


def test_a_class_names_what_it_was_misread_as_most() -> None:
    rows = per_class({("ด", "ต"): 1, ("ด", "ศ"): 3, ("ด", ""): 2, ("ด", "ด"): 9})
    assert [row["confused_with"] for row in rows] == ["ศ"]


def test_frequent_clusters_weigh_more_and_those_without_a_count_nothing() -> None:
    corpus = cluster_counts()
    weights = {label: corpus[label] for label in "ดตศ"}
    rows = [row for row in per_class(HAND) if row["label"] != "A"]
    expected = (0.75 * weights["ด"] + 0.5 * weights["ต"]) / sum(weights.values())
    assert frequency_weighted_accuracy(rows) == pytest.approx(expected)
    unknown = per_class({("\u03c9", "\u03c9"): 1})
    assert [row["corpus"] for row in unknown] == [0]
    assert frequency_weighted_accuracy(rows + unknown) == pytest.approx(expected)
    assert frequency_weighted_accuracy(unknown) is None


def test_confusions_come_most_frequent_first_with_their_share() -> None:
    assert [tuple(row.values()) for row in confusions(HAND)] == [
        ("ด", "ต", 2, 2 / 8),
        ("ศ", "", 2, 1.0),
        ("", "ด", 1, 1.0),
        ("ต", "ด", 1, 1 / 2),
    ]


def test_no_pairs_have_no_classes_and_no_accuracy() -> None:
    assert (macro_accuracy({}), per_class({}), confusions({}), frequency_weighted_accuracy([])) == (0.0, [], [], None)
