"""A file like PaddleOCR's public one of PP-OCRv5 mobile trains, goes on and is exported; the networks are narrow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
import svtr_lcnet_files
import tiny

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.data.images import Preprocess
from thaiocr.engine.build import build_run
from thaiocr.engine.trained import evaluation_set, open_trained
from thaiocr.export.bundle import export_bundle
from thaiocr.predict.bundle import Bundle
from thaiocr.progress import silent


@dataclass(frozen=True, slots=True)
class Training:
    """What a training left."""

    config: schema.Config
    report: dict[str, Any]
    run: Path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp("svtr_lcnet"), images=24, val_images=12)


@pytest.fixture(scope="module")
def training(data: Path) -> Training:
    config = svtr_lcnet_files.narrow(data, data / "run")
    report, _ = tiny.fit(config)
    return Training(config, report, data / "run")


def test_both_heads_are_trained_and_the_loss_is_their_sum(training: Training) -> None:
    steps = [record for record in tiny.records(training.run) if record["event"] == "train"]
    assert len(steps) == training.report["steps"] > 2
    for step in steps:
        assert step["loss"] == pytest.approx(step["ctc"] + step["nrtr"])
    assert steps[-1]["nrtr"] < steps[0]["nrtr"]


def test_every_weight_has_learnt_and_the_table_of_positions_has_not(training: Training) -> None:
    with paddle.utils.unique_name.guard():
        run = build_run(
            svtr_lcnet_files.narrow(training.run.parent, training.run.parent / "fresh"),
            echo=lambda _line: None,
            progress=silent,
        )
    weights = store.load_weights(training.run / "latest")
    same = [name for name, fresh in run.model.state_dict().items() if np.array_equal(np.asarray(fresh), weights[name])]
    assert same == ["head.gtc_head.positional_encoding.pe"]


@pytest.mark.slow
def test_resume_is_bit_identical(training: Training, data: Path, tmp_path: Path) -> None:
    """What drops out, the sizes and the joined pictures follow from the step alone."""
    changes = "Optimizer.lr={name: Const, learning_rate: 0.002}"
    tiny.fit(svtr_lcnet_files.narrow(data, tmp_path / "whole", changes))
    tiny.fit(svtr_lcnet_files.narrow(data, tmp_path / "cut", changes, "Global.epoch_num=1"))
    tiny.fit(svtr_lcnet_files.narrow(data, tmp_path / "cut", changes), resume=tmp_path / "cut" / "latest")
    assert tiny.content(tmp_path / "cut" / "latest") == tiny.content(tmp_path / "whole" / "latest")


@pytest.mark.slow
def test_the_exported_model_reads_what_the_trained_one_reads(training: Training, tmp_path: Path) -> None:
    """The parity gate compares merged branches, without NRTR, with the network as it was trained."""
    found = open_trained(training.config, None)
    bundle = Bundle(
        folder=tmp_path / "bundle",
        preprocess=Preprocess.of(training.config.eval.dataset.transforms),
        dictionary=found.dictionary,
        use_space_char=True,
        details={},
    )
    batches = evaluation_set(training.config, found.codec, labels=None, progress=silent)
    export_bundle(found.model, bundle, batches, engines=("paddle", "onnx"), is_calibrated=False, progress=silent)

    details = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))
    assert all(parity["same_text"] == parity["images"] == 12 for parity in details["parity"])
    assert all(parity["max_difference"] < 1e-4 for parity in details["parity"])
    program = (bundle.folder / "inference.json").read_text("utf-8")
    assert "embedding" not in program
