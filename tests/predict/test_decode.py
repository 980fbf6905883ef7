from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thaiocr.predict.decode import Decoded, greedy_decode, single_entry_ranking
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary

CODEC = Codec(Dictionary(("ก", "กี่", "น้ำ", "A")))
CLASSES = CODEC.num_classes


def probabilities(seed: int, images: int, steps: int, sharpness: float = 1.0) -> NDArray[np.float32]:
    weights = np.random.default_rng(seed).exponential(size=(images, steps, CLASSES)) ** sharpness
    return np.asarray(weights / weights.sum(axis=2, keepdims=True), np.float32)


def spelled(*best: int, share: float = 0.6) -> NDArray[np.float32]:
    """One image whose best classes are these, each with the given probability."""
    p_TK = np.full((len(best), CLASSES), (1 - share) / (CLASSES - 1), np.float32)
    p_TK[range(len(best)), best] = share
    return p_TK[None]


def greedy_by_hand(p_TK: NDArray[np.float32]) -> Decoded:
    """Step by step: the first step of each run of the same class counts, blanks do not."""
    text, scores, previous = "", [], 0
    for p_K in p_TK.tolist():
        best = max(range(len(p_K)), key=p_K.__getitem__)
        if best not in (0, previous):
            text += CODEC.entries[best - 1]
            scores.append(p_K[best])
        previous = best
    return Decoded(text, sum(scores) / len(scores) if scores else 0.0)


@given(seed=st.integers(0, 9999), images=st.integers(1, 4), steps=st.integers(1, 30), sharpness=st.floats(0.1, 5))
def test_greedy_is_the_step_by_step_reading(seed: int, images: int, steps: int, sharpness: float) -> None:
    p_NTK = probabilities(seed, images, steps, sharpness)

    found = greedy_decode(p_NTK, CODEC)

    assert [each.text for each in found] == [greedy_by_hand(p_TK).text for p_TK in p_NTK]
    assert [each.score for each in found] == pytest.approx([greedy_by_hand(p_TK).score for p_TK in p_NTK], rel=1e-5)


@pytest.mark.parametrize(
    ("best", "text"),
    [
        ((0, 2, 2, 0), "กี่"),
        ((2, 0, 2), "กี่กี่"),
        ((2, 2, 2), "กี่"),
        ((1, 3, 4), "กน้ำA"),
        ((4, 4, 1, 1, 0, 1), "Aกก"),
        ((0, 0), ""),
    ],
)
def test_repeats_merge_unless_a_blank_is_between(best: tuple[int, ...], text: str) -> None:
    assert greedy_decode(spelled(*best), CODEC)[0].text == text


def test_the_score_is_the_mean_of_the_first_step_of_each_entry() -> None:
    p_NTK = np.concatenate(
        [spelled(0, share=0.99), spelled(2, share=0.9), spelled(2, share=0.3), spelled(1, share=0.5)], axis=1
    )

    found = greedy_decode(p_NTK, CODEC)[0]

    assert found.text == "กี่ก"
    assert found.score == pytest.approx((0.9 + 0.5) / 2)


@given(seed=st.integers(0, 9999), temperature=st.floats(0.3, 4))
def test_the_temperature_divides_the_logits_and_changes_no_text(seed: int, temperature: float) -> None:
    logits_NTK = np.random.default_rng(seed).normal(0, 2, (3, 8, CLASSES))

    def softmax(logits_NTK: NDArray[np.float64]) -> NDArray[np.float32]:
        weights = np.exp(logits_NTK)
        return np.asarray(weights / weights.sum(axis=2, keepdims=True), np.float32)

    found = greedy_decode(softmax(logits_NTK), CODEC, temperature=temperature)

    wanted = greedy_decode(softmax(logits_NTK / temperature), CODEC)
    assert [each.text for each in found] == [each.text for each in wanted]
    assert [each.score for each in found] == pytest.approx([each.score for each in wanted], rel=1e-4)


