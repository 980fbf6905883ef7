"""Optimizers and learning-rate schedules by PaddleOCR's names; schedules advance one per step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import paddle
from paddle.optimizer import lr as paddle_lr

from thaiocr.config import schema


def build_schedule(options: schema.LearningRate, *, epochs: int, steps_per_epoch: int) -> paddle_lr.LRScheduler:
    """Return the schedule, preceded by a linear warm-up from 0 where `warmup_epoch` asks for one."""
    schedule = SCHEDULES[type(options)](options, epochs * steps_per_epoch)
    warmup_steps = round(options.warmup_epoch * steps_per_epoch)
    if not warmup_steps:
        return schedule
    return paddle_lr.LinearWarmup(schedule, warmup_steps, start_lr=0.0, end_lr=_peak(options))


def _peak(options: schema.LearningRate) -> float:
    return options.max_lr if isinstance(options, schema.OneCycle) else options.learning_rate


def _const(options: schema.Const, _steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.LambdaDecay(options.learning_rate, lambda _: 1.0)


def _linear(options: schema.Linear, steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.PolynomialDecay(options.learning_rate, steps, end_lr=options.end_lr, power=options.power)


def _cosine(options: schema.Cosine, steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.CosineAnnealingDecay(options.learning_rate, T_max=steps)


def _one_cycle(options: schema.OneCycle, steps: int) -> paddle_lr.LRScheduler:
    return paddle_lr.OneCycleLR(options.max_lr, steps, divide_factor=25.0, end_learning_rate=options.max_lr / 25e4)


SCHEDULES: Final[Mapping[type, Callable[[Any, int], paddle_lr.LRScheduler]]] = {
    schema.Const: _const,
    schema.Linear: _linear,
    schema.Cosine: _cosine,
    schema.OneCycle: _one_cycle,
}


def build_optimizer(
    options: schema.Optimizer, schedule: paddle_lr.LRScheduler, parameters: Iterable[paddle.Tensor]
) -> paddle.optimizer.Optimizer:
    """Return the optimizer over these parameters."""
    common = {"learning_rate": schedule, "parameters": list(parameters), "grad_clip": _clip(options)}
    # Paddle reports on the root logger that the head's own decay wins over the optimizer's, as it should.
    logging.disable(logging.INFO)
    try:
        return OPTIMIZERS[type(options)](options, common)
    finally:
        logging.disable(logging.NOTSET)


def _clip(options: schema.Optimizer) -> Any:
    if options.clip_norm is not None:
        return paddle.nn.ClipGradByNorm(options.clip_norm)
    if options.clip_norm_global is not None:
        return paddle.nn.ClipGradByGlobalNorm(options.clip_norm_global)
    return None


def _decay(options: schema.Adam | schema.Momentum) -> Any:
    if options.regularizer is None:
        return None
    kinds = {"L1": paddle.regularizer.L1Decay, "L2": paddle.regularizer.L2Decay}
    return kinds[options.regularizer.name](options.regularizer.factor)


def _adam(options: schema.Adam, common: dict[str, Any]) -> paddle.optimizer.Optimizer:
    betas = {"beta1": options.beta1, "beta2": options.beta2, "epsilon": options.epsilon}
    return paddle.optimizer.Adam(weight_decay=_decay(options), **betas, **common)


def _adamw(options: schema.AdamW, common: dict[str, Any]) -> paddle.optimizer.Optimizer:
    betas = {"beta1": options.beta1, "beta2": options.beta2, "epsilon": options.epsilon}
    return paddle.optimizer.AdamW(weight_decay=options.weight_decay, **betas, **common)


def _momentum(options: schema.Momentum, common: dict[str, Any]) -> paddle.optimizer.Optimizer:
    return paddle.optimizer.Momentum(momentum=options.momentum, weight_decay=_decay(options), **common)


OPTIMIZERS: Final[Mapping[type, Callable[[Any, dict[str, Any]], paddle.optimizer.Optimizer]]] = {
    schema.Adam: _adam,
    schema.AdamW: _adamw,
    schema.Momentum: _momentum,
}
