"""Loops over channels-last activations, compiled by numba.

    N images  H, W input pixels  h, w output pixels  P = H*W pixels  C channels  k filter size  R = N*H*W rows

A kernel with `first` and `last` does those chunks of its work; `parallel.run` spreads them over the cores. The others
are given one chunk (`parallel.each_chunk`). The number of chunks is fixed, so that sums do not depend on how many cores
there are.
"""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from thaiocr.models.fast.parallel import CHUNKS

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]

BLOCK: Final = 64
"""Rows summed in single precision before they are added to a double."""
NONE: Final = 0
RELU: Final = 1
HARDSWISH: Final = 2

compiled: Any = njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
inlined: Any = njit(inline="always", fastmath=True)


@inlined
def _act(z: float, act: int) -> Any:
    if act == RELU:
        return max(z, np.float32(0))
    if act == HARDSWISH:
        return z * min(max(z + np.float32(3), np.float32(0)), np.float32(6)) * np.float32(1 / 6)
    return z


@inlined
def _act_slope(z: float, act: int) -> Any:
    if act == RELU:
        return np.float32(1) if z > 0 else np.float32(0)
    if act == HARDSWISH:
        if z <= -3:
            return np.float32(0)
        return np.float32(1) if z >= 3 else z * np.float32(1 / 3) + np.float32(0.5)
    return np.float32(1)


@compiled
def moments(x_RC: Floats, mean_C: Doubles, square_C: Doubles) -> None:
    """Mean of every channel and sum of the squares of its deviations from it.

    Summed around the first row, the numbers of a block do not cancel in single precision.
    """
    rows, channels = x_RC.shape
    mean_C[:] = 0
    square_C[:] = 0
    for start in range(0, rows, BLOCK):
        sum_C = np.zeros(channels, np.float32)
        block_C = np.zeros(channels, np.float32)
        for r in range(start, min(start + BLOCK, rows)):
            for c in range(channels):
                deviation = x_RC[r, c] - x_RC[0, c]
                sum_C[c] += deviation
                block_C[c] += deviation * deviation
        for c in range(channels):
            mean_C[c] += sum_C[c]
            square_C[c] += block_C[c]
    for c in range(channels):
        mean_C[c] /= rows
        square_C[c] -= rows * mean_C[c] ** 2
        mean_C[c] += x_RC[0, c]


@compiled
def scale_shift_act(x_RC: Floats, scale_C: Floats, shift_C: Floats, act: int, addend_RC: Floats, y_RC: Floats) -> None:
    """Y = act(x * scale + shift) + addend: batch norm and activation in one pass; the addend may be empty."""
    rows, channels = x_RC.shape
    if len(addend_RC) == 0:
        for r in range(rows):
            for c in range(channels):
                y_RC[r, c] = _act(x_RC[r, c] * scale_C[c] + shift_C[c], act)
    else:
        for r in range(rows):
            for c in range(channels):
                y_RC[r, c] = _act(x_RC[r, c] * scale_C[c] + shift_C[c], act) + addend_RC[r, c]


@compiled
def norm_act_sums(
    x_RC: Floats,
    dy_RC: Floats,
    scale_C: Floats,
    shift_C: Floats,
    mean_C: Floats,
    act: int,
    dz_C: Doubles,
    dzx_C: Doubles,
) -> None:
    """Sums over the rows of dz and of dz * (x - mean), where z goes into the activation."""
    rows, channels = x_RC.shape
    dz_C[:] = 0
    dzx_C[:] = 0
    for start in range(0, rows, BLOCK):
        sum_C = np.zeros(channels, np.float32)
        product_C = np.zeros(channels, np.float32)
        for r in range(start, min(start + BLOCK, rows)):
            for c in range(channels):
                x = x_RC[r, c]
                dz = dy_RC[r, c] * _act_slope(x * scale_C[c] + shift_C[c], act)
                sum_C[c] += dz
                product_C[c] += dz * (x - mean_C[c])
        for c in range(channels):
            dz_C[c] += sum_C[c]
            dzx_C[c] += product_C[c]


@compiled
def norm_act_gradient(
    x_RC: Floats,
    dy_RC: Floats,
    scale_C: Floats,
    shift_C: Floats,
    mean_C: Floats,
    act: int,
    mean_dz_C: Floats,
    mean_dzx_C: Floats,
    dx_RC: Floats,
) -> None:
    """Gradient by input of batch norm (Ioffe and Szegedy 2015) and activation."""
    rows, channels = x_RC.shape
    for r in range(rows):
        for c in range(channels):
            x = x_RC[r, c]
            dz = dy_RC[r, c] * _act_slope(x * scale_C[c] + shift_C[c], act)
            dx_RC[r, c] = scale_C[c] * (dz - mean_dz_C[c] - (x - mean_C[c]) * mean_dzx_C[c])


