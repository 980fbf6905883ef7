"""Layers that several networks share; attribute names are PaddleOCR's, for they name the parameters of a checkpoint."""

from __future__ import annotations

from typing import Literal, TypeAlias

import paddle.nn.functional as F
from paddle import Tensor, nn

Activation: TypeAlias = Literal["relu", "hardswish"]
Stride: TypeAlias = int | tuple[int, int]
"""One number for both, or (vertical, horizontal)."""


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round a scaled channel count to a multiple of `divisor`, never losing more than a tenth of it (MobileNetV2)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class BatchNorm2D(nn.BatchNorm2D):  # type: ignore[misc]
    """paddle's, which warns of nothing in every training; the same class name makes the same names of parameters."""

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return F.batch_norm(
            x_NCHW,
            self._mean,
            self._variance,
            self.weight,
            self.bias,
            training=self.training,
            momentum=self._momentum,
            epsilon=self._epsilon,
        )


class ConvBNLayer(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Convolution without bias, batch norm, activation: x_NCHW -> y_NDHW."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: Stride = 1,
        groups: int = 1,
        act: Activation | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=(kernel_size - 1) // 2,
            groups=groups,
            weight_attr=nn.initializer.KaimingNormal(fan_in=kernel_size**2 * in_channels // groups),
            bias_attr=False,
        )
        # Not BatchNorm2D: the layer's type is part of the key of its state in PaddleOCR's .pdopt files.
        self.bn = nn.BatchNorm(out_channels)
        self.act = act

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y_NDHW = self.bn(self.conv(x_NCHW))
        return y_NDHW if self.act is None else getattr(F, self.act)(y_NDHW)


class SEModule(nn.Layer):  # type: ignore[misc]
    """Squeeze and excitation: every channel is scaled by a gate computed from all channels' means.

    Args:
        channels: C.
        reduction: What the channels are divided by in between.
        slope: Of the gate's hard sigmoid; PaddleOCR has 0.2 in MobileNetV3 and 1/6 in PPLCNetV3.
    """

    def __init__(self, channels: int, reduction: int = 4, *, slope: float = 0.2) -> None:
        super().__init__()
        self.slope = slope
        self.conv1 = nn.Conv2D(channels, channels // reduction, 1)
        self.conv2 = nn.Conv2D(channels // reduction, channels, 1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        squeezed_NC11 = F.adaptive_avg_pool2d(x_NCHW, 1)
        gate_NC11 = self.conv2(F.relu(self.conv1(squeezed_NC11)))
        return x_NCHW * F.hardsigmoid(gate_NC11, slope=self.slope, offset=0.5)
