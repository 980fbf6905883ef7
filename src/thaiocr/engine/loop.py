"""Training: one step, one epoch, a whole run, and what happens in between."""

from __future__ import annotations

import math
import time
from typing import Any

import paddle

from thaiocr.data.loader import Batch
from thaiocr.engine import position
from thaiocr.engine.build import Run
from thaiocr.engine.evaluate import of_model, read_all
from thaiocr.engine.stop import StopRequest
from thaiocr.errors import DataError
from thaiocr.metrics.recognition import RecognitionMetric
from thaiocr.progress import Advance, Progress


def fit(run: Run, *, progress: Progress, stop: StopRequest) -> None:
    """Train from where the run is to its last epoch.

    Args:
        run: Built by `engine.build`, and moved to its position when resumed.
        progress: Shows every epoch and evaluation.
        stop: Looked at after every step; once set, the run is saved.

    Raises:
        KeyboardInterrupt: a stop was asked for; the run is saved and can be resumed.
        DataError: the loss is no longer finite.
        EnvironmentProblem: a checkpoint cannot be written.
    """
    epochs = run.config.run.epoch_num
    while run.position.epoch < epochs:
        with progress(f"epoch {run.position.epoch + 1}/{epochs}", len(run.train)) as advance:
            advance(run.position.batch)
            train_epoch(run, advance, progress, stop)
        end_epoch(run, progress)


def train_epoch(run: Run, advance: Advance, progress: Progress, stop: StopRequest) -> None:
    """Do what is left of the epoch in progress."""
    here = run.position
    for batch in run.train.epoch(here.epoch, start=here.batch):
        started = time.perf_counter()
        losses = train_step(run, batch)
        seconds = time.perf_counter() - started
        here.step, here.batch = here.step + 1, here.batch + 1
        here.loss_sum += losses["loss"] * len(batch.samples)
        here.images += len(batch.samples)
        advance(1, note=f"loss {losses['loss']:.3f}  {len(batch.samples) / seconds:.0f} images/s")
        log_step(run, losses, len(batch.samples) / seconds)
        if is_evaluation_due(run):
            evaluate(run, progress)
        if stop.is_requested:
            position.save(run, "latest")
            run.log.text(f"stopped at step {here.step} of epoch {here.epoch + 1}; saved {run.folder / 'latest'}")
            raise KeyboardInterrupt


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
        names = ", ".join(sample.place for sample in batch.samples[:5])
        raise DataError(
            f"{' and '.join(broken)} not finite in a batch of {len(batch.samples)} images ({names}, …); "
            "lower the learning rate, or set Optimizer.clip_norm_global"
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
    """Tell whether `eval_batch_step` asks for an evaluation after this step."""
    if run.config.run.eval_batch_step is None:
        return False
    first, interval = run.config.run.eval_batch_step
    return run.position.step > first and (run.position.step - first) % interval == 0


def end_epoch(run: Run, progress: Progress) -> None:
    """Evaluate where due, move to the next epoch, save."""
    here = run.position
    is_last = here.epoch + 1 == run.config.run.epoch_num
    run.log.record("epoch", {"epoch": here.epoch + 1, "step": here.step, "loss": here.loss_sum / max(1, here.images)})
    if run.config.run.eval_batch_step is None or is_last:
        evaluate(run, progress)
    here.epoch, here.batch, here.loss_sum, here.images = here.epoch + 1, 0, 0.0, 0
    position.save(run, "latest")
    every = run.config.run.save_epoch_step
    if every and here.epoch % every == 0:
        position.save(run, f"iter_epoch_{here.epoch}")


def evaluate(run: Run, progress: Progress) -> dict[str, Any]:
    """Measure on `Eval`; keep the run as `best_accuracy` when its main indicator is the best so far."""
    here, options = run.position, run.config.metric
    metric = RecognitionMetric(ignore_space=options.ignore_space)
    is_single = run.config.run.max_text_length == 1
    metric.update(read_all(of_model(run.model), run.eval, run.codec, progress=progress, is_single=is_single))
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
    return found
