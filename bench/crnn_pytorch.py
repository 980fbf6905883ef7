"""The CRNN of the reference in PyTorch: PaddleOCR's MobileNetV3-large 0.5, two BiLSTM layers of 96, a CTC head.

    N images  C channels  H, W pixels  D features  T = W / 4 time steps  K classes, 0 is blank
    x_N3HW -> backbone -> f_ND1T -> lstm -> logits_TNK

A benchmark, written after the paper (Howard et al. 2019, arXiv:1905.02244) and thaiocr's own network.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

LARGE = (
    # kernel, expanded, channels, squeeze, activation, stride
    (3, 16, 16, False, nn.ReLU, (1, 1)),
    (3, 64, 24, False, nn.ReLU, (2, 1)),
    (3, 72, 24, False, nn.ReLU, (1, 1)),
    (5, 72, 40, True, nn.ReLU, (2, 1)),
    (5, 120, 40, True, nn.ReLU, (1, 1)),
    (5, 120, 40, True, nn.ReLU, (1, 1)),
    (3, 240, 80, False, nn.Hardswish, (1, 1)),
    (3, 200, 80, False, nn.Hardswish, (1, 1)),
    (3, 184, 80, False, nn.Hardswish, (1, 1)),
    (3, 184, 80, False, nn.Hardswish, (1, 1)),
    (3, 480, 112, True, nn.Hardswish, (1, 1)),
    (3, 672, 112, True, nn.Hardswish, (1, 1)),
    (5, 672, 160, True, nn.Hardswish, (2, 1)),
    (5, 960, 160, True, nn.Hardswish, (1, 1)),
    (5, 960, 160, True, nn.Hardswish, (1, 1)),
)
SCALE = 0.5


def scaled(channels: int) -> int:
    """Halve a channel count to a multiple of 8, never losing more than a tenth of it."""
    wanted = channels * SCALE
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def conv_norm(
    inputs: int,
    outputs: int,
    kernel: int,
    act: type[nn.Module] | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Return convolution, batch norm and activation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([act(inplace=True)] if act is not None else []))


class Squeeze(nn.Module):  # type: ignore[misc]  # torch need not be here
    """Scale every channel by a gate computed from all channels' means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 4, 1)
        self.up = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        gate_NC11 = self.up(F.relu(self.down(x_NCHW.mean((2, 3), keepdim=True))))
        return x_NCHW * (0.2 * gate_NC11 + 0.5).clamp(0, 1)


class Unit(nn.Module):  # type: ignore[misc]
    """Widen, filter each channel, gate, narrow; added to its input where shapes allow."""

    def __init__(
        self,
        inputs: int,
        expanded: int,
        outputs: int,
        kernel: int,
        act: type[nn.Module],
        *,
        squeeze: bool,
        stride: tuple[int, int],
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv_norm(inputs, expanded, 1, act),
            conv_norm(expanded, expanded, kernel, act, stride=stride, groups=expanded),
            *([Squeeze(expanded)] if squeeze else []),
            conv_norm(expanded, outputs, 1),
        )
        self.is_residual = stride == (1, 1) and inputs == outputs

    def forward(self, x_NCHW: Tensor) -> Tensor:
        y_NDHW = self.layers(x_NCHW)
        return x_NCHW + y_NDHW if self.is_residual else y_NDHW


class CRNN(nn.Module):  # type: ignore[misc]
    """x_N3HW -> logits_TNK."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        channels = scaled(16)
        layers: list[nn.Module] = [conv_norm(3, channels, 3, nn.Hardswish, stride=2)]
        for kernel, expanded, outputs, squeeze, act, stride in LARGE:
            unit = Unit(channels, scaled(expanded), scaled(outputs), kernel, act, squeeze=squeeze, stride=stride)
            layers.append(unit)
            channels = scaled(outputs)
        self.backbone = nn.Sequential(*layers, conv_norm(channels, scaled(960), 1, nn.Hardswish), nn.MaxPool2d(2, 2))
        self.lstm = nn.LSTM(scaled(960), 96, num_layers=2, bidirectional=True)
        self.head = nn.Linear(192, classes)

    def forward(self, x_N3HW: Tensor) -> Tensor:
        f_ND1T = self.backbone(x_N3HW)
        s_TNE, _ = self.lstm(f_ND1T.squeeze(2).permute(2, 0, 1).contiguous())
        logits_TNK: Tensor = self.head(s_TNE)
        return logits_TNK
