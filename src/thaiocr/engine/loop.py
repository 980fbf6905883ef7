"""Training: one step, one epoch, a whole run, and what happens in between."""

from __future__ import annotations

import math
import time
from typing import Final, NoReturn

import numpy as np
import paddle
from numpy.typing import NDArray

from thaiocr.data.loader import Batch
from thaiocr.engine import position
from thaiocr.engine.build import Run
from thaiocr.engine.evaluate import of_model, read_all
from thaiocr.engine.stop import StopRequest
from thaiocr.errors import DataError
from thaiocr.metrics.recognition import RecognitionMetric
from thaiocr.progress import Advance, Progress

SHOWN_SAMPLES: Final = 5
"""In an error message."""


def fit(run: Run, *, progress: Progress, stop: StopRequest) -> None:
    """Train from where the run is to its last epoch.

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
    while run.position.epoch < epochs:
        with progress(f"epoch {run.position.epoch + 1}/{epochs}", len(run.train)) as advance:
            advance(run.position.batch)
            train_epoch(run, advance, progress, stop)
        end_epoch(run, progress, stop)


def train_epoch(run: Run, advance: Advance, progress: Progress, stop: StopRequest) -> None:
    """Do what is left of the epoch in progress."""
    here = run.position
    for batch in run.train.epoch(here.epoch, start=here.batch):
        if is_evaluation_due(run):
            evaluate(run, progress, stop)
        started = time.perf_counter()
        losses = train_step(run, batch)
        seconds = time.perf_counter() - started
        here.step, here.batch = here.step + 1, here.batch + 1
        here.loss_sum += losses["loss"] * len(batch.samples)
        here.images += len(batch.samples)
        advance(1, note=f"loss {losses['loss']:.3f}  {len(batch.samples) / seconds:.0f} images/s")
        log_step(run, losses, len(batch.samples) / seconds)
        if stop.is_requested:
            save_and_stop(run)


def train_step(run: Run, batch: Batch) -> dict[str, float]:
    """Forward, loss, backward, optimizer, schedule; returns the loss and its terms."""
    run.model.train()
    x_N3HW = paddle.to_tensor(batch.x_NChw)
    f_ND1T = run.model.backbone(x_N3HW)
    logits_NTK = run.model.read(f_ND1T)
    terms = run.loss(logits_NTK, f_ND1T, paddle.to_tensor(batch.labels_NL), paddle.to_tensor(batch.lengths_N))
    terms["loss"].backward()
    values = {name: float(term) for name, term in terms.items()}
    values["grad_norm"] = float(gradient_norm(run))
    check_finite(values, batch)
    run.optimizer.step()
    run.optimizer.clear_grad()
    run.schedule.step()
    return values


def gradient_norm(run: Run) -> paddle.Tensor:
    """Return the Euclidean norm of all gradients together, a scalar."""
    layers = [run.model] if run.guide is None else [run.model, run.guide]
    gradients = [parameter.grad for layer in layers for parameter in layer.parameters() if parameter.grad is not None]
    return paddle.add_n([gradient.square().sum() for gradient in gradients]).sqrt()


def check_finite(values: dict[str, float], batch: Batch) -> None:
    """Refuse to learn from NaN or infinity. The gradient tells more than the loss: paddle's relu turns NaN into 0.

    Raises:
        DataError: names what is not finite and the first images of the batch.
    """
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        shown = [f"{sample.place}: {sample.image}" for sample in batch.samples[:SHOWN_SAMPLES]]
        more = [f"… and {len(batch.samples) - SHOWN_SAMPLES} more"] if len(batch.samples) > SHOWN_SAMPLES else []
        raise DataError(
            [
                f"{' and '.join(broken)} not finite; lower the learning rate, or set Optimizer.clip_norm_global; "
                "the images of this batch:",
                *shown,
                *more,
            ]
        )


def log_step(run: Run, losses: dict[str, float], images_per_s: float) -> None:
    """Write every `print_batch_step`-th step."""
    here = run.position
    if here.step % run.config.run.print_batch_step:
        return
    rate = float(run.optimizer.get_lr())
    values = {"epoch": here.epoch + 1, "step": here.step, "lr": rate, **losses}
    run.log.record("train", {**values, "images_per_s": round(images_per_s, 1)})
    terms = ", ".join(f"{name} {value:.4f}" for name, value in losses.items())
    run.log.text(f"epoch {here.epoch + 1} step {here.step}: {terms}, lr {rate:.6f}, {images_per_s:.0f} images/s")


def is_evaluation_due(run: Run) -> bool:
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


def end_epoch(run: Run, progress: Progress, stop: StopRequest) -> None:
    """Evaluate where due, move to the next epoch, save."""
    here = run.position
    if is_evaluation_due(run):
        evaluate(run, progress, stop)
    run.log.record("epoch", {"epoch": here.epoch + 1, "step": here.step, "loss": here.loss_sum / max(1, here.images)})
    here.epoch, here.batch, here.loss_sum, here.images = here.epoch + 1, 0, 0.0, 0
    every = run.config.run.save_epoch_step
    if every and here.epoch % every == 0:
        position.save(run, f"iter_epoch_{here.epoch}")
    # Last, so that a run that goes on from `latest` has everything that precedes it.
    position.save(run, "latest")


def evaluate(run: Run, progress: Progress, stop: StopRequest) -> None:
    """Measure on `Eval`; keep the run as `best_accuracy` when its main indicator is the best so far."""
    here, options = run.position, run.config.metric
    metric = RecognitionMetric(ignore_space=options.ignore_space)
    is_single = run.config.run.max_text_length == 1
    network = of_model(run.model)

    def read(x_NChw: NDArray[np.float32]) -> NDArray[np.float32]:
        if stop.is_requested:
            save_and_stop(run)
        return network(x_NChw)

    metric.update(read_all(read, run.eval, run.codec, progress=progress, is_single=is_single))
    found = {"epoch": here.epoch + 1, "step": here.step, **metric.brief()}
    here.history.append(found)
    run.log.record("eval", found)
    is_best = not here.best or found[options.main_indicator] > here.best[options.main_indicator]
    if is_best:
        here.best = found
    figures = ", ".join(f"{name} {value:.4f}" for name, value in found.items() if isinstance(value, float))
    run.log.text(f"epoch {here.epoch + 1} step {here.step}: {figures}{'  best' if is_best else ''}")
    if is_best:
        position.save(run, "best_accuracy")


def save_and_stop(run: Run) -> NoReturn:
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