@compiled
def pool_mean(first: int, last: int, x_NPC: Floats, mean_NC: Floats) -> None:
    """Mean over the pixels of every image."""
    images, pixels, channels = x_NPC.shape
    for n in range(first * images // CHUNKS, last * images // CHUNKS):
        mean_C = mean_NC[n]
        mean_C[:] = 0
        for p in range(pixels):
            for c in range(channels):
                mean_C[c] += x_NPC[n, p, c]
        for c in range(channels):
            mean_C[c] /= pixels


@compiled
def gate(first: int, last: int, x_NPC: Floats, gate_NC: Floats, y_NPC: Floats) -> None:
    """Scale every channel of every image."""
    images, pixels, channels = x_NPC.shape
    for n in range(first * images // CHUNKS, last * images // CHUNKS):
        for p in range(pixels):
            for c in range(channels):
                y_NPC[n, p, c] = x_NPC[n, p, c] * gate_NC[n, c]


@compiled
def gate_sums(first: int, last: int, x_NPC: Floats, dy_NPC: Floats, dgate_NC: Floats) -> None:
    """Gradient of `gate` by the gate."""
    images, pixels, channels = x_NPC.shape
    for n in range(first * images // CHUNKS, last * images // CHUNKS):
        dgate_C = dgate_NC[n]
        dgate_C[:] = 0
        for p in range(pixels):
            for c in range(channels):
                dgate_C[c] += dy_NPC[n, p, c] * x_NPC[n, p, c]


@compiled
def gate_gradient(first: int, last: int, dy_NPC: Floats, gate_NC: Floats, dmean_NC: Floats, dx_NPC: Floats) -> None:
    """Gradient by the image, which is both what is scaled and what the mean was taken of."""
    images, pixels, channels = dy_NPC.shape
    for n in range(first * images // CHUNKS, last * images // CHUNKS):
        dpixel_C = dmean_NC[n] / np.float32(pixels)
        for p in range(pixels):
            for c in range(channels):
                dx_NPC[n, p, c] = dy_NPC[n, p, c] * gate_NC[n, c] + dpixel_C[c]


@compiled
def patches(first: int, last: int, x_N3HW: Floats, size: int, stride_h: int, stride_w: int, y_NhwP: Floats) -> None:
    """Lay what a filter sees in a row, in the order of the filter's weights: colour, then row, then column."""
    images, colours, height, width = x_N3HW.shape
    pad = (size - 1) // 2
    for n in range(first * images // CHUNKS, last * images // CHUNKS):
        for i in range(y_NhwP.shape[1]):
            for j in range(y_NhwP.shape[2]):
                at = 0
                for colour in range(colours):
                    for a in range(i * stride_h - pad, i * stride_h - pad + size):
                        for b in range(j * stride_w - pad, j * stride_w - pad + size):
                            is_inside = 0 <= a < height and 0 <= b < width
                            y_NhwP[n, i, j, at] = x_N3HW[n, colour, a, b] if is_inside else np.float32(0)
                            at += 1


@compiled
def gather_patches(x_NHWC: Floats, size: int, stride_h: int, stride_w: int, y_NhwP: Floats) -> None:
    """Lay what a filter sees in a row: row, then column, then channel; outside of the image it sees 0."""
    images, height, width, channels = x_NHWC.shape
    x_NHV = x_NHWC.reshape(images, height, width * channels)
    pad = (size - 1) // 2
    for n in range(images):
        for i in range(y_NhwP.shape[1]):
            for j in range(y_NhwP.shape[2]):
                y_P = y_NhwP[n, i, j]
                left = j * stride_w - pad
                start, end = max(0, left), min(width, left + size)
                for a in range(size):
                    row = i * stride_h - pad + a
                    y_V = y_P[a * size * channels : (a + 1) * size * channels]
                    if end - start < size or not 0 <= row < height:
                        y_V[:] = 0
                    if 0 <= row < height:
                        y_V[(start - left) * channels : (end - left) * channels] = x_NHV[
                            n, row, start * channels : end * channels
                        ]


@compiled
def scatter_patches(y_NhwP: Floats, size: int, stride_h: int, stride_w: int, x_NHWC: Floats) -> None:
    """Gradient of `gather_patches`: every pixel is the sum of what it was laid out as."""
    images, height, width, channels = x_NHWC.shape
    pad = (size - 1) // 2
    x_NHWC[:] = 0
    for n in range(images):
        for i in range(y_NhwP.shape[1]):
            for j in range(y_NhwP.shape[2]):
                at = 0
                for a in range(i * stride_h - pad, i * stride_h - pad + size):
                    for b in range(j * stride_w - pad, j * stride_w - pad + size):
                        if 0 <= a < height and 0 <= b < width:
                            for c in range(channels):
                                x_NHWC[n, a, b, c] += y_NhwP[n, i, j, at + c]
                        at += channels


@compiled
def max_pool(first: int, last: int, x_NHWC: Floats, y_NhwC: Floats, best_NhwC: NDArray[np.uint8]) -> None:
    """Greatest of 2 x 2 pixels, fewer where the image has but one row or column, and which: the first of equal ones."""
    images, height, width, channels = y_NhwC.shape
    below, right = min(1, x_NHWC.shape[1] - 1), min(1, x_NHWC.shape[2] - 1)
    for n in range(first * images // CHUNKS, last * images // CHUNKS):
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    greatest = x_NHWC[n, 2 * i, 2 * j, c]
                    best = 0
                    for at in range(1, 4):
                        x = x_NHWC[n, 2 * i + at // 2 * below, 2 * j + at % 2 * right, c]
                        if x > greatest:
                            greatest, best = x, at
                    y_NhwC[n, i, j, c] = greatest
                    best_NhwC[n, i, j, c] = best


@compiled
def max_pool_gradient(first: int, last: int, dy_NhwC: Floats, best_NhwC: NDArray[np.uint8], dx_NHWC: Floats) -> None:
    """Gradient of `max_pool`."""
    images, height, width, channels = dy_NhwC.shape
    for n in range(first * images // CHUNKS, last * images // CHUNKS):
        dx_NHWC[n] = 0
        for i in range(height):
            for j in range(width):
                for at in range(4):
                    a, b = 2 * i + at // 2, 2 * j + at % 2
                    if a < dx_NHWC.shape[1] and b < dx_NHWC.shape[2]:
                        here = np.uint8(at)
                        for c in range(channels):
                            dy, best = dy_NhwC[n, i, j, c], best_NhwC[n, i, j, c]
                            dx_NHWC[n, a, b, c] = dy if best == here else np.float32(0)
