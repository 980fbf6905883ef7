"""Convolution of 3 x 3 and stride 1 with less than half of the products (Lavin and Gray 2016, arXiv:1509.09308).

    N images  H, W pixels  C, D channels  h, w tiles of 2 x 2 outputs  T = n*h*w tiles  K = 16 places in a tile

F(2 x 2, 3 x 3): every tile sees 4 x 4 inputs. Its transform, V = Bt d B, times that of the filters, U = G g Gt, is a
matrix product for each of the 16 places, and Y = At (V U) A. The way back is that of these linear maps. Images come a
few at a time, with a border of zeros, so that what lies between the steps stays in the cache.
"""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from paddle import nn

from thaiocr.models.fast.functions import Back, Gradients, view
from thaiocr.models.fast.kernels import Floats, compiled, inlined
from thaiocr.models.fast.parallel import in_halves, spread

CACHED: Final = 1 << 21
"""Bytes of transformed tiles at a time."""
FILTER: Final = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)
"""G: from a filter's 3 rows or columns to the 4 of a tile."""


def convolution(x_NHWC: Floats, conv: nn.Conv2D, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NHWD and the way back."""
    filter_DC33 = view(conv.weight)
    filter_KCD = np.einsum("ai,bj,dcij->abcd", FILTER, FILTER, filter_DC33, optimize=True)
    filter_KCD = np.ascontiguousarray(filter_KCD.reshape(16, *filter_KCD.shape[2:]))
    y_NHWD = np.empty((*x_NHWC.shape[:3], len(filter_DC33)), np.float32)

    def forward(first: int, last: int) -> None:
        for some, tiles_KTC in _tiles(x_NHWC, len(filter_DC33), first, last):
            _outputs(np.matmul(tiles_KTC, filter_KCD), y_NHWD[some])

    spread(forward, len(x_NHWC))

    def back(dy_NHWD: Floats) -> Floats:
        dx_NHWC = np.empty_like(x_NHWC)
        dfilter_2KCD = np.zeros((2, *filter_KCD.shape), np.float32)
        filter_KDC = filter_KCD.transpose(0, 2, 1)

        def half(part: int, first: int, last: int) -> None:
            for some, tiles_KTC in _tiles(x_NHWC, len(filter_DC33), first, last):
                dproducts_KTD = np.empty((*tiles_KTC.shape[:2], len(filter_DC33)), np.float32)
                _output_gradients(dy_NHWD[some], dproducts_KTD)
                dfilter_2KCD[part] += np.matmul(tiles_KTC.transpose(0, 2, 1), dproducts_KTD)
                _input_gradients(np.matmul(dproducts_KTD, filter_KDC), dx_NHWC[some])

        in_halves(half, len(x_NHWC))
        dfilter_44CD = dfilter_2KCD.sum(axis=0).reshape(4, 4, *filter_KCD.shape[1:])
        gradients[id(conv.weight)] = np.einsum("ai,bj,abcd->dcij", FILTER, FILTER, dfilter_44CD, optimize=True)
        return dx_NHWC

    return y_NHWD, back


def _tiles(x_NHWC: Floats, out_channels: int, first: int, last: int) -> Iterator[tuple[slice, Floats]]:
    """Yield some of the images and their transformed tiles, in memory that is used again."""
    _, height, width, channels = x_NHWC.shape
    down, across = (height + 1) // 2, (width + 1) // 2
    at_once = max(1, CACHED // (4 * 16 * down * across * (channels + out_channels)))
    padded_nHWC = np.zeros((at_once, 2 * down + 2, 2 * across + 2, channels), np.float32)
    tiles_KTC = np.empty((16, at_once * down * across, channels), np.float32)
    for start in range(first, last, at_once):
        some = slice(start, min(start + at_once, last))
        count = some.stop - start
        padded_nHWC[:count, 1 : height + 1, 1 : width + 1] = x_NHWC[some]
        found_KTC = tiles_KTC if count == at_once else np.empty((16, count * down * across, channels), np.float32)
        _inputs(padded_nHWC[:count], found_KTC)
        yield some, found_KTC


@inlined
def _add(one_C: Floats, other_C: Floats, sum_C: Floats) -> None:
    for c in range(len(sum_C)):
        sum_C[c] = one_C[c] + other_C[c]


@inlined
def _subtract(one_C: Floats, other_C: Floats, difference_C: Floats) -> None:
    for c in range(len(difference_C)):
        difference_C[c] = one_C[c] - other_C[c]


@inlined
def _add_two(first_C: Floats, sign: int, second_C: Floats, last_sign: int, third_C: Floats, sum_C: Floats) -> None:
    """First + sign * second + last_sign * third."""
    for c in range(len(sum_C)):
        sum_C[c] = first_C[c] + np.float32(sign) * second_C[c] + np.float32(last_sign) * third_C[c]


@inlined
def _input_side(
    zero_C: Floats, one_C: Floats, two_C: Floats, three_C: Floats, a_C: Floats, b_C: Floats, c_C: Floats, d_C: Floats
) -> None:
    """The four rows of Bt, on the inputs of one column or row of a tile."""
    _subtract(zero_C, two_C, a_C)
    _add(one_C, two_C, b_C)
    _subtract(two_C, one_C, c_C)
    _subtract(one_C, three_C, d_C)


@compiled
def _inputs(x_nHWC: Floats, v_KTC: Floats) -> None:
    """V = Bt d B, first down, then across; x has its border."""
    images, height, width, channels = x_nHWC.shape
    t_44C = np.empty((4, 4, channels), np.float32)
    at = 0
    for n in range(images):
        for i in range(0, height - 2, 2):
            for j in range(0, width - 2, 2):
                for b in range(4):
                    _input_side(
                        x_nHWC[n, i, j + b], x_nHWC[n, i + 1, j + b], x_nHWC[n, i + 2, j + b], x_nHWC[n, i + 3, j + b],
                        t_44C[0, b], t_44C[1, b], t_44C[2, b], t_44C[3, b],
                    )  # fmt: skip
                for a in range(4):
                    _input_side(
                        t_44C[a, 0], t_44C[a, 1], t_44C[a, 2], t_44C[a, 3],
                        v_KTC[4 * a, at], v_KTC[4 * a + 1, at], v_KTC[4 * a + 2, at], v_KTC[4 * a + 3, at],
                    )  # fmt: skip
                at += 1


@compiled
def _outputs(m_KTD: Floats, y_nHWD: Floats) -> None:
    """Y = At M A; the last tiles of odd sides reach over the edge, where nothing is written."""
    images, height, width, channels = y_nHWD.shape
    s_24D = np.empty((2, 4, channels), np.float32)
    at = 0
    for n in range(images):
        for i in range(0, height, 2):
            for j in range(0, width, 2):
                for b in range(4):
                    _add_two(m_KTD[b, at], 1, m_KTD[4 + b, at], 1, m_KTD[8 + b, at], s_24D[0, b])
                    _add_two(m_KTD[4 + b, at], -1, m_KTD[8 + b, at], -1, m_KTD[12 + b, at], s_24D[1, b])
                for a in range(min(2, height - i)):
                    _add_two(s_24D[a, 0], 1, s_24D[a, 1], 1, s_24D[a, 2], y_nHWD[n, i + a, j])
                    if j + 1 < width:
                        _add_two(s_24D[a, 1], -1, s_24D[a, 2], -1, s_24D[a, 3], y_nHWD[n, i + a, j + 1])
                at += 1


@inlined
def _output_side(
    zero_D: Floats, one_D: Floats, nothing_D: Floats, a_D: Floats, b_D: Floats, c_D: Floats, d_D: Floats
) -> None:
    """The four rows of A, on the gradients of one column or row of a tile."""
    _add(zero_D, nothing_D, a_D)
    _add(zero_D, one_D, b_D)
    _subtract(zero_D, one_D, c_D)
    _subtract(nothing_D, one_D, d_D)


@compiled
def _output_gradients(dy_nHWD: Floats, dm_KTD: Floats) -> None:
    """The gradient by M: A dY At."""
    images, height, width, channels = dy_nHWD.shape
    e_42D = np.empty((4, 2, channels), np.float32)
    nothing_D = np.zeros(channels, np.float32)
    at = 0
    for n in range(images):
        for i in range(0, height, 2):
            for j in range(0, width, 2):
                for b in range(2):
                    upper_D = dy_nHWD[n, i, j + b] if j + b < width else nothing_D
                    lower_D = dy_nHWD[n, i + 1, j + b] if i + 1 < height and j + b < width else nothing_D
                    _output_side(upper_D, lower_D, nothing_D, e_42D[0, b], e_42D[1, b], e_42D[2, b], e_42D[3, b])
                for a in range(4):
                    _output_side(
                        e_42D[a, 0], e_42D[a, 1], nothing_D,
                        dm_KTD[4 * a, at], dm_KTD[4 * a + 1, at], dm_KTD[4 * a + 2, at], dm_KTD[4 * a + 3, at],
                    )  # fmt: skip
                at += 1


@compiled
def _input_gradients(dv_KTC: Floats, dx_nHWC: Floats) -> None:
    """The gradient by the inputs: B dV Bt; tiles overlap, so their parts are added up."""
    images, height, width, channels = dx_nHWC.shape
    down, across = (height + 1) // 2, (width + 1) // 2
    d_HWC = np.empty((2 * down + 2, 2 * across + 2, channels), np.float32)
    f_44C, sum_C, nothing_C = (
        np.empty((4, 4, channels), np.float32),
        np.empty(channels, np.float32),
        np.zeros(channels, np.float32),
    )
    at = 0
    for n in range(images):
        d_HWC[:] = 0
        for i in range(0, 2 * down, 2):
            for j in range(0, 2 * across, 2):
                for a in range(4):
                    zero, one = dv_KTC[4 * a, at], dv_KTC[4 * a + 1, at]
                    two, three = dv_KTC[4 * a + 2, at], dv_KTC[4 * a + 3, at]
                    _add(zero, nothing_C, f_44C[a, 0])
                    _add_two(one, -1, two, 1, three, f_44C[a, 1])
                    _add_two(one, 1, two, -1, zero, f_44C[a, 2])
                    _subtract(nothing_C, three, f_44C[a, 3])
                for b in range(4):
                    zero, one, two, three = f_44C[0, b], f_44C[1, b], f_44C[2, b], f_44C[3, b]
                    _add(d_HWC[i, j + b], zero, d_HWC[i, j + b])
                    _add_two(one, -1, two, 1, three, sum_C)
                    _add(d_HWC[i + 1, j + b], sum_C, d_HWC[i + 1, j + b])
                    _add_two(one, 1, two, -1, zero, sum_C)
                    _add(d_HWC[i + 2, j + b], sum_C, d_HWC[i + 2, j + b])
                    _subtract(d_HWC[i + 3, j + b], three, d_HWC[i + 3, j + b])
                at += 1
        dx_nHWC[n] = d_HWC[1 : height + 1, 1 : width + 1]
