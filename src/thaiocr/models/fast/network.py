"""MobileNetV3, of recognition and of detection, and CompactResNet: channels last, one operation of paddle's autograd.

N images  H, W pixels  C, D, E channels  T time steps
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.autograd import PyLayer
from paddle.base import core

from thaiocr.models.fast import functions, winograd
from thaiocr.models.fast.convolution import convolution
from thaiocr.models.fast.functions import Back, Gradients, view
from thaiocr.models.fast.inverted_residual import residual_unit
from thaiocr.models.fast.kernels import Floats
from thaiocr.models.fast.norm import NOTHING, norm_act
from thaiocr.models.fast.parallel import each_chunk
from thaiocr.models.layers import ConvBNLayer

if TYPE_CHECKING:
    from thaiocr.models.compact_resnet import Residual
    from thaiocr.models.det_backbones import MobileNetV3 as DetectionMobileNetV3
    from thaiocr.models.mobilenet_v3 import MobileNetV3

_known: Final[WeakKeyDictionary[nn.Layer, list[Tensor]]] = WeakKeyDictionary()


def mobilenet_v3(backbone: MobileNetV3, x_N3HW: Tensor) -> Tensor:
    """Return f_ND1T, as the backbone's `forward` does."""
    stage = [backbone.conv1, *backbone.blocks, backbone.conv2, backbone.pool]
    return maps([stage], x_N3HW)[0]


def mobilenet_v3_maps(backbone: DetectionMobileNetV3, x_N3HW: Tensor) -> list[Tensor]:
    """Return one f_NDhw per stage, as the backbone's `forward` does."""
    first, *others = backbone.stages
    return maps([[backbone.conv, *first], *others], x_N3HW)


def maps(stages: Sequence[Iterable[nn.Layer]], x_N3HW: Tensor) -> list[Tensor]:
    """Return what each stage makes of the one before, f_NDhw."""
    layers = [list(stage) for stage in stages]
    parameters = trained(chain(*layers))
    if parameters and paddle.is_grad_enabled():
        found = Stages.apply(x_N3HW, layers, *parameters)
    else:
        found = tuple(tensor(f_NhwD) for f_NhwD, _ in forward(layers, view(x_N3HW), {}))
    return [f_NhwD.transpose([0, 3, 1, 2]) for f_NhwD in (found if isinstance(found, tuple) else (found,))]


def trained(layers: Iterable[nn.Layer]) -> list[Tensor]:
    """Return the layers' parameters that want a gradient."""
    return [parameter for layer in layers for parameter in _parameters(layer) if not parameter.stop_gradient]


def _parameters(layer: nn.Layer) -> list[Tensor]:
    """Return what the layer's own method does, which walks through all its layers, every step."""
    if layer not in _known:
        _known[layer] = layer.parameters()
    return _known[layer]


class Stages(PyLayer):  # type: ignore[misc]  # paddle has no types
    """x_N3HW, the layers of each stage, their parameters -> f_NhwD of each stage. The image gets no gradient."""

    @staticmethod
    def forward(ctx: Any, x_N3HW: Tensor, stages: list[list[nn.Layer]], *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.parameters, ctx.gradients = parameters, {}
        found = forward(stages, view(x_N3HW), ctx.gradients)
        ctx.backs = [back for _, back in found]
        return tuple(tensor(f_NhwD) for f_NhwD, _ in found)

    @staticmethod
    def backward(ctx: Any, *df_NhwD: Tensor) -> tuple[Tensor | None, ...]:
        below: Any = 0
        for df, back in zip(reversed(df_NhwD), reversed(ctx.backs), strict=True):
            below = back(view(df) + below)
        ctx.backs = []
        return None, *(tensor(ctx.gradients[id(parameter)]) for parameter in ctx.parameters)


def forward(stages: list[list[nn.Layer]], x_N3HW: Floats, gradients: Gradients) -> list[tuple[Floats, Back]]:
    """Return f_NhwD of each stage and the way back through it."""
    found, y = [], x_N3HW
    for stage in stages:
        backs = []
        for layer in stage:
            y, back = LAYERS[type(layer).__name__](y, layer, gradients)
            backs.append(back)
        found.append((y, in_reverse(backs)))
    return found


def in_reverse(backs: Sequence[Back]) -> Back:
    """Return the way back through operations that were done in this order."""

    def back(dy: Floats) -> Floats:
        for each in reversed(backs):
            dy = each(dy)
        return dy

    return back


def conv_norm_act(
    x: Floats, layer: ConvBNLayer, gradients: Gradients, *, addend_NhwD: Floats = NOTHING
) -> tuple[Floats, Back]:
    """Return y_NhwD: of the image x_N3HW, or of x_NHWC by one of the convolutions, and the way back to x."""
    conv = layer.conv
    y_NhwD, conv_back = operation(conv)(x, conv, gradients)
    y_NhwD, norm_back = norm_act(y_NhwD, layer.bn, layer.act, gradients, addend_NHWC=addend_NhwD)
    return y_NhwD, in_reverse([conv_back, norm_back])


def operation(conv: nn.Conv2D) -> Callable[[Floats, nn.Conv2D, Gradients], tuple[Floats, Back]]:
    """Return the fastest of the convolutions that can do what this one does."""
    if conv._in_channels == 3:
        return functions.stem
    if conv._kernel_size == [1, 1]:
        return functions.pointwise
    return winograd.convolution if conv._kernel_size == [3, 3] and conv._stride == [1, 1] else convolution


def residual(x_NHWC: Floats, block: Residual, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NHWC, as `Residual.forward` does."""
    y_NHWC, first_back = conv_norm_act(x_NHWC, block.conv1, gradients)
    y_NHWC, second_back = conv_norm_act(y_NHWC, block.conv2, gradients, addend_NhwD=x_NHWC)

    def back(dy_NHWC: Floats) -> Floats:
        dx_NHWC = first_back(second_back(dy_NHWC))
        each_chunk(lambda _, some: np.add(dx_NHWC[some], dy_NHWC[some], out=dx_NHWC[some]), len(dx_NHWC))
        return dx_NHWC

    return y_NHWC, back


def max_pool(x_NHWC: Floats, _pool: nn.MaxPool2D, _gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NhwC, as the backbone's pool of 2 x 2 does."""
    return functions.max_pool(x_NHWC)


LAYERS: Final[Mapping[str, Callable[[Floats, Any, Gradients], tuple[Floats, Back]]]] = {
    "ConvBNLayer": conv_norm_act,
    "Residual": residual,
    "ResidualUnit": residual_unit,
    "MaxPool2D": max_pool,
}
"""By the name of the layer's class: those of `models.mobilenet_v3` import this package."""


def tensor(array: Floats) -> Tensor:
    """Return a tensor that shares the array's memory."""
    return paddle.Tensor(core.from_dlpack(np.ascontiguousarray(array).__dlpack__()))
