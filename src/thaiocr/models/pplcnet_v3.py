"""PP-LCNetV3, the backbone of PaddleOCR's mobile models: depthwise separable convolutions that train in branches.

    N images  C, D channels  H, W pixels  T = W / 8 time steps; 40 while training, whatever W is

While training, every convolution is a sum of several branches, each with its own batch norm, as in RepVGG (Ding et al.
2021, arXiv:2101.03697). `merge_branches` makes one convolution of them, which computes the same in evaluation.
Parameter names and shapes are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import paddle
import paddle.nn.functional as F
from numpy.typing import NDArray
from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.config.geometry import LCNET_STEPS
from thaiocr.config.schema import detection
from thaiocr.models.layers import BatchNorm2D, SEModule, Stride, make_divisible

DIVISOR: Final = 16
"""Scaled channel counts are multiples of it."""
STEM_CHANNELS: Final = 16


class Row(NamedTuple):
    """One block, before scaling."""

    kernel_size: int
    in_channels: int
    channels: int
    stride: Stride = 1
    squeeze: bool = False


Stages: TypeAlias = Mapping[str, tuple[Row, ...]]
Options: TypeAlias = schema.PPLCNetV3 | detection.PPLCNetV3

RECOGNITION: Final[Stages] = {
    "blocks2": (Row(3, 16, 32),),
    "blocks3": (Row(3, 32, 64), Row(3, 64, 64)),
    "blocks4": (Row(3, 64, 128, (2, 1)), Row(3, 128, 128)),
    "blocks5": (Row(3, 128, 256, (1, 2)), *[Row(5, 256, 256)] * 4),
    "blocks6": (
        Row(5, 256, 512, (2, 1), squeeze=True),
        Row(5, 512, 512, squeeze=True),
        Row(5, 512, 512, (2, 1)),
        Row(5, 512, 512),
    ),
}


class LearnableAffineBlock(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """One factor and one offset for all channels: y = scale x + bias. They learn at `rate` times the learning rate."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.scale, self.bias = (
            self.create_parameter([1], paddle.ParamAttr(initializer=nn.initializer.Constant(value), learning_rate=rate))
            for value in (1.0, 0.0)
        )

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.scale * x_NCHW + self.bias


class ConvBN(nn.Layer):  # type: ignore[misc]
    """Convolution without bias, and batch norm, which no weight decay touches: x_NCHW -> y_NDHW."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: Stride = 1,
        groups: int = 1,
        rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=(kernel_size - 1) // 2,
            groups=groups,
            weight_attr=paddle.ParamAttr(initializer=nn.initializer.KaimingNormal(), learning_rate=rate),
            bias_attr=False,
        )
        self.bn = _norm(out_channels, regularizer=paddle.regularizer.L2Decay(0.0), learning_rate=rate)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.bn(self.conv(x_NCHW))


def _norm(channels: int, **attributes: Any) -> BatchNorm2D:
    """Return a batch norm both of whose parameters have these attributes."""
    weight, bias = (paddle.ParamAttr(**attributes) for _ in range(2))
    return BatchNorm2D(channels, weight_attr=weight, bias_attr=bias)


class Act(nn.Layer):  # type: ignore[misc]
    """Hard swish, scaled and moved."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.lab = LearnableAffineBlock(rate)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.lab(F.hardswish(x_NCHW))