def test_a_temperature_of_1_is_the_networks_own_probability_bit_for_bit() -> None:
    p_NTK = probabilities(1, 4, 1, sharpness=3)
    best_N = p_NTK.argmax(axis=2)[:, 0]

    found = greedy_decode(p_NTK, CODEC)

    assert [each.score for each in found] == [float(p_NTK[row, 0, k]) if k else 0 for row, k in enumerate(best_N)]


def test_a_step_without_any_other_class_stays_certain() -> None:
    certain = spelled(2, share=1.0)

    assert greedy_decode(certain, CODEC, temperature=3.0) == [Decoded("กี่", 1.0)]


def test_nothing_read_has_score_zero() -> None:
    assert greedy_decode(spelled(0, 0, 0, share=0.99), CODEC) == [Decoded("", 0.0)]


def test_no_images_give_no_readings() -> None:
    nothing = np.zeros((0, 5, CLASSES), np.float32)

    assert greedy_decode(nothing, CODEC) == []
    assert single_entry_ranking(nothing, CODEC) == []


# -- ranking -----------------------------------------------------------------------------------------------------------


def totals_by_enumeration(p_TK: NDArray[np.float64]) -> dict[str, float]:
    """Entry -> the summed probability of every path that reads as this entry alone."""
    totals = dict.fromkeys(CODEC.entries, 0.0)
    for path in product(range(CLASSES), repeat=len(p_TK)):
        label = [k for k, _ in groupby(path) if k]
        if len(label) == 1:
            totals[CODEC.entries[label[0] - 1]] += float(np.prod(p_TK[range(len(path)), path]))
    return totals


@given(seed=st.integers(0, 9999), steps=st.integers(1, 4), sharpness=st.floats(0.2, 4))
@settings(max_examples=60)
def test_the_ranking_is_by_the_sum_over_all_alignments(seed: int, steps: int, sharpness: float) -> None:
    p_NTK = probabilities(seed, 2, steps, sharpness)

    for ranking, p_TK in zip(single_entry_ranking(p_NTK, CODEC), p_NTK.astype(np.float64), strict=True):
        totals = totals_by_enumeration(p_TK)
        ranked = [totals[entry] for entry in ranking]
        assert set(ranking) == set(CODEC.entries)
        assert ranked == pytest.approx(sorted(totals.values(), reverse=True), rel=1e-9)


def test_many_weak_alignments_outrank_one_strong_step() -> None:
    p_NTK = np.array([[[0.1, 0.5, 0.4, 0, 0], [0.8, 0.0, 0.2, 0, 0]]], np.float32)

    # ก: .5 × .8 = .40; กี่: .4 × .8 + .1 × .2 + .4 × .2 = .42
    assert single_entry_ranking(p_NTK, CODEC, count=2) == [("กี่", "ก")]
    assert greedy_decode(p_NTK, CODEC)[0].text == "ก"


def test_an_entry_that_comes_twice_does_not_count_as_one() -> None:
    p_NTK = np.array([[[0, 0.9, 0.1, 0, 0], [0.9, 0, 0.1, 0, 0], [0, 0.5, 0.5, 0, 0]]], np.float32)

    # Every path of ก has a blank between two of it; กี่ has .1 × .1 × .5.
    assert single_entry_ranking(p_NTK, CODEC, count=1) == [("กี่",)]


@pytest.mark.parametrize(("count", "length"), [(1, 1), (3, 3), (99, 4)])
def test_the_ranking_has_as_many_entries_as_asked_for_or_as_there_are(count: int, length: int) -> None:
    ranking = single_entry_ranking(probabilities(0, 1, 6), CODEC, count=count)[0]

    assert len(ranking) == len(set(ranking)) == length


def test_a_long_image_does_not_underflow() -> None:
    p_NTK = spelled(*[0] * 200, 3, *[0] * 200, share=0.4)

    assert single_entry_ranking(p_NTK, CODEC)[0][0] == "น้ำ"
