"""What `bench/compare_tesseract.py` does around Tesseract, for which a program stands in that reads always the same."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

TESSERACT = """\
#!{python}
import sys

if "--version" in sys.argv:
    print("tesseract stand-in")
else:
    print(end="".join(open({answers!r}, encoding="utf-8").read() + "\\f" for _ in open(sys.argv[1])))
"""
"""Reads the same on every image of the list."""


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    path = Path(__file__).parents[2] / "bench" / "compare_tesseract.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("ink", "paper"), [(20, 240), (240, 20), (100, 160), (150, 90)])
def test_tesseract_gets_black_on_white_whatever_the_colours_were(compare: ModuleType, ink: int, paper: int) -> None:
    image = np.full((40, 60, 3), paper, np.uint8)
    image[10:30, 25:35] = ink
    found = compare.black_on_white(image, 40, 0.4)
    assert found.shape == (40 + 2 * 16, 60 + 2 * 16)
    assert found[16 + 20, 16 + 30] < 20
    assert found[16 + 2, 16 + 2] > 235
    assert found[0, 0] == 255


def test_heights_are_reached_from_above_and_below(compare: ModuleType) -> None:
    for rows in (20, 200):
        image = np.full((rows, rows * 2, 3), 255, np.uint8)
        image[rows // 3 : rows // 2, rows // 2 :] = 0
        assert compare.black_on_white(image, 48, 0.4).shape == (48 + 2 * 19, 96 + 2 * 19)
        assert compare.black_on_white(image, 0, 0.1).shape == (rows + rows // 5, 2 * rows + rows // 5)


def test_what_is_scored_is_the_same_in_every_run_and_no_setting_is_chosen_on_it(compare: ModuleType) -> None:
    lines = [(f"rec/test/{number:06}.jpg", "ก") for number in range(50)]
    chosen, tuning = compare.choose(lines, 10, 5)
    assert (len(set(chosen)), len(set(tuning))) == (10, 5)
    assert not set(chosen) & set(tuning)
    assert (chosen, tuning) == compare.choose(lines, 10, 5)
    assert [len(each) for each in compare.choose(lines, 99, 5)] == [45, 5]
    assert [len(each) for each in compare.choose(lines, 99, 0)] == [50, 0]
    with pytest.raises(SystemExit, match="lower --tune"):
        compare.choose(lines, 10, 50)


def test_clusters_and_lines_are_told_apart_by_the_labels(compare: ModuleType) -> None:
    assert compare.mode_of(["ก", "น้ำ", "กั้", "ไป"]) == "cluster"
    assert compare.mode_of(["ไป", "ประเทศไทย 2567", "ก"]) == "line"


def test_both_readers_are_measured_with_spaces_and_without_and_in_one_spelling(compare: ModuleType) -> None:
    chosen = [("a.jpg", "น้ำ ไป"), ("b.jpg", "A"), ("c.jpg", "แ")]
    texts = ["น ํ้าไป", "a", "เเ"]
    found = compare.measure(chosen, texts, {})
    assert found[False]["acc"] == pytest.approx(2 / 3)
    assert found[True]["acc"] == pytest.approx(1 / 3)
    columns = compare.figures(found, compare.MODES["line"].figures)
    assert columns["CER code points"][0] > columns["without spaces"][0]
    thai, read = compare.subset(chosen, texts, compare.SUBSETS["thai"])
    assert [label for _, label in thai] == ["น้ำ ไป", "แ"]
    assert read == ["น ํ้าไป", "เเ"]


def test_lines_with_latin_letters_are_not_counted_as_thai(compare: ModuleType) -> None:
    assert compare.SUBSETS["thai"]("ไป 25.5%")
    assert not compare.SUBSETS["thai"]("ไปกับ Tom")
    assert not compare.SUBSETS["thai"]("2567")


def test_an_image_that_tesseract_fails_on_has_no_text_and_shifts_no_other(
    compare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "names = [pathlib.Path(line).stem for line in open(sys.argv[1]).read().split()]\n"
        "print(end=''.join(name + '\\f' for name in names if name != '000103'))\n"
    )
    program.chmod(0o755)
    cv2.imwrite(str(tmp_path / "image.png"), np.full((20, 60, 3), 9, np.uint8))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    setting = compare.Setting("tha", 7, 32, 0.1)
    texts = compare.read_with_tesseract(tmp_path, [("image.png", "ก")] * 105, setting)
    assert texts == [f"{number:06}" if number != 103 else "" for number in range(105)]


@pytest.mark.parametrize(("mode", "others"), [("line", "7 other images"), ("cluster", "the scored images")])
def test_a_reader_that_reads_all_is_all_right_and_the_first_line_of_json_says_so(
    compare: ModuleType,
    mode: str,
    others: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "answer").write_text("กา ไป\n", encoding="utf-8")
    program = tmp_path / "tesseract"
    program.write_text(TESSERACT.format(python=sys.executable, answers=str(tmp_path / "answer")), encoding="utf-8")
    program.chmod(0o755)
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 60, 3), 9 * number, np.uint8))
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{number}.png\tกา ไป\n" for number in range(12)), encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(compare, "read_with_bundle", lambda _bundle, _root, chosen: ["กาไป" for _ in chosen])
    few = ["--psm", "7", "--height", "32", "--lang", "tha", *(["--tune", "7"] if mode == "line" else [])]
    monkeypatch.setattr(sys, "argv", ["compare", "bundle", str(labels), "--images", "5", "--mode", mode, *few])
    compare.main()
    found = json.loads(capsys.readouterr().out)
    assert (found["mode"], found["chosen_on"], found["all"]["images"]) == (mode, others, 5)
    (setting, *_) = found["all"]["settings"]
    exact = "exact" if mode == "line" else "top-1"
    assert found["all"][setting][exact][0] == 1.0
    assert found["all"]["thaiocr"][exact][0] == (0.0 if mode == "line" else 1.0)
