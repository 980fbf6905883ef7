from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.metrics.edit import cluster_units, edit_counts, mean

texts = st.text(alphabet="กขี้ำ ab", max_size=8)
units = st.lists(st.sampled_from(["ก", "กี", "กี่", "น้ำ", "a"]), max_size=7)


def levenshtein(a: Sequence[str], b: Sequence[str]) -> int:
    """The textbook table, cell by cell."""
    table = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i, j in product(range(1, len(a) + 1), range(1, len(b) + 1)):
        swap = table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
        table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, swap)
    return table[len(a), len(b)]


@given(st.lists(st.tuples(texts, texts), max_size=4))
def test_distance_in_code_points_is_the_textbook_one(pairs: list[tuple[str, str]]) -> None:
    labels, read = [label for label, _ in pairs], [text for _, text in pairs]
    found = edit_counts(labels, read)
    assert found.edits.tolist() == [levenshtein(*pair) for pair in pairs]
    assert found.label.tolist() == [len(label) for label in labels]
    assert found.longest.tolist() == [max(len(label), len(text)) for label, text in pairs]


@given(units, units)
def test_distance_in_clusters_is_the_textbook_one(label: list[str], text: list[str]) -> None:
    assert edit_counts([label], [text]).edits.tolist() == [levenshtein(label, text)]


@given(units, units)
def test_similarity_is_between_0_and_1_the_same_both_ways_and_1_only_for_equals(
    label: list[str], text: list[str]
) -> None:
    similarity = float(edit_counts([label], [text]).similarity()[0])
    assert 0 <= similarity <= 1
    assert similarity == float(edit_counts([text], [label]).similarity()[0])
    assert (similarity == 1) == (label == text)


@pytest.mark.parametrize(
    ("labels", "read", "code_points", "clusters"),
    [
        (["น้ำ"], ["นำ"], 1 / 3, 1.0),
        (["กี่ปี"], ["กีปี"], 1 / 5, 1 / 2),
        (["ที่นี่"], ["ที่นี่"], 0.0, 0.0),
        (["ก"], ["กขค"], 2.0, 2.0),
        (["กข", "ค"], ["กข", ""], 1 / 3, 1 / 3),
    ],
)
def test_error_rate_is_all_edits_over_all_label_units(
    labels: list[str], read: list[str], code_points: float, clusters: float
) -> None:
    assert edit_counts(labels, read).error_rate() == pytest.approx(code_points)
    cut = [[cluster_units(text) for text in column] for column in (labels, read)]
    assert edit_counts(*cut).error_rate() == pytest.approx(clusters)


@pytest.mark.parametrize(
    ("labels", "read", "rate", "similarity"),
    [([], [], 1.0, []), ([""], [""], 0.0, [1.0]), ([""], ["กข"], 1.0, [0.0]), (["กข"], [""], 1.0, [0.0])],
)
def test_empty_texts_have_defined_results(
    labels: list[str], read: list[str], rate: float, similarity: list[float]
) -> None:
    found = edit_counts(labels, read)
    assert found.error_rate() == rate
    assert found.similarity().tolist() == similarity


def test_labels_and_texts_of_different_number_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels but 1 texts"):
        edit_counts(["ก", "ข"], ["ก"])


def test_mean_of_nothing_is_the_worst() -> None:
    assert mean(edit_counts([], []).similarity()) == 0
