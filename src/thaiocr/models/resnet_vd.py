"""ResNet-D (He et al. 2019, arXiv:1812.01187) as PaddleOCR strides it for text: mostly the height shrinks.

    N images  C, D channels  H, W pixels  T = W / 4 time steps

Three convolutions are the stem, a pooling halves both sides, three stages halve the height only, and the last pooling
halves both: an image of 32 x W pixels becomes 1 x W/4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import paddle.nn.functional as F
from paddle import Tensor, nn

from thaiocr.config import schema

DEPTHS: Final[Mapping[int, tuple[int, int, int, int]]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 12, 48, 3),
}
"""Blocks of each stage, by the network's number of layers."""
CHANNELS: Final = (64, 128, 256, 512)
WIDENING: Final = 4
"""What a bottleneck's last convolution multiplies the channels by."""
FIRST_BOTTLENECK: Final = 50
"""Networks of so many layers and more consist of bottlenecks."""
NUMBERED: Final = 101
"""From so many layers on, the third stage has more blocks than letters, and numbers them."""
STEM: Final = (32, 32, 64)
BRANCHES: Final[Mapping[str, str]] = {
    "conv0": "branch2a",
    "conv1": "branch2b",
    "conv2": "branch2c",
    "short": "branch1",
}
"""PaddleOCR's names in optimizer files of the convolutions of a block."""


class ConvBNLayer(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Convolution without bias, batch norm, activation: x_NCHW -> y_NDHW.

    Args:
        in_channels: C.
        out_channels: D.
        kernel_size: Of the convolution, which is padded to keep the size.
        stride: Vertical and horizontal.
        is_pooled: Average what a stride would skip (the D of ResNet-D).
        act: relu, or nothing.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: tuple[int, int] = (1, 1),
        is_pooled: bool = False,
        act: str | None = None,
    ) -> None:
        super().__init__()
        self.pool = nn.AvgPool2D(stride, stride=stride, ceil_mode=True) if is_pooled else None
        self._conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride=1 if is_pooled else stride,
            padding=(kernel_size - 1) // 2,
            bias_attr=False,
        )
        self._batch_norm = nn.BatchNorm(out_channels, act=act)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self._batch_norm(self._conv(x_NCHW if self.pool is None else self.pool(x_NCHW)))


class Block(nn.Layer):  # type: ignore[misc]
    """A residual: two 3 x 3 convolutions, or the bottleneck of 1 x 1, 3 x 3 and 1 x 1.

    Args:
        in_channels: Of its input.
        channels: Of its convolutions, but for a bottleneck's last.
        stride: Vertical and horizontal.
        is_bottleneck: Which of the two.
        has_projection: The input passes through a convolution before it is added.
        is_pooled: That convolution's stride is a pooling.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: tuple[int, int],
        is_bottleneck: bool,
        has_projection: bool,
        is_pooled: bool,
    ) -> None:
        super().__init__()
        self.is_bottleneck = is_bottleneck
        self.out_channels = channels * WIDENING if is_bottleneck else channels
        if is_bottleneck:
            self.conv0 = ConvBNLayer(in_channels, channels, 1, act="relu")
            self.conv1 = ConvBNLayer(channels, channels, 3, stride=stride, act="relu")
            self.conv2 = ConvBNLayer(channels, self.out_channels, 1)
        else:
            self.conv0 = ConvBNLayer(in_channels, channels, 3, stride=stride, act="relu")
            self.conv1 = ConvBNLayer(channels, channels, 3)
        self.short = (
            ConvBNLayer(in_channels, self.out_channels, 1, stride=stride, is_pooled=is_pooled)
            if has_projection
            else None
        )

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y_NDHW = self.conv1(self.conv0(x_NCHW))
        if self.is_bottleneck:
            y_NDHW = self.conv2(y_NDHW)
        return F.relu(y_NDHW + (x_NCHW if self.short is None else self.short(x_NCHW)))


class ResNet(nn.Layer):  # type: ignore[misc]
    """x_N3HW -> f_ND1T for H = 32."""

    def __init__(self, options: schema.ResNet) -> None:
        super().__init__()
        channels = 3
        for number, wider in enumerate(STEM, 1):
            name = f"conv1_{number}"
            _name(self.add_sublayer(name, ConvBNLayer(channels, wider, 3, act="relu")), name)
            channels = wider
        self.pool2d_max = nn.MaxPool2D(kernel_size=3, stride=2, padding=1)
        self.blocks: list[Block] = []
        for stage, depth in enumerate(DEPTHS[options.layers]):
            for index in range(depth):
                is_first = index == 0
                block = Block(
                    channels,
                    CHANNELS[stage],
                    stride=(2, 1) if is_first and stage else (1, 1),
                    is_bottleneck=options.layers >= FIRST_BOTTLENECK,
                    has_projection=is_first,
                    is_pooled=is_first and stage > 0,
                )
                for branch, layer in block.named_children():
                    _name(layer, f"{_block_name(stage, index, options.layers)}_{BRANCHES[branch]}")
                self.blocks.append(self.add_sublayer(f"bb_{stage}_{index}", block))
                channels = block.out_channels
        self.out_channels = channels
        self.out_pool = nn.MaxPool2D(kernel_size=2, stride=2)

    def forward(self, x_N3HW: Tensor) -> Tensor:
        y_NCHW = self.pool2d_max(self.conv1_3(self.conv1_2(self.conv1_1(x_N3HW))))
        for block in self.blocks:
            y_NCHW = block(y_NCHW)
        return self.out_pool(y_NCHW)


def _name(layer: ConvBNLayer, name: str) -> None:
    """Name the parameters as PaddleOCR does: an optimizer's .pdopt file keeps its state under these names.

    (By ParamAttr, as there, paddle refuses a second network of the kind in a process.)
    """
    layer._conv.weight.name = f"{name}_weights"
    layer._batch_norm.weight.name = f"bn{name[3:]}_scale"
    layer._batch_norm.bias.name = f"bn{name[3:]}_offset"


def _block_name(stage: int, index: int, layers: int) -> str:
    """Return what PaddleOCR calls a block: res2a, res2b, …; or res4a, res4b1, res4b2, … where letters would run out."""
    if layers >= NUMBERED and stage == 2 and index:
        return f"res{stage + 2}b{index}"
    return f"res{stage + 2}{chr(ord('a') + index)}"
