"""CRNN (Shi et al. 2015, arXiv:1507.05717): convolutions read the strokes, a BiLSTM reads the line, CTC aligns.

    N images  H, W pixels  D features  T = W / 4 time steps  K classes, 0 is blank
    x_N3HW -> backbone -> f_ND1T -> neck -> s_NTE -> head -> logits_NTK

Parameter names and shapes are PaddleOCR's, so that weights move in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.models import fast
from thaiocr.models.compact_resnet import CompactResNet
from thaiocr.models.mobilenet_v3 import MobileNetV3
from thaiocr.models.recognizer import ClassAxis, ClassLayer, Outputs, Recognizer
from thaiocr.models.resnet_vd import ResNet
from thaiocr.models.svtrnet import SVTRNet

BLANK_PRIOR: Final = 0.9
"""Share of the time steps of a line, or of a single cluster, that read as blank."""
BACKBONES: Final[Mapping[type, Callable[[Any], nn.Layer]]] = {
    schema.MobileNetV3: MobileNetV3,
    schema.ResNet: ResNet,
    schema.CompactResNet: CompactResNet,
    schema.SVTRNet: SVTRNet,
}


class EncoderWithRNN(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Two bidirectional LSTM layers: s_NTD -> s_NTE, E = 2 hidden_size."""

    def __init__(self, in_channels: int, hidden_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(in_channels, hidden_size, num_layers=2, direction="bidirectional")
        self.out_channels = 2 * hidden_size

    def forward(self, s_NTD: Tensor) -> Tensor:
        if fast.takes(s_NTD) and fast.cores() > 1:  # on one, paddle's own is as fast
            from thaiocr.models.fast.lstm import lstm

            return lstm(self.lstm, s_NTD)
        s_NTE, _ = self.lstm(s_NTD)
        return s_NTE


class SequenceEncoder(nn.Layer):  # type: ignore[misc]
    """f_ND1T -> s_NTE: features become a sequence, which the encoder reads; `reshape` leaves it as it is."""

    def __init__(self, in_channels: int, options: schema.SequenceEncoder) -> None:
        super().__init__()
        self.encoder = EncoderWithRNN(in_channels, options.hidden_size) if options.encoder_type == "rnn" else None
        self.out_channels = self.encoder.out_channels if self.encoder is not None else in_channels

    def forward(self, f_ND1T: Tensor) -> Tensor:
        s_NTD = f_ND1T.squeeze(2).transpose([0, 2, 1])
        return s_NTD if self.encoder is None else self.encoder(s_NTD)


class CTCHead(ClassLayer):
    """s_NTE -> logits_NTK while training, probabilities_NTK otherwise (also in an exported model)."""

    def __init__(self, in_channels: int, num_classes: int, options: schema.CTCHead) -> None:
        super().__init__()
        self.fc: nn.Linear
        if options.mid_channels is None:
            self.fc = _linear(in_channels, num_classes, options.fc_decay)
            self.layers: tuple[str, ...] = ("fc",)
        else:
            self.fc1 = _linear(in_channels, options.mid_channels, options.fc_decay)
            self.fc2 = _linear(options.mid_channels, num_classes, options.fc_decay)
            self.layers = ("fc1", "fc2")
        self.class_axes = {f"{self.layers[-1]}.weight": ClassAxis(1), f"{self.layers[-1]}.bias": ClassAxis(0)}
        _expect_blank(getattr(self, self.layers[-1]), num_classes)

    def forward(self, s_NTE: Tensor) -> Tensor:
        logits_NTK = self.logits(s_NTE)
        return logits_NTK if self.training else F.softmax(logits_NTK, axis=2)

    def logits(self, s_NTE: Tensor) -> Tensor:
        """Return logits_NTK, whatever the mode."""
        for name in self.layers:
            s_NTE = getattr(self, name)(s_NTE)
        return s_NTE


def _linear(in_channels: int, out_channels: int, decay: float) -> nn.Linear:
    bound = 1 / math.sqrt(in_channels)

    def attribute() -> paddle.ParamAttr:
        uniform = nn.initializer.Uniform(-bound, bound)
        return paddle.ParamAttr(initializer=uniform, regularizer=paddle.regularizer.L2Decay(decay))

    return nn.Linear(in_channels, out_channels, weight_attr=attribute(), bias_attr=attribute())


def _expect_blank(last: nn.Linear, num_classes: int) -> None:
    """Let a fresh head start with blank at `BLANK_PRIOR`, as a trained one ends.

    With all classes equally likely, the first steps are one strong pull towards blank that saturates the LSTM; it then
    says the same for every image, and CTC stays on its plateau (docs/experiments.md). The idea is the prior of Lin et
    al. 2017 (focal loss) for a class that dominates.
    """
    bias_K = last.bias.numpy()
    bias_K[0] += math.log(BLANK_PRIOR / (1 - BLANK_PRIOR) * (num_classes - 1))
    last.bias.set_value(bias_K)


class CRNN(Recognizer):
    """x_N3HW -> logits_NTK while training, probabilities_NTK otherwise."""

    def __init__(self, architecture: schema.Architecture | schema.SubModel, num_classes: int) -> None:
        super().__init__()
        self.backbone = BACKBONES[type(architecture.backbone)](architecture.backbone)
        self.neck = SequenceEncoder(self.backbone.out_channels, architecture.neck)
        self.head = CTCHead(self.neck.out_channels, num_classes, architecture.head)

    def forward(self, x_N3HW: Tensor) -> Tensor:
        return self.head(self.neck(self.backbone(x_N3HW)))

    def outputs(self, x_N3HW: Tensor, labels_NL: Tensor | None = None) -> Outputs:  # noqa: ARG002 - no head needs them
        """Return the outputs of all three parts."""
        f_ND1T = self.backbone(x_N3HW)
        s_NTE = self.neck(f_ND1T)
        return Outputs(backbone_out=f_ND1T, neck_out=s_NTE, head_out=self.head.logits(s_NTE))
