"""Neck and head of DB, channels last and as one operation of paddle's autograd.

N images  C, D channels  H, W pixels  h, w pixels of the finest map, a quarter of the image's
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from thaiocr.models.fast import functions, network
from thaiocr.models.fast.functions import Back, Gradients, view
from thaiocr.models.fast.kernels import Floats
from thaiocr.models.fast.norm import norm_act

if TYPE_CHECKING:
    from thaiocr.models.db import DBFPN, RSEFPN, Branch, RSELayer

    Neck: TypeAlias = DBFPN | RSEFPN


def logits(neck: Neck, branches: Sequence[Branch], maps_NCHW: Sequence[Tensor]) -> list[Tensor]:
    """Return logits_N1HW of each branch, as neck and branch do by `forward`."""
    maps_NHWC = [each_NCHW.transpose([0, 2, 3, 1]) for each_NCHW in maps_NCHW]
    inputs = [*maps_NHWC, *network.trained([neck, *branches])]
    if paddle.is_grad_enabled() and not all(each.stop_gradient for each in inputs):
        found = NeckAndHead.apply(neck, branches, len(maps_NHWC), *inputs)
    else:
        found = tuple(network.tensor(each) for each in forward(neck, branches, _arrays(maps_NHWC), {})[0])
    return [each_NHW1.transpose([0, 3, 1, 2]) for each_NHW1 in (found if isinstance(found, tuple) else (found,))]


class NeckAndHead(PyLayer):  # type: ignore[misc]  # paddle has no types
    """Neck, branches, the number of maps, maps_NHWC, parameters -> logits_NHW1 of each branch."""

    @staticmethod
    def forward(ctx: Any, neck: Neck, branches: Sequence[Branch], count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.maps_NHWC, ctx.parameters, ctx.gradients = tensors[:count], tensors[count:], {}
        found, ctx.back = forward(neck, branches, _arrays(ctx.maps_NHWC), ctx.gradients)
        return tuple(network.tensor(each) for each in found)

    @staticmethod
    def backward(ctx: Any, *dlogits_NHW1: Tensor) -> tuple[Tensor | None, ...]:
        dmaps_NHWC, ctx.back = ctx.back(_arrays(dlogits_NHW1)), None
        pairs = zip(ctx.maps_NHWC, dmaps_NHWC, strict=True)
        dmaps = [None if map_NHWC.stop_gradient else network.tensor(dmap_NHWC) for map_NHWC, dmap_NHWC in pairs]
        return *dmaps, *(network.tensor(ctx.gradients[id(parameter)]) for parameter in ctx.parameters)


def _arrays(tensors: Sequence[Tensor]) -> list[Floats]:
    return [np.ascontiguousarray(view(each)) for each in tensors]


def forward(
    neck: Neck, branches: Sequence[Branch], maps_NHWC: Sequence[Floats], gradients: Gradients
) -> tuple[list[Floats], Callable[[Sequence[Floats]], list[Floats]]]:
    """Return logits_NHW1 of each branch, and the way from their gradients to those of the maps."""
    f_NhwD, neck_back = pyramid(neck, maps_NHWC, gradients)
    found = [branch(f_NhwD, each, gradients) for each in branches]

    def back(dlogits_NHW1: Sequence[Floats]) -> list[Floats]:
        df_NhwD = np.zeros_like(f_NhwD)
        for (_, branch_back), dlogit_NHW1 in zip(found, dlogits_NHW1, strict=True):
            df_NhwD += branch_back(dlogit_NHW1)
        return neck_back(df_NhwD)

    return [logit_NHW1 for logit_NHW1, _ in found], back


def pyramid(
    neck: Neck, maps_NHWC: Sequence[Floats], gradients: Gradients
) -> tuple[Floats, Callable[[Floats], list[Floats]]]:
    """Return f_NhwD, as the neck's `forward` does, and the way from its gradient to those of the maps."""
    narrowed = [layer(x_NHWC, each, gradients) for x_NHWC, each in zip(maps_NHWC, neck.narrow, strict=True)]
    sums = [y_NHWD for y_NHWD, _ in narrowed]
    for coarser_NHWD, finer_NHWD in pairwise(reversed(sums)):
        _blocks(finer_NHWD, 2)[:] += coarser_NHWD[:, :, None, :, None]
    smoothed = [layer(x_NHWD, each, gradients) for x_NHWD, each in zip(sums, neck.smooth, strict=True)]
    width = smoothed[0][0].shape[-1]
    # Of every map's channels in f_NhwD: the coarsest map's come first.
    channels = [slice(level * width, (level + 1) * width) for level in reversed(range(len(sums)))]
    f_NhwD = np.empty((*sums[0].shape[:-1], width * len(sums)), np.float32)
    for level, (part_NHWC, _) in enumerate(smoothed):
        _blocks(f_NhwD, 2**level)[..., channels[level]] = part_NHWC[:, :, None, :, None]

    def back(df_NhwD: Floats) -> list[Floats]:
        dsums = [
            smooth_back(_blocks(df_NhwD, 2**level)[..., channels[level]].sum(axis=(2, 4)))
            for level, (_, smooth_back) in enumerate(smoothed)
        ]
        for finer_NHWD, coarser_NHWD in pairwise(dsums):
            coarser_NHWD += _blocks(finer_NHWD, 2).sum(axis=(2, 4))
        return [narrow_back(dsum_NHWD) for (_, narrow_back), dsum_NHWD in zip(narrowed, dsums, strict=True)]

    return f_NhwD, back


def _blocks(x_NHWC: Floats, size: int) -> Floats:
    """Return the same memory as [N, H / size, size, W / size, size, C]."""
    images, height, width, channels = x_NHWC.shape
    return x_NHWC.reshape(images, height // size, size, width // size, size, channels)


def branch(f_NhwD: Floats, of: Branch, gradients: Gradients) -> tuple[Floats, Back]:
    """Return logits_NHW1, as `Branch.forward` does."""
    y_NHWC, backs = f_NhwD, []
    for each in (of.conv1, of.conv_bn1, of.conv2, of.conv_bn2, of.conv3):
        y_NHWC, back = layer(y_NHWC, each, gradients)
        backs.append(back)
    return y_NHWC, network.in_reverse(backs)


def layer(x_NHWC: Floats, of: nn.Layer, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NHWD of a layer of neck or head."""
    return LAYERS[type(of).__name__](x_NHWC, of, gradients)


def conv2d(x_NHWC: Floats, conv: nn.Conv2D, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NHWD of a convolution without bias; a map may have three channels, as an image has."""
    return (functions.pointwise if conv._kernel_size == [1, 1] else network.operation(conv))(x_NHWC, conv, gradients)


def gated(x_NHWC: Floats, of: RSELayer, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NHWD, as `RSELayer.forward` does."""
    y_NHWD, conv_back = conv2d(x_NHWC, of.in_conv, gradients)
    y_NHWD, gate_back = functions.squeeze_and_excite(y_NHWD, of.se_block, gradients, shortcut=of.shortcut)
    return y_NHWD, network.in_reverse([conv_back, gate_back])


def norm(x_NHWC: Floats, of: nn.BatchNorm, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_NHWC of batch norm and what paddle's layer has for activation."""
    return norm_act(x_NHWC, of, of._act, gradients)


LAYERS: Final[Mapping[str, Callable[[Floats, Any, Gradients], tuple[Floats, Back]]]] = {
    "BatchNorm": norm,
    "Conv2D": conv2d,
    "Conv2DTranspose": functions.doubling,
    "RSELayer": gated,
}
"""By the name of the layer's class: `models.db` imports this package."""
