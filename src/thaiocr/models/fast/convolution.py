"""Convolution of all channels on channels-last arrays, as matrix products; `winograd` is faster where it can be used.

    N images  H, W input pixels  h, w output pixels  C, D channels  k filter size  P = k*k*C

What a filter sees is laid out as a row, P numbers (Chellapilla et al. 2006, "High performance convolutional neural
networks for document processing"): a few images at a time, so that those rows stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from paddle import nn

from thaiocr.models.fast import kernels
from thaiocr.models.fast.functions import Back, Gradients, rows, view
from thaiocr.models.fast.kernels import Floats
from thaiocr.models.fast.parallel import in_halves, spread

CACHED: Final = 1 << 21
"""Bytes of rows at a time."""


class Window(NamedTuple):
    """What a filter sees, padded so that stride 1 keeps the size."""

    size: int
    stride_h: int
    stride_w: int

    def shape(self, x_NHWC: Floats) -> tuple[int, int, int]:
        """Return h, w, P."""
        _, height, width, channels = x_NHWC.shape
        return -(-height // self.stride_h), -(-width // self.stride_w), channels * self.size**2


def convolution(x_NHWC: Floats, conv: nn.Conv2D, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NhwD and the way back."""
    weight_DCkk = view(conv.weight)
    window = Window(weight_DCkk.shape[2], *conv._stride)
    weight_PD = np.ascontiguousarray(weight_DCkk.transpose(2, 3, 1, 0)).reshape(-1, len(weight_DCkk))
    y_NhwD = np.empty((len(x_NHWC), *window.shape(x_NHWC)[:2], len(weight_DCkk)), np.float32)

    def forward(first: int, last: int) -> None:
        for some, patches_nhwP in _patches(x_NHWC, window, first, last):
            np.matmul(rows(patches_nhwP), weight_PD, out=rows(y_NhwD[some]))

    spread(forward, len(x_NHWC))

    def back(dy_NhwD: Floats) -> Floats:
        dx_NHWC = np.empty_like(x_NHWC)
        dweight_2PD = np.zeros((2, *weight_PD.shape), np.float32)

        def half(part: int, first: int, last: int) -> None:
            for some, patches_nhwP in _patches(x_NHWC, window, first, last):
                dweight_2PD[part] += rows(patches_nhwP).T @ rows(dy_NhwD[some])
                np.matmul(rows(dy_NhwD[some]), weight_PD.T, out=rows(patches_nhwP))
                kernels.scatter_patches(patches_nhwP, *window, dx_NHWC[some])

        in_halves(half, len(x_NHWC))
        dweight_kkCD = dweight_2PD.sum(axis=0).reshape(window.size, window.size, x_NHWC.shape[-1], -1)
        gradients[id(conv.weight)] = np.ascontiguousarray(dweight_kkCD.transpose(3, 2, 0, 1))
        return dx_NHWC

    return y_NhwD, back


def _patches(x_NHWC: Floats, window: Window, first: int, last: int) -> Iterator[tuple[slice, Floats]]:
    """Yield some of the images and their rows, [n, h, w, P], in memory that is used again."""
    shape = window.shape(x_NHWC)
    at_once = max(1, CACHED // (4 * math.prod(shape)))
    patches_nhwP = np.empty((at_once, *shape), np.float32)
    for start in range(first, last, at_once):
        some = slice(start, min(start + at_once, last))
        kernels.gather_patches(x_NHWC[some], *window, patches_nhwP[: some.stop - start])
        yield some, patches_nhwP[: some.stop - start]
