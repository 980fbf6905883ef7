"""SVTR_LCNet as in PP-OCRv4 and v5 mobile: PPLCNetV3, the svtr neck with CTC, and NRTR, which guides the training.

    N images  H, W pixels  D, E features  T time steps  L longest label  K classes, 0 is blank  S, V: see nrtr
    x_N3HW -> backbone -> f_ND1T -> svtr neck -> s_NTE -> CTC -> logits_NTK
                                 -> NRTR, told the labels     -> logits_NSV

Parameter names and shapes are PaddleOCR's.
"""

from __future__ import annotations

import copy

import paddle
from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.models.crnn import CTCHead
from thaiocr.models.nrtr import Transformer
from thaiocr.models.pplcnet_v3 import PPLCNetV3, merge_branches
from thaiocr.models.recognizer import Outputs, Recognizer
from thaiocr.models.svtr_encoder import EncoderWithSVTR


class SequenceEncoder(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """The neck, under the name that PaddleOCR's files have for it: f_ND1T -> s_NTE."""

    def __init__(self, in_channels: int, options: schema.SVTREncoder) -> None:
        super().__init__()
        self.encoder = EncoderWithSVTR(in_channels, options)
        self.out_channels = self.encoder.out_channels

    def forward(self, f_ND1T: Tensor) -> Tensor:
        return self.encoder(f_ND1T)


class FCTranspose(nn.Layer):  # type: ignore[misc]
    """f_NDT -> memory_NTC."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_channels, out_channels, bias_attr=False)

    def forward(self, f_NDT: Tensor) -> Tensor:
        return self.fc(f_NDT.transpose([0, 2, 1]))


class MultiHead(nn.Layer):  # type: ignore[misc]
    """f_ND1T -> logits_NTK while training, probabilities_NTK otherwise; the second head is called by its name."""

    def __init__(self, in_channels: int, num_classes: int, options: schema.MultiHead) -> None:
        super().__init__()
        ctc, nrtr = options.ctc, options.nrtr
        self.ctc_encoder = SequenceEncoder(in_channels, ctc.neck)
        self.ctc_head = CTCHead(self.ctc_encoder.out_channels, num_classes, ctc.head)
        self.before_gtc = nn.Sequential(nn.Flatten(2), FCTranspose(in_channels, nrtr.nrtr_dim))
        self.gtc_head = Transformer(num_classes, nrtr)

    def forward(self, f_ND1T: Tensor) -> Tensor:
        return self.ctc_head(self.ctc_encoder(f_ND1T))

    def guide(self, f_ND1T: Tensor, labels_NL: Tensor) -> Tensor:
        """Return logits_NSV."""
        return self.gtc_head(self.before_gtc(f_ND1T), labels_NL)


class SVTRLCNet(Recognizer):
    """x_N3HW -> logits_NTK while training, probabilities_NTK otherwise."""

    def __init__(self, architecture: schema.SVTRLCNet, num_classes: int) -> None:
        super().__init__()
        self.backbone = PPLCNetV3(architecture.backbone)
        self.head = MultiHead(self.backbone.out_channels, num_classes, architecture.head)

    def forward(self, x_N3HW: Tensor) -> Tensor:
        return self.head(self.backbone(x_N3HW))

    def outputs(self, x_N3HW: Tensor, labels_NL: Tensor | None = None) -> Outputs:
        """Return the outputs of all parts; of NRTR where there are labels to tell it."""
        f_ND1T = self.backbone(x_N3HW)
        s_NTE = self.head.ctc_encoder(f_ND1T)
        return Outputs(
            backbone_out=f_ND1T,
            neck_out=s_NTE,
            head_out=self.head.ctc_head.logits(s_NTE),
            gtc_out=None if labels_NL is None else self.head.guide(f_ND1T, labels_NL),
        )

    def for_export(self) -> Recognizer:
        """Return a copy whose branches are merged into one convolution each; it reads the same in evaluation."""
        with paddle.utils.unique_name.guard():  # an export is the same file every time
            network = copy.deepcopy(self)
            merge_branches(network)
        return network
