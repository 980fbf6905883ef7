"""What PaddleOCR's own training code computes, computed here: tests/golden/README.md says how it was stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import golden
import numpy as np
import paddle
import pytest

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset
from thaiocr.engine.optim import build_optimizer, build_schedule
from thaiocr.losses import build_loss
from thaiocr.models import build_model, fast


def config(case: golden.Case) -> schema.Config:
    sections = {
        "Architecture.algorithm": case.algorithm,
        "Architecture.Backbone": case.backbone,
        "Architecture.Neck": {"name": "SequenceEncoder", **case.neck},
        "Architecture.Head": {"name": "CTCHead", **case.head},
        "Loss": {"name": "CTCLoss", **case.loss},
        "Optimizer": case.optimizer,
        "Train.dataset.transforms.2.RecResizeImg.image_shape": case.image_shape,
        "Eval.dataset.transforms.2.RecResizeImg.image_shape": case.image_shape,
        "Global.max_text_length": case.label_length,
        "Global.epoch_num": golden.EPOCHS,
    }
    changes = [f"{key}={json.dumps(value)}" for key, value in sections.items()]
    return load_text(to_yaml(preset("rec", "dev")), file="golden.yml", overrides=changes).config


@dataclass(frozen=True, slots=True)
class Found:
    """What thaiocr computes, in the form of the golden files."""

    probabilities: golden.Floats
    logits: golden.Floats
    rates: list[float]
    losses: list[float]
    gradient: Mapping[str, golden.Floats]
    after: Mapping[str, golden.Floats]


def compute(case: golden.Case) -> Found:
    chosen = config(case)
    model = build_model(chosen.architecture, case.classes)
    golden.fill(model, golden.weight)
    schedule = build_schedule(chosen.optimizer.lr, epochs=golden.EPOCHS, steps_per_epoch=golden.STEPS_PER_EPOCH)
    optimizer = build_optimizer(chosen.optimizer, schedule, golden.trainable(model))
    loss_of = build_loss(chosen.loss, guide=None)
    x_N3HW, labels_NL, lengths_N = golden.tensors(case)
    model.eval()
    with paddle.no_grad():
        probabilities = golden.digest("probabilities", model(x_N3HW).numpy(), golden.OUTPUTS)
    model.train()
    rates, losses, logits, gradient = [], [], None, {}
    for _ in range(golden.STEPS):
        rates.append(float(optimizer.get_lr()))
        outputs = model.outputs(x_N3HW)
        logits_NTK, loss = outputs.head_out, loss_of(outputs, labels_NL, lengths_N)["loss"]
        loss.backward()
        losses.append(float(loss))
        if logits is None:
            logits = golden.digest("logits", logits_NTK.numpy(), golden.OUTPUTS)
            gradient = golden.table((name, parameter.grad) for name, parameter in golden.trainable(model))
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()
    assert logits is not None
    return Found(probabilities, logits, rates, losses, gradient, golden.table(model.state_dict().items()))


SLOW = ("resnet_34", "resnet_50")  # they have 20 million parameters
CASES = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in golden.CASES]


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def theirs(case: str) -> Mapping[str, Any]:
    with np.load(golden.FOLDER / f"{case}.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def double(case: str) -> Found:
    with golden.precision("float64"):
        return compute(golden.CASES[case])


def assert_same(ours: Mapping[str, golden.Floats], theirs: Mapping[str, Any], what: str) -> None:
    assert list(ours) == theirs[f"{what}_names"].tolist()
    for (name, digest), expected in zip(ours.items(), theirs[what], strict=True):
        norm = float(expected[0])
        np.testing.assert_allclose(digest, expected, rtol=1e-5, atol=1e-5 * norm + 1e-9, err_msg=name)


def assert_same_outputs(found: Found, theirs: Mapping[str, Any], tolerance: float) -> None:
    np.testing.assert_allclose(found.logits, theirs["logits"], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.probabilities, theirs["probabilities"], rtol=tolerance, atol=tolerance / 10)
    assert found.losses[0] == pytest.approx(theirs["losses"][0], rel=tolerance / 10)


def test_the_same_weights_give_paddleocrs_logits_and_probabilities(
    case: str, theirs: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In single precision, with paddle's operations."""
    monkeypatch.setattr(fast, "IS_WANTED", False)
    assert_same_outputs(compute(golden.CASES[case]), theirs, golden.CASES[case].tolerance)


@pytest.mark.parametrize("name", ["large", "small"])
def test_our_cpu_kernels_give_paddleocrs_logits_and_probabilities(name: str) -> None:
    assert fast.IS_WANTED
    with np.load(golden.FOLDER / f"{name}.npz") as stored:
        assert_same_outputs(compute(golden.CASES[name]), stored, golden.CASES[name].tolerance)


def test_learning_rates_and_losses_of_the_first_steps_are_paddleocrs(double: Found, theirs: Mapping[str, Any]) -> None:
    np.testing.assert_allclose(double.rates, theirs["rates"], rtol=1e-12)
    np.testing.assert_allclose(double.losses, theirs["losses"], rtol=1e-6)


def test_every_parameter_has_paddleocrs_gradient(double: Found, theirs: Mapping[str, Any]) -> None:
    assert_same(double.gradient, theirs, "gradient")


def test_optimizer_steps_leave_paddleocrs_parameters(double: Found, theirs: Mapping[str, Any]) -> None:
    assert_same(double.after, theirs, "after")
