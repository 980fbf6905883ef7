"""Page -> network input: sizes as PaddleOCR's DetResizeForTest gives them, and its normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.config.schema import DecodeImage, detection
from thaiocr.data.detection_images import LARGEST, PagePreprocess, fit_page, input_size, normalize


@pytest.mark.parametrize(
    ("page", "options", "size"),
    [
        # What PaddleOCR's code gives, step by step.
        ((1240, 1754), {}, (1248, 1760)),
        ((500, 300), {}, (1216, 736)),
        ((1240, 1754), {"limit_side_len": 960, "limit_type": "max"}, (672, 960)),
        ((640, 480), {"limit_side_len": 960, "limit_type": "max"}, (640, 480)),
        ((1240, 1754), {"limit_side_len": 960, "limit_type": "resize_long"}, (672, 960)),
        ((1240, 1754), {"resize_long": 960}, (768, 1024)),
        ((300, 100), {"resize_long": 960}, (1024, 384)),
        ((1240, 1754), {"image_shape": (736, 1280)}, (1280, 736)),
        ((1240, 1754), {"image_shape": (736, 1280), "keep_ratio": True}, (544, 736)),
        ((1, 1), {"resize_long": 960}, (1024, 1024)),
        ((20_000, 100), {"resize_long": 960}, (1024, 128)),
        ((20_000, 20_000), {}, (4000, 4000)),
        ((20_000, 1), {"limit_side_len": 64}, (4000, 32)),
    ],
)
def test_a_page_is_resized_as_in_paddleocr(
    page: tuple[int, int], options: dict[str, Any], size: tuple[int, int]
) -> None:
    assert input_size(*page, PagePreprocess(**options)) == size


@given(
    width=st.integers(1, 25_000),
    height=st.integers(1, 25_000),
    options=st.sampled_from([{}, {"resize_long": 960}, {"limit_side_len": 960, "limit_type": "max"}]),
)
def test_sides_are_multiples_of_32_and_never_too_long(width: int, height: int, options: dict[str, Any]) -> None:
    size = input_size(width, height, PagePreprocess(**options))

    assert all(side % 32 == 0 and 0 < side <= LARGEST for side in size)


def test_pixels_are_scaled_shifted_and_put_channels_first() -> None:
    pixels = np.array([[[[0, 128, 255]]]], np.uint8)

    blue_first = normalize(pixels, PagePreprocess())
    red_first = normalize(pixels, PagePreprocess(img_mode="RGB"))

    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(blue_first[0, :, 0, 0], (np.array([0, 128, 255]) / 255 - mean) / deviation, rtol=1e-5)
    np.testing.assert_allclose(red_first[0, :, 0, 0], (np.array([255, 128, 0]) / 255 - mean) / deviation, rtol=1e-5)


def test_a_page_keeps_its_size_for_the_polygons() -> None:
    x_1Chw, shown = fit_page(np.zeros((300, 500, 3), np.uint8), PagePreprocess(resize_long=320))

    assert x_1Chw.shape == (1, 3, 256, 384)
    assert shown == (500, 300)


def test_a_tiny_page_is_filled_up_with_black() -> None:
    x_1Chw, shown = fit_page(np.full((1, 3, 3), 255, np.uint8), PagePreprocess(limit_side_len=32))

    assert x_1Chw.shape == (1, 3, 32, 32)
    assert shown == (32, 32)
    white, black = normalize(np.array([[[[255] * 3, [0] * 3]]], np.uint8), PagePreprocess())[0, :, 0].T
    np.testing.assert_array_equal(x_1Chw[0, :, 0, 2], white)
    np.testing.assert_array_equal(x_1Chw[0, :, 0, 3], black)


def test_options_come_from_the_transforms() -> None:
    steps = [
        DecodeImage(img_mode="RGB"),
        detection.DetResizeForTest(resize_long=640),
        detection.NormalizeImage(mean=(0.5, 0.5, 0.5)),
    ]

    assert PagePreprocess.of(steps) == PagePreprocess(img_mode="RGB", mean=(0.5, 0.5, 0.5), resize_long=640)
    assert PagePreprocess.of([steps[0], steps[2]]) == PagePreprocess(img_mode="RGB", mean=(0.5, 0.5, 0.5))
