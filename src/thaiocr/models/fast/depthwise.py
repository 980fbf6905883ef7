"""Depthwise convolution of channels-last images and its gradients, compiled by numba.

    n images  H, W input pixels  V = W and a border  h, w output pixels  C channels  k filter size

Images are copied to memory with columns of zeros on both sides, so that a filter's row lies inside wherever it stands;
rows outside of the image are left out. Filters of 3 x 3 and 5 x 5 are unrolled, for several pixels of a row at once:
what a pass over the channels has loaded serves them all.
"""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numba.core.compiler import Compiler

from thaiocr.models.fast.kernels import Floats, inlined

PIXELS: Final = 4
"""Of a row, done at once."""


class Apart(Compiler):
    """Compile for arrays of which none overlaps another; LLVM does not vectorise a loop where it must check many."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)  # type: ignore[no-untyped-call]  # numba's
        self.state.flags.noalias = True


compiled: Any = njit(nogil=True, fastmath=True, cache=True, error_model="numpy", pipeline_class=Apart)


@compiled
def depthwise(x_nHWC: Floats, filter_kkC: Floats, stride_h: int, stride_w: int, y_nhwC: Floats) -> None:
    """Filter every channel by itself, padded so that stride 1 keeps the size."""
    images, height, width, channels = x_nHWC.shape
    size = filter_kkC.shape[0]
    pad = (size - 1) // 2
    x_HVC = np.zeros((height, width + 2 * pad, channels), np.float32)
    all_hWC = np.empty((y_nhwC.shape[1], width, channels), np.float32)
    for n in range(images):
        _copy(x_nHWC[n], pad, 1, x_HVC)
        y_hWC = y_nhwC[n] if stride_w == 1 else all_hWC
        if size == 3 and width >= PIXELS:
            _filter(3, PIXELS, x_HVC, filter_kkC, stride_h, y_hWC)
        elif size == 5 and width >= PIXELS:
            _filter(5, PIXELS, x_HVC, filter_kkC, stride_h, y_hWC)
        else:
            _filter(size, 1, x_HVC, filter_kkC, stride_h, y_hWC)
        if stride_w > 1:
            y_nhwC[n] = all_hWC[:, ::stride_w]


@inlined
def _filter(size: int, at_once: int, x_HVC: Floats, filter_kkC: Floats, stride_h: int, y_hWC: Floats) -> None:
    height, _, channels = x_HVC.shape
    for i in range(y_hWC.shape[0]):
        top = i * stride_h - (size - 1) // 2
        for start in range(0, y_hWC.shape[1], at_once):
            j = min(start, y_hWC.shape[1] - at_once)
            y_hWC[i, j : j + at_once] = 0
            for a in range(max(0, -top), min(size, height - top)):
                for c in range(channels):
                    for p in range(at_once):
                        y = y_hWC[i, j + p, c]
                        for b in range(size):
                            y += x_HVC[top + a, j + p + b, c] * filter_kkC[a, b, c]
                        y_hWC[i, j + p, c] = y


@compiled
def depthwise_gradient(
    x_nHWC: Floats,
    filter_kkC: Floats,
    dy_nhwC: Floats,
    stride_h: int,
    stride_w: int,
    dx_nHWC: Floats,
    df_kkC: Floats,
) -> None:
    """Gradients by input and by filter, the latter summed over these images.

    That by the input is a filtering too: of the gradient by the output, with zeros for the columns that the stride
    skips, by the mirrored filter.
    """
    images, height, width, channels = x_nHWC.shape
    size = filter_kkC.shape[0]
    pad = (size - 1) // 2
    x_HVC = np.zeros((height, width + 2 * pad + PIXELS, channels), np.float32)
    dy_hVC = np.zeros((dy_nhwC.shape[1], *x_HVC.shape[1:]), np.float32)
    mirrored_kkC = filter_kkC[:, ::-1].copy()
    df_kkC[:] = 0
    for n in range(images):
        _copy(x_nHWC[n], pad, 1, x_HVC)
        _copy(dy_nhwC[n], pad, stride_w, dy_hVC)
        if size == 3 and width >= PIXELS:
            _filter_back(3, PIXELS, dy_hVC, mirrored_kkC, stride_h, dx_nHWC[n])
            _sum_filter(3, PIXELS, x_HVC, dy_hVC, stride_h, width, df_kkC)
        elif size == 5 and width >= PIXELS:
            _filter_back(5, PIXELS, dy_hVC, mirrored_kkC, stride_h, dx_nHWC[n])
            _sum_filter(5, PIXELS, x_HVC, dy_hVC, stride_h, width, df_kkC)
        else:
            _filter_back(size, 1, dy_hVC, mirrored_kkC, stride_h, dx_nHWC[n])
            _sum_filter(size, 1, x_HVC, dy_hVC, stride_h, width, df_kkC)


@inlined
def _filter_back(size: int, at_once: int, dy_hVC: Floats, mirrored_kkC: Floats, stride_h: int, dx_HWC: Floats) -> None:
    height, width, channels = dx_HWC.shape
    for i in range(height):
        below = i + (size - 1) // 2
        for start in range(0, width, at_once):
            j = min(start, width - at_once)
            dx_HWC[i, j : j + at_once] = 0
            for a in range(below % stride_h, size, stride_h):
                row = (below - a) // stride_h
                if 0 <= row < dy_hVC.shape[0]:
                    for c in range(channels):
                        for p in range(at_once):
                            dx = dx_HWC[i, j + p, c]
                            for b in range(size):
                                dx += dy_hVC[row, j + p + b, c] * mirrored_kkC[a, b, c]
                            dx_HWC[i, j + p, c] = dx


@inlined
def _sum_filter(
    size: int, at_once: int, x_HVC: Floats, dy_hVC: Floats, stride_h: int, width: int, df_kkC: Floats
) -> None:
    height, _, channels = x_HVC.shape
    pad = (size - 1) // 2
    for i in range(dy_hVC.shape[0]):
        top = i * stride_h - pad
        for j in range(0, width, at_once):
            for a in range(max(0, -top), min(size, height - top)):
                for c in range(channels):
                    for b in range(size):
                        df = df_kkC[a, b, c]
                        for p in range(at_once):
                            df += dy_hVC[i, j + p + pad, c] * x_HVC[top + a, j + p + b, c]
                        df_kkC[a, b, c] = df


@inlined
def _copy(x_HWC: Floats, pad: int, stride_w: int, x_HVC: Floats) -> None:
    """Copy to every so many columns; numba makes no vectors of the assignment of a slice."""
    height, width, channels = x_HWC.shape
    for i in range(height):
        for j in range(width):
            for c in range(channels):
                x_HVC[i, pad + j * stride_w, c] = x_HWC[i, j, c]
