"""`Optimizer`: the rule of a step and its learning rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Const:
    """The same rate throughout."""

    learning_rate: float = 0.001
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Linear:
    """From `learning_rate` to `end_lr`, as a polynomial of degree `power`."""

    learning_rate: float = 0.001
    end_lr: float = 0.0
    power: float = 1.0
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Cosine:
    """From `learning_rate` to 0 along half a cosine."""

    learning_rate: float = 0.001
    warmup_epoch: float = 0
    """Epochs of linear warm-up; must end before `epoch_num`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Times `gamma` after every `step_size` epochs."""

    learning_rate: float = 0.001
    step_size: int
    gamma: float = 0.1
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiStepDecay:
    """Times `gamma` after each of the epochs in `milestones`; a warm-up comes before the first epoch is counted."""

    learning_rate: float = 0.001
    milestones: tuple[int, ...]
    gamma: float = 0.1
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Piecewise:
    """The first of `values`, and the next one after each of `decay_epochs`; one value more than epochs."""

    decay_epochs: tuple[int, ...]
    values: tuple[float, ...]
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class OneCycle:
    """Up to `max_lr` and down again (Smith and Topin 2018, arXiv:1708.07120)."""

    max_lr: float
    anneal_strategy: Literal["cos", "linear"] = "cos"
    three_phase: bool = False
    """Down as long as it went up, then on to next to nothing; False goes down in one piece."""
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReduceOnPlateau:
    """Ours, after paddle's class of that name: times `factor` when `Metric.main_indicator` no longer rises."""

    learning_rate: float = 0.001
    factor: float = 0.1
    patience: int = 10
    """Evaluations without a gain that are put up with; the next one lowers the rate."""
    threshold: float = 1e-4
    """What the indicator must rise by, above the best so far, to count as a gain."""
    cooldown: int = 0
    """Evaluations after a reduction that are not counted."""
    min_lr: float = 0.0
    warmup_epoch: float = 0
    """Evaluations during the warm-up are not counted."""


LearningRate: TypeAlias = Const | Linear | Cosine | Step | MultiStepDecay | Piecewise | OneCycle | ReduceOnPlateau


@dataclass(frozen=True, kw_only=True, slots=True)
class Regularizer:
    """A penalty on all weights, added to their gradients."""

    name: Literal["L1", "L2"] = "L2"
    factor: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Common:
    """What all optimizers have."""

    clip_norm: float | None = None
    """Limit of each parameter's own gradient norm, as in PaddleOCR."""
    clip_norm_global: float | None = None
    """Limit of the norm of all gradients together."""
    lr: LearningRate = field(default_factory=Const)
    no_weight_decay_name: str | None = None
    """Words, separated by spaces; parameters whose name contains one of them are not decayed.

    PaddleOCR has this key and the next one in AdamW only. They win over the head's `fc_decay` as well.
    """
    one_dim_param_no_weight_decay: bool = False
    """Neither biases nor the parameters of normalisation are decayed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Regularized(_Common):
    """Optimizers whose weight decay is a part of the gradients."""

    regularizer: Regularizer | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Adam(_Regularized):
    """Kingma and Ba 2015, arXiv:1412.6980."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True, kw_only=True, slots=True)
class AdamW(_Common):
    """Adam with decoupled weight decay: Loshchilov and Hutter 2019, arXiv:1711.05101."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Momentum(_Regularized):
    """Stochastic gradient descent with momentum."""

    momentum: float = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class RMSProp(_Regularized):
    """Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning."""

    momentum: float = 0.0
    rho: float = 0.95
    """Share of the mean square that a step keeps."""
    epsilon: float = 1e-6


Optimizer: TypeAlias = Adam | AdamW | Momentum | RMSProp
