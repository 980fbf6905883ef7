"""What a backbone makes of the sides of an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Final, TypeAlias

from thaiocr.config import schema

AnyBackbone: TypeAlias = schema.Backbone | schema.PPLCNetV3

LCNET_STEPS: Final = 40
"""T of PPLCNetV3 while training, whatever the width is."""


def input_heights(backbone: AnyBackbone) -> range:
    """Return the heights in pixels that become one row of features."""
    return HEIGHTS[type(backbone)](backbone)


def input_height(backbone: AnyBackbone) -> int:
    """Return the height that the backbone was made for."""
    heights = input_heights(backbone)
    return heights.start if len(heights) == 1 else 2 * (heights.start - 1)


def time_steps(backbone: AnyBackbone, width: int) -> int:
    """Return T, the number of columns of features, for an image of so many pixels.

    Where training and evaluation differ, it is the smaller one: a text must fit into both.
    """
    return STEPS[type(backbone)](backbone, width)


def scale_sizes(sampler: schema.MultiScaleSampler) -> tuple[tuple[int, int], ...]:
    """Return width and height of the images of each scale."""
    if not sampler.is_training:
        return sampler.scales[:1]
    across, down = sampler.divided_factor
    return tuple((width // across * across, height // down * down) for width, height in sampler.scales)


def scale_batches(sampler: schema.MultiScaleSampler) -> tuple[int, ...]:
    """Return the images in a batch of each scale, for one process."""
    if sampler.fix_bs or not sampler.is_training:
        return (sampler.first_bs,) * len(scale_sizes(sampler))
    width, height = sampler.scales[0]
    pixels = width * height * sampler.first_bs
    return tuple(max(1, pixels // (width * height)) for width, height in scale_sizes(sampler))


def _mobilenet_heights(backbone: schema.MobileNetV3) -> range:
    """Two or three rows are left for the pooling, which makes one of them."""
    strides = backbone.large_stride if backbone.model_name == "large" else backbone.small_stride
    one_row = 2 * prod(strides)  # the stem halves
    return range(one_row + 1, 3 * one_row + 1)


def _only(height: int) -> range:
    return range(height, height + 1)


def _mobilenet_steps(backbone: schema.MobileNetV3, width: int) -> int:
    """A quarter of the width; an eighth when the large one's first stride, which is square, is 2."""
    columns = (width + 1) // 2  # the stem's padding rounds up
    if backbone.model_name == "large" and backbone.large_stride[0] == 2:
        columns = (columns + 1) // 2
    return columns // 2  # the pooling has no padding


HEIGHTS: Final[Mapping[type, Callable[[Any], range]]] = {
    schema.MobileNetV3: _mobilenet_heights,
    schema.ResNet: lambda _: _only(32),
    schema.CompactResNet: lambda _: range(17, 129),
    schema.SVTRNet: lambda backbone: _only(backbone.img_size[0]),
    schema.PPLCNetV3: lambda _: _only(48),
}
STEPS: Final[Mapping[type, Callable[[Any, int], int]]] = {
    schema.MobileNetV3: _mobilenet_steps,
    schema.ResNet: lambda _, width: (width + 1) // 2 // 2,
    schema.CompactResNet: lambda _, width: (width + 3) // 4,
    schema.SVTRNet: lambda backbone, _: backbone.out_char_num,
    schema.PPLCNetV3: lambda _, width: min(LCNET_STEPS, (width + 3) // 4 // 2),
}
