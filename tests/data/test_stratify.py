from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.data.stratify import assign, strata

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def alone(texts: list[str]) -> list[list[str]]:
    return [[stratum] for stratum in strata(texts)]


def test_every_class_is_spread_as_wanted() -> None:
    texts = [text for text in "กขคงจ" for _ in range(100)]

    chosen = assign(alone(texts), SHARES, seed=1)

    for text in "กขคงจ":
        counts = Counter(split for split, each in zip(chosen, texts, strict=True) if each == text)
        assert counts == {"train": 80, "val": 10, "test": 10}


@pytest.mark.parametrize("per_class", [3, 4, 5, 7])
def test_with_few_samples_a_class_train_gets_some_of_each_and_the_whole_is_as_wanted(per_class: int) -> None:
    texts = [chr(0x4E00 + number) for number in range(300) for _ in range(per_class)]

    chosen = assign(alone(texts), SHARES, seed=1)

    trained = {text for split, text in zip(chosen, texts, strict=True) if split == "train"}
    assert trained == set(texts)
    counts = Counter(chosen)
    assert counts["val"] == pytest.approx(0.1 * len(texts), abs=2)
    assert counts["test"] == pytest.approx(0.1 * len(texts), abs=2)


def test_a_class_of_one_sample_is_trained_on() -> None:
    texts = ["ก"] * 50 + ["ข"]

    assert assign(alone(texts), SHARES, seed=1)[-1] == "train"


def test_texts_that_occur_once_are_spread_by_their_length() -> None:
    texts = [f"{number:04}" for number in range(100)] + [f"{number:06}" for number in range(100)]

    chosen = assign(alone(texts), SHARES, seed=1)

    for part in (chosen[:100], chosen[100:]):
        assert Counter(part) == {"train": 80, "val": 10, "test": 10}


def test_documents_are_spread_by_their_size() -> None:
    groups = [["ก"] * 10 for _ in range(100)]

    assert Counter(assign(groups, SHARES, seed=1)) == {"train": 80, "val": 10, "test": 10}


def test_two_large_documents_do_not_make_half_of_the_data_a_test() -> None:
    assert assign([["ก"] * 50, ["ก"] * 50], SHARES, seed=1) == ["train", "train"]


@given(st.lists(st.lists(st.sampled_from("กขคง"), min_size=1, max_size=8), max_size=60), st.integers(0, 5))
def test_the_seed_alone_decides_and_train_is_never_empty(groups: list[list[str]], seed: int) -> None:
    chosen = assign(groups, SHARES, seed=seed)

    assert chosen == assign(groups, SHARES, seed=seed)
    assert len(chosen) == len(groups)
    assert not groups or "train" in chosen


def test_another_seed_is_another_split() -> None:
    texts = ["ก"] * 100
    assert assign(alone(texts), SHARES, seed=1) != assign(alone(texts), SHARES, seed=2)
