from __future__ import annotations

import random

import cv2
import numpy as np
import pytest

from thaiocr.synth.page_damage import EFFECTS, move, take

BOXES = ((100, 60, 300, 90), (500, 700, 560, 715), (20, 880, 60, 895))


def flat() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    page = np.full((900, 640, 3), 255, np.uint8)
    for left, top, right, bottom in BOXES:
        page[top:bottom, left:right] = 0
    return page


@pytest.mark.parametrize("manner", EFFECTS)
def test_corners_move_with_the_ink(manner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EFFECTS, manner, {})
    for seed in range(8):
        image, matrix_33 = take(flat(), 20, manner, random.Random(seed))
        for left, top, right, bottom in BOXES:
            corners_42 = move(np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float), matrix_33)
            assert (corners_42 >= -0.5).all()
            assert (corners_42 <= np.array(image.shape[1::-1]) + 0.5).all()
            mask = np.zeros(image.shape[:2], np.uint8)
            cv2.fillPoly(mask, [np.rint(16 * (corners_42 - 0.5)).astype(np.int32)], 1, shift=4)
            inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
            around = (cv2.dilate(mask, np.ones((9, 9), np.uint8)) > 0) & (cv2.dilate(mask, np.ones((5, 5))) == 0)
            assert image[inside].max() < 60
            is_paper = image[around].min(axis=1) > 20  # a table around the page may be dark, not black
            assert is_paper.mean() > 0.95


@pytest.mark.parametrize("manner", EFFECTS)
def test_the_same_seed_takes_the_same_picture(manner: str) -> None:
    one, other = (take(flat(), 20, manner, random.Random(5)) for _ in range(2))
    assert np.array_equal(one.pixels_hw3, other.pixels_hw3)
    assert np.array_equal(one.matrix_33, other.matrix_33)
    different = take(flat(), 20, manner, random.Random(6))
    assert manner == "clean" or not np.array_equal(one.matrix_33, different.matrix_33)


def test_small_letters_are_not_made_smaller() -> None:
    for seed in range(10):
        assert abs(np.linalg.det(take(flat(), 12, "scan", random.Random(seed)).matrix_33)) > 0.99
