"""Training: one step, one epoch, a whole run, and what happens in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NoReturn, TypeVar

import paddle

from thaiocr.checkpoint import store
from thaiocr.engine import position
from thaiocr.engine.run import BaseRun
from thaiocr.engine.stop import Stopped, StopRequest
from thaiocr.progress import Advance, Progress

AnyBatch = TypeVar("AnyBatch", bound=Any)


def fit(run: BaseRun, *, progress: Progress, stop: StopRequest) -> None:
    """Train from where the run is to its last epoch, or to where early stopping ends it.

    Args:
        run: Built by `engine.build`, and moved to its position when resumed.
        progress: Shows every epoch and evaluation.
        stop: Looked at after every step and batch of an evaluation; once set, the run is saved.

    Raises:
        KeyboardInterrupt: a stop was asked for; the run is saved and can be resumed.
        DataError: the loss is no longer finite.
        EnvironmentProblem: a checkpoint cannot be written.
    """
    stop.is_awaited = True
    epochs = run.config.run.epoch_num
    try:
        while run.position.epoch < epochs and not run.is_over(run.position.history):
            with progress(f"epoch {run.position.epoch + 1}/{epochs}", len(run.train)) as advance:
                advance(run.position.batch)
                train_epoch(run, advance, progress, stop)
            end_epoch(run, progress, stop)
    except Stopped:
        save_and_stop(run)


def train_epoch(run: BaseRun, advance: Advance, progress: Progress, stop: StopRequest) -> None:
    """Do what is left of the epoch in progress, or as much of it as early stopping wants."""
    here = run.position
    for batch in run.meter.waiting(run.train.epoch(here.epoch, start=here.batch)):
        if is_evaluation_due(run):
            evaluate(run, progress, stop)
            if run.is_over(here.history):
                return
        images = batch.all_images
        with run.meter.step(images):
            values = train_step(run, batch)
        here.batch += 1
        if values:
            here.step, here.images = here.step + 1, here.images + images
            here.loss_sum += values["loss"] * images
            here.acc_sum += values.get("acc", 0.0) * images
        advance(1, note=pace(run, values))
        log_step(run, values)
        run.workers.check(stop)


def train_step(run: BaseRun, batch: Any) -> dict[str, float]:
    """Make one step: forward, loss and backward for each part of the batch, then optimizer, average and schedule.

    Returns:
        The loss, its terms, the norm of the gradient before clipping (missing after an overflow that a dynamic loss
        scale answers by skipping the step) and, with `cal_metric_during_train`, the batch's accuracy. Nothing when the
        step was left out for what is not finite.

    Raises:
        DataError: the loss or the gradient is not finite (see `engine.non_finite`).
    """
    if not run.model.training:
        run.model.train()
    run.non_finite.before(run.model)
    # Whatever the step draws at random depends on its number alone: a resumed run draws the same.
    paddle.seed(run.config.run.seed * 2**31 + run.position.step)
    values: dict[str, float] = defaultdict(float)
    for part, share in parts(batch, run.config.run.accumulation_steps):
        with run.precision.training():
            outputs = run.outputs(part)
        terms = run.losses(outputs, part)
        run.precision.backward(terms["loss"] * share)
        for name, value in {**terms, **run.figures(outputs, part)}.items():
            values[name] += float(value) * share
    run.precision.unscale(run.parameters)
    values = run.workers.average(run.parameters, values, batch)
    norm = gradient_norm(run.parameters)
    if run.precision.scale.accepts(norm):
        values["grad_norm"] = norm
        if run.non_finite.refuses(run, values, batch):
            run.optimizer.clear_grad()
            return {}
        run.optimizer.step()
        run.average.update()
    run.optimizer.clear_grad()
    run.schedule.step()
    return values


def parts(batch: AnyBatch, count: int) -> Iterator[tuple[AnyBatch, float]]:
    """Yield the batch in `count` parts of almost equal size, each with its share of the images."""
    images = len(batch.samples)
    bounds = [index * images // count for index in range(count + 1)]
    for rows in (slice(first, last) for first, last in pairwise(bounds) if last > first):
        part = batch.part(rows)
        yield part, len(part.samples) / images


def gradient_norm(parameters: Iterable[paddle.Tensor]) -> float:
    """Return the Euclidean norm of all gradients together."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return float(paddle.add_n([gradient.astype("float32").square().sum() for gradient in gradients]).sqrt())


def pace(run: BaseRun, values: Mapping[str, float]) -> str:
    """Return what is shown beside the bar of an epoch."""
    shown = "  ".join(f"{name} {values[name]:.3f}" for name in ("loss", "acc") if name in values)
    meter = run.meter
    return (
        f"{shown}  {meter.images_per_s:.0f} images/s  data {meter.data_wait:.0%}  all in {meter.eta(steps_left(run))}"
    )


