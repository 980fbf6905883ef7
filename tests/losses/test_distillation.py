from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.errors import ConfigError
from thaiocr.losses.ctc import CTCLoss
from thaiocr.losses.distillation import CombinedLoss, check_pairs, mutual_loss
from thaiocr.losses.recognition import GuideLoss
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Outputs

MODES: tuple[Literal["l1", "l2", "smooth_l1"], ...] = ("l1", "l2", "smooth_l1")
PAIR = (("Student", "Teacher"),)
LABELS, LENGTHS = paddle.to_tensor([[1], [3]], dtype="int32"), paddle.to_tensor([1, 1], dtype="int64")
ENTRIES = ("กั้", "กี", "ที่", "น้ำ")


def array(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(scale=2, size=shape).astype(np.float32)


def network(seed: int) -> Outputs:
    found = (array(seed, 2, 6, 1, 7), array(seed + 1, 2, 7, 4), array(seed + 2, 2, 7, 5))
    features, sequence, logits = (paddle.to_tensor(each, stop_gradient=False) for each in found)
    return Outputs(backbone_out=features, neck_out=sequence, head_out=logits)


def outputs() -> Outputs:
    models = {"Student": network(0), "Teacher": network(10)}
    return replace(models["Student"], models=models)


def softmax(x: NDArray[np.float32]) -> NDArray[np.float64]:
    powers = np.exp(x.astype(np.float64))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def ctc(weight: float, *names: str) -> schema.DistillationCTCLoss:
    return schema.DistillationCTCLoss(weight=weight, model_name_list=names, key="head_out")


def dml(weight: float) -> schema.DistillationDMLLoss:
    return schema.DistillationDMLLoss(weight=weight, act="softmax", use_log=True, model_name_pairs=PAIR, key="head_out")


def distance(
    mode: Literal["l1", "l2", "smooth_l1"] = "l2", key: schema.OutputName = "backbone_out", weight: float = 1.0
) -> schema.DistillationDistanceLoss:
    return schema.DistillationDistanceLoss(weight=weight, mode=mode, model_name_pairs=PAIR, key=key)


def terms(*options: schema.DistillationTerm) -> dict[str, float]:
    found = CombinedLoss(schema.CombinedLoss(loss_config_list=options), None)(outputs(), LABELS, LENGTHS)
    return {name: float(term) for name, term in found.items()}


def test_mutual_loss_is_the_mean_of_both_divergences_per_image() -> None:
    p_NTK, q_NTK = softmax(array(2, 2, 7, 5)), softmax(array(12, 2, 7, 5))
    expected = ((p_NTK * np.log(p_NTK / q_NTK)).sum() + (q_NTK * np.log(q_NTK / p_NTK)).sum()) / 2 / 2
    assert terms(dml(1.0))["dml_0"] == pytest.approx(expected, rel=1e-5)


def test_values_and_gradients_are_paddleocrs() -> None:
    """Stored from `ppocr.losses.basic_loss` of the commit that tests/golden/README.md names, on these very arrays."""
    one_NTK, other_NTK = (paddle.to_tensor(array(seed, 2, 7, 5), stop_gradient=False) for seed in (2, 12))
    loss = mutual_loss(one_NTK, other_NTK)
    loss.backward()
    found = [float(loss), *(float(each.grad.norm()) for each in (one_NTK, other_NTK))]
    assert found == pytest.approx([15.52769947052002, 1.2947032451629639, 1.3883686065673828], rel=1e-5)
    distances = [terms(distance(mode))["loss"] for mode in MODES]
    assert distances == pytest.approx([2.1168665885925293, 6.718214988708496, 1.6643798351287842], rel=1e-5)


def test_mutual_loss_of_equal_networks_is_zero_and_pulls_nowhere() -> None:
    one_NTK = paddle.to_tensor(array(2, 2, 7, 5), stop_gradient=False)
    loss = mutual_loss(one_NTK, one_NTK.detach())
    loss.backward()
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert np.abs(one_NTK.grad.numpy()).max() < 1e-6


def test_mutual_loss_stays_finite_where_a_probability_is_zero() -> None:
    sure_1TK = paddle.to_tensor([[[200.0, 0.0]]], stop_gradient=False)
    loss = mutual_loss(sure_1TK, paddle.to_tensor([[[0.0, 200.0]]]))
    loss.backward()
    assert float(loss) == pytest.approx(np.log(1e10), rel=1e-4)
    assert np.isfinite(sure_1TK.grad.numpy()).all()


def test_mutual_loss_pulls_on_both_networks() -> None:
    one_NTK, other_NTK = (paddle.to_tensor(array(seed, 2, 7, 5), stop_gradient=False) for seed in (1, 2))
    mutual_loss(one_NTK, other_NTK).backward()
    assert all(np.abs(each.grad.numpy()).sum() > 0 for each in (one_NTK, other_NTK))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("l1", lambda d: np.abs(d).mean()),
        ("l2", lambda d: (d**2).mean()),
        ("smooth_l1", lambda d: np.where(np.abs(d) < 1, d**2 / 2, np.abs(d) - 0.5).mean()),
    ],
)
def test_distance_is_averaged_over_all_values(mode: Literal["l1", "l2", "smooth_l1"], expected: object) -> None:
    difference = array(0, 2, 6, 1, 7).astype(np.float64) - array(10, 2, 6, 1, 7)
    assert callable(expected)
    assert terms(distance(mode))["loss_distance_l2_Student_Teacher_0"] == pytest.approx(expected(difference), rel=1e-5)


