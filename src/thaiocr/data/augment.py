"""Random changes to the pictures of a batch while training: PaddleOCR's `RecAug`, on packed pixels, a batch at a time.

    N pictures of the batch  M of them are changed  h, w pixels  K control points

The keys and the order of the changes are PaddleOCR's. How much is changed is ours, in shares of the input's size and
such that the label stays true: PaddleOCR cuts up to 8 rows off and shrinks a side by half, which takes a Thai tone mark
of 4 pixels away, while its noise, jitter and change of value are too small to be seen on pictures of this size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.config.schema import RecAug
from thaiocr.data.images import Pixels

POINTS: Final = 5
"""K: control points along the upper edge, and along the lower one, of what is bent."""
STRETCH: Final = 0.3
"""Part of the way to the next control point that one moves sideways, at most; below a third nothing folds."""
SLANT: Final = 0.15
"""What the upper and the lower edge move apart from each other, in heights and at most `STRETCH / 2` of that way."""
WAVE: Final = 0.08
TILT: Final = 0.2
"""What a control point, and a corner, moves inwards, in heights: the picture gets smaller there, nothing is cut off."""
JITTER: Final = 1 / 32
"""In heights: a pixel at a height of 32."""
INK: Final = 0.4
"""Share of the picture's contrast from which on a row shows ink."""
BLUR: Final = (0.35 / 32, 0.75 / 32)
"""Standard deviation in heights."""
GAIN: Final = (0.75, 1.25)
OFFSET: Final = 25.0
NOISE: Final = (2.0, 14.0)
"""Standard deviation in grey values."""

_MOST_ROWS: Final = 2**15 - 1
"""Of one picture, for OpenCV's remap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What each picture of a batch is changed by; drawn before any pixel is looked at."""

    bend_N22K: NDArray[np.float32]
    """Shifts of the edges, see below; 0 where a picture is not bent."""
    crop_N2: NDArray[np.floating]
    """Which share of the blank rows is cut off above, and below; 0 where none is."""
    move_N2: NDArray[np.float32]
    """Of the whole picture to the right, and down, in pixels; 0 where it is not moved."""
    is_warped_N: NDArray[np.bool_]
    """Bent, cropped or moved."""
    sigma_N: NDArray[np.floating]
    """Of the blur, in pixels; 0 where there is none."""
    gain_N: NDArray[np.floating]
    offset_N: NDArray[np.floating]
    """value * gain + offset is the new one; 1 and 0 where contrast and brightness stay."""
    is_reversed_N: NDArray[np.bool_]
    noise_N: NDArray[np.floating]
    """Standard deviation in grey values; 0 where there is none."""


def draw_changes(height: int, filled_N: NDArray[np.integer], options: RecAug, rng: np.random.Generator) -> Changes:
    """Draw what happens to the pictures of a batch.

    Args:
        height: h.
        filled_N: How many columns of each hold the picture.
        options: With which probability a picture gets each of the changes.
        rng: Decides.
    """
    count = len(filled_N)
    is_bent_N, is_cropped_N, is_blurred_N, is_lit_N, is_moved_N, is_noisy_N, is_reversed_N = (
        rng.random(count) < probability
        for probability in (
            options.tia_prob,
            options.crop_prob,
            options.blur_prob,
            options.hsv_aug_prob,
            options.jitter_prob,
            options.noise_prob,
            options.reverse_prob,
        )
    )
    bend_N22K = _bend(height, filled_N, rng)
    side_N, share_N = rng.integers(2, size=count), rng.random(count)
    move_N2 = (rng.uniform(-1, 1, (count, 2)) * JITTER * height).astype(np.float32)
    sigma_N = rng.uniform(*BLUR, count) * height
    gain_N, offset_N = rng.uniform(*GAIN, count), rng.uniform(-OFFSET, OFFSET, count)
    noise_N = rng.uniform(*NOISE, count)
    return Changes(
        bend_N22K=bend_N22K * is_bent_N[:, None, None, None],
        crop_N2=(side_N[:, None] == np.arange(2)) * (share_N * is_cropped_N)[:, None],
        move_N2=move_N2 * is_moved_N[:, None],
        is_warped_N=is_bent_N | is_cropped_N | is_moved_N,
        sigma_N=sigma_N * is_blurred_N,
        gain_N=np.where(is_lit_N, gain_N, 1.0),
        offset_N=offset_N * is_lit_N,
        is_reversed_N=is_reversed_N,
        noise_N=noise_N * is_noisy_N,
    )


