"""The operations of a convolutional network on channels-last arrays, each with the way back.

    N images  H, W input pixels  h, w output pixels  C, D channels  k filter size  R = N*H*W rows

An operation returns its result and a function that takes the gradient by the result and returns that by the input;
the function adds the gradients by parameters to a `Gradients`. Paddle's autograd sees the whole network as one
operation: its own bookkeeping per operation costs as much as a kernel does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from paddle import Tensor, nn

from thaiocr.models.fast import kernels
from thaiocr.models.fast.kernels import Floats
from thaiocr.models.fast.parallel import multiply, multiply_transposed, run

if TYPE_CHECKING:
    from thaiocr.models.layers import SEModule

Back: TypeAlias = Callable[[Floats], Floats]
Gradients: TypeAlias = dict[int, Floats]
"""By `id` of the parameter."""


def view(tensor: Tensor) -> Floats:
    """Return the tensor's memory as an array; nothing is copied."""
    return np.from_dlpack(tensor.detach())  # type: ignore[return-value]  # numpy does not know the dtype


def rows(x_NHWC: Floats) -> Floats:
    """Return the same memory as [R, C]."""
    return x_NHWC.reshape(-1, x_NHWC.shape[-1])


def pixels(x_NHWC: Floats) -> Floats:
    """Return the same memory as [N, H*W, C]."""
    images, height, width, channels = x_NHWC.shape
    return x_NHWC.reshape(images, height * width, channels)


