"""Differentiable operations on channels-last tensors, over paddle's autograd.

    N images  H, W input pixels  h, w output pixels  C, D channels  k filter size

Arrays share memory with their tensors; nothing is copied in or out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from thaiocr.models.fast import kernels
from thaiocr.models.fast.kernels import Floats
from thaiocr.models.fast.parallel import CHUNKS, multiply, multiply_transposed, run

ACTIVATIONS: Final[Mapping[str | None, int]] = {
    None: kernels.NONE,
    "relu": kernels.RELU,
    "hardswish": kernels.HARDSWISH,
}


def view(tensor: Tensor) -> Floats:
    """Return the tensor's memory as an array."""
    return np.from_dlpack(tensor.detach())  # type: ignore[return-value]  # numpy does not know the dtype


def rows(tensor: Tensor) -> Floats:
    """Return the tensor's memory as [R, C]."""
    return view(tensor).reshape(-1, tensor.shape[-1])


class Pointwise(PyLayer):  # type: ignore[misc]  # paddle has no types
    """1 x 1 convolution: x_NHWC, weight_DC11 -> y_NHWD."""

    @staticmethod
    def forward(ctx: Any, x_NHWC: Tensor, weight_DC11: Tensor) -> Tensor:
        ctx.save_for_backward(x_NHWC, weight_DC11)
        y_NHWD = paddle.empty([*x_NHWC.shape[:-1], weight_DC11.shape[0]])
        multiply(rows(x_NHWC), view(weight_DC11)[:, :, 0, 0].T, rows(y_NHWD))
        return y_NHWD

    @staticmethod
    def backward(ctx: Any, dy_NHWD: Tensor) -> tuple[Tensor, Tensor]:
        x_NHWC, weight_DC11 = ctx.saved_tensor()
        dx_NHWC, dweight_DC11 = paddle.empty_like(x_NHWC), paddle.empty_like(weight_DC11)
        multiply(rows(dy_NHWD), view(weight_DC11)[:, :, 0, 0], rows(dx_NHWC))
        view(dweight_DC11)[:, :, 0, 0] = multiply_transposed(rows(dy_NHWD), rows(x_NHWC))
        return dx_NHWC, dweight_DC11