def augment(images_NhwC: Pixels, filled_N: NDArray[np.integer], options: RecAug, rng: np.random.Generator) -> Pixels:
    """Return changed copies of a batch's pictures.

    Args:
        images_NhwC: Packed pixels.
        filled_N: How many columns of each hold the picture. The others are not looked at, and may hold anything after.
        options: With which probability a picture gets each of the changes.
        rng: Decides; the same state gives the same pixels.
    """
    changes = draw_changes(images_NhwC.shape[1], filled_N, options, rng)
    changed_NhwC = images_NhwC.copy()
    rows_M = np.flatnonzero(changes.is_warped_N)
    if rows_M.size:
        filled_M = filled_N[rows_M].astype(np.float32)
        widest = filled_N[rows_M].max()
        shifts_N22K = changes.bend_N22K + _crop(images_NhwC, filled_N, changes.crop_N2)
        shifts_N22K += changes.move_N2[:, None, :, None]
        changed_NhwC[rows_M, :, :widest] = _warp(images_NhwC[rows_M, :, :widest], filled_M, shifts_N22K[rows_M])
    _blur(changed_NhwC, filled_N, changes.sigma_N)
    _relight(changed_NhwC, changes)
    _add_noise(changed_NhwC, changes.noise_N, rng)
    return changed_NhwC


# -- Shape: shifts_N22K says where the picture's edges come from -------------------------------------------------------
# [:, 0] of the upper edge, [:, 1] of the lower one; [:, :, 0] to the right, [:, :, 1] downwards; in pixels.


def _bend(height: int, filled_N: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.float32]:
    """Stretch parts of the width, slant them, tilt the picture: after PaddleOCR's `tia` (Luo et al. 2020).

    (Learn to Augment: Joint Data Augmentation and Network Optimization for Text Recognition, CVPR 2020, moves such
    control points; what lies between them is interpolated linearly here.)
    """
    count = len(filled_N)
    shifts_N22K = np.zeros((count, 2, 2, POINTS), np.float32)
    step_N11 = (filled_N / (POINTS - 1))[:, None, None]
    slant_N11 = np.minimum(SLANT * height, STRETCH / 2 * step_N11)
    apart_N2K = rng.uniform(-1, 1, (count, 2, POINTS))
    apart_N2K[:, :, 0], apart_N2K[:, :, -1] = -abs(apart_N2K[:, :, 0]), abs(apart_N2K[:, :, -1])  # nothing is cut off
    together_N1K = rng.uniform(-1, 1, (count, 1, POINTS))
    together_N1K[:, :, [0, -1]] = 0
    shifts_N22K[:, :, 0] = STRETCH * step_N11 * together_N1K + slant_N11 * apart_N2K
    corners_N22K = rng.uniform(0, TILT, (count, 2, 2, 1)) * np.stack(
        [np.linspace(1, 0, POINTS), np.linspace(0, 1, POINTS)]
    )
    inwards_N2K = corners_N22K.sum(axis=2) + rng.uniform(0, WAVE, (count, 2, POINTS))
    shifts_N22K[:, :, 1] = inwards_N2K * height * np.array([-1, 1])[:, None]
    return shifts_N22K


def _crop(images_NhwC: Pixels, filled_N: NDArray[np.integer], share_N2: NDArray[np.floating]) -> NDArray[np.float32]:
    """Cut off a share of the rows above, and below, that show no ink; one of them stays."""
    count, _, width, _ = images_NhwC.shape
    is_empty_Nw = np.arange(width) >= filled_N[:, None]
    grey_Nhw = np.where(is_empty_Nw[:, None], images_NhwC[:, :, :1, 1], images_NhwC[..., 1])
    contrast_Nh = np.ptp(grey_Nhw, axis=2)
    is_ink_Nh = contrast_Nh > INK * contrast_Nh.max(axis=1, keepdims=True)
    blank_N2 = np.stack([is_ink_Nh.argmax(axis=1), is_ink_Nh[:, ::-1].argmax(axis=1)], axis=1)
    shifts_N22K = np.zeros((count, 2, 2, POINTS), np.float32)
    shifts_N22K[:, :, 1] = (share_N2 * np.maximum(blank_N2 - 1, 0) * np.array([1, -1]))[:, :, None]
    return shifts_N22K


