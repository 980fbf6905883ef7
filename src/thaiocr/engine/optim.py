"""Optimizers and learning-rate schedules by PaddleOCR's names; schedules advance one per step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import paddle
from paddle.optimizer import lr as paddle_lr

from thaiocr.config import schema

Undecayed: TypeAlias = list[paddle.Tensor]
"""The parameters that weight decay leaves alone."""


class Plateau(paddle_lr.LRScheduler):  # type: ignore[misc]  # paddle has no types
    """A rate that falls when what it observes no longer rises.

    paddle's own class cannot follow a warm-up, takes a metric where every other schedule takes a step, and calls a
    change relative to the best one a gain.
    """

    def __init__(self, options: schema.ReduceOnPlateau) -> None:
        self.options = options
        self.rate = options.learning_rate
        self.best: float | None = None
        self.without_gain = 0
        self.resting = 0
        super().__init__(options.learning_rate)

    def state_keys(self) -> None:
        """Name what a checkpoint keeps."""
        self.keys = ["last_epoch", "last_lr", "rate", "best", "without_gain", "resting"]

    def get_lr(self) -> float:
        """Return the rate of the step to come."""
        return self.rate

    def observe(self, value: float) -> None:
        """Take the result of an evaluation."""
        if self.last_epoch == 0:
            return  # a warm-up does not step the schedule that follows it
        if self.best is None or value > self.best + self.options.threshold:
            self.best, self.without_gain = value, 0
        elif self.resting:
            self.resting -= 1
        else:
            self.without_gain += 1
        if self.without_gain > self.options.patience:
            self.rate = max(self.rate * self.options.factor, self.options.min_lr)
            self.without_gain, self.resting = 0, self.options.cooldown


def build_schedule(options: schema.LearningRate, *, epochs: int, steps_per_epoch: int) -> paddle_lr.LRScheduler:
    """Return the schedule, preceded by a linear warm-up from 0 where `warmup_epoch` asks for one."""
    schedule = SCHEDULES[type(options)](options, epochs, steps_per_epoch)
    warmup_steps = round(options.warmup_epoch * steps_per_epoch)
    if not warmup_steps:
        return schedule
    return paddle_lr.LinearWarmup(schedule, warmup_steps, start_lr=0.0, end_lr=peak(options))


def observer(schedule: paddle_lr.LRScheduler) -> Callable[[float], None]:
    """Return what takes the result of every evaluation: a `Plateau`, also behind its warm-up, or nothing."""
    inner = schedule.learning_rate if isinstance(schedule, paddle_lr.LinearWarmup) else schedule
    return inner.observe if isinstance(inner, Plateau) else lambda _: None


def peak(options: schema.LearningRate) -> float:
    """Return the rate at which a warm-up ends."""
    if isinstance(options, schema.Piecewise):
        return options.values[0]
    return options.max_lr if isinstance(options, schema.OneCycle) else options.learning_rate


def _const(options: schema.Const, _epochs: int, _steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.LambdaDecay(options.learning_rate, lambda _: 1.0)


def _linear(options: schema.Linear, epochs: int, steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.PolynomialDecay(options.learning_rate, epochs * steps, end_lr=options.end_lr, power=options.power)


def _cosine(options: schema.Cosine, epochs: int, steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.CosineAnnealingDecay(options.learning_rate, T_max=epochs * steps)


def _step(options: schema.Step, _epochs: int, steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.StepDecay(options.learning_rate, step_size=options.step_size * steps, gamma=options.gamma)


def _multi_step(options: schema.MultiStepDecay, _epochs: int, steps: int) -> paddle_lr.LRScheduler:
    milestones = [epoch * steps for epoch in options.milestones]
    return paddle_lr.MultiStepDecay(options.learning_rate, milestones, gamma=options.gamma)


def _piecewise(options: schema.Piecewise, _epochs: int, steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.PiecewiseDecay([epoch * steps for epoch in options.decay_epochs], list(options.values))


def _one_cycle(options: schema.OneCycle, epochs: int, steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.OneCycleLR(
        options.max_lr,
        epochs * steps,
        divide_factor=25.0,
        end_learning_rate=options.max_lr / 25e4,
        anneal_strategy=options.anneal_strategy,
        three_phase=options.three_phase,
    )


def _plateau(options: schema.ReduceOnPlateau, _epochs: int, _steps: int) -> paddle_lr.LRScheduler:
    return Plateau(options)


SCHEDULES: Final[Mapping[type, Callable[[Any, int, int], paddle_lr.LRScheduler]]] = {
    schema.Const: _const,
    schema.Linear: _linear,
    schema.Cosine: _cosine,
    schema.Step: _step,
    schema.MultiStepDecay: _multi_step,
    schema.Piecewise: _piecewise,
    schema.OneCycle: _one_cycle,
    schema.ReduceOnPlateau: _plateau,
}


def build_optimizer(
    options: schema.Optimizer, schedule: paddle_lr.LRScheduler, named: Iterable[tuple[str, paddle.Tensor]]
) -> paddle.optimizer.Optimizer:
    """Return the optimizer over these parameters, each given with its name in the network."""
    parameters = dict(named)
    undecayed = [parameter for name, parameter in parameters.items() if _is_undecayed(options, name, parameter)]
    common = {"learning_rate": schedule, "parameters": list(parameters.values()), "grad_clip": _clip(options)}
    # Paddle reports on the root logger that the head's own decay wins over the optimizer's, as it should.
    logging.disable(logging.INFO)
    try:
        return OPTIMIZERS[type(options)](options, common, undecayed)
    finally:
        logging.disable(logging.NOTSET)


def _is_undecayed(options: schema.Optimizer, name: str, parameter: paddle.Tensor) -> bool:
    words = (options.no_weight_decay_name or "").split()
    is_small = options.one_dim_param_no_weight_decay and len(parameter.shape) == 1
    return is_small or any(word in name for word in words)


def _clip(options: schema.Optimizer) -> Any:
    if options.clip_norm is not None:
        return paddle.nn.ClipGradByNorm(options.clip_norm)
    if options.clip_norm_global is not None:
        return paddle.nn.ClipGradByGlobalNorm(options.clip_norm_global)
    return None


def _decay(options: schema.Adam | schema.Momentum | schema.RMSProp, undecayed: Undecayed) -> Any:
    for parameter in undecayed:
        parameter.regularizer = paddle.regularizer.L2Decay(0.0)  # a parameter's own wins over the optimizer's
    if options.regularizer is None:
        return None
    kinds = {"L1": paddle.regularizer.L1Decay, "L2": paddle.regularizer.L2Decay}
    return kinds[options.regularizer.name](options.regularizer.factor)


def _adam(options: schema.Adam, common: dict[str, Any], undecayed: Undecayed) -> paddle.optimizer.Optimizer:
    betas = {"beta1": options.beta1, "beta2": options.beta2, "epsilon": options.epsilon}
    return paddle.optimizer.Adam(weight_decay=_decay(options, undecayed), **betas, **common)


def _adamw(options: schema.AdamW, common: dict[str, Any], undecayed: Undecayed) -> paddle.optimizer.Optimizer:
    betas = {"beta1": options.beta1, "beta2": options.beta2, "epsilon": options.epsilon}
    names = {parameter.name for parameter in undecayed}
    return paddle.optimizer.AdamW(
        weight_decay=options.weight_decay, apply_decay_param_fun=lambda name: name not in names, **betas, **common
    )


def _momentum(options: schema.Momentum, common: dict[str, Any], undecayed: Undecayed) -> paddle.optimizer.Optimizer:
    return paddle.optimizer.Momentum(momentum=options.momentum, weight_decay=_decay(options, undecayed), **common)


def _rmsprop(options: schema.RMSProp, common: dict[str, Any], undecayed: Undecayed) -> paddle.optimizer.Optimizer:
    own = {"momentum": options.momentum, "rho": options.rho, "epsilon": options.epsilon}
    return paddle.optimizer.RMSProp(weight_decay=_decay(options, undecayed), **own, **common)


OPTIMIZERS: Final[Mapping[type, Callable[[Any, dict[str, Any], Undecayed], paddle.optimizer.Optimizer]]] = {
    schema.Adam: _adam,
    schema.AdamW: _adamw,
    schema.Momentum: _momentum,
    schema.RMSProp: _rmsprop,
}
