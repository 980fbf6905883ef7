"""CTC against the sum over all alignments, one by one; paddle's traps."""

from __future__ import annotations

from itertools import groupby, pairwise, product

import numpy as np
import paddle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thaiocr.losses.ctc import CTCLoss, steps_needed

CLASSES = 4
PLAIN, FOCAL = CTCLoss(), CTCLoss(is_focal=True)


def by_enumeration(logits_TK: NDArray[np.float64], label: list[int], *, blank: int = 0) -> float:
    """-log of the summed probability of every path that reads as the label, one path at a time."""
    p_TK = np.exp(logits_TK - logits_TK.max(axis=1, keepdims=True))
    p_TK /= p_TK.sum(axis=1, keepdims=True)
    steps, classes = p_TK.shape
    paths = product(range(classes), repeat=steps)
    return -float(np.log(sum(np.prod(p_TK[range(steps), path]) for path in paths if read(path, blank) == label)))


def read(path: tuple[int, ...], blank: int) -> list[int]:
    return [number for number, _ in groupby(path) if number != blank]


def focal(loss: float) -> float:
    return loss * (1 - float(np.exp(-loss))) ** 2


def padded(labels: list[list[int]]) -> tuple[paddle.Tensor, paddle.Tensor]:
    longest = max(map(len, labels))
    labels_NL = np.array([label + [0] * (longest - len(label)) for label in labels], np.int32)
    return paddle.to_tensor(labels_NL), paddle.to_tensor(np.array([len(label) for label in labels], np.int64))


def loss_and_gradient(
    loss: CTCLoss, logits_NTK: NDArray[np.float64], labels: list[list[int]]
) -> tuple[float, NDArray[np.float32]]:
    x_NTK = paddle.to_tensor(logits_NTK.astype(np.float32), stop_gradient=False)
    found = loss(x_NTK, *padded(labels))
    found.backward()
    return float(found), x_NTK.grad.numpy()


