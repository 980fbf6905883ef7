"""CTC, the loss of a network that names a class or blank at every time step.

N images  T time steps  K classes, blank among them  L longest label
"""

from __future__ import annotations

import math

import paddle
import paddle.nn.functional as F
from paddle import Tensor


class CTCLoss:
    """Connectionist temporal classification (Graves et al. 2006), averaged over the images.

    Args:
        blank: The class that stands for no label.
        zero_infinity: A label that needs more than T steps, whose loss is infinite by definition, counts 0 and has no
            gradient. Otherwise the loss is infinite, so that whoever looks at it learns of the label; paddle's own is 0
            in any case.
        is_focal: Weigh each image's loss by (1 - p)², p the probability of its label, as PaddleOCR's `use_focal_loss`.
    """

    def __init__(self, *, blank: int = 0, zero_infinity: bool = False, is_focal: bool = False) -> None:
        self.blank = blank
        self.zero_infinity = zero_infinity
        self.is_focal = is_focal

    def __call__(self, logits_NTK: Tensor, labels_NL: Tensor, lengths_N: Tensor) -> Tensor:
        """Return the loss as a scalar, computed in float32 whatever the logits are.

        Args:
            logits_NTK: Before softmax.
            labels_NL: Class ids, int32; what lies beyond a label's length does not count.
            lengths_N: Of the labels, int64.
        """
        images, steps, _ = logits_NTK.shape
        steps_N = paddle.full([images], steps, dtype="int64")
        x_TNK = logits_NTK.astype("float32").transpose([1, 0, 2])
        loss_N = F.ctc_loss(x_TNK, labels_NL, steps_N, lengths_N, blank=self.blank, reduction="none")
        # Where a label is so sure that float32 makes its probability 1, paddle's loss is a little below 0 and its
        # gradient at some of the blanks 1 instead of 0: it takes the logarithm 0 for "no path". Such images are learnt.
        loss_N = paddle.where(loss_N <= 0, paddle.zeros_like(loss_N), loss_N)
        if not self.zero_infinity:
            fits_N = steps_needed(labels_NL, lengths_N) <= steps
            loss_N = paddle.where(fits_N, loss_N, paddle.full_like(loss_N, math.inf))
        if self.is_focal:
            loss_N = loss_N * (1 - paddle.exp(-loss_N)).square()
        return loss_N.mean()


def steps_needed(labels_NL: Tensor, lengths_N: Tensor) -> Tensor:
    """Return the least T that can show each label: its length, and a blank between two equal classes. Shape [N]."""
    _, longest = labels_NL.shape
    is_repeat = labels_NL[:, 1:] == labels_NL[:, :-1]
    is_inside = paddle.arange(1, longest).unsqueeze(0) < lengths_N.unsqueeze(1)
    return lengths_N + paddle.logical_and(is_repeat, is_inside).astype("int64").sum(axis=1)
