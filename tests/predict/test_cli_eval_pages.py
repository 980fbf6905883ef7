"""`thaiocr eval --det`, here because the bundle of stripes is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import page_models
import pytest

from thaiocr.cli.main import main
from thaiocr.data.images import Pixels

CLASSES = {"กกี่": (1, 0, 2), "น้ำ": (3,), "A": (4,)}
PLACES = {"กกี่": (40, 40), "น้ำ": (250, 44), "A": (40, 160)}
"""Text -> left, top; in reading order."""
SCALE = 6
FIRST, SECOND = "det/test/000001.jpg", "det/test/000002.jpg"


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    return page_models.write_detector(tmp_path / "det")


@pytest.fixture
def pages(tmp_path: Path, draw: Callable[..., Pixels]) -> Path:
    """Write two pages with the same three texts; on the second the label takes one of them for a stamp."""
    folder = tmp_path / "pages"
    (folder / "det" / "test").mkdir(parents=True)
    pixels, boxes = np.full((260, 480, 3), 255, np.uint8), []
    for text, (left, top) in PLACES.items():
        line = np.kron(draw(*CLASSES[text]), np.ones((SCALE, SCALE, 1), np.uint8))
        bottom, right = top + line.shape[0], left + line.shape[1]
        pixels[top:bottom, left:right] = line
        points = [[left, top], [right, top], [right, bottom], [left, bottom]]
        boxes.append({"transcription": text, "points": points})
    stamped = [boxes[0], boxes[2], {**boxes[1], "transcription": "###"}]
    for name in (FIRST, SECOND):
        (folder / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    lines = f"{FIRST}\t{json.dumps(boxes)}\n{SECOND}\t{json.dumps(stamped)}\n"
    (folder / "det_gt_test.txt").write_text(lines, "utf-8")
    return folder / "det_gt_test.txt"


def measure(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["eval", *map(str, arguments)]) == code
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_pages_that_are_read_right_have_no_errors(
    detector: Path, bundle: Path, pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ("--det", detector, "--rec", bundle)
    printed, said = measure(capsys, *models, "--labels", pages, "--json", "--report", tmp_path / "report")
    found = json.loads(printed)
    assert (found["det"], found["rec"], found["labels"]) == (str(detector), str(bundle), str(pages))
    assert (found["pages"], found["regions"], found["found"]) == (2, 5, 5)
    assert found["detection"]["hmean"] == 1
    for spaces in ("with_space", "without_space"):
        assert found[spaces]["line_acc"] == 1
        assert found[spaces]["line_cer"] == found[spaces]["page_cer_code_points"] == 0
    assert found["pages_per_s"] > 0
    assert "limits" not in found
    assert json.loads((tmp_path / "report" / "report.json").read_text("utf-8")) == found
    assert f"report: {tmp_path / 'report' / 'report.json'}" in said
    lines = (tmp_path / "report" / "lines.csv").read_text("utf-8").splitlines()
    assert lines[:2] == ["labels,image,result,label,text", f"{pages},{FIRST},right,กกี่,กกี่"]
    assert len(lines) == 6


def test_errors_are_printed_as_tables_with_designs(
    detector: Path, bundle: Path, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The labels of the first page come in another order, and one of them says something else."""
    first, second = pages.read_text("utf-8").splitlines()
    boxes = json.loads(first.partition("\t")[2])[::-1]
    boxes[1]["transcription"] = "น้ำปลา"
    pages.write_text(f"{FIRST}\t{json.dumps(boxes)}\n{second}\n", "utf-8")
    split = {"folder": "det/test", "designs": ["form", "letter"], "images": {"design": [1]}}
    (pages.parent / "manifest.json").write_text(json.dumps({"fonts": [], "splits": {"test": split}}), "utf-8")
    printed, _ = measure(capsys, "--det", detector, "--rec", bundle, "--labels", pages)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if line[:1] == "|"]
    cells = {row[0]: row[1:] for row in rows}
    assert cells["lines read exactly"][0].startswith("0.8000 (")
    assert cells["CER of lines, clusters"][1].startswith("0.3000 (")
    assert cells["misread"][0].startswith("0.3000 (")
    assert cells["CER in reading order, clusters"][0].startswith("0.5385 (")
    assert cells["letter"] == ["1", "1.0000", "0.6667", "0.4286", "0.7778"]
    assert cells["(not known)"] == ["1", "1.0000", "1.0000", "0.0000", "0.0000"]
    assert f"{FIRST}: 3 edits, 0 lines not found, 0 wrong" in printed
    assert "Synthetic pages only" in printed


