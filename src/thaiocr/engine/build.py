"""The only place where a configuration becomes objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import paddle

from thaiocr.config import schema
from thaiocr.data.dataset import DataSet, load_dataset
from thaiocr.data.images import Preprocess
from thaiocr.data.labels import Limits
from thaiocr.data.loader import Batches
from thaiocr.data.splits import open_codec
from thaiocr.engine.average import Average, build_average
from thaiocr.engine.early_stop import IsOver, build_early_stop
from thaiocr.engine.evaluate import TrainingMetric, no_metric, training_accuracy
from thaiocr.engine.meter import Meter
from thaiocr.engine.non_finite import NON_FINITE, SkipNonFinite, StopAtNonFinite
from thaiocr.engine.optim import build_optimizer, build_schedule, observer
from thaiocr.engine.precision import Precision, build_precision, check_device
from thaiocr.engine.retention import Expired, build_retention
from thaiocr.engine.runlog import RunLog
from thaiocr.engine.tracking import Tracking
from thaiocr.engine.workers import Workers, join
from thaiocr.errors import DataError, EnvironmentProblem
from thaiocr.losses import Loss, build_loss
from thaiocr.losses.distillation import check_pairs
from thaiocr.models import build_model, fast
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Recognizer
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary

SHOWN_REJECTS: Final = 5
"""In an error message; `rejects.tsv` lists all."""


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
    best: dict[str, Any] = field(default_factory=dict)
    """Metrics, epoch and step of `best_accuracy`."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One entry per evaluation; early stopping and the retention of checkpoints follow from it."""


@dataclass(kw_only=True, slots=True)
class Run:
    """A training run with all its parts."""

    config: schema.Config
    folder: Path
    codec: Codec
    dictionary: Dictionary
    model: Recognizer
    guide: PartsGuide | None
    loss: Loss
    parameters: list[paddle.Tensor]
    """What is trained: the network's but for frozen ones, and the guide's."""
    schedule: paddle.optimizer.lr.LRScheduler
    observe: Callable[[float], None]
    """Tells the schedule what an evaluation found."""
    optimizer: paddle.optimizer.Optimizer
    precision: Precision
    non_finite: StopAtNonFinite | SkipNonFinite
    average: Average
    accuracy: TrainingMetric
    is_over: IsOver
    expired: Expired
    train: Batches
    eval: Batches
    log: RunLog
    tracking: Tracking
    position: Position
    meter: Meter
    workers: Workers


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
    folder = Path(config.run.save_model_dir)
    workers = join()
    log = RunLog(folder, echo=echo)
    length = config.run.max_text_length
    train_limits, eval_limits = Limits(length, time_steps(model, config)), Limits(length)
    with workers.first_before_others():
        train = build_batches(config.train, train_limits, codec, config, workers, log=log, progress=progress)
        evaluation = build_batches(config.eval, eval_limits, codec, config, workers, log=log, progress=progress)
    guide = (
        PartsGuide(model.reader.backbone.out_channels, codec.entries) if config.loss.parts_guide is not None else None
    )
    schedule = build_schedule(config.optimizer.lr, epochs=config.run.epoch_num, steps_per_epoch=len(train))
    frozen = {id(parameter) for parameter in model.frozen}
    trained = [(name, parameter) for name, parameter in model.named_parameters() if id(parameter) not in frozen]
    named = [*trained, *(guide.named_parameters(prefix="guide") if guide is not None else ())]
    optimizer = build_optimizer(config.optimizer, schedule, named)
    indicator = config.metric.main_indicator
    return Run(
        config=config,
        folder=folder,
        codec=codec,
        dictionary=codec.dictionary,
        model=model,
        guide=guide,
        loss=build_loss(config.loss, guide),
        parameters=[parameter for _, parameter in named],
        schedule=schedule,
        observe=observer(schedule),
        optimizer=optimizer,
        precision=build_precision(config.run, model, optimizer),
        non_finite=NON_FINITE[config.run.non_finite](),
        average=build_average(config.run.ema, model, model.frozen),
        accuracy=training_accuracy if config.run.cal_metric_during_train else no_metric,
        is_over=build_early_stop(config.run.early_stop, indicator),
        expired=build_retention(config.run, indicator),
        train=train,
        eval=evaluation,
        log=log,
        tracking=Tracking(log),
        position=Position(),
        meter=Meter(),
        workers=workers,
    )


def use_device(config: schema.Config) -> None:
    """Select GPU or CPU, and with `Global.deterministic` what makes the same run on any number of cores.

    Raises:
        EnvironmentProblem: a GPU is asked for and there is none.
    """
    if not config.run.use_gpu:
        fast.tune_process()
        if config.run.deterministic:
            fast.use_one_core()
        paddle.set_device("cpu")
    elif paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count():
        paddle.set_flags({"FLAGS_cudnn_deterministic": config.run.deterministic})
        paddle.set_device("gpu")
    else:
        raise EnvironmentProblem(
            "Global.use_gpu is true, but paddle sees no GPU here; "
            "add -o Global.use_gpu=false to train on the CPU, or install paddlepaddle-gpu and its driver"
        )


def time_steps(model: Recognizer, config: schema.Config) -> int:
    """Return T, the number of time steps that the network gives for the configured input.

    Raises:
        ConfigError: the losses of a distillation compare outputs of different shapes.
    """
    _, height, width = Preprocess.of(config.train.dataset.transforms).image_shape
    model.eval()
    with paddle.no_grad():
        outputs = model.outputs(paddle.zeros([1, 3, height, width]))
    if isinstance(config.loss, schema.CombinedLoss):
        check_pairs(config.loss, outputs)
    return int(outputs.head_out.shape[1])


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
    data = load_dataset(feed.dataset, codec, limits, seed=config.run.seed, progress=progress)
    files = ", ".join(feed.dataset.label_file_list)
    if data.rejects:
        log.rejects(data.rejects)
    if data.reject_ratio > config.run.max_reject_ratio or not data.samples:
        raise DataError(_reject_summary(data, files, config.run.max_reject_ratio))
    batches = Batches(data, feed.loader, seed=config.run.seed, rank=workers.rank, processes=workers.size)
    if not len(batches):
        raise DataError(
            f"{files}: {len(data.samples)} images do not fill one batch of {feed.loader.batch_size_per_card}; "
            "lower batch_size_per_card or set drop_last: false"
        )
    return batches


def _reject_summary(data: DataSet, files: str, allowed: float) -> list[str]:
    shown = [str(reject) for reject in data.rejects[:SHOWN_REJECTS]]
    if len(data.rejects) > SHOWN_REJECTS:
        shown.append(f"… and {len(data.rejects) - SHOWN_REJECTS} more, listed in rejects.tsv of the run's folder")
    if not data.samples:
        return [*shown, f"{files}: no usable image; a line is an image path, a tab and the text"]
    return [
        *shown,
        f"{files}: {data.reject_ratio:.1%} of the lines cannot be used, {allowed:.1%} are allowed; "
        "correct them, or set -o Global.max_reject_ratio=1 to train without them",
    ]