class RepLayer(nn.Layer):  # type: ignore[misc]
    """A convolution as a sum of branches: identity where shapes allow, 1 x 1, and several k x k: x_NCHW -> y_NDHW."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: Stride = 1,
        groups: int = 1,
        options: Options,
        rate: float,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.groups = kernel_size, stride, groups
        how: dict[str, Any] = {"stride": stride, "groups": groups, "rate": rate}
        has_identity = in_channels == out_channels and stride == 1
        self.identity = _norm(in_channels, learning_rate=rate) if has_identity else None
        self.conv_kxk = nn.LayerList(
            ConvBN(in_channels, out_channels, kernel_size, **how) for _ in range(options.conv_kxk_num)
        )
        self.conv_1x1 = ConvBN(in_channels, out_channels, 1, **how) if kernel_size > 1 else None
        self.lab = LearnableAffineBlock(rate * options.lab_lr)
        self.act = Act(rate * options.lab_lr)
        self.merged: nn.Conv2D | None = None

    def forward(self, x_NCHW: Tensor) -> Tensor:
        if self.merged is not None:
            y_NDHW = self.merged(x_NCHW)
        else:
            first_NDHW, *others = (branch(x_NCHW) for branch in self._branches())
            y_NDHW = self.lab(sum(others, start=first_NDHW))
        # PaddleOCR leaves the activation out where both sides shrink, which only detection's blocks do.
        return y_NDHW if self.stride == 2 else self.act(y_NDHW)

    def merge(self) -> None:
        """Replace the branches and the affine block behind them by one convolution, which can no longer be trained."""
        folded = [self._fold(branch) for branch in self._branches()]
        scale, bias = (np.asarray(value, np.float64) for value in (self.lab.scale, self.lab.bias))
        kernel_DCkk = scale * sum(kernel for kernel, _ in folded)
        offset_D = scale * sum(offset for _, offset in folded) + bias
        out_channels, group_channels = kernel_DCkk.shape[:2]
        self.merged = nn.Conv2D(
            group_channels * self.groups,
            out_channels,
            self.kernel_size,
            stride=self.stride,
            padding=(self.kernel_size - 1) // 2,
            groups=self.groups,
        )
        dtype = self.merged.weight.numpy().dtype
        self.merged.weight.set_value(kernel_DCkk.astype(dtype))
        self.merged.bias.set_value(offset_D.astype(dtype))
        del self.identity, self.conv_1x1, self.conv_kxk, self.lab

    def _branches(self) -> list[nn.Layer]:
        return [branch for branch in (self.identity, self.conv_1x1, *self.conv_kxk) if branch is not None]

    def _fold(self, branch: nn.Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return a branch as kernel [D, C, k, k] and offset [D]."""
        norm = branch.bn if isinstance(branch, ConvBN) else branch
        weight_D, bias_D, mean_D, variance_D = (
            np.asarray(each, np.float64) for each in (norm.weight, norm.bias, norm._mean, norm._variance)
        )
        factor_D = weight_D / np.sqrt(variance_D + norm._epsilon)
        kernel_DCkk = self._kernel(branch, len(factor_D))
        return kernel_DCkk * factor_D[:, None, None, None], bias_D - mean_D * factor_D

    def _kernel(self, branch: nn.Layer, channels: int) -> NDArray[np.float64]:
        """Return a branch's convolution as a kernel of the full size."""
        if isinstance(branch, ConvBN):
            kernel_DCkk = np.asarray(branch.conv.weight, np.float64)
        else:
            group = channels // self.groups
            kernel_DCkk = np.tile(np.eye(group), (self.groups, 1))[:, :, None, None]
        margin = (self.kernel_size - kernel_DCkk.shape[-1]) // 2
        return np.pad(kernel_DCkk, [(0, 0), (0, 0), (margin, margin), (margin, margin)])


class Block(nn.Layer):  # type: ignore[misc]
    """Filter each channel, gate where asked for, mix the channels: x_NCHW -> y_NDHW."""

    def __init__(self, row: Row, options: Options, rate: float) -> None:
        super().__init__()
        how: dict[str, Any] = {"options": options, "rate": rate}
        in_channels, out_channels = (scaled(channels, options.scale) for channels in (row.in_channels, row.channels))
        self.dw_conv = RepLayer(in_channels, in_channels, row.kernel_size, stride=row.stride, groups=in_channels, **how)
        self.se = SEModule(in_channels, slope=1 / 6) if row.squeeze else None
        self.pw_conv = RepLayer(in_channels, out_channels, 1, **how)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y_NCHW = self.dw_conv(x_NCHW)
        return self.pw_conv(y_NCHW if self.se is None else self.se(y_NCHW))


def scaled(channels: int, scale: float) -> int:
    """Return a channel count of the tables for this width of the network."""
    return make_divisible(channels * scale, DIVISOR)


class Trunk(nn.Layer):  # type: ignore[misc]
    """The stem, which halves both sides, and the stages `blocks2` to `blocks6`."""

    def __init__(self, stages: Stages, options: Options) -> None:
        super().__init__()
        stem_rate, *rates = options.lr_mult_list
        self.conv1 = ConvBN(3, scaled(STEM_CHANNELS, options.scale), 3, stride=2, rate=stem_rate)
        self.stages = tuple(
            self.add_sublayer(name, nn.Sequential(*(Block(row, options, rate) for row in rows)))
            for (name, rows), rate in zip(stages.items(), rates, strict=True)
        )

    def features(self, x_N3HW: Tensor) -> list[Tensor]:
        """Return what each stage gives."""
        found, y_NCHW = [], self.conv1(x_N3HW)
        for stage in self.stages:
            y_NCHW = stage(y_NCHW)
            found.append(y_NCHW)
        return found


class PPLCNetV3(Trunk):
    """x_N3HW -> f_ND1T for images 48 pixels high; while training, of any height."""

    def __init__(self, options: schema.PPLCNetV3) -> None:
        super().__init__(RECOGNITION, options)
        self.out_channels = scaled(RECOGNITION["blocks6"][-1].channels, options.scale)

    def forward(self, x_N3HW: Tensor) -> Tensor:
        f_NDhw = self.features(x_N3HW)[-1]
        if self.training:
            return F.adaptive_avg_pool2d(f_NDhw, [1, LCNET_STEPS])
        return F.avg_pool2d(f_NDhw, [3, 2])


def merge_branches(network: nn.Layer) -> None:
    """Make one convolution of the branches of every layer of the network that has some."""
    for layer in network.sublayers():
        if isinstance(layer, RepLayer):
            layer.merge()
