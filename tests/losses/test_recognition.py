from __future__ import annotations

from itertools import groupby, pairwise, product

import numpy as np
import paddle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.losses.recognition import CTCLoss, GuideLoss, RecognitionLoss
from thaiocr.models.parts_guide import PartsGuide

PLAIN, FOCAL = CTCLoss(schema.CTCLoss()), CTCLoss(schema.CTCLoss(use_focal_loss=True))


def ctc_by_enumeration(logits_TK: NDArray[np.float64], label: list[int]) -> float:
    """-log of the summed probability of every path that reads as the label, one path at a time."""
    p_TK = np.exp(logits_TK - logits_TK.max(axis=1, keepdims=True))
    p_TK /= p_TK.sum(axis=1, keepdims=True)
    steps, classes = p_TK.shape
    paths = (path for path in product(range(classes), repeat=steps) if [k for k, _ in groupby(path) if k] == label)
    return -float(np.log(sum(np.prod(p_TK[range(steps), path]) for path in paths)))


def loss_and_gradient(
    loss: CTCLoss, logits_NTK: NDArray[np.float64], labels: list[list[int]]
) -> tuple[float, NDArray[np.float32]]:
    longest = max(map(len, labels))
    labels_NL = np.array([label + [0] * (longest - len(label)) for label in labels], np.int32)
    lengths_N = np.array([len(label) for label in labels], np.int64)
    x_NTK = paddle.to_tensor(logits_NTK.astype(np.float32), stop_gradient=False)
    found = loss(x_NTK, paddle.to_tensor(labels_NL), paddle.to_tensor(lengths_N))
    found.backward()
    return float(found), x_NTK.grad.numpy()


