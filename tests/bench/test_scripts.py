"""The scripts in bench/ run and print what they promise; what they compare with has to be there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import cv2
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="they give processes cores of their own"),
]

FOLDER: Final = Path(__file__).resolve().parents[2] / "bench"
SMALL: Final = ("--width", "16", "--batch", "4", "--classes", "9", "--seconds", "0.01")


def start(script: str, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script, without the checkout of PaddleOCR that the caller may have."""
    inherited = {name: value for name, value in os.environ.items() if name != "PADDLEOCR"}
    command = [sys.executable, FOLDER / script, *words]
    return subprocess.run(command, capture_output=True, text=True, env={**inherited, **environment})


def run(script: str, *words: str | Path) -> dict[str, Any]:
    """Run a script; returns its line."""
    done = start(script, *words)
    assert done.returncode == 0, done.stderr
    line: dict[str, Any] = json.loads(done.stdout)
    return line


def assert_figures_agree(line: dict[str, Any]) -> None:
    for name, median in line["images_per_s"].items():
        low, high = line["spread"][name]
        assert 0 < low <= median <= high


def test_growth_prints_draws_and_writes_what_it_measured(tmp_path: Path) -> None:
    plot, table = tmp_path / "growth.png", tmp_path / "growth.md"

    line = run("growth.py", "--samples", "10", "40", "--seconds", "0.01", "--plot", plot, "--table", table)

    kinds = ["labels, clusters", "labels, lines", "start-up"]
    found = [(each["samples"], each["kind"]) for each in line["samples"]]
    assert found == [(count, kind) for count in (10, 40) for kind in kinds]
    assert all(each["seconds"] > 0 and each["megabytes"] >= 0 for each in line["samples"])
    for series in ("classes", "width", "processes"):
        assert_figures_agree(line[series])
    picture = cv2.imread(str(plot))
    assert picture is not None
    assert picture.shape == (760, 1160, 3)
    assert picture.std() > 5
    rows = table.read_text("utf-8").splitlines()
    assert [row.split(" | ")[0] for row in rows[2:4]] == ["| 10", "| 40"]


def test_the_stock_step_is_measured_without_a_checkout() -> None:
    line = run("compare_paddleocr.py", *SMALL)

    assert_figures_agree(line)
    assert "stock step, 1 process of paddle" in line["images_per_s"]
    assert "thaiocr's step, 1 process" in line["images_per_s"]
    assert line["options"]["checkout"] is False


@pytest.mark.skipif("TORCH_PYTHON" not in os.environ, reason="set TORCH_PYTHON to a Python with PyTorch to run it")
def test_pytorch_and_ours_are_measured_side_by_side() -> None:
    line = run("compare_pytorch.py", *SMALL)

    assert_figures_agree(line)
    assert {name.partition(",")[0] for name in line["images_per_s"]} == {"PyTorch", "thaiocr"}
    assert line["versions"]["torch"]


def test_a_python_without_pytorch_is_named() -> None:
    done = start("compare_pytorch.py", *SMALL, TORCH_PYTHON=sys.executable)

    assert done.returncode == 1
    assert f"{sys.executable} has no PyTorch; set TORCH_PYTHON to a Python that has it" in done.stderr