def test_distance_is_of_the_output_that_the_key_names() -> None:
    expected = ((array(1, 2, 7, 4).astype(np.float64) - array(11, 2, 7, 4)) ** 2).mean()
    assert terms(distance(key="neck_out"))["loss"] == pytest.approx(expected, rel=1e-5)


def test_terms_have_paddleocrs_names_and_are_added_with_their_weights() -> None:
    whole = terms(ctc(0.5, "Student", "Teacher"), dml(2.0), distance(weight=3.0))
    single = {**terms(ctc(1.0, "Student", "Teacher")), **terms(dml(1.0)), **terms(distance())}
    weights = {
        "loss_ctc_Student": 0.5,
        "loss_ctc_Teacher": 0.5,
        "dml_0": 2.0,
        "loss_distance_l2_Student_Teacher_0": 3.0,
    }
    assert set(whole) == {"loss", *weights}
    for name, weight in weights.items():
        assert whole[name] == pytest.approx(weight * single[name], rel=1e-6)
    assert whole["loss"] == pytest.approx(sum(whole[name] for name in weights), rel=1e-6)


def test_ctc_is_that_of_each_network() -> None:
    found = terms(ctc(1.0, "Student", "Teacher"))
    for name, each in outputs().models.items():
        assert found[f"loss_ctc_{name}"] == float(CTCLoss()(each.head_out, LABELS, LENGTHS))


def test_terms_of_one_name_are_added() -> None:
    assert terms(dml(1.0), dml(0.5))["loss"] == pytest.approx(1.5 * terms(dml(1.0))["loss"], rel=1e-6)


def test_the_guide_looks_at_the_evaluated_network() -> None:
    options, guide = schema.PartsGuide(weight=2.0), PartsGuide(6, ENTRIES)
    loss = CombinedLoss(schema.CombinedLoss(loss_config_list=(ctc(1.0, "Student"),), parts_guide=options), guide)

    found = loss(outputs(), LABELS, LENGTHS)

    expected = 2 * float(GuideLoss(options, guide)(network(0).backbone_out, LABELS))
    assert float(found["guide"]) == pytest.approx(expected, rel=1e-6)
    assert float(found["loss"]) == pytest.approx(expected + terms(ctc(1.0, "Student"))["loss"], rel=1e-6)


def test_outputs_of_different_shape_are_refused_with_both_shapes() -> None:
    models = {"Student": network(0), "Teacher": replace(network(10), backbone_out=paddle.zeros([2, 8, 1, 7]))}
    options = schema.CombinedLoss(loss_config_list=(ctc(1.0, "Student"), dml(1.0), distance()))
    with pytest.raises(ConfigError) as caught:
        check_pairs(options, replace(models["Student"], models=models))
    assert list(caught.value.problems) == [
        "Loss.loss_config_list.DistillationDistanceLoss: backbone_out of 'Student' has shape [6, 1, 7] per image, "
        "of 'Teacher' [8, 1, 7]; give the networks the same width there, or remove the pair"
    ]
