"""MobileNetV3's inverted residual, channels last: what lies between its convolutions is made again where it is read.

    N images  H, W input pixels  h, w output pixels  C, E, D channels in, between and out  k filter size
    a = expand(x)  b = depthwise(act(norm(a)))  c = narrow(gate * act(norm(b)))  y = norm(c) + x

A pass over all activations takes as long as memory takes to bring them. So only a, b and c are kept. Norm, activation
and gate are done for some images at a time, next to the convolution that reads them, and so are their gradients on
the way back: what is made of a chunk does not leave the cache before it was used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from thaiocr.models.fast import functions, kernels
from thaiocr.models.fast.depthwise import depthwise, depthwise_gradient
from thaiocr.models.fast.functions import Back, Gradients, pixels, rows, view
from thaiocr.models.fast.kernels import Floats
from thaiocr.models.fast.norm import NOTHING, Norm
from thaiocr.models.fast.parallel import CHUNKS, chunks_of, each_chunk

if TYPE_CHECKING:
    from thaiocr.models.mobilenet_v3 import ResidualUnit

ALL: Final = (0, CHUNKS)
"""Of the images that a kernel is given."""


def residual_unit(x_NHWC: Floats, unit: ResidualUnit, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NhwD, as `ResidualUnit.forward` does."""
    step = Step(x_NHWC, unit, gradients)
    return step.forward(), step.back


