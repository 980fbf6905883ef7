"""From nothing to text that is read, through the command line alone, with the fonts of this machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thaiocr.cli.main import main

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command that has to succeed; returns what its JSON lines hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(command: str) -> list[Any]:
        capsys.readouterr()
        code = main([*shlex.split(command), "--json"])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return [json.loads(line) for line in printed.out.splitlines()]

    return run


@pytest.mark.slow
def test_the_readmes_commands_lead_from_nothing_to_text_that_is_read(run: Run) -> None:
    run("dict build --tier starter -o starter.txt")
    entries = Path("starter.txt").read_text("utf-8").split()[::8]
    Path("dict.txt").write_text("".join(f"{entry}\n" for entry in entries), "utf-8")

    (made,) = run("synth rec -o data --dict dict.txt --count 1600 --val-count 260 --seed 7 --preset clean --workers 2")
    assert made["images"] == {"train": 1600, "val": 260, "test": 160}
    assert not set(made["families"]["train"]) & {*made["families"]["val"], *made["families"]["test"]}

    run(
        "config new rec --preset dev --data data -o rec.yml --set Global.save_model_dir=run Global.epoch_num=9 "
        "Optimizer.lr.learning_rate=0.004 Optimizer.lr.warmup_epoch=0.5 Train.loader.batch_size_per_card=32 "
        "'Architecture.Backbone={name: MobileNetV3, model_name: small, scale: 0.35, small_stride: [1, 2, 2, 2]}' "
        "Train.dataset.transforms.RecResizeImg.image_shape=[3,32,24] "
        "Eval.dataset.transforms.RecResizeImg.image_shape=[3,32,24]"
    )
    (report,) = run("train -c rec.yml")
    assert report["best"]["acc"] > 4 / len(entries), report["history"]

    (summary,) = run("eval -c rec.yml")
    assert summary["acc"] == report["best"]["acc"]

    (exported,) = run("export -c rec.yml -o bundle")
    assert [each["engine"] for each in exported["parity"]] == ["paddle", "onnx"]
    assert all(each["images"] == each["same_text"] == 256 for each in exported["parity"])
    assert all(each["max_difference"] < 1e-3 for each in exported["parity"])

    (summary,) = run("eval -c rec.yml --bundle bundle")
    assert summary["acc"] == report["best"]["acc"]

    labels = dict(line.split("\t") for line in Path("data/rec_gt_val.txt").read_text("utf-8").splitlines())
    found = run("predict --bundle bundle --labels data/rec_gt_val.txt")
    assert [each["image"] for each in found] == list(labels)
    right = sum(each["text"] == labels[each["image"]] for each in found)
    assert right / len(labels) == pytest.approx(summary["acc"])
    assert all(0 <= each["score"] <= 1 for each in found)
