"""What happens to a step whose loss or gradient is NaN or infinite.

The gradient tells more than the loss: paddle's relu turns NaN into 0, so that a broken image can leave the loss finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import paddle
from paddle import Tensor, nn

from thaiocr.data.loader import Batch
from thaiocr.errors import DataError

if TYPE_CHECKING:
    from thaiocr.engine.run import BaseRun, Position

SHOWN_SAMPLES: Final = 5
"""In an error message."""
MOST_IN_A_ROW: Final = 10
"""Steps left out one after the other before training stops: the network itself is broken."""


class StopAtNonFinite:
    """Ends the training."""

    def before(self, model: nn.Layer) -> None:
        """Nothing is to be undone."""

    def refuses(self, _run: BaseRun, values: Mapping[str, float], batch: Batch, /) -> bool:
        """Return False: the step can be made.

        Args:
            values: The loss, its terms, the norm of the gradient.
            batch: What the step was computed from.

        Raises:
            DataError: names what is not finite and the first images of the batch.
        """
        if broken := not_finite(values):
            way_out = "lower the learning rate, set Optimizer.clip_norm_global, or Global.non_finite=skip"
            raise DataError([f"{broken} not finite; {way_out}; the images of this batch:", *shown(batch)])
        return False


class SkipNonFinite:
    """Leaves the step out: weights, optimizer, schedule and the statistics of batch normalisation stay as they were."""

    def __init__(self) -> None:
        self._statistics: Sequence[Tensor] = ()

    def before(self, model: nn.Layer) -> None:
        """Remember what a forward pass changes: one NaN would stay in a running mean for ever."""
        self._statistics = [value.clone() for value in _statistics(model)]

    def refuses(self, run: BaseRun, values: Mapping[str, float], batch: Batch, /) -> bool:
        """Tell whether the step must be left out; count it, write it to the logs and undo the forward pass.

        Raises:
            DataError: it is one of `MOST_IN_A_ROW`.
        """
        here = run.position
        broken = not_finite(values)
        if not broken:
            here.skipped_in_a_row = 0
            return False
        here.skipped, here.skipped_in_a_row = here.skipped + 1, here.skipped_in_a_row + 1
        with paddle.no_grad():
            for value, before in zip(_statistics(run.model), self._statistics, strict=True):
                value.set_value(before)
        _log(run, broken, batch)
        if here.skipped_in_a_row == MOST_IN_A_ROW:
            raise DataError(
                [
                    f"{broken} not finite in {MOST_IN_A_ROW} steps in a row; lower the learning rate, or set "
                    "Optimizer.clip_norm_global; the images of the last one:",
                    *shown(batch),
                ]
            )
        return True


NON_FINITE: Final[Mapping[str, Callable[[], StopAtNonFinite | SkipNonFinite]]] = {
    "stop": StopAtNonFinite,
    "skip": SkipNonFinite,
}
"""By `Global.non_finite`."""


def not_finite(values: Mapping[str, float]) -> str:
    """Return the names of the values that are NaN or infinite, or ""."""
    return " and ".join(name for name, value in values.items() if not math.isfinite(value))


def shown(batch: Batch) -> list[str]:
    """Return the label lines of a batch's first images, and how many more there are."""
    lines = [f"{sample.place}: {sample.image}" for sample in batch.samples[:SHOWN_SAMPLES]]
    more = len(batch.samples) - SHOWN_SAMPLES
    return [*lines, f"… and {more} more"] if more > 0 else lines


def _statistics(model: nn.Layer) -> list[Tensor]:
    """Return the running means and variances of a network; paddle has them among the parameters."""
    return [value for name, value in model.named_parameters() if name.endswith(("._mean", "._variance"))]


def _log(run: BaseRun, broken: str, batch: Batch) -> None:
    here: Position = run.position
    images = [f"{sample.place}: {sample.image}" for sample in batch.samples]
    run.log.record(
        "skip",
        {"epoch": here.epoch + 1, "step": here.step, "not_finite": broken, "skipped": here.skipped, "images": images},
    )
    files = ", ".join(shown(batch))
    run.log.text(f"epoch {here.epoch + 1} step {here.step}: {broken} not finite, batch left out: {files}")
