"""A training run with all its parts, whatever it learns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import paddle
from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.engine.average import Average
from thaiocr.engine.early_stop import IsOver
from thaiocr.engine.meter import Meter
from thaiocr.engine.non_finite import SkipNonFinite, StopAtNonFinite
from thaiocr.engine.precision import Precision
from thaiocr.engine.retention import Expired
from thaiocr.engine.runlog import RunLog
from thaiocr.engine.stop import StopRequest
from thaiocr.engine.tracking import Tracking
from thaiocr.engine.workers import Workers
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.progress import Progress


@dataclass(slots=True)
class Position:
    """Where a run is; everything that a checkpoint has to remember besides tensors."""

    epoch: int = 0
    """The epoch in progress, from 0."""
    batch: int = 0
    """The next batch of it."""
    step: int = 0
    """Optimizer steps done."""
    loss_sum: float = 0.0
    """Of the epoch in progress, over images."""
    acc_sum: float = 0.0
    """Of the epoch in progress, over images; 0 without `cal_metric_during_train`."""
    images: int = 0
    """Of the epoch in progress."""
    skipped: int = 0
    """Steps left out because loss or gradient was not finite."""
    skipped_in_a_row: int = 0
    seconds: float = 0.0
    """Spent on the run when it was saved, by all processes that worked on it."""
    start: dict[str, Any] = field(default_factory=dict)
    """What became of the weights that the run started from; empty for fresh ones."""
    best: dict[str, Any] = field(default_factory=dict)
    """Metrics, epoch and step of `best_accuracy`."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One entry per evaluation; early stopping and the retention of checkpoints follow from it."""


class Served(Protocol):
    """Batches: frozen dataclasses with `samples`, `all_images` and `part`, of which an epoch can be made again."""

    data: Any
    """With `samples` and `rejects`."""

    def __len__(self) -> int:
        """Return the batches of an epoch."""

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch."""


@dataclass(kw_only=True, slots=True)
class BaseRun(ABC):
    """What recognition and detection have in common; a subclass knows what its batches hold."""

    config: schema.AnyConfig
    folder: Path
    model: nn.Layer
    guide: PartsGuide | None = None
    parameters: list[paddle.Tensor]
    """What is trained: the network's but for frozen ones, and the guide's."""
    schedule: paddle.optimizer.lr.LRScheduler
    observe: Callable[[float], None]
    """Tells the schedule what an evaluation found."""
    optimizer: paddle.optimizer.Optimizer
    precision: Precision
    non_finite: StopAtNonFinite | SkipNonFinite
    average: Average
    is_over: IsOver
    expired: Expired
    train: Served
    eval: Served
    log: RunLog
    tracking: Tracking
    position: Position
    meter: Meter
    workers: Workers

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Of the dictionary; empty where there is none."""

    @property
    @abstractmethod
    def entries(self) -> Sequence[str]:
        """What the network's classes mean, from 1 on; nothing where it has none."""

    @abstractmethod
    def outputs(self, part: Any) -> Any:
        """Return what the network gives for part of a batch."""

    @abstractmethod
    def losses(self, outputs: Any, part: Any) -> Mapping[str, Tensor]:
        """Return `loss`, which is minimised, and its terms by name."""

    def figures(self, _outputs: Any, _part: Any) -> Mapping[str, float]:
        """Return what else is logged of a step: nothing."""
        return {}

    @abstractmethod
    def measure(self, progress: Progress, stop: StopRequest) -> Mapping[str, float]:
        """Return the figures of `Eval` by name, `Metric.main_indicator` among them."""

    def show(self) -> None:
        """Hand some of what the last evaluation saw to the trackers: nothing."""
        return

    def remarks(self) -> Sequence[str]:
        """Return what else the log says before the first step: nothing."""
        return []

    @abstractmethod
    def about(self) -> Mapping[str, Any]:
        """Return what `report.json` says of labels and data."""
