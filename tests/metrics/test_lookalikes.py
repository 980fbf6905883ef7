from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.metrics.lookalikes import FOLDED, fold, lookalike_rows

WANTED = ["ดต", "คศ", "คด", "ศด", "ชซ", "ผฝ", "พฟ", "ถภ", "ฎฏ", "บป", "ขช", "ทฑ", "นม"]
TONES = [chr(code) for code in range(0x0E48, 0x0E4C)]
VOWELS = ["\u0e34", "\u0e35", "\u0e36", "\u0e37", "\u0e31", "\u0e47"]


def test_every_pair_is_counted_in_both_directions_once() -> None:
    pairs = [tuple(pair) for pair in WANTED] + list(combinations(TONES, 2)) + list(combinations(VOWELS, 2))
    rows = [(row["label"], row["text"]) for row in lookalike_rows({})]
    assert sorted(rows) == sorted([*pairs, *((other, one) for one, other in pairs)])


def test_a_swap_counts_whatever_else_the_cluster_holds() -> None:
    rows = {(row["label"], row["text"]): row for row in lookalike_rows({("ดี่", "ตี้"): 2, ("ด", "ด"): 3, ("ต", "ด"): 1})}
    assert (rows["ด", "ต"]["count"], rows["ด", "ต"]["of"], rows["ด", "ต"]["rate"]) == (2, 5, 2 / 5)
    assert (rows["ต", "ด"]["count"], rows["ต", "ด"]["of"]) == (1, 1)
    assert (rows["\u0e48", "\u0e49"]["count"], rows["\u0e49", "\u0e48"]["count"]) == (2, 0)
    assert rows["\u0e49", "\u0e48"]["rate"] is None


@pytest.mark.parametrize(("label", "text"), [("ด", ""), ("ด", "ดต"), ("", "ต"), ("ด", "ก")])
def test_nothing_else_is_a_swap(label: str, text: str) -> None:
    assert not any(row["count"] for row in lookalike_rows({(label, text): 1}))


@pytest.mark.parametrize(
    ("one", "other"), [("o", "O"), ("O", "0"), ("0", "๐"), (".", "°"), ("I", "l"), ("l", "|"), ("-", "_")]
)
def test_signs_that_a_lone_crop_cannot_tell_apart_are_folded(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text(alphabet="กดตoOlI1ab"))
def test_folding_changes_nothing_else_and_nothing_twice(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    folded = set("".join(FOLDED))
    assert [each for each in fold(text) if each not in folded] == [each for each in text if each not in folded]


def test_no_sign_is_in_two_groups() -> None:
    assert len(set("".join(FOLDED))) == len("".join(FOLDED))
