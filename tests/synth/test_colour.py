from __future__ import annotations

import random

import cv2
import numpy as np

from thaiocr.synth.colour import LEAST_DIFFERENCE, invert, tint


def test_ink_stays_darker_than_paper_by_what_a_reader_needs() -> None:
    picture = np.array([[0, 255]], np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    for seed in range(300):
        coloured = tint(picture, random.Random(seed))
        assert coloured.shape == (4, 8, 3)
        grey = cv2.cvtColor(coloured, cv2.COLOR_BGR2GRAY).astype(int)
        assert grey[:, 6:].mean() - grey[:, :2].mean() >= LEAST_DIFFERENCE - 3, seed


def test_light_on_dark_stays_light_on_dark() -> None:
    picture = invert(np.array([[0, 255]], np.uint8).repeat(3, axis=1))
    for seed in range(50):
        coloured = tint(picture, random.Random(seed)).astype(int)
        assert coloured[:, 0].mean() > coloured[:, -1].mean()


def test_colours_are_many_and_greys_among_them() -> None:
    paper = np.full((1, 1), 255, np.uint8)
    found = np.array([tint(paper, random.Random(seed))[0, 0] for seed in range(200)]).astype(int)
    assert len({tuple(colour) for colour in found.tolist()}) > 150
    saturation = found.max(axis=1) - found.min(axis=1)
    assert saturation.min() < 10
    assert saturation.max() > 100
