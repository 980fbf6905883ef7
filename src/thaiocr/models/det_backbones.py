"""Backbones of detection: x_N3HW -> maps of a quarter, an eighth, a sixteenth and a thirty-second of its sides.

    N images  C, D channels  H, W pixels, multiples of 32

Parameter names and shapes are PaddleOCR's. `out_channels` are those of the four maps.
"""

from __future__ import annotations

from typing import Final

from paddle import Tensor, nn

from thaiocr.config.schema import detection
from thaiocr.models import fast
from thaiocr.models.layers import ConvBNLayer, make_divisible
from thaiocr.models.mobilenet_v3 import BLOCKS, STEM_CHANNELS, ResidualUnit
from thaiocr.models.pplcnet_v3 import Row, Stages, Trunk, scaled
from thaiocr.models.resnet_vd import CHANNELS, DEPTHS, FIRST_BOTTLENECK, STEM, Block
from thaiocr.models.resnet_vd import ConvBNLayer as ResNetConvBNLayer

HALVING: Final = {"large": (1, 3, 6, 12), "small": (0, 1, 3, 8)}
"""Blocks of MobileNetV3 that halve height and width."""
OUTPUTS: Final = {"large": (3, 6, 12), "small": (1, 3, 8)}
"""Blocks before which a map is taken; the last one comes from the end."""
LCNET: Final[Stages] = {
    "blocks2": (Row(3, 16, 32),),
    "blocks3": (Row(3, 32, 64, 2), Row(3, 64, 64)),
    "blocks4": (Row(3, 64, 128, 2), Row(3, 128, 128)),
    "blocks5": (Row(3, 128, 256, 2), *[Row(5, 256, 256)] * 4),
    "blocks6": (Row(5, 256, 512, 2, squeeze=True), Row(5, 512, 512, squeeze=True), *[Row(5, 512, 512)] * 2),
}
LCNET_CHANNELS: Final = (16, 24, 56, 480)
"""Of the four maps of PPLCNetV3, before scaling."""


class MobileNetV3(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """MobileNetV3 (Howard et al. 2019, arXiv:1905.02244) with the paper's strides."""

    def __init__(self, options: detection.MobileNetV3) -> None:
        super().__init__()
        channels = make_divisible(STEM_CHANNELS * options.scale)
        self.conv = ConvBNLayer(3, channels, 3, stride=2, act="hardswish")
        self.out_channels: list[int] = []
        stages: list[list[nn.Layer]] = [[]]
        blocks = BLOCKS[options.model_name]
        for index, block in enumerate(blocks):
            if index in OUTPUTS[options.model_name]:
                self.out_channels.append(channels)
                stages.append([])
            narrowed = make_divisible(block.channels * options.scale)
            unit = ResidualUnit(
                channels,
                make_divisible(block.expanded * options.scale),
                narrowed,
                block._replace(squeeze=block.squeeze and not options.disable_se),
                2 if index in HALVING[options.model_name] else 1,
            )
            stages[-1].append(unit)
            channels = narrowed
        self.out_channels.append(make_divisible(blocks[-1].expanded * options.scale))
        stages[-1].append(ConvBNLayer(channels, self.out_channels[-1], 1, act="hardswish"))
        self.stages = [
            self.add_sublayer(f"stage{number}", nn.Sequential(*stage)) for number, stage in enumerate(stages)
        ]

    def forward(self, x_N3HW: Tensor) -> list[Tensor]:
        if fast.is_usable(x_N3HW):
            from thaiocr.models.fast import network

            return network.mobilenet_v3_maps(self, x_N3HW)
        y_NCHW = self.conv(x_N3HW)
        found = []
        for stage in self.stages:
            y_NCHW = stage(y_NCHW)
            found.append(y_NCHW)
        return found


class ResNet(nn.Layer):  # type: ignore[misc]
    """ResNet-D (He et al. 2019, arXiv:1812.01187) with the paper's strides; PaddleOCR's ResNet_vd."""

    def __init__(self, options: detection.ResNet_vd) -> None:
        super().__init__()
        channels = 3
        for number, wider in enumerate(STEM, 1):
            stride = (2, 2) if number == 1 else (1, 1)
            self.add_sublayer(f"conv1_{number}", ResNetConvBNLayer(channels, wider, 3, stride=stride, act="relu"))
            channels = wider
        self.pool2d_max = nn.MaxPool2D(kernel_size=3, stride=2, padding=1)
        self.stages: list[list[Block]] = []
        self.out_channels: list[int] = []
        for stage, depth in enumerate(DEPTHS[options.layers]):
            blocks = []
            for index in range(depth):
                is_halving = index == 0 and stage > 0
                block = Block(
                    channels,
                    CHANNELS[stage],
                    stride=(2, 2) if is_halving else (1, 1),
                    is_bottleneck=options.layers >= FIRST_BOTTLENECK,
                    has_projection=index == 0,
                    is_pooled=is_halving,
                )
                blocks.append(self.add_sublayer(f"bb_{stage}_{index}", block))
                channels = block.out_channels
            self.stages.append(blocks)
            self.out_channels.append(channels)

    def forward(self, x_N3HW: Tensor) -> list[Tensor]:
        y_NCHW = self.pool2d_max(self.conv1_3(self.conv1_2(self.conv1_1(x_N3HW))))
        found = []
        for blocks in self.stages:
            for block in blocks:
                y_NCHW = block(y_NCHW)
            found.append(y_NCHW)
        return found


class PPLCNetV3(Trunk):
    """PaddleOCR's mobile backbone, strided evenly; a 1 x 1 convolution narrows each of its maps."""

    def __init__(self, options: detection.PPLCNetV3) -> None:
        super().__init__(LCNET, options)
        self.out_channels = [int(channels * options.scale) for channels in LCNET_CHANNELS]
        widths = [scaled(rows[-1].channels, options.scale) for rows in LCNET.values()][1:]
        pairs = zip(widths, self.out_channels, strict=True)
        self.layer_list = nn.LayerList(nn.Conv2D(wide, narrow, 1) for wide, narrow in pairs)

    def forward(self, x_N3HW: Tensor) -> list[Tensor]:
        maps = self.features(x_N3HW)[1:]
        # By indices, for paddle cannot export a strict zip.
        return [self.layer_list[index](maps[index]) for index in range(len(maps))]
