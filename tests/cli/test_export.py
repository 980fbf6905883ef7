from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny
from paddle import nn

from thaiocr.checkpoint import store
from thaiocr.cli.export import ENGINES
from thaiocr.cli.main import main
from thaiocr.export import bundle as bundle_module
from thaiocr.export.parity import TOLERANCES
from thaiocr.predict.bundle import Bundle, open_bundle
from thaiocr.predict.runtime import RUNTIMES


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--onnx", "--no-onnx"])
def test_export_prints_what_the_gate_measured(
    trained: tiny.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    folder = tmp_path / "new" / "bundle"
    assert main(["export", "-c", str(trained.config_file), "-o", str(folder), option, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["bundle"] == str(folder)
    assert [each["engine"] for each in printed["parity"]] == ["paddle", "onnx"][: 1 + (option == "--onnx")]
    assert all(each["same_text"] == each["images"] == 24 for each in printed["parity"])
    assert (folder / "inference.onnx").exists() == (option == "--onnx")

    assert printed["calibration"]["images"] == 24
    assert open_bundle(folder).temperature == printed["calibration"]["temperature"]

    command = ["export", "-c", str(trained.config_file), "-o", str(folder), "--no-onnx", "--no-calibrate"]
    assert main(command) == 0
    printed_text = capsys.readouterr().out
    assert "paddle: 24 of 24 images read the same" in printed_text
    assert "temperature" not in printed_text
    assert open_bundle(folder).temperature == 1


@pytest.mark.slow
def test_a_small_bundle_of_8_bits_says_its_size_and_reads(
    trained: tiny.Trained, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "small"
    command = ["export", "-c", str(trained.config_file), "-o", str(folder), "--int8", "--no-onnx", "--no-paddle"]
    assert main(command) == 0
    size = (folder / "inference.int8.onnx").stat().st_size
    printed = capfd.readouterr()
    assert re.search(
        rf"int8: 24 of 24 images read the same, probabilities within 0.\d+, {size / 1e6:.1f} MB", printed.out
    )
    assert "scores: temperature " in printed.out
    assert not re.search("initializer|onnx_quantizer|pre-process", printed.err)

    assert main(["predict", "--bundle", str(folder), str(trained.data / "val" / "0000.png"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["text"] in tiny.ENTRIES


def test_what_can_be_exported_is_what_can_be_read_with_and_has_a_tolerance() -> None:
    assert set(ENGINES) == set(RUNTIMES) == set(TOLERANCES)


def test_an_export_of_nothing_is_refused(trained: tiny.Trained, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", "-c", str(trained.config_file), "-o", "x", "--no-onnx", "--no-paddle"]
    assert main(command) == 2
    assert capsys.readouterr().err == "export: nothing to write; leave one of --paddle, --onnx and --int8\n"


def test_a_model_that_does_not_read_the_same_ends_with_exit_code_4_and_no_bundle(
    trained: tiny.Trained,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The checkpoint's weights are not those that get written."""
    saved = store.load(trained.run / "best_accuracy")
    weights = {**saved.weights, "head.fc.bias": np.roll(saved.weights["head.fc.bias"], 1)}
    store.save(store.Checkpoint(weights=weights, optimizer={}, states={}), tmp_path / "other")

    def write(_model: nn.Layer, staged: Bundle) -> None:
        for name in ("inference.json", "inference.pdiparams"):
            shutil.copy(bundle / name, staged.folder)

    monkeypatch.setattr(bundle_module, "write_paddle_model", write)
    command = ["export", "-c", str(trained.config_file), "--checkpoint", str(tmp_path / "other")]
    assert main([*command, "-o", str(tmp_path / "bundle")]) == 4
    printed = capsys.readouterr()
    assert "no bundle written: the paddle model reads" in printed.err
    assert "no bundle written: the onnx model reads" in printed.err
    assert printed.out == ""
    assert {path.suffix for path in tmp_path.iterdir()} == set(store.SUFFIXES)
