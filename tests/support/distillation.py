"""The tiny network of `tiny` as a teacher and a student that learns from it."""

from __future__ import annotations

import json
from pathlib import Path

import tiny
import yaml

from thaiocr.config import schema
from thaiocr.config.dump import to_dict
from thaiocr.config.load import load_text

CTC = {"DistillationCTCLoss": {"weight": 1.0, "model_name_list": ["Student"], "key": "head_out"}}
DML = {
    "DistillationDMLLoss": {
        "weight": 1.0,
        "act": "softmax",
        "use_log": True,
        "model_name_pairs": [["Student", "Teacher"]],
        "key": "head_out",
    }
}
DISTANCE = {
    "DistillationDistanceLoss": {
        "weight": 0.5,
        "mode": "l2",
        "model_name_pairs": [["Student", "Teacher"]],
        "key": "backbone_out",
    }
}


def text(plain: schema.Config, *, teacher: Path | None, is_frozen: bool = True, hidden_size: int = 8) -> str:
    """Return the file of a distillation: networks, data and optimizer are those of `plain`.

    Args:
        plain: Of the network alone.
        teacher: A checkpoint of `plain` for the teacher.
        is_frozen: The teacher does not learn.
        hidden_size: Of the student's neck.
    """
    document = json.loads(json.dumps(to_dict(plain)))
    parts = {key: document["Architecture"][key] for key in ("Backbone", "Neck", "Head")}
    common = {"return_all_feats": True, "model_type": "rec", "algorithm": "CRNN", "Transform": None}
    document["Architecture"] = {
        "model_type": "rec",
        "name": "DistillationModel",
        "algorithm": "Distillation",
        "Models": {
            "Teacher": {"pretrained": str(teacher) if teacher else None, "freeze_params": is_frozen, **common, **parts},
            "Student": {
                "pretrained": None,
                "freeze_params": False,
                **common,
                **parts,
                "Neck": {**parts["Neck"], "hidden_size": hidden_size},
            },
        },
    }
    document["Loss"] = {"name": "CombinedLoss", "loss_config_list": [CTC, DML, DISTANCE]}
    document["PostProcess"] = {
        "name": "DistillationCTCLabelDecode",
        "model_name": ["Student", "Teacher"],
        "key": "head_out",
    }
    document["Metric"] = {
        "name": "DistillationMetric",
        "base_metric_name": "RecMetric",
        "main_indicator": "acc",
        "key": "Student",
        "ignore_space": False,
    }
    # By way of JSON, which has no anchors: no network shares a section with another.
    return yaml.safe_dump(json.loads(json.dumps(document)), allow_unicode=True, sort_keys=False)


def config(plain: schema.Config, run: Path, *changes: str, **options: object) -> schema.Config:
    """Return the configuration of `text`, with `changes` as after `-o`; it is trained in the folder `run`."""
    file = text(plain, **options)  # type: ignore[arg-type]
    return load_text(file, file="distillation.yml", overrides=(f"Global.save_model_dir={run}", *changes)).config


def plain(data: Path, run: Path, *changes: str) -> schema.Config:
    """Return a network alone, without a guide."""
    return tiny.config(data, run, "Loss.parts_guide=null", *changes)