def _warp(images_MhwC: Pixels, filled_M: NDArray[np.float32], shifts_M22K: NDArray[np.float32]) -> Pixels:
    """Take each pixel from where the shifts of the edges say; what lies outside repeats the picture's edge."""
    count, height, width, _ = images_MhwC.shape
    most = max(1, _MOST_ROWS // height)
    if count > most:
        parts = (slice(start, start + most) for start in range(0, count, most))
        return np.concatenate([_warp(images_MhwC[part], filled_M[part], shifts_M22K[part]) for part in parts])
    columns_w, rows_h = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    place_Mw = np.minimum(columns_w / np.maximum(filled_M[:, None] - 1, 1), 1) * (POINTS - 1)
    left_Mw = np.minimum(np.floor(place_Mw), POINTS - 2)
    index_M22w = np.broadcast_to(left_Mw.astype(np.intp)[:, None, None], (count, 2, 2, width))
    left_M22w, right_M22w = (np.take_along_axis(shifts_M22K, index_M22w + side, axis=3) for side in (0, 1))
    shift_M22w = left_M22w + (place_Mw - left_Mw)[:, None, None] * (right_M22w - left_M22w)
    down_h1 = (rows_h / max(height - 1, 1))[:, None]
    x_Mhw, y_Mhw = (
        shift_M22w[:, :1, axis] + down_h1 * (shift_M22w[:, 1:, axis] - shift_M22w[:, :1, axis]) for axis in (0, 1)
    )
    x_Mhw = np.clip(x_Mhw + columns_w, 0, filled_M[:, None, None] - 1)
    y_Mhw = np.clip(y_Mhw + rows_h[:, None], 0, height - 1)
    y_Mhw += height * np.arange(count, dtype=np.float32)[:, None, None]
    tall = images_MhwC.reshape(count * height, width, 3)  # one call of OpenCV for all
    x, y = (each.reshape(count * height, width) for each in (x_Mhw, y_Mhw))
    return np.asarray(cv2.remap(tall, x, y, cv2.INTER_LINEAR), np.uint8).reshape(images_MhwC.shape)


# -- Pixels, in place --------------------------------------------------------------------------------------------------


def _blur(images_NhwC: Pixels, filled_N: NDArray[np.integer], sigma_N: NDArray[np.floating]) -> None:
    for row in np.flatnonzero(sigma_N):
        picture_hfC = images_NhwC[row, :, : filled_N[row]]
        picture_hfC[:] = cv2.GaussianBlur(picture_hfC, (0, 0), float(sigma_N[row]))


def _relight(images_NhwC: Pixels, changes: Changes) -> None:
    """Change contrast and brightness; dark becomes light."""
    levels_256, is_reversed_N1 = np.arange(256), changes.is_reversed_N[:, None]
    levels_N256 = levels_256 * changes.gain_N[:, None] + changes.offset_N[:, None]
    levels_N256 = np.where(is_reversed_N1, 255 - levels_N256, levels_N256).clip(0, 255).round().astype(np.uint8)
    for row in np.flatnonzero((levels_N256 != levels_256).any(axis=1)):
        images_NhwC[row] = cv2.LUT(images_NhwC[row], levels_N256[row])


def _add_noise(images_NhwC: Pixels, strength_N: NDArray[np.floating], rng: np.random.Generator) -> None:
    """Add the same noise to the three channels."""
    for row in np.flatnonzero(strength_N):
        noise_hw = rng.standard_normal(images_NhwC.shape[1:3], np.float32) * np.float32(strength_N[row])
        images_NhwC[row] = cv2.add(images_NhwC[row], cv2.merge([noise_hw] * 3), dtype=cv2.CV_8U)
