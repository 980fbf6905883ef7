"""Losses of a network with two heads, of which CTC reads and NRTR guides the training.

N images  T time steps  K classes, 0 is blank  L longest label  S = L + 1  V symbols: see models.nrtr
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from thaiocr.config import schema
from thaiocr.losses.ctc import CTCLoss
from thaiocr.losses.recognition import GuideLoss
from thaiocr.models.nrtr import END, symbols
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Outputs

SMOOTHING: Final = 0.1
"""Share of the target that the wrong symbols get."""


class NRTRLoss:
    """Cross entropy of the symbol that comes next, averaged over all symbols of all labels, </s> among them.

    Args:
        is_smooth: The right symbol gets 1 - `SMOOTHING` of the target, the V - 1 others get the rest alike.
    """

    def __init__(self, *, is_smooth: bool = True) -> None:
        self.smoothing = SMOOTHING if is_smooth else 0.0

    def __call__(self, logits_NSV: Tensor, labels_NL: Tensor, lengths_N: Tensor) -> Tensor:
        """Return the loss as a scalar, computed in float32; arguments as of `CTCLoss`."""
        targets_NS = next_symbols(labels_NL, lengths_N)
        losses_NSV = -F.log_softmax(logits_NSV.astype("float32"), axis=-1)
        right_NS = losses_NSV.take_along_axis(targets_NS.unsqueeze(2), axis=2).squeeze(2)
        others = logits_NSV.shape[2] - 1
        loss_NS = (1 - self.smoothing) * right_NS + self.smoothing / others * (losses_NSV.sum(axis=2) - right_NS)
        is_counted_NS = (targets_NS > 0).astype("float32")
        return (loss_NS * is_counted_NS).sum() / is_counted_NS.sum()


def next_symbols(labels_NL: Tensor, lengths_N: Tensor) -> Tensor:
    """Return targets_NS: the symbols of each label, then </s>, then padding, 0."""
    steps_S = paddle.arange(labels_NL.shape[1] + 1)
    ids_NS = symbols(F.pad(labels_NL, [0, 1]))
    ends_N1 = lengths_N.unsqueeze(1)
    is_end_NS = steps_S == ends_N1
    return paddle.where(steps_S < ends_N1, ids_NS, is_end_NS.astype("int64") * END)


class MultiLoss:
    """The weighted sum of both heads' losses and, where the config asks for it, of the parts guide's."""

    def __init__(self, options: schema.MultiLoss, guide: PartsGuide | None) -> None:
        self.ctc = CTCLoss(is_focal=options.ctc.use_focal_loss)
        self.nrtr = NRTRLoss(is_smooth=options.nrtr.smoothing)
        self.weights = (options.weight_1, options.weight_2)
        self.guide: GuideLoss | None = None
        if guide is not None and options.parts_guide is not None:
            self.guide, self.guide_weight = GuideLoss(options.parts_guide, guide), options.parts_guide.weight

    def __call__(self, outputs: Outputs, labels_NL: Tensor, lengths_N: Tensor) -> Mapping[str, Tensor]:
        """Return `loss`, the sum to minimise, and its terms by name, each times its weight.

        Args:
            outputs: Of a network that was told the labels.
            labels_NL: Class ids, int32.
            lengths_N: Of the labels, int64.
        """
        ctc_weight, nrtr_weight = self.weights
        terms = {
            "ctc": ctc_weight * self.ctc(outputs.head_out, labels_NL, lengths_N),
            "nrtr": nrtr_weight * self.nrtr(outputs.gtc_out, labels_NL, lengths_N),
        }
        if self.guide is not None:
            terms["guide"] = self.guide_weight * self.guide(outputs.backbone_out.astype("float32"), labels_NL)
        return {"loss": sum(terms.values(), start=paddle.zeros([])), **terms}
