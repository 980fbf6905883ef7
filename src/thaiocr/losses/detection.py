"""The loss of DB (Liao et al. 2020, arXiv:1911.08947) -> a scalar, and its terms by name.

N images  H, W pixels; a target is 0 to 1, a mask 1 where pixels count and 0 where not
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from thaiocr.config.schema import detection


class Targets(NamedTuple):
    """What the maps should be; in PaddleOCR's order."""

    threshold_map_NHW: Tensor
    threshold_mask_NHW: Tensor
    shrink_map_NHW: Tensor
    """1 in the shrunk polygons of text, else 0."""
    shrink_mask_NHW: Tensor


def dice_loss(p_NHW: Tensor, target_NHW: Tensor, mask_NHW: Tensor, eps: float) -> Tensor:
    """Return 1 - 2 |p target| / (|p| + |target|), over all pixels that count (Milletari et al. 2016, V-Net)."""
    both = (p_NHW * target_NHW * mask_NHW).sum()
    union = (p_NHW * mask_NHW).sum() + (target_NHW * mask_NHW).sum() + eps
    return 1 - 2 * both / union


def masked_l1_loss(p_NHW: Tensor, target_NHW: Tensor, mask_NHW: Tensor, eps: float) -> Tensor:
    """Return the mean distance of the pixels that count."""
    return ((p_NHW - target_NHW).abs() * mask_NHW).sum() / (mask_NHW.sum() + eps)


def balanced_bce_loss(p_NHW: Tensor, target_NHW: Tensor, mask_NHW: Tensor, ratio: float, eps: float) -> Tensor:
    """Return the mean cross entropy of the pixels with text and of the hardest others, `ratio` times as many.

    That is hard negative mining (Shrivastava et al. 2016, OHEM). Without text nothing counts: the loss is 0.
    """
    positive_NHW, negative_NHW = target_NHW * mask_NHW, (1 - target_NHW) * mask_NHW
    loss_NHW = F.binary_cross_entropy(p_NHW, target_NHW, reduction="none")
    positives, negatives = _counts(positive_NHW, negative_NHW, ratio)
    total = (positive_NHW * loss_NHW).sum()
    if negatives:
        hardest, _ = paddle.topk((negative_NHW * loss_NHW).flatten(), negatives, sorted=False)
        total = total + hardest.sum()
    return total / (positives + negatives + eps)


def balanced_dice_loss(p_NHW: Tensor, target_NHW: Tensor, mask_NHW: Tensor, ratio: float, eps: float) -> Tensor:
    """Return what PaddleOCR's balancing makes of the Dice loss: all pixels have the same loss, which it averages.

    What remains is the Dice loss times n / (n + eps), n being the pixels of `balanced_bce_loss`: 0 without text.
    """
    positives, negatives = _counts(target_NHW * mask_NHW, (1 - target_NHW) * mask_NHW, ratio)
    counted = positives + negatives
    return dice_loss(p_NHW, target_NHW, mask_NHW, eps) * (counted / (counted + eps))


def _counts(positive_NHW: Tensor, negative_NHW: Tensor, ratio: float) -> tuple[int, int]:
    """Return how many pixels with and without text count."""
    positives = int(positive_NHW.sum())
    return positives, int(min(float(negative_NHW.sum()), positives * ratio))


class DBLoss:
    """maps_N3HW -> alpha L(probability) + beta L1(threshold) + Dice(binarised).

    Args:
        options: Weights, and how the probabilities are judged.
    """

    def __init__(self, options: detection.DBLoss) -> None:
        self.options = options

    def __call__(self, maps_N3HW: Tensor, targets: Targets) -> Mapping[str, Tensor]:
        """Return `loss` and its three terms, under PaddleOCR's names.

        Args:
            maps_N3HW: Probability, threshold, binarised; in half precision too.
            targets: What they should be.
        """
        options = self.options
        if maps_N3HW.dtype in (paddle.float16, paddle.bfloat16):
            maps_N3HW = maps_N3HW.astype("float32")
        probability_NHW, threshold_NHW, binary_NHW = maps_N3HW.unbind(axis=1)
        shrink = targets.shrink_map_NHW, targets.shrink_mask_NHW
        threshold = targets.threshold_map_NHW, targets.threshold_mask_NHW
        terms = {
            "loss_shrink_maps": options.alpha * self._shrink_loss(probability_NHW, *shrink),
            "loss_threshold_maps": options.beta * masked_l1_loss(threshold_NHW, *threshold, options.eps),
            "loss_binary_maps": dice_loss(binary_NHW, *shrink, options.eps),
        }
        return {"loss": paddle.add_n(list(terms.values())), **terms}

    def _shrink_loss(self, p_NHW: Tensor, target_NHW: Tensor, mask_NHW: Tensor) -> Tensor:
        options = self.options
        if options.balance_loss:
            balanced = {"DiceLoss": balanced_dice_loss, "BCELoss": balanced_bce_loss}[options.main_loss_type]
            return balanced(p_NHW, target_NHW, mask_NHW, options.ohem_ratio, options.eps)
        if options.main_loss_type == "DiceLoss":
            return dice_loss(p_NHW, target_NHW, mask_NHW, options.eps)
        loss_NHW = F.binary_cross_entropy(p_NHW, target_NHW, reduction="none")
        return (loss_NHW * mask_NHW).sum() / (mask_NHW.sum() + options.eps)