def logits(seed: int, images: int, steps: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(scale=2, size=(images, steps, CLASSES))


def needed(label: list[int]) -> int:
    return len(label) + sum(left == right for left, right in pairwise(label))


LABEL = st.lists(st.integers(1, 3), min_size=1, max_size=3)


@given(
    seed=st.integers(0, 9999),
    steps=st.integers(1, 5),
    blank=st.integers(0, CLASSES - 1),
    labels=st.lists(LABEL, min_size=1, max_size=3),
)
@settings(max_examples=40)
def test_ctc_is_the_sum_over_all_alignments_averaged_over_the_images(
    seed: int, steps: int, blank: int, labels: list[list[int]]
) -> None:
    labels = [[(blank + number) % CLASSES for number in label] for label in labels]
    assume(all(needed(label) <= steps for label in labels))
    logits_NTK = logits(seed, len(labels), steps)

    found, _ = loss_and_gradient(CTCLoss(blank=blank), logits_NTK, labels)

    each = [by_enumeration(logits_TK, label, blank=blank) for logits_TK, label in zip(logits_NTK, labels, strict=True)]
    assert found == pytest.approx(np.mean(each), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("is_focal", [False, True])
@pytest.mark.parametrize("label", [[1], [1, 2], [2, 2], [3, 1, 3]])
def test_the_gradient_is_that_of_finite_differences(label: list[int], is_focal: bool) -> None:
    logits_NTK, labels = logits(len(label), 2, 4), [label, [2]]

    def expected(moved_NTK: NDArray[np.float64]) -> float:
        each = [by_enumeration(logits_TK, text) for logits_TK, text in zip(moved_NTK, labels, strict=True)]
        return float(np.mean([focal(loss) if is_focal else loss for loss in each]))

    _, gradient = loss_and_gradient(CTCLoss(is_focal=is_focal), logits_NTK, labels)

    numeric = np.zeros_like(logits_NTK)
    for at in np.ndindex(*logits_NTK.shape):
        step = np.zeros_like(logits_NTK)
        step[at] = 1e-5
        numeric[at] = (expected(logits_NTK + step) - expected(logits_NTK - step)) / 2e-5
    np.testing.assert_allclose(gradient, numeric, atol=3e-5)


@given(seed=st.integers(0, 999))
@settings(max_examples=15)
def test_the_focal_variant_weighs_each_image_by_the_square_of_what_its_label_lacks(seed: int) -> None:
    logits_NTK, labels = logits(seed, 3, 4), [[1], [2, 3], [3, 3]]

    found, _ = loss_and_gradient(FOCAL, logits_NTK, labels)

    each = [by_enumeration(logits_TK, label) for logits_TK, label in zip(logits_NTK, labels, strict=True)]
    assert found == pytest.approx(np.mean([focal(loss) for loss in each]), rel=1e-3, abs=1e-6)


@given(seed=st.integers(0, 999))
@settings(max_examples=10)
def test_the_focal_variant_does_paddleocrs_arithmetic(seed: int) -> None:
    """1 - exp(-loss), squared, times loss, in float32: the last bit as well."""
    logits_NTK, labels = logits(seed, 1, 4), [[1, 2]]
    loss = np.float32(loss_and_gradient(PLAIN, logits_NTK, labels)[0])
    weight = np.float32(1) - paddle.exp(paddle.to_tensor(-loss)).numpy()
    assert loss_and_gradient(FOCAL, logits_NTK, labels)[0] == float(loss * (weight * weight))


@pytest.mark.parametrize("height", [20.0, 60.0, 1e4])
@pytest.mark.parametrize(("label", "path"), [([1, 2], [1, 0, 2]), ([1], [1, 0, 0]), ([1, 2], [1, 2, 0, 0])])
def test_a_label_that_is_read_for_sure_costs_nothing_and_pulls_at_nothing(
    label: list[int], path: list[int], height: float
) -> None:
    """The trap: paddle's gradient is 1 at some blanks when a probability is 1 in float32."""
    sure = np.zeros((1, len(path), CLASSES))
    sure[0, range(len(path)), path] = height
    for loss in (PLAIN, FOCAL):
        found, gradient = loss_and_gradient(loss, sure, [label])
        assert found == pytest.approx(0.0, abs=1e-6)
        assert np.abs(gradient).max() < 1e-6


def test_a_label_that_is_out_of_the_question_costs_much_but_not_everything() -> None:
    wrong = np.zeros((1, 4, CLASSES))
    wrong[..., 3] = 1e4
    for loss in (PLAIN, FOCAL):
        found, gradient = loss_and_gradient(loss, wrong, [[1, 2]])
        assert 100 < found < 1000
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("padding", [0, 2, 3])
def test_what_fills_up_a_short_label_changes_nothing(padding: int) -> None:
    x_NTK = paddle.to_tensor(logits(0, 1, 1).astype(np.float32))
    length = paddle.to_tensor(np.array([1], np.int64))

    alone = PLAIN(x_NTK, paddle.to_tensor(np.array([[2]], np.int32)), length)
    filled = PLAIN(x_NTK, paddle.to_tensor(np.array([[2, padding, padding]], np.int32)), length)

    assert float(alone) == pytest.approx(float(filled), rel=1e-6)


def test_half_precision_logits_are_computed_in_float32() -> None:
    x_NTK = logits(0, 2, 4).astype(np.float16)
    half, full = (
        PLAIN(paddle.to_tensor(x_NTK.astype(kind)), *padded([[1, 2], [3]])) for kind in (np.float16, np.float32)
    )
    assert half.dtype == paddle.float32
    assert float(half) == float(full)


# -- labels that do not fit --------------------------------------------------------------------------------------------


@given(labels=st.lists(LABEL, min_size=1, max_size=5))
def test_a_label_needs_its_length_and_a_blank_between_equal_neighbours(labels: list[list[int]]) -> None:
    assert steps_needed(*padded(labels)).numpy().tolist() == [needed(label) for label in labels]


@pytest.mark.parametrize(("label", "steps"), [([1, 2], 1), ([1, 1], 2), ([1, 1, 1], 4)])
def test_a_label_of_more_steps_than_there_are_is_infinite_where_paddle_says_0(label: list[int], steps: int) -> None:
    """The trap: paddle gives 0.0, so that nobody learns of the label."""
    x_NTK = logits(0, 2, steps)
    alone = loss_and_gradient(CTCLoss(zero_infinity=True), x_NTK[:1], [label])
    assert alone[0] == 0.0
    assert not alone[1].any()

    for is_focal in (False, True):
        found, gradient = loss_and_gradient(CTCLoss(is_focal=is_focal), x_NTK, [label, [2]])
        assert found == np.inf
        assert not gradient[0][np.isfinite(gradient[0])].any()
    assert np.isfinite(loss_and_gradient(PLAIN, logits(0, 1, steps + 1), [label])[0])


def test_with_zero_infinity_a_label_that_does_not_fit_counts_0_in_the_mean_and_the_others_learn() -> None:
    x_NTK = logits(5, 2, 2)
    found, gradient = loss_and_gradient(CTCLoss(zero_infinity=True), x_NTK, [[1, 1], [2]])
    assert found == pytest.approx(by_enumeration(x_NTK[1], [2]) / 2, rel=1e-5)
    assert not gradient[0].any()
    assert gradient[1].any()


def test_no_number_among_the_logits_is_no_number_as_loss_and_gradient() -> None:
    x_NTK = logits(0, 2, 4)
    x_NTK[0, 1, 3] = np.nan
    for zero_infinity in (False, True):
        found, gradient = loss_and_gradient(CTCLoss(zero_infinity=zero_infinity), x_NTK, [[1], [2]])
        assert np.isnan(found)
        assert np.isnan(gradient[0]).any()
