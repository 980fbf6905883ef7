"""What PaddleOCR's own detection code computes, computed here: tests/golden/README.md says how it was stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import detection_golden
import golden
import numpy as np
import paddle
import pytest

from thaiocr.engine.optim import build_optimizer, build_schedule
from thaiocr.losses.detection import DBLoss, Targets
from thaiocr.models import fast
from thaiocr.models.db import DB


@dataclass(frozen=True, slots=True)
class Found:
    """What thaiocr computes, in the form of the golden files."""

    probability: golden.Floats
    maps: golden.Floats
    terms: list[list[float]]
    gradient: Mapping[str, golden.Floats]
    after: Mapping[str, golden.Floats]


def compute(case: detection_golden.Case) -> Found:
    options = detection_golden.config(case)
    model = DB(options.architecture)
    golden.fill(model, golden.weight)
    schedule = build_schedule(options.optimizer.lr, epochs=golden.EPOCHS, steps_per_epoch=golden.STEPS_PER_EPOCH)
    optimizer = build_optimizer(options.optimizer, schedule, golden.trainable(model))
    loss_of = DBLoss(options.loss)
    x_N3HW, *targets = detection_golden.tensors()
    model.eval()
    with paddle.no_grad():
        probability = golden.digest("probability", model(x_N3HW).numpy(), golden.OUTPUTS)
    model.train()
    terms, maps, gradient = [], None, {}
    for _ in range(golden.STEPS):
        maps_N3HW = model(x_N3HW)
        losses = loss_of(maps_N3HW, Targets(*targets))
        losses["loss"].backward()
        terms.append([float(losses[f"loss{term}"]) for term in detection_golden.TERMS])
        if maps is None:
            maps = golden.digest("maps", maps_N3HW.numpy(), golden.OUTPUTS)
            gradient = golden.table(detection_golden.gradients(model).items())
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()
    assert maps is not None
    return Found(probability, maps, terms, gradient, golden.table(model.state_dict().items()))


SLOW = ("det_r50", "det_lcnet")


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in detection_golden.CASES],
)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def theirs(case: str) -> Mapping[str, Any]:
    with np.load(detection_golden.FOLDER / f"{case}.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def double(case: str) -> Found:
    with golden.precision("float64"):
        return compute(detection_golden.CASES[case])


def assert_same(ours: Mapping[str, golden.Floats], theirs: Mapping[str, Any], what: str) -> None:
    assert list(ours) == theirs[f"{what}_names"].tolist()
    for (name, digest), expected in zip(ours.items(), theirs[what], strict=True):
        norm = float(expected[0])
        np.testing.assert_allclose(digest, expected, rtol=1e-5, atol=1e-5 * norm + 1e-9, err_msg=name)


@pytest.mark.parametrize("is_fast", [False, True], ids=["paddle", "fast"])
def test_the_same_weights_give_paddleocrs_maps(
    case: str, theirs: Mapping[str, Any], is_fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In single precision, with paddle's operations and with our CPU kernels."""
    monkeypatch.setattr(fast, "IS_WANTED", fast.IS_WANTED and is_fast)

    found = compute(detection_golden.CASES[case])

    np.testing.assert_allclose(found.probability, theirs["probability"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.maps, theirs["maps"], rtol=1e-3, atol=1e-3)  # k = 50 magnifies rounding
    np.testing.assert_allclose(found.terms[0], theirs["terms"][0], rtol=1e-4)


def test_maps_and_losses_of_the_first_steps_are_paddleocrs(double: Found, theirs: Mapping[str, Any]) -> None:
    np.testing.assert_allclose(double.maps, theirs["maps"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(double.terms, theirs["terms"], rtol=1e-6)


def test_every_parameter_has_paddleocrs_gradient(double: Found, theirs: Mapping[str, Any]) -> None:
    assert_same(double.gradient, theirs, "gradient")


def test_optimizer_steps_leave_paddleocrs_parameters(double: Found, theirs: Mapping[str, Any]) -> None:
    assert_same(double.after, theirs, "after")
