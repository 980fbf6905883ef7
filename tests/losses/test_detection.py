"""The losses of DB against their definitions, written out in numpy pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thaiocr.config.schema import detection
from thaiocr.losses.detection import DBLoss, Targets

Floats = NDArray[np.float64]
EPS = 1e-6
seeds = st.integers(0, 9999)


def dice(p: Floats, target: Floats, mask: Floats) -> float:
    both = union = 0.0
    for each, wanted, counts in zip(p.flat, target.flat, mask.flat, strict=True):
        both += each * wanted * counts
        union += (each + wanted) * counts
    return 1 - 2 * both / (union + EPS)


def mined_cross_entropy(p: Floats, target: Floats, mask: Floats, ratio: float) -> float:
    """Mean over all pixels with text, and over the worst of the others."""
    positives: list[float] = []
    negatives: list[float] = []
    for each, wanted, counts in zip(p.flat, target.flat, mask.flat, strict=True):
        if counts:
            (positives if wanted else negatives).append(float(-np.log(each if wanted else 1 - each)))
    kept = sorted(negatives, reverse=True)[: int(min(len(negatives), len(positives) * ratio))]
    return float((sum(positives) + sum(kept)) / (len(positives) + len(kept) + EPS))


def masked_l1(p: Floats, target: Floats, mask: Floats) -> float:
    distances = [abs(a - b) for a, b, counts in zip(p.flat, target.flat, mask.flat, strict=True) if counts]
    return sum(distances) / (len(distances) + EPS)


def example(seed: int, text: float = 0.3) -> tuple[Floats, list[Floats]]:
    """Maps [2, 3, 4, 5] and their targets; `text` is the share of pixels with text."""
    random = np.random.default_rng(seed)
    maps = random.uniform(0.02, 0.98, (2, 3, 4, 5))
    shape = 2, 4, 5
    threshold_mask, shrink_mask = (random.uniform(size=shape) < 0.8 for _ in range(2))
    targets = random.uniform(0.3, 0.7, shape), threshold_mask, random.uniform(size=shape) < text, shrink_mask
    return maps, [each.astype(np.float64) for each in targets]


def loss_of(maps: Floats, targets: list[Floats], dtype: str = "float32", **options: Any) -> dict[str, float]:
    found = DBLoss(detection.DBLoss(**options))(
        paddle.to_tensor(maps, dtype=dtype), Targets(*(paddle.to_tensor(each, dtype="float32") for each in targets))
    )
    return {name: float(value) for name, value in found.items()}


@given(seed=seeds)
def test_dice_and_l1_are_their_definitions(seed: int) -> None:
    maps, targets = example(seed)
    threshold, threshold_mask, shrink, shrink_mask = targets

    found = loss_of(maps, targets, balance_loss=False, alpha=1, beta=1)

    assert found["loss_shrink_maps"] == pytest.approx(dice(maps[:, 0], shrink, shrink_mask), rel=1e-5)
    assert found["loss_threshold_maps"] == pytest.approx(masked_l1(maps[:, 1], threshold, threshold_mask), rel=1e-5)
    assert found["loss_binary_maps"] == pytest.approx(dice(maps[:, 2], shrink, shrink_mask), rel=1e-5)


@given(seed=seeds, ratio=st.sampled_from([0.5, 1.0, 1.7, 3.0, 100.0]))
def test_cross_entropy_counts_the_hardest_pixels_without_text(seed: int, ratio: float) -> None:
    maps, targets = example(seed)

    found = loss_of(maps, targets, main_loss_type="BCELoss", ohem_ratio=ratio, alpha=1)

    expected = mined_cross_entropy(maps[:, 0], targets[2], targets[3], ratio)
    assert found["loss_shrink_maps"] == pytest.approx(expected, rel=1e-5)


@given(seed=seeds)
def test_the_sum_is_weighted_by_alpha_and_beta(seed: int) -> None:
    maps, targets = example(seed)
    plain = loss_of(maps, targets, alpha=1, beta=1)

    found = loss_of(maps, targets, alpha=7, beta=0.5)

    expected = 7 * plain["loss_shrink_maps"] + 0.5 * plain["loss_threshold_maps"] + plain["loss_binary_maps"]
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_defaults_are_paddleocrs() -> None:
    options = detection.DBLoss()

    assert (options.alpha, options.beta, options.ohem_ratio, options.main_loss_type) == (5, 10, 3, "DiceLoss")


@pytest.mark.parametrize("main", ["DiceLoss", "BCELoss"])
def test_a_batch_without_text_has_a_finite_loss_and_gradient(main: str) -> None:
    maps, targets = example(1, text=0)
    x = paddle.to_tensor(maps, dtype="float32", stop_gradient=False)
    loss = DBLoss(detection.DBLoss(main_loss_type=main))  # type: ignore[arg-type]

    found = loss(x, Targets(*(paddle.to_tensor(each, dtype="float32") for each in targets)))
    found["loss"].backward()

    assert float(found["loss_shrink_maps"]) == 0
    assert np.isfinite(float(found["loss"]))
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("main", ["DiceLoss", "BCELoss"])
def test_a_batch_of_which_all_is_ignored_has_a_finite_loss(main: str) -> None:
    maps, targets = example(1)
    nothing = np.zeros_like(targets[0])

    found = loss_of(maps, [targets[0], nothing, targets[2], nothing], main_loss_type=main)

    assert found["loss"] == pytest.approx(1)  # Dice of the binarised map: nothing in common with nothing


def test_pixels_that_are_masked_change_nothing() -> None:
    maps, targets = example(3)
    changed = maps.copy()
    changed[:, 0][targets[3] == 0] = changed[:, 2][targets[3] == 0] = 0.5
    changed[:, 1][targets[1] == 0] = 0.5

    assert loss_of(changed, targets) == pytest.approx(loss_of(maps, targets), rel=1e-6)


@settings(max_examples=2, deadline=None)
@given(seed=seeds)
def test_the_gradient_is_the_slope_of_the_loss(seed: int) -> None:
    """Central differences, in double precision, for every pixel of all maps."""
    maps, targets = example(seed)
    loss = DBLoss(detection.DBLoss(main_loss_type="BCELoss", ohem_ratio=1.3))
    wanted = Targets(*(paddle.to_tensor(each) for each in targets))
    x = paddle.to_tensor(maps, stop_gradient=False)
    loss(x, wanted)["loss"].backward()

    step = 1e-6
    slopes = np.zeros_like(maps)
    for at in np.ndindex(*maps.shape):
        for sign in (1, -1):
            moved = maps.copy()
            moved[at] += sign * step
            slopes[at] += sign * float(loss(paddle.to_tensor(moved), wanted)["loss"]) / (2 * step)

    np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-4, atol=1e-6)


def test_half_precision_is_summed_in_single_precision() -> None:
    """300 x 300 pixels sum to 90,000, which float16 does not have."""
    maps = np.full((1, 3, 300, 300), 0.5)
    ones, zeros = np.ones((1, 300, 300)), np.zeros((1, 300, 300))

    found = loss_of(maps, [zeros, ones, ones, ones], dtype="float16", alpha=1, beta=1)

    assert found["loss_shrink_maps"] == pytest.approx(1 - 2 * 0.5 / 1.5, rel=1e-4)
    assert found["loss_threshold_maps"] == pytest.approx(0.5, rel=1e-4)
