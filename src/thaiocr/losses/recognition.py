"""The loss of a recogniser: CTC, and the parts guide beside it.

N images  T time steps  K classes, 0 is blank  L longest label  D features
"""

from __future__ import annotations

from collections.abc import Mapping

from paddle import Tensor

from thaiocr.config import schema
from thaiocr.losses.classification import CrossEntropy, FocalLoss
from thaiocr.losses.ctc import CTCLoss
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Outputs


class GuideLoss:
    """Sum of the losses of the guide's heads; every label is one cluster."""

    def __init__(self, options: schema.PartsGuide, guide: PartsGuide) -> None:
        self.guide = guide
        smoothing, gamma = options.label_smoothing, options.focal_gamma
        self.loss = CrossEntropy(smoothing or 0.0) if gamma is None else FocalLoss(gamma)

    def __call__(self, f_ND1T: Tensor, labels_NL: Tensor) -> Tensor:
        """Return the loss as a scalar."""
        class_N = labels_NL[:, 0].astype("int64")
        losses = [
            self.loss(logits_NP, self.guide.targets_K[part].gather(class_N))
            for part, logits_NP in self.guide(f_ND1T).items()
        ]
        return sum(losses[1:], start=losses[0])


class RecognitionLoss:
    """CTC plus, where the config asks for it, the weighted guide.

    Blank is class 0, as the codec has it. `thaiocr.data.labels` rejects labels of more than T steps; should one come
    here all the same, the loss is infinite and the step is refused.
    """

    def __init__(self, options: schema.CTCLoss, guide: PartsGuide | None) -> None:
        self.ctc = CTCLoss(is_focal=options.use_focal_loss)
        self.guide: GuideLoss | None = None
        if guide is not None and options.parts_guide is not None:
            self.guide, self.guide_weight = GuideLoss(options.parts_guide, guide), options.parts_guide.weight

    def __call__(self, outputs: Outputs, labels_NL: Tensor, lengths_N: Tensor) -> Mapping[str, Tensor]:
        """Return `loss`, the sum to minimise, and its terms by name."""
        terms = {"ctc": self.ctc(outputs.head_out, labels_NL, lengths_N)}
        if self.guide is None:
            return {"loss": terms["ctc"], **terms}
        terms["guide"] = self.guide(outputs.backbone_out.astype("float32"), labels_NL)
        return {"loss": terms["ctc"] + self.guide_weight * terms["guide"], **terms}
