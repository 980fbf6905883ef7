"""What PaddleOCR and thaiocr are compared on in detection, made of nothing but a seed.

`tests/golden/make_detection.py` runs PaddleOCR on it and stores what it computes; the tests run thaiocr. Numbers come
from RandomState, whose stream NumPy keeps for good.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import paddle
from golden import EPOCHS, Floats, trainable
from golden import FOLDER as FOLDER
from numpy.typing import NDArray

from thaiocr.config.det_presets import detection_preset
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_any_text
from thaiocr.config.schema import detection

# -- Boxes -------------------------------------------------------------------------------------------------------------

MAPS: Final = 4
PAGE: Final = (777, 1003)
"""Height and width that boxes are scaled to."""
BOXES: Final[Mapping[str, Mapping[str, Any]]] = {
    "defaults": {},
    "usual": {"thresh": 0.3, "box_thresh": 0.6, "unclip_ratio": 1.5},
    "outlines": {"box_type": "poly", "box_thresh": 0.5},
    "slow": {"score_mode": "slow", "use_dilation": True, "box_thresh": 0.5},
}


def probability_map(number: int) -> NDArray[np.float32]:
    """Return a map with bars of text at all angles, some across its border, some over each other, and noise."""
    random = np.random.RandomState(number)
    map_HW = np.zeros((320, 400))
    for _ in range(25):
        centre, size = random.uniform(0, (400, 320)), random.uniform(4, (90, 20))
        angle = random.uniform(-30, 30) if random.uniform() < 0.7 else random.uniform(-90, 90)
        corners_42 = cv2.boxPoints(((centre[0], centre[1]), (size[0], size[1]), angle))
        cv2.fillPoly(map_HW, [corners_42.astype(np.int32)], random.uniform(0.7, 1))
    blurred_HW = cv2.GaussianBlur(map_HW, (0, 0), 1.2) + random.normal(0, 0.03, map_HW.shape)
    return np.clip(blurred_HW, 0, 1).astype(np.float32)


# -- Maps --------------------------------------------------------------------------------------------------------------

SIZE: Final = (200, 160)
"""Width and height of the image."""


def polygons() -> tuple[list[NDArray[np.float32]], list[bool]]:
    """Return text of all angles, some of it across the edges, too small, or of five corners; and what is ignored."""
    random = np.random.RandomState(5)
    boxes = []
    for _ in range(14):
        centre, size = random.uniform(0, SIZE), random.uniform(6, (90, 30))
        boxes.append(cv2.boxPoints(((centre[0], centre[1]), (size[0], size[1]), random.uniform(-40, 40))))
    # PaddleOCR gives all polygons as many corners.
    found = [np.concatenate([each, each[-1:]]).astype(np.float32) for each in boxes]
    found.append(np.array([[20.3, 20.6], [60.2, 14.1], [99.7, 22.4], [96.5, 44.8], [18.1, 40.9]], np.float32))
    return found, [number % 5 == 3 for number in range(len(found))]


# -- Networks ----------------------------------------------------------------------------------------------------------

IMAGES: Final = 2
SIDE: Final = 64
TERMS: Final = ("", "_shrink_maps", "_threshold_maps", "_binary_maps")
"""Of the loss."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One comparison of a network, in PaddleOCR's own words."""

    backbone: Mapping[str, Any]
    neck: Mapping[str, Any]
    head: Mapping[str, Any]
    loss: Mapping[str, Any]
    optimizer: Mapping[str, Any]

    @property
    def architecture(self) -> dict[str, Any]:
        """Return the section of a configuration."""
        parts = {"Backbone": dict(self.backbone), "Neck": dict(self.neck), "Head": dict(self.head)}
        return {"model_type": "det", "algorithm": "DB", **parts}


