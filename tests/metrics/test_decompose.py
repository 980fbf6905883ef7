from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.metrics.decompose import decompose

CLUSTERS = st.sampled_from(["ก", "กี", "กี่", "กิ่", "ขี่", "กำ", "ก้ำ", "ก็", "A", ""])


@pytest.mark.parametrize(
    ("label", "text", "kind"),
    [
        ("กี่", "กี่", "right"),
        ("ดี่", "ตี่", "base"),
        ("กี่", "กิ่", "vowel"),
        ("กี่", "กี้", "tone"),
        ("กี่", "กี", "tone"),
        ("ก็", "ก", "tone"),
        ("น้ำ", "น้", "am"),
        ("กี่", "ขี้", "several parts"),
        ("กี่", "", "nothing read"),
        ("กี่", "กีก", "several clusters read"),
        ("A", "B", "base"),
    ],
)
def test_an_error_belongs_to_the_part_that_is_wrong(label: str, text: str, kind: str) -> None:
    found = decompose({(label, text): 3})
    assert {name: times for name, times in found["kinds"].items() if times} == {kind: 3}
    assert found["clusters"] == 3


def test_parts_tell_missed_from_added_and_swapped() -> None:
    found = decompose({("กี่", "กี"): 1, ("กี", "กี่"): 2, ("กี่", "กี้"): 4, ("กี่", "กี่"): 8, ("กี่", ""): 16, ("", "ก"): 32})
    rows = {row["part"]: row for row in found["parts"]}
    assert rows["tone"] == {"part": "tone", "present": 13, "errors": 7, "missed": 1, "added": 2, "swapped": 4}
    assert rows["base"] == {"part": "base", "present": 15, "errors": 0, "missed": 0, "added": 0, "swapped": 0}
    assert (found["compared"], found["inserted"], found["clusters"]) == (15, 32, 31)


@given(st.dictionaries(st.tuples(CLUSTERS, CLUSTERS).filter(any), st.integers(1, 9)))
def test_kinds_add_up_to_the_clusters_of_the_labels(pairs: dict[tuple[str, str], int]) -> None:
    found = decompose(pairs)
    assert sum(found["kinds"].values()) == found["clusters"]
    assert found["clusters"] + found["inserted"] == sum(pairs.values())
    assert all(row["errors"] <= found["compared"] for row in found["parts"])
