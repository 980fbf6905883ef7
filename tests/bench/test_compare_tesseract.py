"""What `bench/compare_tesseract.py` does before and after Tesseract; Tesseract itself is not run here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


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
    found = compare.black_on_white(image, 40)
    border = round(compare.BORDER * 40)
    assert found.shape == (40 + 2 * border, 60 + 2 * border)
    assert found[border + 20, border + 30] < 20
    assert found[border + 2, border + 2] > 235
    assert found[0, 0] == 255


def test_heights_are_reached_from_above_and_below(compare: ModuleType) -> None:
    for rows in (20, 200):
        image = np.full((rows, rows * 2, 3), 255, np.uint8)
        image[rows // 3 : rows // 2, rows // 2 :] = 0
        assert compare.black_on_white(image, 48).shape == (48 + 2 * 19, 96 + 2 * 19)


def test_the_choice_of_images_is_the_same_in_every_run(compare: ModuleType, tmp_path: Path) -> None:
    labels = tmp_path / "rec_gt_test.txt"
    labels.write_text("".join(f"rec/test/{number:06}.jpg\tก\n" for number in range(50)), "utf-8")
    chosen = compare.choose(labels, 10)
    assert len(set(chosen)) == 10
    assert chosen == compare.choose(labels, 10)
    assert len(compare.choose(labels, 99)) == 50


def test_both_readers_are_measured_without_spaces_and_in_one_spelling(compare: ModuleType) -> None:
    chosen = [("a.jpg", "น้ำ"), ("b.jpg", "A"), ("c.jpg", "แ")]
    texts = ["น ํ้า", "a", "เเ"]
    found = compare.measure(chosen, texts, {})
    assert found["acc"] == pytest.approx(2 / 3)
    thai, read = compare.thai_only(chosen, texts)
    assert [label for _, label in thai] == ["น้ำ", "แ"]
    assert read == ["น ํ้า", "เเ"]
    assert compare.measure(thai, read, {})["acc"] == 1.0


def test_our_row_comes_first_and_then_the_best_setting(compare: ModuleType) -> None:
    chosen = [(f"{number}.jpg", "ก") for number in range(4)]
    found = {
        "thaiocr": compare.measure(chosen, ["ก", "ข", "ข", "ข"], {}),
        "worse": compare.measure(chosen, ["ข"] * 4, {}),
        "better": compare.measure(chosen, ["ก", "ก", "ข", "ข"], {}),
    }
    rows = compare.table(found).splitlines()[2:]
    assert [row.split()[1] for row in rows] == ["thaiocr", "better", "worse"]
