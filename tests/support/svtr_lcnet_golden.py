"""The SVTR_LCNet networks that PaddleOCR and thaiocr are compared on; weights and images are made as in `golden`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import golden
import numpy as np
import paddle

CLASSES: Final = 13
IMAGE_SHAPE: Final = (3, 48, 96)
LABEL_LENGTH: Final = 4
PUBLIC_CLASSES: Final = 525
"""What the size of the heads is for the names and shapes of the public configuration."""

PUBLIC: Final[Mapping[str, Any]] = {
    "algorithm": "SVTR_LCNet",
    "Backbone": {"name": "PPLCNetV3", "scale": 0.95},
    "Head": {
        "name": "MultiHead",
        "head_list": [
            {
                "CTCHead": {
                    "Neck": {
                        "name": "svtr",
                        "dims": 120,
                        "depth": 2,
                        "hidden_dims": 120,
                        "kernel_size": [1, 3],
                        "use_guide": True,
                    },
                    "Head": {"fc_decay": 1e-5},
                }
            },
            {"NRTRHead": {"nrtr_dim": 384, "max_text_length": 25}},
        ],
    },
}
"""`Architecture` of PP-OCRv5_mobile_rec.yml and its sisters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One comparison, in PaddleOCR's own words."""

    backbone: Mapping[str, Any]
    neck: Mapping[str, Any]
    head: Mapping[str, Any]
    nrtr: Mapping[str, Any]
    loss: list[dict[str, Any]]
    weights: Mapping[str, float]
    optimizer: Mapping[str, Any]
    tolerance: float = 1e-5
    """Of gradients and parameters, as a share of a tensor's norm; both losses are computed in single precision."""

    @property
    def architecture(self) -> dict[str, Any]:
        """`Architecture` of a file."""
        heads = [{"CTCHead": {"Neck": {"name": "svtr", **self.neck}, "Head": dict(self.head)}}]
        return {
            "algorithm": "SVTR_LCNet",
            "Backbone": {"name": "PPLCNetV3", **self.backbone},
            "Head": {"name": "MultiHead", "head_list": [*heads, {"NRTRHead": dict(self.nrtr)}]},
        }


CASES: Final[Mapping[str, Case]] = {
    "svtr_lcnet": Case(  # the public configuration, narrow
        backbone={"scale": 0.125},
        neck={"dims": 24, "depth": 2, "hidden_dims": 16, "kernel_size": [1, 3], "use_guide": True},
        head={"fc_decay": 1e-5},
        nrtr={"nrtr_dim": 64, "num_decoder_layers": 2},
        loss=[{"CTCLoss": None}, {"NRTRLoss": None}],
        weights={},
        optimizer={
            "name": "Adam",
            "beta1": 0.9,
            "beta2": 0.999,
            "lr": {"name": "Cosine", "learning_rate": 0.0005, "warmup_epoch": 1},
            "regularizer": {"name": "L2", "factor": 3e-5},
        },
    ),
    "svtr_lcnet_options": Case(  # CTC trains the backbone as well, and what else can be set is set
        backbone={"scale": 0.125, "conv_kxk_num": 2, "lab_lr": 0.5, "lr_mult_list": [0.1, 0.5, 1.0, 1.0, 1.0, 2.0]},
        neck={"dims": 16, "depth": 1, "hidden_dims": 16, "num_heads": 2, "mlp_ratio": 3.0, "kernel_size": [3, 3]},
        head={"fc_decay": 4e-4, "mid_channels": 12},
        nrtr={"nrtr_dim": 32, "num_decoder_layers": 1},
        loss=[{"CTCLoss": {"use_focal_loss": True}}, {"NRTRLoss": {"smoothing": False}}],
        weights={"weight_1": 0.5, "weight_2": 2.0},
        optimizer={
            "name": "Momentum",
            "momentum": 0.9,
            "lr": {"name": "Linear", "learning_rate": 1e-5, "end_lr": 1e-6, "warmup_epoch": 1},
            "regularizer": {"name": "L2", "factor": 1e-3},
        },
        tolerance=3e-4,
    ),
}


def weight(name: str, shape: list[int]) -> golden.Floats:
    """Return the values of a parameter or of a batch norm's statistics; sums of branches do not grow."""
    values = golden.weight(name, shape)
    if name.endswith(".scale"):
        return 1 + values
    is_branch = name.startswith("backbone.blocks") and name.endswith((".bn.weight", ".identity.weight"))
    return 0.4 * values if is_branch else values


def fill(model: Any) -> None:
    """Make a network double, with the weights of the recipe; the table of positions stays its own."""
    model.to(dtype=paddle.get_default_dtype())
    for name, tensor in model.state_dict().items():
        if not name.endswith(".pe"):
            tensor.set_value(weight(name, tensor.shape).astype(paddle.get_default_dtype()))


def counted(logits_NSV: Any) -> Any:
    """Return the logits with 0 after the end of each label, where no loss looks at them."""
    _, _, lengths_N = tensors()
    is_counted_NS = paddle.arange(logits_NSV.shape[1]) <= lengths_N.unsqueeze(1)
    return logits_NSV * is_counted_NS.unsqueeze(2).astype(logits_NSV.dtype)


def tensors() -> list[Any]:
    """Return images, labels and lengths, in the precision that is set."""
    random = np.random.RandomState(11)
    x_N3HW = random.uniform(-1, 1, (golden.IMAGES, *IMAGE_SHAPE)).astype(paddle.get_default_dtype())
    labels_NL = random.randint(1, CLASSES, (golden.IMAGES, LABEL_LENGTH)).astype(np.int32)
    labels_NL[0, 1] = labels_NL[0, 0]
    lengths_N = np.array([LABEL_LENGTH, 1, LABEL_LENGTH - 1])
    labels_NL[np.arange(LABEL_LENGTH) >= lengths_N[:, None]] = 0
    return [paddle.to_tensor(each) for each in (x_N3HW, labels_NL, lengths_N)]
