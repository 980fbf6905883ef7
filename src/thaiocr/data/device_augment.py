"""`data.augment` on a batch that lies in the memory of a device: the same changes, as operations of paddle.

    N pictures of the batch  M of them are changed  h, w pixels  K control points  S taps of a blur

What happens to which picture is drawn as on the host, by the same numbers. Pixels are float32 from 0 to 255 and are not
rounded in between, and the noise comes out of the device's generator: both paths show the same pictures with other
noise, to a few grey values at sharp edges, where OpenCV rounds places to 1/32 of a pixel.
"""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F
from numpy.typing import NDArray
from paddle import Tensor

from thaiocr.config.schema import RecAug
from thaiocr.data.augment import INK, POINTS, Changes, draw_changes


def augment(x_N3hw: Tensor, filled_N: NDArray[np.integer], options: RecAug, rng: np.random.Generator) -> Tensor:
    """Return changed copies of a batch's pictures; paddle's generator of random numbers is seeded anew for the noise.

    Args:
        x_N3hw: Values from 0 to 255.
        filled_N: How many columns of each hold the picture. The others are not looked at, and may hold anything after.
        options: With which probability a picture gets each of the changes.
        rng: Decides; the same state gives the same pixels on the same device.
    """
    changes = draw_changes(x_N3hw.shape[2], filled_N, options, rng)
    seed = int(rng.integers(2**63))
    return add_noise(relight(blur(warp(x_N3hw, filled_N, changes), filled_N, changes.sigma_N), changes), changes, seed)


# -- Shape -------------------------------------------------------------------------------------------------------------


def warp(x_N3hw: Tensor, filled_N: NDArray[np.integer], changes: Changes) -> Tensor:
    """Bend, crop and move: take each pixel from where the shifts of the edges say."""
    rows_M = np.flatnonzero(changes.is_warped_N)
    if not rows_M.size:
        return x_N3hw
    x_M3hw, filled_M = paddle.gather(x_N3hw, _tensor(rows_M, "int64")), _tensor(filled_N[rows_M])
    shifts_M22K = _tensor(changes.bend_N22K[rows_M] + changes.move_N2[rows_M, None, :, None])
    x_M2K, y_M2K = shifts_M22K[:, :, 0], shifts_M22K[:, :, 1]
    if changes.crop_N2[rows_M].any():
        y_M2K = y_M2K + (_tensor(changes.crop_N2[rows_M]) * _blank_rows(x_M3hw, filled_M)).unsqueeze(2)
    grid_Mhw2 = _grid(x_M2K, y_M2K, filled_M, *x_M3hw.shape[2:])
    return _replaced(x_N3hw, rows_M, F.grid_sample(x_M3hw, grid_Mhw2, padding_mode="border"))


def _blank_rows(x_M3hw: Tensor, filled_M: Tensor) -> Tensor:
    """Return [M, 2]: rows that can go above and, as a negative number, below; one row without ink stays."""
    _, _, height, width = x_M3hw.shape
    green_Mhw = x_M3hw[:, 1]
    is_filled_M1w = (paddle.arange(width, dtype="float32") < filled_M.unsqueeze(1)).unsqueeze(1)
    grey_Mhw = paddle.where(is_filled_M1w, green_Mhw, green_Mhw[:, :, :1])
    contrast_Mh = grey_Mhw.max(axis=2) - grey_Mhw.min(axis=2)
    is_ink_Mh = (contrast_Mh > INK * contrast_Mh.max(axis=1, keepdim=True)).astype("float32")
    from_below_h = paddle.arange(1, height + 1, dtype="float32")
    # The first row with ink has most rows behind it. A picture without ink has no blank row either.
    above_M, below_M = ((is_ink_Mh * each_h).max(axis=1) for each_h in (height + 1 - from_below_h, from_below_h))
    above_M, below_M = ((height - each_M) % height for each_M in (above_M, below_M))
    return paddle.stack([(above_M - 1).clip(min=0), -(below_M - 1).clip(min=0)], axis=1)


def _grid(x_M2K: Tensor, y_M2K: Tensor, filled_M: Tensor, height: int, width: int) -> Tensor:
    """Return where `grid_sample` takes each pixel from, from -1 to 1 over the input."""
    columns_w, rows_h = paddle.arange(width, dtype="float32"), paddle.arange(height, dtype="float32")
    last_M1 = (filled_M - 1).unsqueeze(1)
    place_Mw = (columns_w / last_M1.clip(min=1)).clip(max=1) * (POINTS - 1)
    points_K1 = paddle.arange(POINTS, dtype="float32").unsqueeze(1)
    weight_M1Kw = (1 - (place_Mw.unsqueeze(1) - points_K1).abs()).clip(min=0).unsqueeze(1)
    down_h1 = (rows_h / max(height - 1, 1)).unsqueeze(1)

    def between_edges(shift_M2K: Tensor) -> Tensor:
        shift_M2w = (shift_M2K.unsqueeze(3) * weight_M1Kw).sum(axis=2)
        return shift_M2w[:, :1] + down_h1 * (shift_M2w[:, 1:] - shift_M2w[:, :1])

    x_Mhw = paddle.minimum((between_edges(x_M2K) + columns_w).clip(min=0), last_M1.unsqueeze(2))
    y_Mhw = (between_edges(y_M2K) + rows_h.unsqueeze(1)).clip(min=0, max=height - 1)
    sizes = max(width - 1, 1), max(height - 1, 1)
    return paddle.stack([2 * x_Mhw / sizes[0] - 1, 2 * y_Mhw / sizes[1] - 1], axis=3)