ADAM: Final = {
    "name": "Adam",
    "lr": {"name": "Cosine", "learning_rate": 0.001, "warmup_epoch": 1},
    "regularizer": {"name": "L2", "factor": 5e-5},
}
CASES: Final[Mapping[str, Case]] = {
    "det_mv3": Case(
        backbone={"name": "MobileNetV3", "model_name": "large", "scale": 0.5},
        neck={"name": "DBFPN", "out_channels": 32},
        head={"name": "DBHead", "k": 50},
        loss={},
        optimizer=ADAM,
    ),
    "det_mv3_rse": Case(
        backbone={"name": "MobileNetV3", "model_name": "small", "scale": 0.35, "disable_se": True},
        neck={"name": "RSEFPN", "out_channels": 24, "shortcut": True},
        head={"name": "DBHead", "k": 10, "fix_nan": True},
        loss={"main_loss_type": "BCELoss", "alpha": 1, "beta": 2, "ohem_ratio": 1.5},
        optimizer={
            "name": "Momentum",
            "momentum": 0.9,
            "lr": {"name": "Linear", "learning_rate": 0.01, "end_lr": 0.001, "warmup_epoch": 1},
        },
    ),
    "det_r18": Case(
        backbone={"name": "ResNet_vd", "layers": 18},
        neck={"name": "RSEFPN", "out_channels": 32, "shortcut": False},
        head={"name": "DBHead", "k": 50},
        loss={"balance_loss": False},
        optimizer=ADAM,
    ),
    "det_lcnet": Case(
        backbone={"name": "PPLCNetV3", "scale": 0.75, "det": True},
        neck={"name": "RSEFPN", "out_channels": 24, "shortcut": True},
        head={"name": "DBHead", "k": 50, "fix_nan": True},
        loss={},
        optimizer=ADAM,
    ),
    "det_r50": Case(
        backbone={"name": "ResNet_vd", "layers": 50},
        neck={"name": "DBFPN", "out_channels": 16},
        head={"name": "DBHead", "k": 50},
        loss={},
        optimizer=ADAM,
    ),
}


def batch() -> list[Floats]:
    """Return images, and the targets in PaddleOCR's order: a rectangle of text in each, its border, what is ignored."""
    random = np.random.RandomState(11)
    x_N3HW = random.uniform(-1, 1, (IMAGES, 3, SIDE, SIDE))
    shrink_NHW, border_NHW = np.zeros((2, IMAGES, SIDE, SIDE))
    shrink_NHW[0, 20:30, 10:50] = shrink_NHW[1, 5:15, 5:25] = 1
    border_NHW[0, 14:36, 4:56] = border_NHW[1, 0:20, 0:30] = 1
    ignored_NHW = np.ones((IMAGES, SIDE, SIDE))
    ignored_NHW[1, 40:60, 30:60] = 0
    threshold_NHW = 0.3 + 0.4 * random.uniform(0, 1, (IMAGES, SIDE, SIDE)) * border_NHW
    return [x_N3HW, threshold_NHW, border_NHW, shrink_NHW, ignored_NHW]


def config(case: Case) -> detection.Config:
    """Return the case as a configuration of thaiocr."""
    sections = {
        "Architecture": case.architecture,
        "Loss": {"name": "DBLoss", **case.loss},
        "Optimizer": case.optimizer,
        "Global.epoch_num": EPOCHS,
    }
    changes = [f"{key}={json.dumps(value)}" for key, value in sections.items()]
    found = load_any_text(to_yaml(detection_preset("dev")), file="golden.yml", overrides=changes).config
    assert isinstance(found, detection.Config)
    return found


def tensors() -> list[Any]:
    """Return `batch` as tensors, in the precision that is set."""
    return [paddle.to_tensor(each.astype(paddle.get_default_dtype())) for each in batch()]


def gradients(model: Any) -> dict[str, Any]:
    """Return the gradients by name. PPLCNetV3 has parameters that take no part in anything, and get none."""
    return {name: parameter.grad for name, parameter in trainable(model) if parameter.grad is not None}
