"""SVTR_LCNet as PaddleOCR's own training code computes it: tests/golden/README.md says how it was stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import golden as recognition
import numpy as np
import paddle
import pytest
import svtr_lcnet_golden as golden

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset
from thaiocr.engine.optim import build_optimizer, build_schedule
from thaiocr.losses import build_loss
from thaiocr.models import build_model


def config(architecture: Mapping[str, Any], *changes: tuple[str, Any]) -> schema.Config:
    """Return a configuration of a network that thaiocr reads from a file's own words."""
    resize = {"RecResizeImg": {"image_shape": [3, 48, 320]}}
    keys = {"KeepKeys": {"keep_keys": ["image", "label_ctc", "label_gtc", "length", "valid_ratio"]}}
    encode = {"MultiLabelEncode": {"gtc_encode": "NRTRLabelEncode"}}
    steps = [{"DecodeImage": {"img_mode": "BGR"}}, encode, resize, keys]
    sections = {
        "Architecture": dict(architecture),
        "Loss": {"name": "MultiLoss", "loss_config_list": [{"CTCLoss": None}, {"NRTRLoss": None}]},
        "Train.dataset.transforms": steps,
        "Eval.dataset.transforms": steps,
        **dict(changes),
    }
    overrides = [f"{key}={json.dumps(value)}" for key, value in sections.items()]
    return load_text(to_yaml(preset("rec", "dev")), file="golden.yml", overrides=overrides).config


@dataclass(frozen=True, slots=True)
class Found:
    """What thaiocr computes, in the form of the golden files."""

    probabilities: recognition.Floats
    ctc: recognition.Floats
    gtc: recognition.Floats
    terms: list[list[float]]
    gradient: Mapping[str, recognition.Floats]
    after: Mapping[str, recognition.Floats]


def compute(case: golden.Case) -> Found:
    loss = {"name": "MultiLoss", "loss_config_list": case.loss, **case.weights}
    chosen = config(case.architecture, ("Loss", loss), ("Optimizer", dict(case.optimizer)))
    model = build_model(chosen.architecture, golden.CLASSES)
    golden.fill(model)
    schedule = build_schedule(
        chosen.optimizer.lr, epochs=recognition.EPOCHS, steps_per_epoch=recognition.STEPS_PER_EPOCH
    )
    optimizer = build_optimizer(chosen.optimizer, schedule, recognition.trainable(model))
    loss_of = build_loss(chosen.loss, guide=None)
    x_N3HW, labels_NL, lengths_N = golden.tensors()
    model.eval()
    with paddle.no_grad():
        probabilities = recognition.digest("probabilities", model(x_N3HW).numpy(), recognition.OUTPUTS)
    model.train()
    terms, heads, gradient = [], {}, {}
    for step in range(recognition.STEPS):
        paddle.seed(step)
        outputs = model.outputs(x_N3HW, labels_NL)
        losses = loss_of(outputs, labels_NL, lengths_N)
        losses["loss"].backward()
        terms.append([float(losses[name]) for name in ("loss", "ctc", "nrtr")])
        if not step:
            found = {"ctc": outputs.head_out, "gtc": golden.counted(outputs.gtc_out)}
            heads = {
                name: recognition.digest(name, np.asarray(tensor), recognition.OUTPUTS)
                for name, tensor in found.items()
            }
            gradient = recognition.table((name, each.grad) for name, each in recognition.trainable(model))
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()
    after = recognition.table(model.state_dict().items())
    return Found(probabilities, **heads, terms=terms, gradient=gradient, after=after)


@pytest.fixture(scope="module", params=list(golden.CASES))
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def theirs(case: str) -> Mapping[str, Any]:
    with np.load(recognition.FOLDER / f"{case}.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def double(case: str) -> Found:
    with recognition.precision("float64"):
        return compute(golden.CASES[case])


def assert_same(case: str, ours: Mapping[str, recognition.Floats], theirs: Mapping[str, Any], what: str) -> None:
    assert list(ours) == theirs[f"{what}_names"].tolist()
    tolerance = golden.CASES[case].tolerance
    for (name, digest), expected in zip(ours.items(), theirs[what], strict=True):
        norm = float(expected[0])
        np.testing.assert_allclose(digest, expected, rtol=tolerance, atol=tolerance * norm + 1e-9, err_msg=name)


def test_the_public_configuration_has_all_968_entries_of_the_official_checkpoint() -> None:
    with np.load(recognition.FOLDER / "svtr_lcnet_entries.npz") as stored:
        theirs = dict(stored)

    with paddle.utils.unique_name.guard():
        model = build_model(config(golden.PUBLIC).architecture, golden.PUBLIC_CLASSES)

    entries = [f"{name} {list(tensor.shape)}" for name, tensor in model.state_dict().items()]
    assert entries == theirs["entries"].tolist()
    assert len(entries) == 968
    # What PaddleOCR's .pdopt files call them.
    assert [f"{name} {each.name}" for name, each in model.named_parameters()] == theirs["parameters"].tolist()


def test_the_same_weights_give_paddleocrs_probabilities_and_logits_of_both_heads(
    case: str, theirs: Mapping[str, Any]
) -> None:
    """In single precision; what drops out is drawn in PaddleOCR's order."""
    found = compute(golden.CASES[case])

    np.testing.assert_allclose(found.probabilities, theirs["probabilities"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.ctc, theirs["ctc"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.gtc, theirs["gtc"], rtol=1e-3, atol=1e-4)


def test_both_losses_of_the_first_steps_are_paddleocrs(case: str, double: Found, theirs: Mapping[str, Any]) -> None:
    np.testing.assert_allclose(double.terms, theirs["terms"], rtol=golden.CASES[case].tolerance)


def test_every_parameter_has_paddleocrs_gradient(case: str, double: Found, theirs: Mapping[str, Any]) -> None:
    assert_same(case, double.gradient, theirs, "gradient")


def test_optimizer_steps_leave_paddleocrs_parameters(case: str, double: Found, theirs: Mapping[str, Any]) -> None:
    assert_same(case, double.after, theirs, "after")