def logits(seed: int, images: int, steps: int, classes: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(scale=2, size=(images, steps, classes))


def needed_steps(label: list[int]) -> int:
    return len(label) + sum(left == right for left, right in pairwise(label))


LABEL = st.lists(st.integers(1, 3), min_size=1, max_size=3)


@given(seed=st.integers(0, 9999), steps=st.integers(1, 5), labels=st.lists(LABEL, min_size=1, max_size=3))
@settings(max_examples=40)
def test_ctc_is_the_sum_over_all_alignments_averaged_over_the_images(
    seed: int, steps: int, labels: list[list[int]]
) -> None:
    assume(all(needed_steps(label) <= steps for label in labels))
    logits_NTK = logits(seed, len(labels), steps, 4)

    found, _ = loss_and_gradient(PLAIN, logits_NTK, labels)

    one_by_one = [ctc_by_enumeration(each, label) for each, label in zip(logits_NTK, labels, strict=True)]
    assert found == pytest.approx(np.mean(one_by_one), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("label", [[1], [1, 2], [2, 2], [3, 1, 3]])
def test_the_gradient_of_ctc_is_that_of_finite_differences(label: list[int]) -> None:
    logits_NTK = logits(len(label), 2, 4, 4)
    labels = [label, [2]]

    _, gradient = loss_and_gradient(PLAIN, logits_NTK, labels)

    numeric = np.zeros_like(logits_NTK)
    step = 1e-5
    for at in np.ndindex(*logits_NTK.shape):
        sides = []
        for sign in (1, -1):
            moved = logits_NTK.copy()
            moved[at] += sign * step
            sides.append(np.mean([ctc_by_enumeration(each, text) for each, text in zip(moved, labels, strict=True)]))
        numeric[at] = (sides[0] - sides[1]) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, atol=2e-5)


@given(seed=st.integers(0, 999))
@settings(max_examples=15)
def test_the_focal_variant_weighs_each_image_by_the_square_of_what_its_label_lacks(seed: int) -> None:
    logits_NTK, labels = logits(seed, 3, 4, 4), [[1], [2, 3], [3, 3]]

    found, _ = loss_and_gradient(FOCAL, logits_NTK, labels)

    loss_N = np.array([ctc_by_enumeration(each, label) for each, label in zip(logits_NTK, labels, strict=True)])
    assert found == pytest.approx(float(np.mean(loss_N * (1 - np.exp(-loss_N)) ** 2)), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("padding", [0, 3])
def test_what_fills_up_a_short_label_changes_nothing(padding: int) -> None:
    x_NTK = paddle.to_tensor(logits(0, 1, 5, 4).astype(np.float32))
    length = paddle.to_tensor(np.array([1], np.int64))

    alone = PLAIN(x_NTK, paddle.to_tensor(np.array([[2]], np.int32)), length)
    padded = PLAIN(x_NTK, paddle.to_tensor(np.array([[2, padding, padding]], np.int32)), length)

    assert float(alone) == pytest.approx(float(padded), rel=1e-6)


@pytest.mark.parametrize(("label", "steps"), [([1, 2], 1), ([1, 1], 2), ([1, 1, 1], 4)])
def test_a_label_of_more_steps_than_there_are_costs_nothing_in_paddle_so_data_must_reject_it(
    label: list[int], steps: int
) -> None:
    """The trap: infinite by definition, 0.0 here; `thaiocr.data.labels` keeps such lines away."""
    found, gradient = loss_and_gradient(PLAIN, logits(0, 1, steps, 4), [label])

    assert found == 0.0
    assert not gradient.any()
    assert loss_and_gradient(PLAIN, logits(0, 1, steps + 1, 4), [label])[0] > 0


# -- guide -------------------------------------------------------------------------------------------------------------

ENTRIES = ("กั้", "กี", "ที่", "น้ำ", "ก", "A")
CHANNELS = 5


def guide_by_hand(guide: PartsGuide, f_ND1T: NDArray[np.float32], class_N: list[int]) -> float:
    """Sum over the parts of the mean cross-entropy over the images, from the weights of the heads."""
    pooled_ND = f_ND1T.astype(np.float64).mean(axis=(2, 3))
    losses = []
    for part, head in guide.heads.items():
        logits_NP = pooled_ND @ head.weight.numpy() + head.bias.numpy()
        log_p_NP = logits_NP - np.log(np.exp(logits_NP).sum(axis=1, keepdims=True))
        target_N = guide.targets_K[part].numpy()[class_N]
        losses.append(-np.mean(log_p_NP[range(len(class_N)), target_N]))
    return float(np.sum(losses))


def features(images: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=(images, CHANNELS, 1, 7)).astype(np.float32)


def test_the_guide_is_the_sum_of_the_cross_entropies_of_its_heads() -> None:
    paddle.seed(0)
    guide = PartsGuide(CHANNELS, ENTRIES)
    class_N = [1, 4, 6, 2]

    found = GuideLoss(guide)(paddle.to_tensor(features(4)), paddle.to_tensor(np.array(class_N, np.int32)[:, None]))

    assert float(found) == pytest.approx(guide_by_hand(guide, features(4), class_N), rel=1e-5)


def test_the_guide_pulls_on_the_backbone_and_on_its_own_heads() -> None:
    guide = PartsGuide(CHANNELS, ENTRIES)
    f_ND1T = paddle.to_tensor(features(2), stop_gradient=False)

    GuideLoss(guide)(f_ND1T, paddle.to_tensor([[1], [3]], dtype="int32")).backward()

    assert np.abs(f_ND1T.grad.numpy()).sum() > 0
    assert all(np.abs(parameter.grad.numpy()).sum() > 0 for parameter in guide.parameters())


def everything(options: schema.CTCLoss, guide: PartsGuide | None) -> dict[str, float]:
    terms = RecognitionLoss(options, guide)(
        paddle.to_tensor(logits(1, 2, 5, len(ENTRIES) + 1).astype(np.float32)),
        paddle.to_tensor(features(2)),
        paddle.to_tensor([[1], [3]], dtype="int32"),
        paddle.to_tensor([1, 1], dtype="int64"),
    )
    return {name: float(term) for name, term in terms.items()}


def test_without_a_guide_the_loss_is_ctc() -> None:
    terms = everything(schema.CTCLoss(), None)

    assert set(terms) == {"loss", "ctc"}
    assert terms["loss"] == terms["ctc"]


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_the_guide_is_added_with_its_weight(weight: float) -> None:
    terms = everything(schema.CTCLoss(parts_guide=schema.PartsGuide(weight=weight)), PartsGuide(CHANNELS, ENTRIES))

    assert set(terms) == {"loss", "ctc", "guide"}
    assert terms["loss"] == pytest.approx(terms["ctc"] + weight * terms["guide"], rel=1e-6)
    assert terms["ctc"] == pytest.approx(everything(schema.CTCLoss(), None)["ctc"])
