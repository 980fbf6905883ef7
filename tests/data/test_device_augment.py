"""Pictures changed by paddle's operations, beside those changed by OpenCV: the same numbers are drawn for both."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import paddle
import pytest
from folders import pattern
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.data import device_augment
from thaiocr.data.augment import augment, draw_changes
from thaiocr.data.images import Pixels

KEYS = [field.name for field in fields(schema.RecAug)]
WITHOUT_NOISE = [key for key in KEYS if key != "noise_prob"]
PLACES = 9.0
"""Grey values at most that OpenCV is off where a pixel's place is off by 1/64: twice 255 / 64, and rounding."""


def only(*keys: str, probability: float = 1.0) -> schema.RecAug:
    return schema.RecAug(**{key: probability * (key in keys) for key in KEYS})


def pictures(count: int) -> tuple[Pixels, NDArray[np.int32]]:
    """Patterns of 32 x 48 pixels in 60 columns; rows without ink above and below them, for some to cut off."""
    images_NhwC = np.zeros((count, 32, 60, 3), np.uint8)
    for number in range(count):
        images_NhwC[number, :, :48] = pattern(number)
        blank = 3 + number % 4
        images_NhwC[number, :blank] = images_NhwC[number, -blank:] = 200
    return images_NhwC, np.full(count, 48, np.int32)


def on_host(
    images_NhwC: Pixels, filled_N: NDArray[np.int32], options: schema.RecAug, seed: int = 0
) -> NDArray[np.float32]:
    changed = augment(images_NhwC, filled_N, options, np.random.default_rng(seed))
    return changed.transpose(0, 3, 1, 2).astype(np.float32)


def on_device(
    images_NhwC: Pixels, filled_N: NDArray[np.int32], options: schema.RecAug, seed: int = 0
) -> NDArray[np.float32]:
    x_N3hw = paddle.to_tensor(images_NhwC).transpose([0, 3, 1, 2]).astype("float32")
    changed = device_augment.augment(x_N3hw, filled_N, options, np.random.default_rng(seed))
    return np.asarray(changed, np.float32)


def difference(
    images_NhwC: Pixels, filled_N: NDArray[np.int32], options: schema.RecAug, seed: int = 0
) -> NDArray[np.float32]:
    """Return what lies between both paths where pictures are, at most 255."""
    is_filled_Nw = np.arange(images_NhwC.shape[2]) < filled_N[:, None]
    found = on_host(images_NhwC, filled_N, options, seed) - on_device(images_NhwC, filled_N, options, seed)
    away: NDArray[np.float32] = np.abs(found) * is_filled_Nw[:, None, None]
    return away


@pytest.mark.parametrize(
    ("key", "most", "mean"),
    [
        ("tia_prob", PLACES, 1.0),
        ("crop_prob", PLACES, 1.0),
        ("jitter_prob", PLACES, 1.0),
        ("blur_prob", 2.0, 0.5),
        ("hsv_aug_prob", 0.51, 0.3),
        ("reverse_prob", 0.0, 0.0),
    ],
)
def test_each_change_is_the_hosts(key: str, most: float, mean: float) -> None:
    images_NhwC, filled_N = pictures(24)
    found = difference(images_NhwC, filled_N, only(key))
    assert found.max() <= most
    assert found.mean() <= mean
    assert np.abs(on_host(images_NhwC, filled_N, only(key)) - images_NhwC.transpose(0, 3, 1, 2)).max() > 20


def test_all_changes_together_are_the_hosts() -> None:
    found = difference(*pictures(24), only(*WITHOUT_NOISE), seed=4)
    assert found.max() <= 1.25 * PLACES + 2  # contrast comes after
    assert found.mean() < 1


@pytest.mark.parametrize("key", KEYS)
def test_the_same_pictures_are_changed_as_on_the_host(key: str) -> None:
    """So the shares of pictures with each change are the same as well."""
    images_NhwC, filled_N = pictures(60)
    options = only(key, probability=0.4)

    def changed(found_N3hw: NDArray[np.float32]) -> list[int]:
        away_N3hw = np.abs(found_N3hw - images_NhwC.transpose(0, 3, 1, 2))[..., :48]
        return list(np.flatnonzero(away_N3hw.max(axis=(1, 2, 3)) > 1.5))

    expected = changed(on_host(images_NhwC, filled_N, options))
    assert changed(on_device(images_NhwC, filled_N, options)) == expected
    assert 10 < len(expected) < 40


