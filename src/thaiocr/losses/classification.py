"""Losses of a head that names one class per image.

N images  K classes
"""

from __future__ import annotations

import paddle.nn.functional as F
from paddle import Tensor


class CrossEntropy:
    """-log p of the right class, averaged over the images.

    Args:
        label_smoothing: Share of the target that all K classes get alike, the right one among them (Szegedy et al.
            2016, arXiv:1512.00567).
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def __call__(self, logits_NK: Tensor, class_N: Tensor) -> Tensor:
        """Return the loss as a scalar, computed in float32; `class_N` is int64."""
        return F.cross_entropy(logits_NK.astype("float32"), class_N, label_smoothing=self.label_smoothing)


class FocalLoss:
    """-(1 - p)^gamma log p of the right class, averaged: easy images count less (Lin et al. 2017, arXiv:1708.02002).

    Args:
        gamma: At least 1: below, the gradient of an image with p = 1 would be 0 times infinity.
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def __call__(self, logits_NK: Tensor, class_N: Tensor) -> Tensor:
        """Return the loss as a scalar, computed in float32; `class_N` is int64."""
        loss_N = F.cross_entropy(logits_NK.astype("float32"), class_N, reduction="none").reshape([-1])
        return (loss_N * (1 - (-loss_N).exp()).pow(self.gamma)).mean()
