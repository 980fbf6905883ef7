from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from thaiocr.metrics.recognition import Reading, RecognitionMetric
from thaiocr.metrics.summary import Summary

ROOT = Path(__file__).parents[2]


def summary(texts: str) -> Summary:
    metric = RecognitionMetric()
    metric.update(
        Reading(image=f"{at}.jpg", label="ด", text=text, score=0.9, font=("Loma", "Mali")[at % 2])
        for at, text in enumerate(texts)
    )
    return metric.summary()


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    shutil.copy(ROOT / "docs" / "model_card.md", tmp_path / "card.md")
    run, data, bundle = (tmp_path / name for name in ("run", "data", "bundle"))
    sets = {f"test_{name}": summary("ดดดดต") for name in "ABCD"}
    write(run / "evaluation" / "report.json", {"sets": sets})
    write(run / "float.json", {"acc": 0.8})
    write(run / "report.json", {"seconds": 1200.0})
    split = {"families": ["Loma", "Mali"]}
    write(
        data / "manifest.json",
        {"thaiocr": "1", "request": {"seed": 14}, "splits": dict.fromkeys(("train", "val", "test"), split)},
    )
    write(bundle / "bundle.json", {"temperature": 1.25})
    script = str(ROOT / "scripts" / "model_card.py")
    return [sys.executable, script, str(tmp_path / "card.md"), str(run), "--data", str(data), "--bundle", str(bundle)]


def test_figures_replace_what_was_between_the_marks_and_nothing_else(command: list[str], tmp_path: Path) -> None:
    before = (ROOT / "docs" / "model_card.md").read_text("utf-8")
    for _ in range(2):  # a second time over the figures of the first
        subprocess.run(command, check=True, capture_output=True)
    after = (tmp_path / "card.md").read_text("utf-8")
    assert after.startswith(before.partition("<!-- figures")[0])
    assert after.endswith(before.partition("<!-- end of figures -->")[2])
    assert after.count("### All sets") == 1
    assert "80.00 (" in after
    assert "temperature 1.250" in after
    assert "trained for 20.0 minutes" in after
    assert "| ด → ต " in after


def test_the_minutes_of_all_parts_and_of_the_search_are_added_up(command: list[str], tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path / f"part{number}" / "report.json", {"seconds": 300.0 * number})
    write(tmp_path / "part2" / "search.json", {"seconds": 90})
    subprocess.run([*command, "--parts", str(tmp_path / "part1"), str(tmp_path / "part2")], check=True)
    card = (tmp_path / "card.md").read_text("utf-8")
    assert "trained for 36.5 minutes: 5.0 + 10.0 + 20.0, and 1.5 to search for hard images" in card


def test_a_small_bundle_that_reads_worse_is_refused(command: list[str], tmp_path: Path) -> None:
    write(tmp_path / "run" / "float.json", {"acc": 0.81})
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 4
    assert "1.00 points on set D" in done.stderr
    assert (tmp_path / "card.md").read_bytes() == (ROOT / "docs" / "model_card.md").read_bytes()
