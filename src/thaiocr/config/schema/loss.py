"""`Loss`: what training makes small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class PartsGuide:
    """Ours: auxiliary heads that name the parts of a single cluster (base, vowel, tone, SARA AM) while training."""

    weight: float = 1.0
    label_smoothing: float | None = None
    """Share of the target that all values of a part get alike."""
    focal_gamma: float | None = None
    """Focal loss: an image counts (1 - p) to this power, p the probability of its part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLoss:
    """Connectionist temporal classification (Graves et al. 2006)."""

    use_focal_loss: bool = False
    parts_guide: PartsGuide | None = None
    """Ours. For labels of one cluster; leaves the plateau of plain CTC early. Not part of the exported model."""


OutputName: TypeAlias = Literal["backbone_out", "neck_out", "head_out"]
"""Features, sequence, logits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationCTCLoss:
    """CTC of each of these networks."""

    weight: float
    model_name_list: tuple[str, ...]
    key: Literal["head_out"]
    name: str = "loss_ctc"


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationDMLLoss:
    """Deep mutual learning, arXiv:1706.00384: networks of a pair agree on the probabilities of every time step."""

    weight: float
    act: Literal["softmax"]
    use_log: Literal[True]
    model_name_pairs: tuple[tuple[str, str], ...]
    key: Literal["head_out"]
    name: str = "dml"


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationDistanceLoss:
    """Mean distance between an output of the networks of a pair, which must have the same shape."""

    weight: float
    mode: Literal["l1", "l2", "smooth_l1"] = "l2"
    model_name_pairs: tuple[tuple[str, str], ...]
    key: OutputName
    name: str = "loss_distance"


DistillationTerm: TypeAlias = DistillationCTCLoss | DistillationDMLLoss | DistillationDistanceLoss


@dataclass(frozen=True, kw_only=True, slots=True)
class CombinedLoss:
    """The weighted sum of the losses of a distillation."""

    loss_config_list: tuple[DistillationTerm, ...]
    parts_guide: PartsGuide | None = None
    """Ours. As in CTCLoss, on the evaluated network."""
