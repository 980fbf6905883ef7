from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.metrics.ceiling import chance, same_picture

TEXTS = st.lists(st.tuples(st.sampled_from("กขค"), st.sampled_from("กขคง")), max_size=12)


def test_an_error_that_no_eye_could_avoid_is_counted_apart() -> None:
    found = same_picture(["I", "I", "l", "ก", "ก"], ["l", "ก", "I", "ก", "ข"], [("l", "|"), ("l",), ("I",), (), ()])
    assert found["errors"] == 2
    assert found["acc"] == pytest.approx(3 / 5)
    assert [(row["label"], row["text"], row["count"]) for row in found["pairs"]] == [("I", "l", 1), ("l", "I", 1)]


def test_an_empty_set_has_the_worst_figures() -> None:
    assert same_picture([], [], []) == {"errors": 0, "acc": 0.0, "pairs": []}
    assert chance([], []) == 0.0


@given(TEXTS.filter(bool))
def test_chance_is_the_mean_over_all_shuffles(pairs: list[tuple[str, str]]) -> None:
    labels, texts = [label for label, _ in pairs], [text for _, text in pairs]
    expected = sum(label == text for label in labels for text in texts) / len(labels) ** 2
    assert chance(labels, texts) == pytest.approx(expected)


def test_a_reader_that_sees_something_is_far_above_chance() -> None:
    labels = [str(number % 50) for number in range(1000)]
    shuffled = random.Random(0).sample(labels, len(labels))
    assert chance(labels, labels) == pytest.approx(0.02)
    assert sum(one == other for one, other in zip(labels, shuffled, strict=True)) / 1000 < 0.05
