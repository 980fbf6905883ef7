"""The layers of `models.layers` and `models.mobilenet_v3`, run channels last.

N images  H, W pixels  C, D, E channels
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import paddle.nn.functional as F
from paddle import Tensor, nn

from thaiocr.models.fast.functions import ACTIVATIONS, Depthwise, Gate, NormAct, Pointwise, PoolMean

if TYPE_CHECKING:
    from thaiocr.models.layers import ConvBNLayer, SEModule
    from thaiocr.models.mobilenet_v3 import MobileNetV3, ResidualUnit


def mobilenet_v3(backbone: MobileNetV3, x_N3HW: Tensor) -> Tensor:
    """Return f_ND1T, as `MobileNetV3.forward` does."""
    stem_NHWC = backbone.conv1.conv(x_N3HW).transpose([0, 2, 3, 1])
    y_NHWC = norm_act(backbone.conv1, stem_NHWC)
    for unit in backbone.blocks:
        y_NHWC = residual_unit(unit, y_NHWC)
    f_NHWD = norm_act(backbone.conv2, Pointwise.apply(y_NHWC, backbone.conv2.conv.weight))
    return backbone.pool(f_NHWD.transpose([0, 3, 1, 2]))


def residual_unit(unit: ResidualUnit, x_NHWC: Tensor) -> Tensor:
    """Return y_NHWD, as `ResidualUnit.forward` does."""
    y_NHWE = norm_act(unit.expand_conv, Pointwise.apply(x_NHWC, unit.expand_conv.conv.weight))
    filters = unit.bottleneck_conv.conv
    y_NHWE = norm_act(unit.bottleneck_conv, Depthwise.apply(y_NHWE, filters.weight, tuple(filters._stride)))
    if unit.mid_se is not None:
        y_NHWE = squeeze_and_excite(unit.mid_se, y_NHWE)
    y_NHWD = norm_act(unit.linear_conv, Pointwise.apply(y_NHWE, unit.linear_conv.conv.weight))
    return x_NHWC + y_NHWD if unit.is_residual else y_NHWD


def squeeze_and_excite(module: SEModule, x_NHWC: Tensor) -> Tensor:
    """Return y_NHWC, as `SEModule.forward` does."""
    hidden_NE = F.relu(_linear(PoolMean.apply(x_NHWC), module.conv1))
    gate_NC = F.hardsigmoid(_linear(hidden_NE, module.conv2), slope=0.2, offset=0.5)
    return Gate.apply(x_NHWC, gate_NC)


def norm_act(layer: ConvBNLayer, x_NHWC: Tensor) -> Tensor:
    """Batch norm and activation of a layer."""
    return NormAct.apply(x_NHWC, layer.bn.weight, layer.bn.bias, layer.bn, ACTIVATIONS[layer.act])


def _linear(x_NC: Tensor, conv: nn.Conv2D) -> Tensor:
    return F.linear(x_NC, conv.weight.squeeze([2, 3]).transpose([1, 0]), conv.bias)