def steps_left(run: BaseRun) -> int:
    """Return the steps to the end of the last epoch."""
    here = run.position
    return (run.config.run.epoch_num - here.epoch) * len(run.train) - here.batch


def log_step(run: BaseRun, values: Mapping[str, float]) -> None:
    """Write every `print_batch_step`-th step; speed and waiting are those of the steps since the last one written."""
    here, meter = run.position, run.meter
    if not values or here.step % run.config.run.print_batch_step:
        return
    rate, eta = float(run.optimizer.get_lr()), meter.eta(steps_left(run))
    times = {"images_per_s": round(meter.images_per_s, 1), "data_wait": round(meter.data_wait, 4)}
    position = {"epoch": here.epoch + 1, "step": here.step, "lr": rate}
    run.log.record("train", {**position, **values, **times, "eta_s": eta.total_seconds()})
    terms = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
    run.log.text(
        f"epoch {here.epoch + 1} step {here.step}: {terms}, lr {rate:.6f}, "
        f"{meter.images_per_s:.0f} images/s, {meter.data_wait:.0%} waiting for data, {eta} left"
    )
    meter.reset()


def is_evaluation_due(run: BaseRun) -> bool:
    """Tell whether an evaluation belongs between the last step and the next one, and was not done yet.

    `eval_batch_step` says where; without it, and at the very end, it is at the end of an epoch.
    """
    here, options = run.position, run.config.run
    if here.history and here.history[-1]["step"] == here.step:
        return False
    is_last = here.epoch + 1 == options.epoch_num
    if here.batch == len(run.train) and (options.eval_batch_step is None or is_last):
        return True
    if options.eval_batch_step is None:
        return False
    first, interval = options.eval_batch_step
    return here.step > first and (here.step - first) % interval == 0


def end_epoch(run: BaseRun, progress: Progress, stop: StopRequest) -> None:
    """Evaluate where due, move to the next epoch, save. An epoch that early stopping cut short is only saved."""
    here, options = run.position, run.config.run
    if here.batch == len(run.train):
        if is_evaluation_due(run):
            evaluate(run, progress, stop)
        sums = {"loss": here.loss_sum, **({"acc": here.acc_sum} if options.cal_metric_during_train else {})}
        means = {name: value / here.images for name, value in sums.items() if here.images}
        run.log.record("epoch", {"epoch": here.epoch + 1, "step": here.step, **means})
        here.epoch, here.batch, here.images, here.loss_sum, here.acc_sum = here.epoch + 1, 0, 0, 0.0, 0.0
        keep_epoch(run, options.save_epoch_step)
    if run.is_over(here.history):
        run.log.text(f"early stopping: no gain in the last evaluations, after step {here.step}")
    # Last, so that a run that goes on from `latest` has everything that precedes it.
    position.save(run, "latest")


def keep_epoch(run: BaseRun, every: int) -> None:
    """Save `iter_epoch_N` where due, and remove those that are not to be kept any longer."""
    epoch = run.position.epoch
    if every and epoch % every == 0:
        position.save(run, f"iter_epoch_{epoch}")
        for old in run.expired(range(every, epoch + 1, every), run.position.history):
            store.remove(run.folder / f"iter_epoch_{old}")


def evaluate(run: BaseRun, progress: Progress, stop: StopRequest) -> None:
    """Measure on `Eval`; keep the run as `best_accuracy` when its main indicator is the best so far."""
    here, indicator = run.position, run.config.metric.main_indicator
    with run.average.applied(), run.precision.evaluating():
        measured = run.measure(progress, stop)
    found = {"epoch": here.epoch + 1, "step": here.step, **measured}
    here.history.append(found)
    run.observe(found[indicator])
    run.log.record("eval", found)
    run.show()
    is_best = not here.best or found[indicator] > here.best[indicator]
    if is_best:
        here.best = found
    figures = ", ".join(f"{name} {value:.4f}" for name, value in found.items() if isinstance(value, float))
    run.log.text(f"epoch {here.epoch + 1} step {here.step}: {figures}{'  best' if is_best else ''}")
    if is_best:
        position.save(run, "best_accuracy")


def save_and_stop(run: BaseRun) -> NoReturn:
    """Save the run where it is; what is due there is done first when it is resumed.

    Raises:
        KeyboardInterrupt: always.
    """
    position.save(run, "latest")
    here = run.position
    run.log.text(
        f"stopped at step {here.step} of epoch {here.epoch + 1}; saved {run.folder / 'latest'}; "
        "go on with the same command and --resume"
    )
    raise KeyboardInterrupt
