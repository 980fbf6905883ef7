"""MobileNetV3 (Howard et al. 2019, arXiv:1905.02244) as PaddleOCR strides it for text: mostly the height shrinks.

    N images  C channels  H, W pixels  D = out_channels  T = W / 4 time steps

The stem halves both sides, each strided block halves the height only, and the last pooling halves both: an image of
32 x W pixels becomes 1 x W/4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.models import fast
from thaiocr.models.layers import Activation, ConvBNLayer, SEModule, Stride, make_divisible


class Block(NamedTuple):
    """One row of the paper's tables, before scaling; `stage` names the entry of the stride list that applies."""

    kernel_size: int
    expanded: int
    channels: int
    squeeze: bool
    act: Activation
    stage: int | None = None


LARGE: Final = (
    Block(3, 16, 16, False, "relu", 0),
    Block(3, 64, 24, False, "relu", 1),
    Block(3, 72, 24, False, "relu"),
    Block(5, 72, 40, True, "relu", 2),
    Block(5, 120, 40, True, "relu"),
    Block(5, 120, 40, True, "relu"),
    Block(3, 240, 80, False, "hardswish"),
    Block(3, 200, 80, False, "hardswish"),
    Block(3, 184, 80, False, "hardswish"),
    Block(3, 184, 80, False, "hardswish"),
    Block(3, 480, 112, True, "hardswish"),
    Block(3, 672, 112, True, "hardswish"),
    Block(5, 672, 160, True, "hardswish", 3),
    Block(5, 960, 160, True, "hardswish"),
    Block(5, 960, 160, True, "hardswish"),
)
SMALL: Final = (
    Block(3, 16, 16, True, "relu", 0),
    Block(3, 72, 24, False, "relu", 1),
    Block(3, 88, 24, False, "relu"),
    Block(5, 96, 40, True, "hardswish", 2),
    Block(5, 240, 40, True, "hardswish"),
    Block(5, 240, 40, True, "hardswish"),
    Block(5, 120, 48, True, "hardswish"),
    Block(5, 144, 48, True, "hardswish"),
    Block(5, 288, 96, True, "hardswish", 3),
    Block(5, 576, 96, True, "hardswish"),
    Block(5, 576, 96, True, "hardswish"),
)
BLOCKS: Final[Mapping[str, tuple[Block, ...]]] = {"large": LARGE, "small": SMALL}
STEM_CHANNELS: Final = 16


class ResidualUnit(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Inverted residual: widen, filter each channel, gate, narrow; added to its input where shapes allow."""

    def __init__(self, in_channels: int, expanded: int, out_channels: int, block: Block, stride: Stride) -> None:
        super().__init__()
        self.expand_conv = ConvBNLayer(in_channels, expanded, 1, act=block.act)
        self.bottleneck_conv = ConvBNLayer(
            expanded, expanded, block.kernel_size, stride=stride, groups=expanded, act=block.act
        )
        self.mid_se = SEModule(expanded) if block.squeeze else None
        self.linear_conv = ConvBNLayer(expanded, out_channels, 1)
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y_NEHW = self.bottleneck_conv(self.expand_conv(x_NCHW))
        if self.mid_se is not None:
            y_NEHW = self.mid_se(y_NEHW)
        y_NDHW = self.linear_conv(y_NEHW)
        return x_NCHW + y_NDHW if self.is_residual else y_NDHW


class MobileNetV3(nn.Layer):  # type: ignore[misc]
    """x_N3HW -> f_ND1T for H = 32 and the default strides."""

    def __init__(self, options: schema.MobileNetV3) -> None:
        super().__init__()
        strides = {"large": options.large_stride, "small": options.small_stride}[options.model_name]
        blocks = BLOCKS[options.model_name]
        channels = make_divisible(STEM_CHANNELS * options.scale)
        self.conv1 = ConvBNLayer(3, channels, 3, stride=2, act="hardswish")
        units = []
        for block in blocks:
            narrowed = make_divisible(block.channels * options.scale)
            units.append(
                ResidualUnit(
                    channels,
                    make_divisible(block.expanded * options.scale),
                    narrowed,
                    block._replace(squeeze=block.squeeze and not options.disable_se),
                    _stride(block, strides, options.model_name),
                )
            )
            channels = narrowed
        self.blocks = nn.Sequential(*units)
        self.out_channels = make_divisible(blocks[-1].expanded * options.scale)
        self.conv2 = ConvBNLayer(channels, self.out_channels, 1, act="hardswish")
        self.pool = nn.MaxPool2D(kernel_size=2, stride=2)

    def forward(self, x_N3HW: Tensor) -> Tensor:
        if fast.is_usable(x_N3HW):
            from thaiocr.models.fast import network

            return network.mobilenet_v3(self, x_N3HW)
        return self.pool(self.conv2(self.blocks(self.conv1(x_N3HW))))


def _stride(block: Block, strides: tuple[int, int, int, int], model_name: str) -> Stride:
    if block.stage is None:
        return 1
    # PaddleOCR's large network strides both sides by the first entry, its small one the height only.
    is_square = block.stage == 0 and model_name == "large"
    return strides[0] if is_square else (strides[block.stage], 1)