def stem(x_N3HW: Floats, conv: nn.Conv2D, gradients: Gradients) -> tuple[Floats, Back]:
    """Convolution of the image: what the filters see becomes the rows of one matrix product. Returns y_NhwD.

    There is no gradient by the image: what comes back is empty.
    """
    weight_D3kk = view(conv.weight)
    size, (stride_h, stride_w) = weight_D3kk.shape[2], conv._stride
    images, _, height, width = x_N3HW.shape
    patches_NhwP = np.empty((images, -(-height // stride_h), -(-width // stride_w), 3 * size**2), np.float32)
    run(kernels.patches, x_N3HW, size, stride_h, stride_w, patches_NhwP)
    y_NhwD = np.empty((*patches_NhwP.shape[:-1], len(weight_D3kk)), np.float32)
    multiply(rows(patches_NhwP), weight_D3kk.reshape(len(weight_D3kk), -1).T, rows(y_NhwD))

    def back(dy_NhwD: Floats) -> Floats:
        gradients[id(conv.weight)] = multiply_transposed(rows(dy_NhwD), rows(patches_NhwP)).reshape(weight_D3kk.shape)
        return np.empty(0, np.float32)

    return y_NhwD, back


def pointwise(x_NHWC: Floats, conv: nn.Conv2D, gradients: Gradients) -> tuple[Floats, Back]:
    """1 x 1 convolution. Returns y_NHWD."""
    weight_DC = view(conv.weight)[:, :, 0, 0]
    y_NHWD = np.empty((*x_NHWC.shape[:-1], len(weight_DC)), np.float32)
    multiply(rows(x_NHWC), weight_DC.T, rows(y_NHWD))

    def back(dy_NHWD: Floats) -> Floats:
        dx_NHWC = np.empty_like(x_NHWC)
        multiply(rows(dy_NHWD), weight_DC, rows(dx_NHWC))
        gradients[id(conv.weight)] = multiply_transposed(rows(dy_NHWD), rows(x_NHWC))[:, :, None, None]
        return dx_NHWC

    return y_NHWD, back


def doubling(x_NHWC: Floats, conv: nn.Conv2DTranspose, gradients: Gradients) -> tuple[Floats, Back]:
    """Transposed convolution, 2 x 2 with stride 2: every pixel becomes four, Q = 2*2*D numbers. Returns y_N2H2WD."""
    weight_CD22, (images, height, width, channels) = view(conv.weight), x_NHWC.shape
    weight_CQ = np.ascontiguousarray(weight_CD22.transpose(0, 2, 3, 1)).reshape(channels, -1)
    y_NHWQ = np.empty((images, height, width, weight_CQ.shape[1]), np.float32)
    multiply(rows(x_NHWC), weight_CQ, rows(y_NHWQ))
    y_NHWQ += np.tile(view(conv.bias), 4)
    y_NH2W2D = np.ascontiguousarray(y_NHWQ.reshape(images, height, width, 2, 2, -1).swapaxes(2, 3))

    def back(dy_N2H2WD: Floats) -> Floats:
        dy_NHW22D = np.ascontiguousarray(dy_N2H2WD.reshape(images, height, 2, width, 2, -1).swapaxes(2, 3))
        dy_RQ, dx_NHWC = dy_NHW22D.reshape(-1, weight_CQ.shape[1]), np.empty_like(x_NHWC)
        multiply(dy_RQ, weight_CQ.T, rows(dx_NHWC))
        dweight_C22D = multiply_transposed(rows(x_NHWC), dy_RQ).reshape(channels, 2, 2, -1)
        gradients[id(conv.weight)] = dweight_C22D.transpose(0, 3, 1, 2)
        gradients[id(conv.bias)] = (np.ones(len(dy_RQ), np.float32) @ dy_RQ).reshape(4, -1).sum(axis=0)
        return dx_NHWC

    return y_NH2W2D.reshape(images, 2 * height, 2 * width, -1), back


def squeeze_and_excite(
    x_NHWC: Floats, module: SEModule, gradients: Gradients, *, shortcut: bool = False
) -> tuple[Floats, Back]:
    """Scale every channel by a gate computed from all channels' means (Hu et al. 2018). Returns y_NHWC.

    With `shortcut` what came in is added.
    """
    x_NPC, y_NHWC = pixels(x_NHWC), np.empty_like(x_NHWC)
    mean_NC = np.empty((len(x_NHWC), x_NHWC.shape[-1]), np.float32)
    run(kernels.pool_mean, x_NPC, mean_NC)
    gate_NC, gate_back = gate(mean_NC, module, gradients)
    scale_NC = gate_NC + np.float32(shortcut)
    run(kernels.gate, x_NPC, scale_NC, pixels(y_NHWC))

    def back(dy_NHWC: Floats) -> Floats:
        dy_NPC, dx_NHWC = pixels(dy_NHWC), np.empty_like(x_NHWC)
        dgate_NC = np.empty_like(gate_NC)
        run(kernels.gate_sums, x_NPC, dy_NPC, dgate_NC)
        run(kernels.gate_gradient, dy_NPC, scale_NC, gate_back(dgate_NC), pixels(dx_NHWC))
        return dx_NHWC

    return y_NHWC, back


def gate(mean_NC: Floats, module: SEModule, gradients: Gradients) -> tuple[Floats, Back]:
    """The gates that squeeze and excitation computes from the means. Returns gate_NC."""
    squeeze, excite, slope = module.conv1, module.conv2, np.float32(module.slope)
    squeeze_SC, excite_CS = view(squeeze.weight)[:, :, 0, 0], view(excite.weight)[:, :, 0, 0]
    hidden_NS = np.maximum(mean_NC @ squeeze_SC.T + view(squeeze.bias), 0)
    gate_NC = np.clip((hidden_NS @ excite_CS.T + view(excite.bias)) * slope + np.float32(0.5), 0, 1)

    def back(dgate_NC: Floats) -> Floats:
        dlogit_NC = dgate_NC * slope * ((gate_NC > 0) & (gate_NC < 1))
        dhidden_NS = (dlogit_NC @ excite_CS) * (hidden_NS > 0)
        for conv, dout_ND, in_NC in ((excite, dlogit_NC, hidden_NS), (squeeze, dhidden_NS, mean_NC)):
            gradients[id(conv.weight)] = (dout_ND.T @ in_NC)[:, :, None, None]
            gradients[id(conv.bias)] = dout_ND.sum(axis=0)
        dmean_NC: Floats = dhidden_NS @ squeeze_SC
        return dmean_NC

    return gate_NC, back


def max_pool(x_NHWC: Floats) -> tuple[Floats, Back]:
    """Greatest of every 2 x 2 pixels; what is left of an odd side is dropped, a single row stays. Returns y_NhwC."""
    images, height, width, channels = x_NHWC.shape
    y_NhwC = np.empty((images, max(1, height // 2), max(1, width // 2), channels), np.float32)
    best_NhwC = np.empty(y_NhwC.shape, np.uint8)
    run(kernels.max_pool, x_NHWC, y_NhwC, best_NhwC)

    def back(dy_NhwC: Floats) -> Floats:
        dx_NHWC = np.empty_like(x_NHWC)
        run(kernels.max_pool_gradient, dy_NhwC, best_NhwC, dx_NHWC)
        return dx_NHWC

    return y_NhwC, back