class Depthwise(PyLayer):  # type: ignore[misc]
    """Depthwise convolution: x_NHWC, weight_C1kk -> y_NhwC."""

    @staticmethod
    def forward(ctx: Any, x_NHWC: Tensor, weight_C1kk: Tensor, stride: tuple[int, int]) -> Tensor:
        images, height, width, channels = x_NHWC.shape
        filter_kkC = np.ascontiguousarray(view(weight_C1kk)[:, 0].transpose(1, 2, 0))
        ctx.save_for_backward(x_NHWC, weight_C1kk)
        ctx.filter_kkC, ctx.stride = filter_kkC, stride
        y_NhwC = paddle.empty([images, -(-height // stride[0]), -(-width // stride[1]), channels])
        run(kernels.depthwise, view(x_NHWC), filter_kkC, *stride, view(y_NhwC))
        return y_NhwC

    @staticmethod
    def backward(ctx: Any, dy_NhwC: Tensor) -> tuple[Tensor, Tensor]:
        x_NHWC, weight_C1kk = ctx.saved_tensor()
        dx_NHWC, dweight_C1kk = paddle.empty_like(x_NHWC), paddle.empty_like(weight_C1kk)
        df_ckkC = np.empty((CHUNKS, *ctx.filter_kkC.shape), np.float32)
        arrays = view(x_NHWC), ctx.filter_kkC, view(dy_NhwC), *ctx.stride, view(dx_NHWC), df_ckkC
        run(kernels.depthwise_gradient, *arrays)
        view(dweight_C1kk)[:, 0] = df_ckkC.sum(axis=0).transpose(2, 0, 1)
        return dx_NHWC, dweight_C1kk


class NormAct(PyLayer):  # type: ignore[misc]
    """Batch norm and activation: x_NHWC, weight_C, bias_C -> y_NHWC; while training, running statistics follow."""

    @staticmethod
    def forward(ctx: Any, x_NHWC: Tensor, weight_C: Tensor, bias_C: Tensor, norm: nn.BatchNorm, act: int) -> Tensor:
        mean_C, variance_C = view(norm._mean), view(norm._variance)
        if norm.training:
            running_mean_C, running_variance_C = mean_C, variance_C
            mean_C, variance_C = _moments(rows(x_NHWC))
            _follow(running_mean_C, mean_C, norm._momentum)
            _follow(running_variance_C, variance_C, norm._momentum)
        inverse_C = 1 / np.sqrt(variance_C + np.float32(norm._epsilon))
        scale_C = view(weight_C) * inverse_C
        shift_C = view(bias_C) - mean_C * scale_C
        y_NHWC = paddle.empty_like(x_NHWC)
        run(kernels.scale_shift_act, rows(x_NHWC), scale_C, shift_C, act, rows(y_NHWC))
        ctx.save_for_backward(x_NHWC)
        ctx.statistics, ctx.inverse_C = (scale_C, shift_C, mean_C, act), inverse_C
        return y_NHWC

    @staticmethod
    def backward(ctx: Any, dy_NHWC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (x_NHWC,) = ctx.saved_tensor()
        x_RC, dy_RC, dx_NHWC = rows(x_NHWC), rows(dy_NHWC), paddle.empty_like(x_NHWC)
        dz_cC, dzx_cC = np.zeros((2, CHUNKS, x_RC.shape[1]))
        run(kernels.norm_act_sums, x_RC, dy_RC, *ctx.statistics, dz_cC, dzx_cC)
        dbias_C, dweight_C = dz_cC.sum(axis=0), dzx_cC.sum(axis=0) * ctx.inverse_C
        mean_dz_C = (dbias_C / len(x_RC)).astype(np.float32)
        mean_dzx_C = (dweight_C * ctx.inverse_C / len(x_RC)).astype(np.float32)
        run(kernels.norm_act_gradient, x_RC, dy_RC, *ctx.statistics, mean_dz_C, mean_dzx_C, rows(dx_NHWC))
        return dx_NHWC, *(paddle.to_tensor(each_C.astype(np.float32)) for each_C in (dweight_C, dbias_C))


def _moments(x_RC: Floats) -> tuple[Floats, Floats]:
    """Return mean and biased variance of every channel."""
    sum_cC, square_cC = np.zeros((2, CHUNKS, x_RC.shape[1]))
    run(kernels.moment_sums, x_RC, sum_cC, square_cC)
    shift_C, square_C = sum_cC.sum(axis=0) / len(x_RC), square_cC.sum(axis=0) / len(x_RC)
    variance_C = np.maximum(square_C - shift_C**2, 0)
    return (x_RC[0] + shift_C).astype(np.float32), variance_C.astype(np.float32)


def _follow(running_C: Floats, batch_C: Floats, momentum: float) -> None:
    running_C *= np.float32(momentum)
    running_C += np.float32(1 - momentum) * batch_C


class PoolMean(PyLayer):  # type: ignore[misc]
    """Mean over the pixels: x_NHWC -> mean_NC."""

    @staticmethod
    def forward(ctx: Any, x_NHWC: Tensor) -> Tensor:
        ctx.shape = x_NHWC.shape
        mean_NC = paddle.empty([x_NHWC.shape[0], x_NHWC.shape[-1]])
        run(kernels.pool_mean, _pixels(x_NHWC), view(mean_NC))
        return mean_NC

    @staticmethod
    def backward(ctx: Any, dmean_NC: Tensor) -> Tensor:
        dx_NHWC = paddle.empty(ctx.shape)
        run(kernels.spread, view(dmean_NC), _pixels(dx_NHWC))
        return dx_NHWC


class Gate(PyLayer):  # type: ignore[misc]
    """Scale the channels of every image: x_NHWC, gate_NC -> y_NHWC."""

    @staticmethod
    def forward(ctx: Any, x_NHWC: Tensor, gate_NC: Tensor) -> Tensor:
        ctx.save_for_backward(x_NHWC, gate_NC)
        y_NHWC = paddle.empty_like(x_NHWC)
        run(kernels.gate, _pixels(x_NHWC), view(gate_NC), _pixels(y_NHWC))
        return y_NHWC

    @staticmethod
    def backward(ctx: Any, dy_NHWC: Tensor) -> tuple[Tensor, Tensor]:
        x_NHWC, gate_NC = ctx.saved_tensor()
        dx_NHWC, dgate_NC = paddle.empty_like(x_NHWC), paddle.empty_like(gate_NC)
        run(kernels.gate_gradient, _pixels(x_NHWC), view(gate_NC), _pixels(dy_NHWC), _pixels(dx_NHWC), view(dgate_NC))
        return dx_NHWC, dgate_NC


def _pixels(tensor: Tensor) -> Floats:
    images, height, width, channels = tensor.shape
    return view(tensor).reshape(images, height * width, channels)
