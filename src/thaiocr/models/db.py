"""DB, detection by differentiable binarization (Liao et al. 2020, arXiv:1911.08947): a map of text for every image.

    N images  C, D channels  H, W pixels, multiples of 32  h, w = H / 4, W / 4
    x_N3HW -> backbone -> four maps -> neck -> f_NDhw -> head -> maps_NMHW

Parameter names and shapes are PaddleOCR's, so that weights move in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from thaiocr.config.schema import detection
from thaiocr.models import fast
from thaiocr.models.det_backbones import MobileNetV3, PPLCNetV3, ResNet
from thaiocr.models.layers import SEModule
from thaiocr.models.pplcnet_v3 import merge_branches
from thaiocr.models.recognizer import ClassAxis

PARTS: Final = 4
"""Maps of a backbone; a neck gives each a quarter of its channels."""


def _conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv2D:
    return nn.Conv2D(
        in_channels,
        out_channels,
        kernel_size,
        padding=kernel_size // 2,
        weight_attr=nn.initializer.KaimingUniform(),
        bias_attr=False,
    )


def _enlarge(x_NCHW: Tensor, factor: int) -> Tensor:
    """Repeat every pixel `factor` times both ways."""
    if paddle.in_dynamic_mode():
        return F.interpolate(x_NCHW, scale_factor=factor, mode="nearest")
    # Exported, interpolate has a list of doubles, which neither paddle2onnx nor Paddle Inference can read.
    repeated_NCHfWf = x_NCHW.unsqueeze([3, 5]).tile([1, 1, 1, factor, 1, factor])
    return repeated_NCHfWf.flatten(2, 3).flatten(3, 4)


def _pyramid(maps: Sequence[Tensor], narrow: Sequence[nn.Layer], smooth: Sequence[nn.Layer]) -> Tensor:
    """Bring four maps to the same channels, add each to the next finer one, and put all together at the finest.

    Args:
        maps: From the finest to the coarsest.
        narrow: For each map what brings it to D channels.
        smooth: For each what brings its sum to a quarter of D.
    """
    # By indices, for paddle cannot export a strict zip.
    last = PARTS - 1
    sums = [narrow[last](maps[last])]
    for level in range(last - 1, -1, -1):
        sums.append(narrow[level](maps[level]) + _enlarge(sums[-1], 2))
    parts = [smooth[last - index](sums[index]) for index in range(PARTS)]
    return paddle.concat([*(_enlarge(parts[index], 2 ** (last - index)) for index in range(last)), parts[last]], axis=1)


class DBFPN(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Feature pyramid (Lin et al. 2017, arXiv:1612.03144): four maps -> f_NDhw."""

    def __init__(self, in_channels: Sequence[int], options: detection.DBFPN) -> None:
        super().__init__()
        self.out_channels = options.out_channels
        self.narrow = [
            self.add_sublayer(f"in{level}_conv", _conv(channels, self.out_channels, 1))
            for level, channels in enumerate(in_channels, 2)
        ]
        self.smooth = [
            self.add_sublayer(f"p{level}_conv", _conv(self.out_channels, self.out_channels // PARTS, 3))
            for level in (5, 4, 3, 2)
        ][::-1]

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        return _pyramid(maps, self.narrow, self.smooth)


class RSELayer(nn.Layer):  # type: ignore[misc]
    """A convolution whose channels pass a gate, beside what it gives without one where `shortcut` says so."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, shortcut: bool) -> None:
        super().__init__()
        self.in_conv = _conv(in_channels, out_channels, kernel_size)
        self.se_block = SEModule(out_channels)
        self.shortcut = shortcut

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y_NDHW = self.in_conv(x_NCHW)
        return y_NDHW + self.se_block(y_NDHW) if self.shortcut else self.se_block(y_NDHW)


class RSEFPN(nn.Layer):  # type: ignore[misc]
    """DBFPN of RSELayers: four maps -> f_NDhw."""

    def __init__(self, in_channels: Sequence[int], options: detection.RSEFPN) -> None:
        super().__init__()
        self.out_channels = options.out_channels
        self.ins_conv, self.inp_conv = nn.LayerList(), nn.LayerList()
        for channels in in_channels:
            self.ins_conv.append(RSELayer(channels, self.out_channels, 1, shortcut=options.shortcut))
            narrowed = self.out_channels // PARTS
            self.inp_conv.append(RSELayer(self.out_channels, narrowed, 3, shortcut=options.shortcut))
        self.narrow, self.smooth = list(self.ins_conv), list(self.inp_conv)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        return _pyramid(maps, self.narrow, self.smooth)


class Branch(nn.Layer):  # type: ignore[misc]
    """f_NDhw -> logits_N1HW of one map; two transposed convolutions bring it to the size of the image."""

    def __init__(self, in_channels: int, *, fix_nan: bool) -> None:
        super().__init__()
        channels = in_channels // 4
        self.conv1 = nn.Conv2D(in_channels, channels, 3, padding=1, bias_attr=False)
        self.conv_bn1 = _norm(channels)
        self.conv2 = _doubling(channels, channels)
        self.conv_bn2 = _norm(channels)
        self.conv3 = _doubling(channels, 1)
        self.fix_nan = fix_nan

    def forward(self, f_NDhw: Tensor) -> Tensor:
        y_NCHW = self._checked(self.conv_bn1(self.conv1(f_NDhw)))
        y_NCHW = self._checked(self.conv_bn2(self.conv2(y_NCHW)))
        return self.conv3(y_NCHW)

    def _checked(self, y_NCHW: Tensor) -> Tensor:
        if not (self.fix_nan and self.training):
            return y_NCHW
        return paddle.where(paddle.isnan(y_NCHW), paddle.zeros_like(y_NCHW), y_NCHW)


def _norm(channels: int) -> nn.BatchNorm:
    constant = nn.initializer.Constant
    return nn.BatchNorm(
        channels,
        act="relu",
        param_attr=paddle.ParamAttr(initializer=constant(1.0)),
        bias_attr=paddle.ParamAttr(initializer=constant(1e-4)),
    )


def _doubling(in_channels: int, out_channels: int) -> nn.Conv2DTranspose:
    bound = 1 / math.sqrt(in_channels)
    return nn.Conv2DTranspose(
        in_channels,
        out_channels,
        2,
        stride=2,
        weight_attr=paddle.ParamAttr(initializer=nn.initializer.KaimingUniform()),
        bias_attr=paddle.ParamAttr(initializer=nn.initializer.Uniform(-bound, bound)),
    )


class DBHead(nn.Layer):  # type: ignore[misc]
    """f_NDhw -> maps_N3HW while training: probability, threshold, binarised; otherwise the probability, maps_N1HW."""

    def __init__(self, in_channels: int, options: detection.DBHead) -> None:
        super().__init__()
        self.k = options.k
        self.binarize = Branch(in_channels, fix_nan=options.fix_nan)
        self.thresh = Branch(in_channels, fix_nan=options.fix_nan)

    @property
    def branches(self) -> list[Branch]:
        """Of the probability and, while training, of the threshold."""
        return [self.binarize, self.thresh] if self.training else [self.binarize]

    def forward(self, f_NDhw: Tensor) -> Tensor:
        return self.maps([branch(f_NDhw) for branch in self.branches])

    def maps(self, logits: Sequence[Tensor]) -> Tensor:
        """Return the maps that the logits_N1HW of the branches mean."""
        found = [F.sigmoid(logits_N1HW) for logits_N1HW in logits]
        if self.training:
            probability_N1HW, threshold_N1HW = found
            found.append(F.sigmoid(self.k * (probability_N1HW - threshold_N1HW)))
        return paddle.concat(found, axis=1)


BACKBONES: Final[Mapping[type, Callable[[Any], nn.Layer]]] = {
    detection.MobileNetV3: MobileNetV3,
    detection.ResNet_vd: ResNet,
    detection.PPLCNetV3: PPLCNetV3,
}
NECKS: Final[Mapping[type, Callable[..., nn.Layer]]] = {detection.DBFPN: DBFPN, detection.RSEFPN: RSEFPN}


class DB(nn.Layer):  # type: ignore[misc]
    """x_N3HW -> maps_N3HW while training, maps_N1HW otherwise (also in an exported model)."""

    class_axes: Mapping[str, ClassAxis] = {}

    def __init__(self, architecture: detection.Architecture) -> None:
        super().__init__()
        self.backbone = BACKBONES[type(architecture.backbone)](architecture.backbone)
        self.neck = NECKS[type(architecture.neck)](self.backbone.out_channels, architecture.neck)
        self.head = DBHead(self.neck.out_channels, architecture.head)

    def forward(self, x_N3HW: Tensor) -> Tensor:
        maps = self.backbone(x_N3HW)
        if fast.is_usable(x_N3HW) and not self.head.binarize.fix_nan:
            from thaiocr.models.fast.detection import logits

            return self.head.maps(logits(self.neck, self.head.branches, maps))
        return self.head(self.neck(maps))

    def for_export(self) -> DB:
        """Return a copy whose parallel branches, where it has some, are one convolution."""
        copied = deepcopy(self)
        merge_branches(copied)
        return copied
