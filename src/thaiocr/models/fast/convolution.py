"""Convolution of all channels on channels-last arrays, as matrix products.

    N images  H, W input pixels  h, w output pixels  C, D channels  k filter size  P = k*k*C  Q = k*k*D

What a filter sees is laid out as a row, P numbers (Chellapilla et al. 2006, "High performance convolutional neural
networks for document processing"): a few images at a time, so that those rows stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from paddle import nn

from thaiocr.models.fast import kernels
from thaiocr.models.fast.functions import Back, Gradients, rows, view
from thaiocr.models.fast.kernels import Floats
from thaiocr.models.fast.parallel import spread

CACHED: Final = 1 << 21
"""Bytes of rows at a time."""


class Window(NamedTuple):
    """What a filter sees, padded so that stride 1 keeps the size."""

    size: int
    stride_h: int
    stride_w: int

    @property
    def is_unstrided(self) -> bool:
        """Every pixel is the middle of a window."""
        return self.stride_h == self.stride_w == 1

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
        if window.is_unstrided:
            dx_NHWC, dweight_DCkk = _gradients(x_NHWC, weight_DCkk, dy_NhwD, window)
        else:
            dx_NHWC, dweight_DCkk = _strided_gradients(x_NHWC, weight_PD, dy_NhwD, window)
        gradients[id(conv.weight)] = np.ascontiguousarray(dweight_DCkk)
        return dx_NHWC

    return y_NhwD, back


def _gradients(x_NHWC: Floats, weight_DCkk: Floats, dy_NHWD: Floats, window: Window) -> tuple[Floats, Floats]:
    """Return dx_NHWC and dweight_DCkk: one layout of dy, what every pixel was seen by, serves both."""
    channels_out, channels_in, size, _ = weight_DCkk.shape
    turned_QC = np.ascontiguousarray(weight_DCkk[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)).reshape(-1, channels_in)
    dx_NHWC = np.empty_like(x_NHWC)
    dturned_2CQ = np.zeros((2, channels_in, len(turned_QC)), np.float32)

    def half(part: int, first: int, last: int) -> None:
        for some, patches_nHWQ in _patches(dy_NHWD, window, first, last):
            np.matmul(rows(patches_nHWQ), turned_QC, out=rows(dx_NHWC[some]))
            dturned_2CQ[part] += rows(x_NHWC[some]).T @ rows(patches_nHWQ)

    _in_halves(half, len(x_NHWC))
    dturned_CkkD = dturned_2CQ.sum(axis=0).reshape(channels_in, size, size, channels_out)
    return dx_NHWC, dturned_CkkD[:, ::-1, ::-1].transpose(3, 0, 1, 2)


def _strided_gradients(x_NHWC: Floats, weight_PD: Floats, dy_NhwD: Floats, window: Window) -> tuple[Floats, Floats]:
    """Return dx_NHWC and dweight_DCkk: the gradients by the rows are added up where the rows came from."""
    dx_NHWC = np.empty_like(x_NHWC)
    dweight_2PD = np.zeros((2, *weight_PD.shape), np.float32)

    def half(part: int, first: int, last: int) -> None:
        for some, patches_nhwP in _patches(x_NHWC, window, first, last):
            dweight_2PD[part] += rows(patches_nhwP).T @ rows(dy_NhwD[some])
            np.matmul(rows(dy_NhwD[some]), weight_PD.T, out=rows(patches_nhwP))
            kernels.scatter_patches(patches_nhwP, *window, dx_NHWC[some])

    _in_halves(half, len(x_NHWC))
    dweight_kkCD = dweight_2PD.sum(axis=0).reshape(window.size, window.size, x_NHWC.shape[-1], -1)
    return dx_NHWC, dweight_kkCD.transpose(3, 2, 0, 1)


def _in_halves(work: Callable[[int, int, int], None], images: int) -> None:
    """Call work(part, first, last) for two halves of the images, so that sums do not depend on the number of cores."""

    def parts(first: int, last: int) -> None:
        for part in range(first, last):
            work(part, part * images // 2, (part + 1) * images // 2)

    spread(parts, 2)


def _patches(x_NHWC: Floats, window: Window, first: int, last: int) -> Iterator[tuple[slice, Floats]]:
    """Yield some of the images and their rows, [n, h, w, P], in memory that is used again."""
    shape = window.shape(x_NHWC)
    at_once = max(1, CACHED // (4 * math.prod(shape)))
    patches_nhwP = np.empty((at_once, *shape), np.float32)
    for start in range(first, last, at_once):
        some = slice(start, min(start + at_once, last))
        kernels.gather_patches(x_NHWC[some], *window, patches_nhwP[: some.stop - start])
        yield some, patches_nhwP[: some.stop - start]
