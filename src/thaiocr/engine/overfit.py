"""Can the network learn one batch by heart? If not, something is wrong with data, configuration or code."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import paddle

from thaiocr.config import schema
from thaiocr.data.loader import Batch
from thaiocr.engine.build import Run
from thaiocr.engine.evaluate import of_model, training_accuracy
from thaiocr.engine.loop import train_step
from thaiocr.engine.optim import peak
from thaiocr.engine.trial import trial_run
from thaiocr.progress import Progress

STEPS: Final = 200
IMAGES: Final = 32
"""The first ones of the first batch."""
LOOK_EVERY: Final = 10
FALLEN: Final = 0.5
"""The loss fell when it ends below this share of where it began."""
READ: Final = 0.95
"""The batch is read when this share of its images is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overfit:
    """What came of it."""

    images: int
    steps: int
    """Done; fewer than asked for when the batch was read before, or a step was not finite."""
    learning_rate: float
    losses: list[float]
    """After each step."""
    acc: float
    """Share of the images that are read exactly, by the network as it evaluates."""
    is_finite: bool

    @property
    def has_fallen(self) -> bool:
        """The loss fell."""
        return self.is_finite and self.losses[-1] < FALLEN * self.losses[0]

    @property
    def is_read(self) -> bool:
        """The batch is read."""
        return self.acc >= READ

    @property
    def advice(self) -> str:
        """What to do, or "" when there is nothing to do."""
        if not self.is_finite:
            return "the loss is not finite; lower the learning rate: thaiocr train --find-lr suggests one"
        if not self.has_fallen:
            return (
                f"the loss does not fall at a learning rate of {self.learning_rate:g}; thaiocr train --find-lr "
                "suggests another; if none helps, look whether the pictures show what their labels say"
            )
        if not self.is_read:
            return (
                "the loss falls, but too slowly to read the batch in so few steps; try more with --steps; if that does "
                "not help, look whether the pictures show what their labels say, and whether they are large enough"
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return all of it but the advice."""
        return {**asdict(self), "has_fallen": self.has_fallen, "is_read": self.is_read}


def overfit_one_batch(config: schema.Config, *, steps: int = STEPS, progress: Progress) -> Overfit:
    """Train on the first images of the first batch again and again, beside the configured run.

    The rate is the highest one of the schedule, without its warm-up.

    Args:
        config: What to try.
        steps: At most.
        progress: Shows the steps.

    Raises:
        ThaiOcrError: as `trial_run`.
        KeyboardInterrupt: as `trial_run`.
    """
    rate = peak(config.optimizer.lr)
    losses: list[float] = []
    with trial_run(_small(config), rate, progress=progress) as (run, stop):
        batch = next(run.train.epoch(0))
        acc = 0.0
        with progress("one batch", steps) as advance:
            for step in range(1, steps + 1):
                values = train_step(run, batch)
                run.workers.check(stop)
                if not values:
                    break
                losses.append(values["loss"])
                if step % LOOK_EVERY == 0 or step == steps:
                    acc = _accuracy(run, batch)
                advance(1, note=f"loss {values['loss']:.3f}  acc {acc:.3f}")
                if acc == 1.0 and losses[-1] < FALLEN * losses[0]:
                    break
    return Overfit(
        images=len(batch.samples),
        steps=len(losses),
        learning_rate=rate,
        losses=losses,
        acc=acc,
        is_finite=bool(values),
    )


def _small(config: schema.Config) -> schema.Config:
    """Return the configuration with a first batch of `IMAGES` images, or of all there are."""
    size = min(config.train.loader.batch_size_per_card, IMAGES)
    loader = replace(config.train.loader, batch_size_per_card=size, drop_last=False)
    return replace(config, train=replace(config.train, loader=loader))


def _accuracy(run: Run, batch: Batch) -> float:
    """Return the share of the batch that the network reads, in the way in which it evaluates."""
    with run.precision.evaluating():
        probabilities_NTK = of_model(run.model)(batch.x_NChw)
    return training_accuracy(paddle.to_tensor(probabilities_NTK), batch)["acc"]
