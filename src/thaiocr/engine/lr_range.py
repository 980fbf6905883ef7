"""Learning-rate range test: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, arXiv:1506.01186.

The rate rises exponentially from step to step. Where it is too low the loss stays, where it is right the loss falls,
where it is too high the loss rises: the rate to train with lies below the one at which the loss was lowest.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from paddle.optimizer import lr as paddle_lr

from thaiocr.config import schema
from thaiocr.data.loader import Batch, Batches
from thaiocr.engine.loop import train_step
from thaiocr.engine.lr_plot import plot
from thaiocr.engine.trial import trial_run
from thaiocr.errors import EnvironmentProblem
from thaiocr.progress import Progress

LOWEST_RATE, HIGHEST_RATE = 1e-6, 1.0
STEPS: Final = 100
WINDOW: Final = 10
"""The moving average of the loss is over about the last one of so many parts of the test."""
DIVERGED: Final = 4.0
"""The test ends when the smoothed loss is so many times the lowest one."""
MARGIN: Final = 10.0
"""The suggested rate is the one of the lowest smoothed loss divided by this."""
FALL: Final = 0.9
"""The smoothed loss must fall below this share of the first one for a suggestion."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One step."""

    lr: float
    loss: float
    smoothed: float
    """Moving average of the losses so far, corrected for its beginning as in Adam."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeTest:
    """What a range test found."""

    points: list[Point]
    diverged: bool
    """It ended before its last step: the loss had risen to `DIVERGED` times the lowest one, or was not finite."""

    @property
    def lowest(self) -> Point | None:
        """The step with the lowest smoothed loss."""
        return min(self.points, key=lambda point: point.smoothed, default=None)

    @property
    def suggested(self) -> float | None:
        """A rate to train with; None when the loss did not fall."""
        lowest = self.lowest
        if lowest is None or lowest.smoothed > FALL * self.points[0].loss:
            return None
        return float(f"{lowest.lr / MARGIN:.1e}")

    def to_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "suggested": self.suggested,
            "lowest": asdict(self.lowest) if self.lowest else None,
            "diverged": self.diverged,
            "points": [asdict(point) for point in self.points],
        }


def lr_range_test(
    config: schema.Config, *, steps: int = STEPS, init_from: Path | None = None, progress: Progress
) -> RangeTest:
    """Train a few steps at rising rates, beside the configured run.

    Args:
        config: What to train; its schedule is not used.
        steps: From `LOWEST_RATE` to `HIGHEST_RATE`; at least 2.
        init_from: Checkpoint whose weights to start from.
        progress: Shows the steps.

    Raises:
        ThaiOcrError: as `trial_run`.
        KeyboardInterrupt: as `trial_run`.
    """
    points: list[Point] = []
    kept = max(0.0, 1 - WINDOW / steps)
    factor = (HIGHEST_RATE / LOWEST_RATE) ** (1 / (steps - 1))
    with trial_run(config, LOWEST_RATE, init_from=init_from, progress=progress) as (run, stop):
        run.schedule = paddle_lr.LambdaDecay(LOWEST_RATE, lambda step: factor**step)
        run.optimizer.set_lr_scheduler(run.schedule)
        with progress("learning rates", steps) as advance:
            for _, batch in zip(range(steps), _endless(run.train), strict=False):
                rate = float(run.optimizer.get_lr())
                values = train_step(run, batch)
                run.workers.check(stop)
                # The loss alone may be infinite after an overflow that a dynamic loss scale has answered.
                if not math.isfinite(values.get("loss", math.nan)):
                    break
                points.append(_next_point(points, rate, values["loss"], kept))
                advance(1, note=f"lr {rate:.1e}  loss {values['loss']:.3f}")
                if points[-1].smoothed > DIVERGED * min(point.smoothed for point in points):
                    break
    return RangeTest(points=points, diverged=len(points) < steps)


def write_range_test(found: RangeTest, folder: Path) -> tuple[Path, Path]:
    """Write `find_lr.png` and `find_lr.csv`; returns their paths.

    Raises:
        EnvironmentProblem: the folder cannot be written.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(Point.__annotations__)
    writer.writerows(tuple(asdict(point).values()) for point in found.points)
    files = {
        folder / "find_lr.png": plot(
            [point.lr for point in found.points],
            [point.loss for point in found.points],
            [point.smoothed for point in found.points],
            suggested=found.suggested,
        ),
        folder / "find_lr.csv": table.getvalue().encode("utf-8"),
    }
    path = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_bytes(content)
    except OSError as error:
        raise EnvironmentProblem(f"{path}: cannot write the range test: {error.strerror}") from error
    picture, numbers = files
    return picture, numbers


def _endless(batches: Batches) -> Iterator[Batch]:
    for epoch in count():
        yield from batches.epoch(epoch)


def _next_point(points: list[Point], rate: float, loss: float, kept: float) -> Point:
    """Return the point after `points`; `kept` is the share of the moving average that a step keeps."""
    done = len(points)
    average = points[-1].smoothed * (1 - kept**done) if points else 0.0
    smoothed = (kept * average + (1 - kept) * loss) / (1 - kept ** (done + 1))
    return Point(lr=rate, loss=loss, smoothed=smoothed)