def test_legacy_labels_and_several_files_are_measured(
    detector: Path, bundle: Path, pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    legacy = pages.parent / "legacy.txt"
    legacy.write_text("det/test/000001.jpg\t40,40,112,40,112,88,40,88,กกี่\t250,44,274,44,274,92,250,92,ก\n", "utf-8")
    files = ("--labels", pages, legacy)
    report = tmp_path / "new" / "figures.json"
    printed, _ = measure(capsys, "--det", detector, "--rec", bundle, "--json", *files, "--report", report)
    found: dict[str, Any] = json.loads(printed)["sets"]
    assert list(found) == [str(pages), str(legacy)]
    assert found[str(legacy)]["detection"]["recall"] == 1
    assert found[str(legacy)]["detection"]["precision"] == pytest.approx(2 / 3)
    assert found[str(legacy)]["with_space"]["line_acc"] == 0.5
    assert json.loads(report.read_text("utf-8"))["sets"] == found


def test_pages_that_cannot_be_used_are_all_named(
    detector: Path, bundle: Path, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pages.parent / SECOND).write_bytes(b"no image")
    with pages.open("a", encoding="utf-8") as file:
        file.write(f"none.png\t[]\n{FIRST}\tกา\n")
    _, said = measure(capsys, "--det", detector, "--rec", bundle, "--labels", pages, code=3)
    assert f"{pages}:2: {SECOND}: " in said
    assert f"{pages}:3: none.png: none.png: no such file (looked for {pages.parent / 'none.png'})" in said
    assert f"{pages}:4: {FIRST}: box 1: not a JSON object" in said
    assert f"{pages}: 3 of 4 lines cannot be used; correct these lines or leave them out" in said


def test_labels_of_recognition_are_refused_with_the_form_that_is_needed(
    detector: Path, bundle: Path, pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages.write_text(f"{FIRST}\tกา\n" * 30, "utf-8")
    _, said = measure(capsys, "--det", detector, "--rec", bundle, "--labels", pages, code=3)
    assert said.count("not a JSON object") == 10
    assert '30 of 30 lines cannot be used; a line is an image path, a tab and [{"transcription"' in said
    pages.write_text("", "utf-8")
    _, said = measure(capsys, "--det", detector, "--rec", bundle, "--labels", pages, code=3)
    assert f"{pages}: no page in this file" in said


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "eval: give -c FILE, or --det DIR with --rec DIR and --labels FILE"),
        (["--det", "none"], 2, "eval: --det needs --labels FILE"),
        (["--det", "none", "-c", "a.yml", "--negatives", "n"], 2, "leave out -c, --negatives"),
        (["--det", "none", "--rec", "{rec}", "--labels", "l.txt"], 3, "none: not a bundle, there is no such folder"),
        (["--det", "{rec}", "--rec", "{rec}", "--labels", "l.txt"], 3, "bundle: no detection model, there is no"),
        (["--det", "{det}", "--rec", "none", "--labels", "l.txt"], 3, "none: not a bundle, there is no such folder"),
        (["--det", "{det}", "--rec", "{rec}", "--labels", "l.txt"], 3, "l.txt: no such label file"),
        (["--det", "{det}", "--rec", "{rec}", "--labels", "{labels}", "--report", "/proc/no"], 5, "/proc/no"),
    ],
)
def test_a_mistake_is_one_message_with_a_way_out(
    detector: Path,
    bundle: Path,
    pages: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word.format(det=detector, rec=bundle, labels=pages) for word in arguments]
    out, said = measure(capsys, *words, code=code)
    assert message in said
    assert out == ""
