"""Cross-entropy with label smoothing and focal loss against their definitions in numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thaiocr.losses.classification import CrossEntropy, FocalLoss

Loss = CrossEntropy | FocalLoss
Floats = NDArray[np.float64]


def log_p(logits_NK: Floats) -> Floats:
    shifted = logits_NK - logits_NK.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def smoothed(logits_NK: Floats, class_N: list[int], smoothing: float) -> float:
    """Cross-entropy with the target (1 - smoothing) one-hot + smoothing / K, written out."""
    images, classes = logits_NK.shape
    target_NK = np.full((images, classes), smoothing / classes)
    target_NK[range(images), class_N] += 1 - smoothing
    return float(-(target_NK * log_p(logits_NK)).sum(axis=1).mean())


def focal(logits_NK: Floats, class_N: list[int], gamma: float) -> float:
    log_p_N = log_p(logits_NK)[range(len(class_N)), class_N]
    return float((-((1 - np.exp(log_p_N)) ** gamma) * log_p_N).mean())


def loss_and_gradient(loss: Loss, logits_NK: Floats, class_N: list[int]) -> tuple[float, NDArray[np.float32]]:
    x_NK = paddle.to_tensor(logits_NK.astype(np.float32), stop_gradient=False)
    found = loss(x_NK, paddle.to_tensor(np.array(class_N, np.int64)))
    found.backward()
    return float(found), x_NK.grad.numpy()


def example(seed: int, images: int = 4, classes: int = 5) -> tuple[Floats, list[int]]:
    random = np.random.default_rng(seed)
    return random.normal(scale=2, size=(images, classes)), random.integers(0, classes, images).tolist()


@given(st.integers(0, 9999), st.integers(1, 6), st.integers(1, 7), st.floats(0, 0.9))
@settings(max_examples=40)
def test_cross_entropy_is_that_of_the_smoothed_target(seed: int, images: int, classes: int, smoothing: float) -> None:
    logits_NK, class_N = example(seed, images, classes)
    found, _ = loss_and_gradient(CrossEntropy(smoothing), logits_NK, class_N)
    assert found == pytest.approx(smoothed(logits_NK, class_N, smoothing), rel=1e-4, abs=1e-5)


@given(st.integers(0, 9999), st.integers(1, 6), st.integers(1, 7), st.floats(1, 5))
@settings(max_examples=40)
def test_focal_loss_is_its_definition(seed: int, images: int, classes: int, gamma: float) -> None:
    logits_NK, class_N = example(seed, images, classes)
    found, _ = loss_and_gradient(FocalLoss(gamma), logits_NK, class_N)
    assert found == pytest.approx(focal(logits_NK, class_N, gamma), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("loss", "definition"),
    [
        (CrossEntropy(), lambda x_NK, class_N: smoothed(x_NK, class_N, 0.0)),
        (CrossEntropy(0.1), lambda x_NK, class_N: smoothed(x_NK, class_N, 0.1)),
        (FocalLoss(1), lambda x_NK, class_N: focal(x_NK, class_N, 1)),
        (FocalLoss(2.5), lambda x_NK, class_N: focal(x_NK, class_N, 2.5)),
    ],
)
def test_the_gradient_is_that_of_finite_differences(
    loss: Loss, definition: Callable[[Floats, list[int]], float]
) -> None:
    logits_NK, class_N = example(3)
    _, gradient = loss_and_gradient(loss, logits_NK, class_N)

    numeric = np.zeros_like(logits_NK)
    for at in np.ndindex(*logits_NK.shape):
        step = np.zeros_like(logits_NK)
        step[at] = 1e-5
        numeric[at] = (definition(logits_NK + step, class_N) - definition(logits_NK - step, class_N)) / 2e-5
    np.testing.assert_allclose(gradient, numeric, atol=1e-5)


@pytest.mark.parametrize("gamma", [1, 1.5, 2, 5])
@pytest.mark.parametrize("height", [50.0, 1e4, 1e30])
def test_an_image_that_is_read_for_sure_gives_no_broken_gradient(gamma: float, height: float) -> None:
    for right in (0, 1):
        found, gradient = loss_and_gradient(FocalLoss(gamma), np.array([[height, 0.0, 0.0]]), [right])
        assert np.isfinite(found)
        assert np.isfinite(gradient).all()


def test_focal_loss_turns_to_the_images_that_are_hard() -> None:
    logits_NK, class_N = np.array([[4.0, 0, 0], [0.0, 1, 0]]), [0, 2]
    plain, turned = (
        np.abs(loss_and_gradient(loss, logits_NK, class_N)[1]).sum(1) for loss in (CrossEntropy(), FocalLoss(2))
    )
    assert turned[0] / turned[1] < plain[0] / plain[1] / 10


def test_half_precision_logits_are_computed_in_float32() -> None:
    logits_NK, class_N = example(0)
    x_NK = paddle.to_tensor(logits_NK.astype(np.float16))
    for loss in (CrossEntropy(0.1), FocalLoss(2)):
        assert loss(x_NK, paddle.to_tensor(class_N)).dtype == paddle.float32
