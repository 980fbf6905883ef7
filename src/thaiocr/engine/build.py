"""The only place where a configuration becomes objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from thaiocr.config import geometry, schema
from thaiocr.config.schema import detection
from thaiocr.data.dataset import DataSet, load_dataset
from thaiocr.data.detection_labels import Pages
from thaiocr.data.device_cache import free_memory, place_images
from thaiocr.data.labels import Limits
from thaiocr.data.loader import Batch, Batches
from thaiocr.data.scales import batch_sizes, preprocessing
from thaiocr.data.splits import open_codec
from thaiocr.engine.average import build_average
from thaiocr.engine.device import use_device
from thaiocr.engine.early_stop import build_early_stop
from thaiocr.engine.evaluate import TrainingMetric, as_tensor, no_metric, of_model, read_batches, training_accuracy
from thaiocr.engine.meter import Meter
from thaiocr.engine.non_finite import NON_FINITE
from thaiocr.engine.optim import build_optimizer, build_schedule, observer
from thaiocr.engine.precision import build_precision, check_device
from thaiocr.engine.retention import build_retention
from thaiocr.engine.run import BaseRun, Position, Served
from thaiocr.engine.runlog import RunLog
from thaiocr.engine.stop import StopRequest
from thaiocr.engine.tracking import Tracking
from thaiocr.engine.workers import Workers, join
from thaiocr.errors import DataError
from thaiocr.losses import Loss, build_loss
from thaiocr.losses.distillation import check_pairs
from thaiocr.metrics.recognition import RecognitionMetric
from thaiocr.models import build_model
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Outputs, Recognizer
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary

SHOWN_REJECTS: Final = 5
"""In an error message; `rejects.tsv` lists all."""


@dataclass(kw_only=True, slots=True)
class Run(BaseRun):
    """A run that trains a recogniser."""

    config: schema.Config
    codec: Codec
    dictionary: Dictionary
    model: Recognizer
    loss: Loss
    accuracy: TrainingMetric
    train: Batches
    eval: Batches
    metric: RecognitionMetric
    """With what the last evaluation read."""
    placement: str
    """What the log says of where the images of `Train` lie, or ""."""

    @property
    def fingerprint(self) -> str:
        """Of the dictionary."""
        return self.dictionary.fingerprint

    @property
    def entries(self) -> Sequence[str]:
        """What the network's classes mean, from 1 on."""
        return self.codec.entries

    def outputs(self, part: Batch) -> Outputs:
        """Return features, sequence and logits."""
        return self.model.outputs(as_tensor(part.x_NChw), as_tensor(part.labels_NL))

    def losses(self, outputs: Outputs, part: Batch) -> Mapping[str, paddle.Tensor]:
        """Return `loss`, which is minimised, and its terms by name."""
        return self.loss(outputs, as_tensor(part.labels_NL), as_tensor(part.lengths_N))

    def figures(self, outputs: Outputs, part: Batch) -> Mapping[str, float]:
        """Return, with `cal_metric_during_train`, the share that is read right."""
        return self.accuracy(outputs.head_out, part)

    def measure(self, progress: Progress, stop: StopRequest) -> Mapping[str, float]:
        """Read all images of `Eval`."""
        network = of_model(self.model)

        def read(x_NChw: NDArray[np.float32]) -> NDArray[np.float32]:
            self.workers.check(stop)
            return network(x_NChw)

        is_single = self.config.run.max_text_length == 1
        shares = list(read_batches(read, self.eval, self.codec, progress=progress, is_single=is_single))
        self.metric.reset()
        self.metric.update(self.workers.gather(shares))
        return self.metric.brief()

    def show(self) -> None:
        """Hand some of what was read to the trackers."""
        self.tracking.readings(self.eval.data, self.metric.readings, self.position.step)

    def remarks(self) -> Sequence[str]:
        """Return where the images of `Train` lie, where that is worth a line."""
        return [self.placement] if self.placement else []

    def about(self) -> Mapping[str, Any]:
        """Return the number of classes, and what dictionary and images are."""
        return {
            "classes": self.codec.num_classes,
            "fingerprints": {
                "dictionary": self.fingerprint,
                "train": self.train.data.pack.fingerprint,
                "eval": self.eval.data.pack.fingerprint,
            },
        }


def build_run(config: schema.Config, *, echo: Callable[[str], object], progress: Progress) -> Run:
    """Return a run at its beginning. Call it, and train, under `paddle.utils.unique_name.guard()`.

    Args:
        config: What to train.
        echo: Gets the lines of `train.log` as well.
        progress: Shows the decoding of images.

    Raises:
        DataError: dictionary, labels or images cannot be used.
        EnvironmentProblem: no GPU where one is asked for, a folder cannot be written.
    """
    check_device(config.run)
    use_device(config)
    paddle.seed(config.run.seed)
    codec = open_codec(config)
    model = build_model(config.architecture, codec.num_classes, config.key)
    workers = join()
    log = RunLog(Path(config.run.save_model_dir), echo=echo)
    length = config.run.max_text_length
    train_limits, eval_limits = Limits(length, time_steps(model, config)), Limits(length)
    with workers.first_before_others():
        train = build_batches(config.train, train_limits, codec, config, workers, log=log, progress=progress)
        evaluation = build_batches(config.eval, eval_limits, codec, config, workers, log=log, progress=progress)
    train, placement = place_images(train, config.run, free=free_memory())
    guide = (
        PartsGuide(model.reader.backbone.out_channels, codec.entries) if config.loss.parts_guide is not None else None
    )
    frozen = {id(parameter) for parameter in model.frozen}
    trained = [(name, parameter) for name, parameter in model.named_parameters() if id(parameter) not in frozen]
    named = [*trained, *(guide.named_parameters(prefix="guide") if guide is not None else ())]
    return Run(
        codec=codec,
        dictionary=codec.dictionary,
        guide=guide,
        loss=build_loss(config.loss, guide),
        accuracy=training_accuracy if config.run.cal_metric_during_train else no_metric,
        train=train,
        eval=evaluation,
        metric=RecognitionMetric(ignore_space=config.metric.ignore_space),
        placement=placement,
        log=log,
        workers=workers,
        **common_parts(config, model, named, steps_per_epoch=len(train), log=log, frozen=model.frozen),
    )


