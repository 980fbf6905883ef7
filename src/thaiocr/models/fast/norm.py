"""Batch norm and activation of images that are done some at a time, each step while they are in the cache.

N images, of which n at a time  C channels  R = n*H*W rows

    measure every chunk -> settle -> apply some, as often as they are read
    on the way back: measure_gradient of every chunk -> settle_gradient -> gradient of some
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from paddle import nn

from thaiocr.models.fast import kernels
from thaiocr.models.fast.functions import Back, Gradients, rows, view
from thaiocr.models.fast.kernels import Doubles, Floats
from thaiocr.models.fast.parallel import CHUNKS, each_chunk

ACTIVATIONS: Final[Mapping[str | None, int]] = {
    None: kernels.NONE,
    "relu": kernels.RELU,
    "hardswish": kernels.HARDSWISH,
}
NOTHING: Final = np.empty((0, 1), np.float32)


def norm_act(
    x_NHWC: Floats, layer: nn.BatchNorm, act: str | None, gradients: Gradients, *, addend_NHWC: Floats = NOTHING
) -> tuple[Floats, Back]:
    """Batch norm and activation, then an addend where there is one. Returns y_NHWC and the way back to x_NHWC alone."""
    norm, x_RC, y_NHWC = Norm(layer, act), rows(x_NHWC), np.empty_like(x_NHWC)
    each_chunk(lambda chunk, some: norm.measure(chunk, x_RC[some]), len(x_RC))
    norm.settle()
    addend_RC, y_RC = rows(addend_NHWC), rows(y_NHWC)
    each_chunk(lambda _, some: norm.apply(x_RC[some], addend_RC[some], out=y_RC[some]), len(x_RC))

    def back(dy_NHWC: Floats) -> Floats:
        dy_RC, dx_NHWC = rows(dy_NHWC), np.empty_like(x_NHWC)
        dx_RC = rows(dx_NHWC)
        each_chunk(lambda chunk, some: norm.measure_gradient(chunk, x_RC[some], dy_RC[some]), len(x_RC))
        norm.settle_gradient(gradients)
        each_chunk(lambda _, some: norm.gradient(x_RC[some], dy_RC[some], out=dx_RC[some]), len(x_RC))
        return dx_NHWC

    return y_NHWC, back


class Norm:
    """A layer of batch norm, and what one step has measured: per chunk, so that sums do not depend on the cores."""

    def __init__(self, layer: nn.BatchNorm, act: str | None) -> None:
        self.layer, self.kind = layer, ACTIVATIONS[act]
        self.rows_c = np.zeros(CHUNKS)
        self.sums_2cC = np.zeros((2, CHUNKS, layer.weight.shape[0]))

    def measure(self, chunk: int, x_NHWC: Floats) -> None:
        """Take in a chunk's moments; nothing is needed of it where the running ones are used."""
        x_RC = rows(x_NHWC)
        self.rows_c[chunk] = len(x_RC)
        if self.layer.training:
            kernels.moments(x_RC, *self.sums_2cC[:, chunk])

    def settle(self) -> None:
        """Find mean and deviation: the batch's while training, with running ones that follow, otherwise those."""
        layer = self.layer
        running_mean_C, running_variance_C = view(layer._mean), view(layer._variance)
        self.mean_C, variance_C = running_mean_C, running_variance_C
        if layer.training:
            mean_C, square_C = self._moments()
            self.mean_C = mean_C.astype(np.float32)
            variance_C = np.maximum(square_C / self.rows_c.sum(), 0).astype(np.float32)
            for running_C, batch_C in ((running_mean_C, self.mean_C), (running_variance_C, variance_C)):
                running_C *= np.float32(layer._momentum)
                running_C += np.float32(1 - layer._momentum) * batch_C
        self.inverse_C = 1 / np.sqrt(variance_C + np.float32(layer._epsilon))
        self.scale_C = view(layer.weight) * self.inverse_C
        self.shift_C = view(layer.bias) - self.mean_C * self.scale_C

    def _moments(self) -> tuple[Doubles, Doubles]:
        """Return all rows' mean and sum of squared deviations, from those of the chunks (Chan et al. 1979)."""
        (mean_cC, square_cC), rows_c1 = self.sums_2cC, self.rows_c[:, None]
        mean_C = (rows_c1 * mean_cC).sum(axis=0) / rows_c1.sum()
        return mean_C, (square_cC + rows_c1 * (mean_cC - mean_C) ** 2).sum(axis=0)

    def apply(self, x_NHWC: Floats, addend_NHWC: Floats = NOTHING, *, out: Floats | None = None) -> Floats:
        """Return y_NHWC of some of the images, with an addend where there is one."""
        y_NHWC = np.empty_like(x_NHWC) if out is None else out
        addend_RC = rows(addend_NHWC)
        kernels.scale_shift_act(rows(x_NHWC), self.scale_C, self.shift_C, self.kind, addend_RC, rows(y_NHWC))
        return y_NHWC

    def measure_gradient(self, chunk: int, x_NHWC: Floats, dy_NHWC: Floats) -> None:
        """Take in what a chunk's gradients sum up to."""
        known_C = self.scale_C, self.shift_C, self.mean_C
        kernels.norm_act_sums(rows(x_NHWC), rows(dy_NHWC), *known_C, self.kind, *self.sums_2cC[:, chunk])

    def settle_gradient(self, gradients: Gradients) -> None:
        """Find the gradients by weight and bias, and what every pixel's gradient needs of the sums."""
        dbias_C, dzx_C = self.sums_2cC.sum(axis=1)
        dweight_C = dzx_C * self.inverse_C
        gradients[id(self.layer.weight)] = dweight_C.astype(np.float32)
        gradients[id(self.layer.bias)] = dbias_C.astype(np.float32)
        count = self.rows_c.sum()
        self.mean_dz_C = (dbias_C / count).astype(np.float32)
        self.mean_dzx_C = (dweight_C * self.inverse_C / count).astype(np.float32)

    def gradient(self, x_NHWC: Floats, dy_NHWC: Floats, *, out: Floats | None = None) -> Floats:
        """Return dx_NHWC of some of the images."""
        dx_NHWC = np.empty_like(x_NHWC) if out is None else out
        known_C = self.scale_C, self.shift_C, self.mean_C
        means_C = self.mean_dz_C, self.mean_dzx_C
        kernels.norm_act_gradient(rows(x_NHWC), rows(dy_NHWC), *known_C, self.kind, *means_C, rows(dx_NHWC))
        return dx_NHWC