class Step:
    """One step of a unit: `forward`, then `back`."""

    def __init__(self, x_NHWC: Floats, unit: ResidualUnit, gradients: Gradients) -> None:
        self.unit, self.x_NHWC, self.gradients = unit, x_NHWC, gradients
        expand, middle, narrow = unit.expand_conv, unit.bottleneck_conv, unit.linear_conv
        self.a_norm, self.b_norm, self.c_norm = (Norm(layer.bn, layer.act) for layer in (expand, middle, narrow))
        self.expand_EC, self.narrow_DE = view(expand.conv.weight)[:, :, 0, 0], view(narrow.conv.weight)[:, :, 0, 0]
        self.filter_kkE = np.ascontiguousarray(view(middle.conv.weight)[:, 0].transpose(1, 2, 0))
        self.strides: tuple[int, int] = tuple(middle.conv._stride)
        self.images, height, width, _ = x_NHWC.shape
        down, across = -(-height // self.strides[0]), -(-width // self.strides[1])
        self.a_NHWE = np.empty((self.images, height, width, len(self.expand_EC)), np.float32)
        self.b_NhwE = np.empty((self.images, down, across, len(self.expand_EC)), np.float32)
        self.c_NhwD = np.empty((self.images, down, across, len(self.narrow_DE)), np.float32)
        self.gate_NE: Floats | None = None

    def forward(self) -> Floats:
        """Return y_NhwD."""

        def expand(chunk: int, some: slice) -> None:
            np.matmul(rows(self.x_NHWC[some]), self.expand_EC.T, out=rows(self.a_NHWE[some]))
            self.a_norm.measure(chunk, self.a_NHWE[some])

        def middle(chunk: int, some: slice) -> None:
            depthwise(self.a_norm.apply(self.a_NHWE[some]), self.filter_kkE, *self.strides, self.b_NhwE[some])
            self.b_norm.measure(chunk, self.b_NhwE[some])

        def narrow(chunk: int, some: slice) -> None:
            gated_nhwE = self._gated(self.b_norm.apply(self.b_NhwE[some]), some)
            np.matmul(rows(gated_nhwE), self.narrow_DE.T, out=rows(self.c_NhwD[some]))
            self.c_norm.measure(chunk, self.c_NhwD[some])

        each_chunk(expand, self.images)
        self.a_norm.settle()
        each_chunk(middle, self.images)
        self.b_norm.settle()
        self._find_gates()
        each_chunk(narrow, self.images)
        self.c_norm.settle()
        y_NhwD, addend_NHWC = np.empty_like(self.c_NhwD), self.x_NHWC if self.unit.is_residual else NOTHING
        each_chunk(
            lambda _, some: self.c_norm.apply(self.c_NhwD[some], addend_NHWC[some], out=y_NhwD[some]), self.images
        )
        return y_NhwD

    def _find_gates(self) -> None:
        if self.unit.mid_se is None:
            return
        mean_NE = np.empty((self.images, len(self.expand_EC)), np.float32)

        def pool(_: int, some: slice) -> None:
            kernels.pool_mean(*ALL, pixels(self.b_norm.apply(self.b_NhwE[some])), mean_NE[some])

        each_chunk(pool, self.images)
        self.gate_NE, self.gate_back = functions.gate(mean_NE, self.unit.mid_se, self.gradients)

    def _gated(self, b_nhwE: Floats, some: slice) -> Floats:
        if self.gate_NE is not None:
            kernels.gate(*ALL, pixels(b_nhwE), self.gate_NE[some], pixels(b_nhwE))
        return b_nhwE

    def back(self, dy_NhwD: Floats) -> Floats:
        """Return dx_NHWC."""
        db_NhwE = self._narrow_back(dy_NhwD)
        self.b_norm.settle_gradient(self.gradients)
        da_NHWE = self._middle_back(db_NhwE)
        self.a_norm.settle_gradient(self.gradients)
        return self._expand_back(da_NHWE, dy_NhwD)

    def _narrow_back(self, dy_NhwD: Floats) -> Floats:
        """Return the gradient by act(norm(b)), measured."""
        db_NhwE, dgate_NE = np.empty_like(self.b_NhwE), np.empty((self.images, len(self.expand_EC)), np.float32)
        dnarrow_cDE = np.empty((chunks_of(self.images), *self.narrow_DE.shape), np.float32)

        def narrow(chunk: int, some: slice) -> None:
            dc_RD = rows(self.c_norm.gradient(self.c_NhwD[some], dy_NhwD[some]))
            np.matmul(dc_RD, self.narrow_DE, out=rows(db_NhwE[some]))
            b_nhwE = self.b_norm.apply(self.b_NhwE[some])
            if self.gate_NE is None:
                self.b_norm.measure_gradient(chunk, self.b_NhwE[some], db_NhwE[some])
            else:
                kernels.gate_sums(*ALL, pixels(b_nhwE), pixels(db_NhwE[some]), dgate_NE[some])
            np.matmul(dc_RD.T, rows(self._gated(b_nhwE, some)), out=dnarrow_cDE[chunk])

        each_chunk(
            lambda chunk, some: self.c_norm.measure_gradient(chunk, self.c_NhwD[some], dy_NhwD[some]), self.images
        )
        self.c_norm.settle_gradient(self.gradients)
        each_chunk(narrow, self.images)
        self.gradients[id(self.unit.linear_conv.conv.weight)] = dnarrow_cDE.sum(axis=0)[:, :, None, None]
        if self.gate_NE is not None:
            self._gate_back(db_NhwE, dgate_NE, self.gate_NE)
        return db_NhwE

    def _gate_back(self, db_NhwE: Floats, dgate_NE: Floats, gate_NE: Floats) -> None:
        """From the gradient by gate * act(norm(b)) to that by act(norm(b)), in its place."""
        dmean_NE = self.gate_back(dgate_NE)

        def gate(chunk: int, some: slice) -> None:
            db_nPE = pixels(db_NhwE[some])
            kernels.gate_gradient(*ALL, db_nPE, gate_NE[some], dmean_NE[some], db_nPE)
            self.b_norm.measure_gradient(chunk, self.b_NhwE[some], db_NhwE[some])

        each_chunk(gate, self.images)

    def _middle_back(self, db_NhwE: Floats) -> Floats:
        """Return the gradient by act(norm(a)), measured."""
        da_NHWE = np.empty_like(self.a_NHWE)
        df_ckkE = np.empty((chunks_of(self.images), *self.filter_kkE.shape), np.float32)

        def middle(chunk: int, some: slice) -> None:
            a_nHWE = self.a_norm.apply(self.a_NHWE[some])
            db_nhwE = self.b_norm.gradient(self.b_NhwE[some], db_NhwE[some])
            depthwise_gradient(a_nHWE, self.filter_kkE, db_nhwE, *self.strides, da_NHWE[some], df_ckkE[chunk])
            self.a_norm.measure_gradient(chunk, self.a_NHWE[some], da_NHWE[some])

        each_chunk(middle, self.images)
        df_Ekk = np.ascontiguousarray(df_ckkE.sum(axis=0).transpose(2, 0, 1))
        self.gradients[id(self.unit.bottleneck_conv.conv.weight)] = df_Ekk[:, None]
        return da_NHWE

    def _expand_back(self, da_NHWE: Floats, dy_NhwD: Floats) -> Floats:
        dx_NHWC = np.empty_like(self.x_NHWC)
        dexpand_cEC = np.empty((chunks_of(self.images), *self.expand_EC.shape), np.float32)

        def expand(chunk: int, some: slice) -> None:
            da_RE = rows(self.a_norm.gradient(self.a_NHWE[some], da_NHWE[some]))
            np.matmul(da_RE, self.expand_EC, out=rows(dx_NHWC[some]))
            if self.unit.is_residual:
                dx_NHWC[some] += dy_NhwD[some]
            np.matmul(da_RE.T, rows(self.x_NHWC[some]), out=dexpand_cEC[chunk])

        each_chunk(expand, self.images)
        self.gradients[id(self.unit.expand_conv.conv.weight)] = dexpand_cEC.sum(axis=0)[:, :, None, None]
        return dx_NHWC
