from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny
from paddle import nn

from thaiocr.checkpoint import store
from thaiocr.cli.main import main
from thaiocr.export import bundle as bundle_module
from thaiocr.predict.bundle import Bundle


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

    assert main(["export", "-c", str(trained.config_file), "-o", str(folder), "--no-onnx"]) == 0
    assert "paddle: 24 of 24 images read the same" in capsys.readouterr().out


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