def common_parts(
    config: schema.AnyConfig,
    model: nn.Layer,
    named: Sequence[tuple[str, paddle.Tensor]],
    *,
    steps_per_epoch: int,
    log: RunLog,
    frozen: Sequence[paddle.Tensor] = (),
) -> dict[str, Any]:
    """Return, by the names of its fields, the parts of a run that do not depend on what is learnt.

    Args:
        config: What to train.
        model: The network.
        named: What is trained of it, and beside it.
        steps_per_epoch: Batches.
        log: Of the run.
        frozen: What is not trained of the network.
    """
    schedule = build_schedule(config.optimizer.lr, epochs=config.run.epoch_num, steps_per_epoch=steps_per_epoch)
    optimizer = build_optimizer(config.optimizer, schedule, named)
    indicator = config.metric.main_indicator
    return {
        "config": config,
        "folder": Path(config.run.save_model_dir),
        "model": model,
        "parameters": [parameter for _, parameter in named],
        "schedule": schedule,
        "observe": observer(schedule),
        "optimizer": optimizer,
        "precision": build_precision(config.run, model, optimizer),
        "non_finite": NON_FINITE[config.run.non_finite](),
        "average": build_average(config.run.ema, model, frozen),
        "is_over": build_early_stop(config.run.early_stop, indicator),
        "expired": build_retention(config.run, indicator),
        "tracking": Tracking(log),
        "position": Position(),
        "meter": Meter(),
    }


def time_steps(model: Recognizer, config: schema.Config) -> int:
    """Return T, the least number of time steps that the network gives for the configured inputs.

    Raises:
        ConfigError: the losses of a distillation compare outputs of different shapes.
    """
    shapes = [each.image_shape for each in preprocessing(config.train)]
    if isinstance(config.loss, schema.CombinedLoss):
        model.eval()
        for _, height, width in shapes:
            with paddle.no_grad():
                check_pairs(config.loss, model.outputs(paddle.zeros([1, 3, height, width])))
    return min(geometry.time_steps(config.reader.backbone, width) for _, _, width in shapes)


def build_batches(
    feed: schema.Feed,
    limits: Limits,
    codec: Codec,
    config: schema.Config,
    workers: Workers,
    *,
    log: RunLog,
    progress: Progress,
) -> Batches:
    """Read labels and images of `Train` or `Eval`; rejects are listed in `rejects.tsv` of the run's folder.

    Raises:
        DataError: no usable image, no whole batch, or more rejects than `Global.max_reject_ratio` allows.
    """
    data = load_dataset(feed.dataset, codec, limits, seed=config.run.seed, progress=progress, sizes=preprocessing(feed))
    batches = Batches(
        data,
        feed.loader,
        seed=config.run.seed,
        rank=workers.rank,
        processes=workers.size,
        sizes=batch_sizes(feed),
    )
    check_data(batches, feed, config.run, log=log, line="a line is an image path, a tab and the text")
    return batches


def check_data(
    batches: Served, feed: schema.Feed | detection.Feed, options: schema.Global, *, log: RunLog, line: str
) -> None:
    """List the rejects of a data set in `rejects.tsv`, and refuse one that cannot be trained with.

    Args:
        batches: Of the data set.
        feed: What it was made from.
        options: How many rejects are allowed.
        log: Of the run.
        line: What a label file holds, for the message about one in which nothing can be used.

    Raises:
        DataError: no usable image, no whole batch, or more rejects than `Global.max_reject_ratio` allows.
    """
    data, files = batches.data, ", ".join(feed.dataset.label_file_list)
    if data.rejects:
        log.rejects(data.rejects)
    if data.reject_ratio > options.max_reject_ratio or not data.samples:
        raise DataError(_reject_summary(data, files, options.max_reject_ratio, line))
    if not len(batches):
        raise DataError(
            f"{files}: {len(data.samples)} images do not fill one batch of {feed.loader.batch_size_per_card}; "
            "lower batch_size_per_card or set drop_last: false"
        )


def _reject_summary(data: DataSet | Pages, files: str, allowed: float, line: str) -> list[str]:
    shown = [str(reject) for reject in data.rejects[:SHOWN_REJECTS]]
    if len(data.rejects) > SHOWN_REJECTS:
        shown.append(f"… and {len(data.rejects) - SHOWN_REJECTS} more, listed in rejects.tsv of the run's folder")
    if not data.samples:
        return [*shown, f"{files}: no usable image; {line}"]
    return [
        *shown,
        f"{files}: {data.reject_ratio:.1%} of the lines cannot be used, {allowed:.1%} are allowed; "
        "correct them, or set -o Global.max_reject_ratio=1 to train without them",
    ]
