"""Losses between networks that are trained together, as PaddleOCR's DistillationModel combines them.

N images  T time steps  K classes, 0 is blank  L longest label
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import paddle.nn.functional as F
from paddle import Tensor

from thaiocr.config import schema
from thaiocr.errors import ConfigError
from thaiocr.losses.ctc import CTCLoss
from thaiocr.losses.recognition import GuideLoss
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Outputs

FLOOR: Final = 1e-10
"""PaddleOCR adds it to probabilities before their logarithm."""
DISTANCES: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "l1": F.l1_loss,
    "l2": F.mse_loss,
    "smooth_l1": F.smooth_l1_loss,
}
"""Averages over all elements."""


def mutual_loss(one_NTK: Tensor, other_NTK: Tensor) -> Tensor:
    """Return the mean of both Kullback-Leibler divergences, summed over the time steps and averaged over the images.

    Deep mutual learning (Zhang et al. 2018, arXiv:1706.00384). The gradient goes into both logits, as in PaddleOCR.
    """
    p_NTK, q_NTK = (F.softmax(x_NTK.astype("float32"), axis=-1) + FLOOR for x_NTK in (one_NTK, other_NTK))
    # KL(p, q) + KL(q, p) is the sum of (p - q) (log p - log q).
    both = ((p_NTK - q_NTK) * (p_NTK.log() - q_NTK.log())).sum() / p_NTK.shape[0]
    return both / 2


class CombinedLoss:
    """Weighted sum of terms of the networks' outputs and, where the config asks for it, the evaluated one's guide."""

    def __init__(self, options: schema.CombinedLoss, guide: PartsGuide | None) -> None:
        self.terms = options.loss_config_list
        self.guide: GuideLoss | None = None
        if guide is not None and options.parts_guide is not None:
            self.guide, self.guide_weight = GuideLoss(options.parts_guide, guide), options.parts_guide.weight

    def __call__(self, outputs: Outputs, labels_NL: Tensor, lengths_N: Tensor) -> Mapping[str, Tensor]:
        """Return `loss`, the sum to minimise, and its terms by PaddleOCR's names, each times its weight.

        Args:
            outputs: Of a DistillationModel.
            labels_NL: Class ids, int32.
            lengths_N: Of the labels, int64.
        """
        terms: dict[str, Tensor] = {}
        for options in self.terms:
            for name, term in TERMS[type(options)](options, outputs.models, labels_NL, lengths_N).items():
                terms[name] = terms.get(name, 0) + options.weight * term
        if self.guide is not None:
            terms["guide"] = self.guide_weight * self.guide(outputs.backbone_out.astype("float32"), labels_NL)
        return {"loss": sum(list(terms.values())[1:], start=next(iter(terms.values()))), **terms}


def check_pairs(options: schema.CombinedLoss, outputs: Outputs) -> None:
    """Refuse pairs whose outputs cannot be compared.

    Raises:
        ConfigError: names each such pair and its shapes.
    """
    problems = []
    for term in options.loss_config_list:
        if isinstance(term, schema.DistillationCTCLoss):
            continue
        for one, other in term.model_name_pairs:
            shapes = [list(getattr(outputs.models[name], term.key).shape[1:]) for name in (one, other)]
            if shapes[0] != shapes[1]:
                problems.append(
                    f"Loss.loss_config_list.{type(term).__name__}: {term.key} of '{one}' has shape {shapes[0]} per "
                    f"image, of '{other}' {shapes[1]}; give the networks the same width there, or remove the pair"
                )
    if problems:
        raise ConfigError(problems)


def _ctc(
    options: schema.DistillationCTCLoss, models: Mapping[str, Outputs], labels_NL: Tensor, lengths_N: Tensor
) -> Mapping[str, Tensor]:
    loss = CTCLoss()
    return {
        f"{options.name}_{name}": loss(models[name].head_out, labels_NL, lengths_N) for name in options.model_name_list
    }


def _dml(options: schema.DistillationDMLLoss, models: Mapping[str, Outputs], *_labels: Tensor) -> Mapping[str, Tensor]:
    return {
        f"{options.name}_{index}": mutual_loss(models[one].head_out, models[other].head_out)
        for index, (one, other) in enumerate(options.model_name_pairs)
    }


def _distance(
    options: schema.DistillationDistanceLoss, models: Mapping[str, Outputs], *_labels: Tensor
) -> Mapping[str, Tensor]:
    distance, terms = DISTANCES[options.mode], {}
    for index, (one, other) in enumerate(options.model_name_pairs):
        found = [getattr(models[name], options.key).astype("float32") for name in (one, other)]
        # PaddleOCR says l2 whatever the mode is.
        terms[f"{options.name}_l2_{one}_{other}_{index}"] = distance(*found)
    return terms


TERMS: Final[Mapping[type, Callable[[Any, Mapping[str, Outputs], Tensor, Tensor], Mapping[str, Tensor]]]] = {
    schema.DistillationCTCLoss: _ctc,
    schema.DistillationDMLLoss: _dml,
    schema.DistillationDistanceLoss: _distance,
}
