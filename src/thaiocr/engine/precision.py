"""Mixed precision: what is computed in half precision, and the scale that keeps small gradients from becoming 0.

Micikevicius et al. 2018, arXiv:1710.03740. Keys and their meaning are PaddleOCR's. The scale is our own, for it must be
saved with a run, and PaddlePaddle's does nothing on a machine without GPU, where it could not be tested.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import paddle
from paddle import nn

from thaiocr.config import schema
from thaiocr.errors import EnvironmentProblem

GROWTH_STEPS: Final = 2000
"""Steps without an overflow before a dynamic scale doubles; paddle's own number."""

Context = Callable[[], AbstractContextManager[Any]]


@dataclass(slots=True)
class LossScale:
    """What the loss is multiplied by."""

    value: float = 1.0
    is_dynamic: bool = False
    good_steps: int = 0
    """Since the scale last changed."""

    def accepts(self, grad_norm: float) -> bool:
        """Tell whether a step may be made with gradients of this norm; a dynamic scale follows what it sees.

        A norm that is not finite at a scale of 1 is no matter of the scale: it is accepted here, and refused as what
        it is by `engine.non_finite`.
        """
        if not self.is_dynamic:
            return True
        if not math.isfinite(grad_norm) and self.value > 1:
            self.value, self.good_steps = max(1.0, self.value / 2), 0
            return False
        self.good_steps += 1
        if self.good_steps == GROWTH_STEPS:
            self.value, self.good_steps = self.value * 2, 0
        return True


@dataclass(slots=True)
class Precision:
    """How a step computes; the defaults are full precision."""

    scale: LossScale
    training: Context = nullcontext
    """Around the forward pass of a step; the loss is computed outside of it, in float32."""
    evaluating: Context = nullcontext

    def backward(self, loss: paddle.Tensor) -> None:
        """Add the scaled loss's gradients to the parameters'."""
        (loss * self.scale.value).backward()

    def unscale(self, parameters: Iterable[paddle.Tensor]) -> None:
        """Divide the gradients by the scale."""
        if self.scale.value == 1:
            return
        with paddle.no_grad():
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad.scale_(1 / self.scale.value)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"scale": self.scale.value, "good_steps": self.scale.good_steps}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state; a fixed scale is what the configuration says."""
        if self.scale.is_dynamic and state:
            self.scale.value, self.scale.good_steps = float(state["scale"]), int(state["good_steps"])


def check_device(options: schema.Global) -> None:
    """Refuse mixed precision where paddle would silently compute in float32.

    Raises:
        EnvironmentProblem: says what to change.
    """
    if not options.use_amp:
        return
    if not options.use_gpu:
        raise EnvironmentProblem(
            "Global.use_amp is true, but paddle has no half-precision kernels for the CPU (not in bfloat16 either); "
            "add -o Global.use_amp=false, or train on a GPU with -o Global.use_gpu=true"
        )
    supported = paddle.amp.is_bfloat16_supported if options.amp_dtype == "bfloat16" else paddle.amp.is_float16_supported
    if not supported():
        raise EnvironmentProblem(
            f"Global.amp_dtype is {options.amp_dtype}, which this GPU cannot compute; "
            "bfloat16 needs compute capability 8.0, float16 7.0: choose the other one, or set Global.use_amp=false"
        )


def build_precision(options: schema.Global, model: nn.Layer, optimizer: paddle.optimizer.Optimizer) -> Precision:
    """Return how a step computes; with O2 the model's weights become half precision, the optimizer keeps float32 ones.

    Raises:
        EnvironmentProblem: as `check_device`.
    """
    check_device(options)
    if not options.use_amp:
        return Precision(LossScale())
    if options.amp_level == "O2":
        # In place; checkpoints get float32 all the same.
        paddle.amp.decorate(
            models=model,
            optimizers=optimizer,
            level="O2",
            master_weight=True,
            dtype=options.amp_dtype,
            save_dtype="float32",
        )
    cast = partial(
        paddle.amp.auto_cast,
        level=options.amp_level,
        dtype=options.amp_dtype,
        custom_black_list=options.amp_custom_black_list,
        custom_white_list=options.amp_custom_white_list,
    )
    scale = LossScale(options.scale_loss, options.use_dynamic_loss_scaling)
    # What an O1 evaluation measures is what an exported model gives: float32.
    return Precision(scale, training=cast, evaluating=cast if options.amp_level == "O2" else nullcontext)
