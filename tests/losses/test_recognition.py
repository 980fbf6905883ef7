from __future__ import annotations

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.losses.classification import CrossEntropy, FocalLoss
from thaiocr.losses.ctc import CTCLoss
from thaiocr.losses.recognition import GuideLoss, RecognitionLoss
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Outputs

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

    found = GuideLoss(schema.PartsGuide(), guide)(
        paddle.to_tensor(features(4)), paddle.to_tensor(np.array(class_N, np.int32)[:, None])
    )

    assert float(found) == pytest.approx(guide_by_hand(guide, features(4), class_N), rel=1e-5)


def test_the_guide_pulls_on_the_backbone_and_on_its_own_heads() -> None:
    guide = PartsGuide(CHANNELS, ENTRIES)
    f_ND1T = paddle.to_tensor(features(2), stop_gradient=False)

    GuideLoss(schema.PartsGuide(), guide)(f_ND1T, paddle.to_tensor([[1], [3]], dtype="int32")).backward()

    assert np.abs(f_ND1T.grad.numpy()).sum() > 0
    assert all(np.abs(parameter.grad.numpy()).sum() > 0 for parameter in guide.parameters())


@pytest.mark.parametrize(
    ("options", "loss"),
    [
        (schema.PartsGuide(label_smoothing=0.2), CrossEntropy(0.2)),
        (schema.PartsGuide(focal_gamma=2.0), FocalLoss(2.0)),
    ],
)
def test_the_guide_uses_the_loss_that_the_configuration_names(
    options: schema.PartsGuide, loss: CrossEntropy | FocalLoss
) -> None:
    guide = PartsGuide(CHANNELS, ENTRIES)
    f_ND1T, class_N = paddle.to_tensor(features(3)), paddle.to_tensor([1, 4, 6])

    found = float(GuideLoss(options, guide)(f_ND1T, class_N.unsqueeze(1)))

    heads = guide(f_ND1T).items()
    assert found == pytest.approx(sum(float(loss(x_NP, guide.targets_K[part][class_N])) for part, x_NP in heads))
    assert found != pytest.approx(guide_by_hand(guide, features(3), [1, 4, 6]), rel=1e-3)


def logits() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(scale=2, size=(2, 5, len(ENTRIES) + 1)).astype(np.float32)


def everything(options: schema.CTCLoss, guide: PartsGuide | None) -> dict[str, float]:
    f_ND1T, logits_NTK = paddle.to_tensor(features(2)), paddle.to_tensor(logits())
    outputs = Outputs(backbone_out=f_ND1T, neck_out=f_ND1T, head_out=logits_NTK)
    terms = RecognitionLoss(options, guide)(
        outputs,
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


def test_use_focal_loss_is_focal_ctc() -> None:
    x_NTK, labels_NL = paddle.to_tensor(logits()), paddle.to_tensor([[1], [3]], dtype="int32")
    expected = float(CTCLoss(is_focal=True)(x_NTK, labels_NL, paddle.to_tensor([1, 1], dtype="int64")))
    assert everything(schema.CTCLoss(use_focal_loss=True), None)["loss"] == expected
    assert expected < everything(schema.CTCLoss(), None)["loss"]