# -- Pixels ------------------------------------------------------------------------------------------------------------


def blur(x_N3hw: Tensor, filled_N: NDArray[np.integer], sigma_N: NDArray[np.floating]) -> Tensor:
    """Filter by a Gaussian as OpenCV does, with as many taps and mirrored at the edges of the picture."""
    rows_M = np.flatnonzero(sigma_N)
    if not rows_M.size:
        return x_N3hw
    weights_MS = _gaussians(sigma_N[rows_M])
    reach, (height, width) = weights_MS.shape[1] // 2, x_N3hw.shape[2:]
    taps_SM111 = _tensor(weights_MS.T[:, :, None, None, None])
    x_M3hw, filled_M = paddle.gather(x_N3hw, _tensor(rows_M, "int64")), _tensor(filled_N[rows_M])
    above_and_below = _mirrored(reach, paddle.full([1], height, "float32"), height)[0]
    x_M3hw = sum(
        tap_M111 * x_M3hw.index_select(above_and_below[first : first + height], axis=2)
        for first, tap_M111 in enumerate(taps_SM111)
    )
    beside_M11 = _mirrored(reach, filled_M, width).unsqueeze([1, 2])
    wider_M3h = paddle.take_along_axis(x_M3hw, beside_M11, axis=3)
    x_M3hw = sum(tap_M111 * wider_M3h[..., first : first + width] for first, tap_M111 in enumerate(taps_SM111))
    return _replaced(x_N3hw, rows_M, x_M3hw)


def _gaussians(sigma_M: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return [M, S], the taps of each blur; S is that of the widest, others have zeros at their ends."""
    reach_M = (np.rint(6 * sigma_M + 1).astype(np.int64) | 1) // 2  # OpenCV's, for pixels of 8 bits
    away_S = np.arange(-reach_M.max(), reach_M.max() + 1)
    weights_MS = np.exp(-((away_S / sigma_M[:, None]) ** 2) / 2) * (abs(away_S) <= reach_M[:, None])
    normalised_MS: NDArray[np.floating] = weights_MS / weights_MS.sum(axis=1, keepdims=True)
    return normalised_MS


def _mirrored(reach: int, sizes_M: Tensor, size: int) -> Tensor:
    """Return the places -reach .. size + reach - 1 of lines of so many pixels, those beyond the ends mirrored there."""
    last_M1 = (sizes_M - 1).unsqueeze(1)
    away = paddle.arange(-reach, size + reach, dtype="float32").abs() % (2 * last_M1).clip(min=1)
    return paddle.minimum(away, 2 * last_M1 - away).astype("int32")


def relight(x_N3hw: Tensor, changes: Changes) -> Tensor:
    """Change contrast and brightness; dark becomes light."""
    sign_N = np.where(changes.is_reversed_N, -1.0, 1.0)
    gain_N, offset_N = sign_N * changes.gain_N, 255 * changes.is_reversed_N + sign_N * changes.offset_N
    if (gain_N == 1).all() and (offset_N == 0).all():
        return x_N3hw
    gain_N111, offset_N111 = (_tensor(each_N[:, None, None, None]) for each_N in (gain_N, offset_N))
    return (x_N3hw * gain_N111 + offset_N111).clip(0, 255)


def add_noise(x_N3hw: Tensor, changes: Changes, seed: int) -> Tensor:
    """Add the same noise to the three channels."""
    if not changes.noise_N.any():
        return x_N3hw
    count, _, height, width = x_N3hw.shape
    paddle.seed(seed)
    noise_N1hw = paddle.randn([count, 1, height, width]) * _tensor(changes.noise_N[:, None, None, None])
    return (x_N3hw + noise_N1hw).clip(0, 255)


def _tensor(values: NDArray[np.generic], dtype: str = "float32") -> Tensor:
    return paddle.to_tensor(values.astype(dtype))


def _replaced(x_N3hw: Tensor, rows_M: NDArray[np.integer], x_M3hw: Tensor) -> Tensor:
    """Return the batch with some of its pictures exchanged."""
    return paddle.scatter(x_N3hw, _tensor(rows_M, "int64"), x_M3hw)
