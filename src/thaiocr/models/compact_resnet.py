"""A residual network (He et al. 2016, arXiv:1512.03385) of few plain 3 x 3 convolutions, strided as CRNN needs it.

    N images  C, D channels  H, W pixels  T = W / 4 time steps

Depthwise networks save products, but not time: on a CPU, training moves activations through memory for most of a step.
Plain convolutions are large matrix products, which cores do best: this network does half as much arithmetic again as
MobileNetV3 large 0.5 in less time, and learns from a fraction of the images (docs/experiments.md). There is no ReLU
after a sum (Gross and Wilber 2016, "Training and investigating residual nets"): the sum then passes on what it got
unchanged.
"""

from __future__ import annotations

from typing import Final

from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.models import fast
from thaiocr.models.layers import ConvBNLayer, Stride

STRIDES: Final[tuple[Stride, ...]] = (2, 2, (2, 1), (2, 1))
"""Of the first convolution of each stage."""


class Residual(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Two convolutions, added to what they see: x_NCHW -> y_NCHW."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvBNLayer(channels, channels, 3, act="relu")
        self.conv2 = ConvBNLayer(channels, channels, 3)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return x_NCHW + self.conv2(self.conv1(x_NCHW))


class CompactResNet(nn.Layer):  # type: ignore[misc]
    """x_N3HW -> f_ND1T; the rows that are left are averaged."""

    def __init__(self, options: schema.CompactResNet) -> None:
        super().__init__()
        layers: list[nn.Layer] = []
        channels = 3
        for wider, blocks, stride in zip(options.channels, options.blocks, STRIDES, strict=True):
            layers.append(ConvBNLayer(channels, wider, 3, stride=stride, act="relu"))
            layers += [Residual(wider) for _ in range(blocks)]
            channels = wider
        self.layers = nn.Sequential(*layers)
        self.out_channels = channels

    def forward(self, x_N3HW: Tensor) -> Tensor:
        if fast.is_usable(x_N3HW):
            from thaiocr.models.fast import network

            f_NDhT = network.maps([self.layers], x_N3HW)[0]
        else:
            f_NDhT = self.layers(x_N3HW)
        return f_NDhT.mean(axis=2, keepdim=True)
