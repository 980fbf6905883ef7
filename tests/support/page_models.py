"""A detection model that needs no training: what is darker than the paper is text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from thaiocr.predict.bundle import ONNX
from thaiocr.predict.detector import SETTINGS


def settings(**changes: Any) -> dict[str, Any]:
    """Return the content of `inference.yml`; `changes` replace options of DBPostProcess."""
    return {
        "Global": {"model_name": "PP-OCRv5_mobile_det"},
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"img_mode": "BGR"}},
                {"DetResizeForTest": {"limit_side_len": 1024, "limit_type": "max"}},
                {"NormalizeImage": {"mean": [0, 0, 0], "std": [1, 1, 1], "scale": "1./255.", "order": "hwc"}},
                {"ToCHWImage": None},
                {"KeepKeys": {"keep_keys": ["image", "shape"]}},
            ]
        },
        "PostProcess": {"name": "DBPostProcess", "thresh": 0.5, "box_thresh": 0.5, "unclip_ratio": 0.0, **changes},
    }


def write_detector(folder: Path, *, paper: float = 0.975, gap: int = 1, **changes: Any) -> Path:
    """Write a detection model.

    Args:
        folder: Where to.
        paper: Grey, 0 to 1, from which a pixel is paper.
        gap: Pixels; ink that is no further apart becomes one region.
        changes: Of `settings`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    constants = {"paper": np.array(paper, np.float32), "sharpness": np.array(400, np.float32)}
    pool = {"kernel_shape": [gap, gap], "pads": [gap // 2] * 4, "strides": [1, 1]}
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["paper", "grey"], ["darkness"]),
        helper.make_node("Mul", ["darkness", "sharpness"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["ink"]),
        helper.make_node("MaxPool", ["ink"], ["spread"], **pool),
        helper.make_node("Neg", ["spread"], ["paper_share"]),
        helper.make_node("MaxPool", ["paper_share"], ["closed"], **pool),
        helper.make_node("Neg", ["closed"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "darkness",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 1, "H", "W"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / ONNX))
    (folder / SETTINGS).write_text(yaml.safe_dump(settings(**changes)), "utf-8")
    return folder
