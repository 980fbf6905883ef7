"""Losses of a recogniser: CTC, and the parts guide beside it.

N images  T time steps  K classes, 0 is blank  L longest label  D features
"""

from __future__ import annotations

from collections.abc import Mapping

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from thaiocr.config import schema
from thaiocr.models.parts_guide import PartsGuide


class CTCLoss:
    """Connectionist temporal classification (Graves et al. 2006), averaged over the images.

    With `use_focal_loss` each image's loss is weighted by (1 - p)², p the probability of its label.
    """

    def __init__(self, options: schema.CTCLoss) -> None:
        self.is_focal = options.use_focal_loss

    def __call__(self, logits_NTK: Tensor, labels_NL: Tensor, lengths_N: Tensor) -> Tensor:
        """Return the loss as a scalar.

        A label that needs more than T steps gives 0, not infinity: `data.labels` rejects those before training.
        """
        images, steps, _ = logits_NTK.shape
        steps_N = paddle.full([images], steps, dtype="int64")
        loss_N = F.ctc_loss(logits_NTK.transpose([1, 0, 2]), labels_NL, steps_N, lengths_N, blank=0, reduction="none")
        if self.is_focal:
            loss_N = loss_N * (1 - paddle.exp(-loss_N)).square()
        return loss_N.mean()


class GuideLoss:
    """Sum of the cross-entropies of the guide's heads; every label is one cluster."""

    def __init__(self, guide: PartsGuide) -> None:
        self.guide = guide

    def __call__(self, f_ND1T: Tensor, labels_NL: Tensor) -> Tensor:
        """Return the loss as a scalar."""
        class_N = labels_NL[:, 0].astype("int64")
        losses = [
            F.cross_entropy(logits_NP, self.guide.targets_K[part].gather(class_N))
            for part, logits_NP in self.guide(f_ND1T).items()
        ]
        return sum(losses[1:], start=losses[0])


class RecognitionLoss:
    """CTC plus, where the config asks for it, the weighted guide."""

    def __init__(self, options: schema.CTCLoss, guide: PartsGuide | None) -> None:
        self.ctc = CTCLoss(options)
        self.guide = GuideLoss(guide) if guide is not None else None
        self.guide_weight = options.parts_guide.weight if options.parts_guide is not None else 0.0

    def __call__(
        self, logits_NTK: Tensor, f_ND1T: Tensor, labels_NL: Tensor, lengths_N: Tensor
    ) -> Mapping[str, Tensor]:
        """Return `loss`, the sum to minimise, and its terms by name."""
        terms = {"ctc": self.ctc(logits_NTK, labels_NL, lengths_N)}
        if self.guide is None:
            return {"loss": terms["ctc"], **terms}
        terms["guide"] = self.guide(f_ND1T, labels_NL)
        return {"loss": terms["ctc"] + self.guide_weight * terms["guide"], **terms}
