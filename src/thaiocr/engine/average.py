"""The weights that are evaluated, saved and exported: the trained ones, or their moving average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import paddle
from paddle import nn

from thaiocr.config import schema


class Average(Protocol):
    """What follows the weights of a model."""

    def state(self) -> dict[str, Any] | None:
        """Return what a checkpoint needs beside the weights of `applied`."""

    def resume(self, state: Mapping[str, Any] | None) -> None:
        """Go on with a model that has a checkpoint's weights, or begin there when it held no average."""

    def update(self) -> None:
        """Follow the model after a step."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the weights that are evaluated and saved; the trained ones come back afterwards."""


class NoAverage:
    """The trained weights are the ones that are evaluated."""

    def state(self) -> dict[str, Any] | None:
        """Return None."""
        return None

    def resume(self, state: Mapping[str, Any] | None) -> None:
        """Do nothing: a run whose average was turned off goes on from it."""

    def update(self) -> None:
        """Do nothing."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Change nothing."""
        yield


class MovingAverage:
    """Exponential moving average of everything that a network computes with, running statistics included.

    The first steps count more, as in TensorFlow's `ExponentialMovingAverage(num_updates)`: an average over a run of
    a few hundred steps would otherwise consist of its first weights.
    """

    def __init__(self, model: nn.Layer, decay: float, frozen: Sequence[paddle.Tensor] = ()) -> None:
        self.decay = decay
        self._model = model
        self.updates = 0
        """Steps averaged so far."""
        # An LSTM names each of its parameters twice. What is frozen stays, where an average would round it.
        trained = {id(tensor): tensor for tensor in model.state_dict().values()}
        self._trained = [tensor for key, tensor in trained.items() if key not in {id(each) for each in frozen}]
        self._average = [tensor.detach().clone() for tensor in self._trained]

    def state(self) -> dict[str, Any] | None:
        """Return the trained weights by name, and the number of updates."""
        trained = {name: np.array(tensor) for name, tensor in self._model.state_dict().items()}
        return {"updates": self.updates, "trained": trained}

    def resume(self, state: Mapping[str, Any] | None) -> None:
        """Take the model's weights for the average, and give it those that were trained."""
        self._copy(self._trained, self._average)
        if state is not None:
            self._model.set_state_dict(state["trained"])
            self.updates = int(state["updates"])

    def update(self) -> None:
        """Follow the model after a step."""
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        with paddle.no_grad():
            for average, trained in zip(self._average, self._trained, strict=True):
                average.scale_(keep)
                average.add_(trained * (1 - keep))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model its average; the trained weights come back afterwards."""
        trained = [tensor.detach().clone() for tensor in self._trained]
        self._copy(self._average, self._trained)
        try:
            yield
        finally:
            self._copy(trained, self._trained)

    @staticmethod
    def _copy(sources: list[paddle.Tensor], targets: list[paddle.Tensor]) -> None:
        with paddle.no_grad():
            for source, target in zip(sources, targets, strict=True):
                target.set_value(source)


def build_average(options: schema.EMA | None, model: nn.Layer, frozen: Sequence[paddle.Tensor] = ()) -> Average:
    """Return what `Global.ema` asks for; nothing averages `frozen` parameters of the model."""
    return NoAverage() if options is None else MovingAverage(model, options.decay, frozen)
