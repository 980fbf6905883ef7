from __future__ import annotations

import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from thaiocr.metrics.calibration import calibrate
from thaiocr.metrics.plots import (
    confused_classes,
    confusion_matrix,
    heat_map,
    matrix_picture,
    png,
    reliability_diagram,
)

PAIRS = {("ด", "ด"): 8, ("ด", "ต"): 2, ("ต", "ต"): 5, ("ต", ""): 5, ("", "ด"): 3, ("A", "A"): 1}


def test_matrix_counts_what_was_read_for_each_label() -> None:
    assert confusion_matrix(PAIRS, ["A", "ด", "ต"]).tolist() == [[1, 0, 0, 0], [0, 8, 2, 0], [0, 0, 5, 5]]


def test_picture_is_blue_where_right_red_where_wrong_and_white_elsewhere() -> None:
    picture = matrix_picture(confusion_matrix(PAIRS, ["A", "ด", "ต"]))
    cell = picture.shape[0] // 3
    assert picture.shape == (3 * cell, 4 * cell, 3)
    centre = picture[cell // 2 :: cell, cell // 2 :: cell].astype(int)
    assert centre[0, 1].tolist() == [255, 255, 255]
    assert centre[1, 1, 2] > centre[1, 1, 0]
    assert centre[1, 2, 0] > centre[1, 2, 2]
    assert centre[2, 3].sum() < centre[1, 2].sum(), "half of a row is darker than a fifth"


def test_a_thousand_classes_fit_in_a_picture() -> None:
    assert matrix_picture(np.eye(1000, 1001, dtype=np.int64)).shape == (1000, 1001, 3)


def test_png_keeps_every_pixel() -> None:
    picture = matrix_picture(confusion_matrix(PAIRS, ["A", "ด", "ต"]))
    decoded = cv2.imdecode(np.frombuffer(png(picture), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert (cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB) == picture).all()


@pytest.mark.parametrize(("limit", "expected"), [(10, ["ข", "ด", "ต", "ศ"]), (2, ["ด", "ต"])])
def test_confused_classes_are_those_read_as_each_other_most(limit: int, expected: list[str]) -> None:
    pairs = {("ด", "ต"): 5, ("ศ", "ข"): 2, ("A", ""): 9, ("ก", "กก"): 9, ("ก", "ก"): 9}
    assert confused_classes(pairs, ["A", "ก", "ข", "ด", "ต", "ศ"], limit) == expected


def svg_texts(html: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(html).iter("text")]


def test_heat_map_has_every_label_twice_and_every_count() -> None:
    classes = ["A", "<", "\u0e48"]
    texts = svg_texts(heat_map(confusion_matrix({("A", "<"): 41, ("\u0e48", ""): 43}, classes), classes))
    assert sorted(texts) == sorted([*classes[:2] * 2, "◌\u0e48", "◌\u0e48", "other", "41", "43"])


@pytest.mark.parametrize("scores", [[], [0.1, 0.5, 1.0]])
def test_reliability_diagram_has_a_bar_for_each_bin_with_images(scores: list[float]) -> None:
    bins = calibrate(scores, np.ones(len(scores)))["bins"]
    root = ET.fromstring(reliability_diagram(bins))
    assert len([node for node in root.iter("rect") if node.get("class") == "share"]) == len(scores)