def test_what_is_not_chosen_keeps_every_bit() -> None:
    images_NhwC, filled_N = pictures(30)
    options = only(*KEYS, probability=0.1)
    changes = draw_changes(32, filled_N, options, np.random.default_rng(0))
    is_as_it_was_N = ~changes.is_warped_N & (changes.sigma_N == 0) & (changes.noise_N == 0) & (changes.gain_N == 1)
    rows = np.flatnonzero(is_as_it_was_N & ~changes.is_reversed_N)
    found = on_device(images_NhwC, filled_N, options)
    np.testing.assert_array_equal(found[rows], images_NhwC.transpose(0, 3, 1, 2)[rows])
    assert 5 < len(rows) < 25


def test_noise_has_the_strength_that_was_drawn_and_is_the_same_in_all_channels() -> None:
    images_NhwC, filled_N = np.full((40, 32, 100, 3), 128, np.uint8), np.full(40, 100, np.int32)
    drawn = draw_changes(32, filled_N, only("noise_prob"), np.random.default_rng(0))
    noise_N3hw = on_device(images_NhwC, filled_N, only("noise_prob")) - 128
    np.testing.assert_array_equal(noise_N3hw[:, 0], noise_N3hw[:, 2])
    np.testing.assert_allclose(noise_N3hw[:, 0].std(axis=(1, 2)), drawn.noise_N, rtol=0.07)
    assert np.abs(noise_N3hw.mean(axis=(1, 2, 3)) / drawn.noise_N).max() < 0.08
    assert abs(float(np.corrcoef(noise_N3hw[0, 0].ravel(), noise_N3hw[1, 0].ravel())[0, 1])) < 0.1


def test_the_same_seed_gives_the_same_bytes_whatever_was_drawn_before() -> None:
    first = on_device(*pictures(6), only(*KEYS), 1)
    paddle.seed(99)
    paddle.rand([7])
    assert on_device(*pictures(6), only(*KEYS), 1).tobytes() == first.tobytes()
    assert on_device(*pictures(6), only(*KEYS), 2).tobytes() != first.tobytes()


def test_what_lies_beyond_the_filled_columns_does_not_reach_the_picture() -> None:
    images_NhwC, filled_N = pictures(12)
    other_NhwC = images_NhwC.copy()
    other_NhwC[:, :, 48:] = 255
    one, other = (on_device(images, filled_N, only(*KEYS), 5) for images in (images_NhwC, other_NhwC))
    np.testing.assert_allclose(one[..., :48], other[..., :48], atol=1e-3)


@settings(max_examples=12)
@given(st.data())
def test_pictures_of_any_size_are_changed_as_on_the_host(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(1, 40), st.just(3)))
    images_NhwC = data.draw(arrays.arrays(np.uint8, shape))
    filled_N = np.array([data.draw(st.integers(1, shape[2])) for _ in range(shape[0])], np.int32)
    seed = data.draw(st.integers(0, 99))

    assert difference(images_NhwC, filled_N, only(*WITHOUT_NOISE), seed).max(initial=0) <= 1.25 * PLACES + 2
    found = on_device(images_NhwC, filled_N, only(*KEYS), seed)
    assert found.shape == (shape[0], 3, *shape[1:3])
    assert ((found >= 0) & (found <= 255)).all()


@pytest.mark.gpu
@pytest.mark.skipif(not paddle.is_compiled_with_cuda(), reason="needs a GPU")
def test_a_gpu_changes_pictures_as_the_host_does() -> None:
    paddle.set_device("gpu")
    try:
        found = difference(*pictures(24), only(*WITHOUT_NOISE), seed=4)
        once, again = (on_device(*pictures(6), only(*KEYS), 1) for _ in range(2))
    finally:
        paddle.set_device("cpu")
    assert found.max() <= 1.25 * PLACES + 2
    assert once.tobytes() == again.tobytes()
