"""A whole training, from configuration to `report.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import paddle

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.engine import position, tracking
from thaiocr.engine.build import build_run
from thaiocr.engine.detection import build_detection_run
from thaiocr.engine.loop import fit
from thaiocr.engine.report import build_report
from thaiocr.engine.run import BaseRun
from thaiocr.engine.runlog import REJECTS, replace_text
from thaiocr.engine.start import start
from thaiocr.engine.stop import stop_on_signals
from thaiocr.engine.workers import writing_once
from thaiocr.errors import DataError, UsageError
from thaiocr.progress import Progress

BUILDERS: Final[Mapping[type, Callable[..., BaseRun]]] = {
    schema.Config: build_run,
    schema.detection.Config: build_detection_run,
}
"""By kind of configuration."""


def train(
    config: schema.AnyConfig,
    *,
    resume: Path | None,
    init_from: Path | None,
    is_forced: bool,
    echo: Callable[[str], object],
    progress: Progress,
) -> dict[str, Any]:
    """Train what a configuration describes.

    Args:
        config: What to train.
        resume: Checkpoint to go on from; an empty path means `latest` of `save_model_dir`.
        init_from: Checkpoint whose weights a new run starts from.
        is_forced: A new run may replace one that is in `save_model_dir`.
        echo: Gets the lines of `train.log`.
        progress: Shows decoding, epochs and evaluations.

    Returns:
        The content of `report.json`.

    Raises:
        UsageError: `save_model_dir` holds a run already.
        ThaiOcrError: as `build_run`, `fit` and `position`.
        KeyboardInterrupt: stopped by a signal; what was trained is saved.
    """
    folder = Path(config.run.save_model_dir)
    if resume is None and not is_forced and store.prefixes(folder):
        raise UsageError(f"{folder}: holds a run already; go on with --resume, or start anew with --force")
    tracking.check(config)
    saved = None if resume is None else _saved(resume, folder)
    began = datetime.now(timezone.utc)
    with stop_on_signals() as stop, paddle.utils.unique_name.guard(), writing_once(config) as config:
        run = BUILDERS[type(config)](config, echo=echo, progress=progress)
        if saved is not None:
            _go_on(run, *saved)
        else:
            _begin(run, init_from, is_forced=is_forced)
        run.workers.check_start(run.position.step, run.parameters)
        replace_text(run.folder / "config.yml", to_yaml(config))
        with run.tracking.following(config, None if saved is None else run.position.step):
            fit(run, progress=progress, stop=stop)
        report = build_report(run, began)
        replace_text(run.folder / "report.json", json.dumps(report, ensure_ascii=False, indent=2) + "\n")
    return report


def _saved(resume: Path, folder: Path) -> tuple[Path, store.Checkpoint, list[str]]:
    """Read the checkpoint to go on from, before anything else takes time."""
    if not resume.name or resume.is_dir():
        return position.last_good(resume if resume.name else folder)
    prefix = store.without_suffix(resume)
    try:
        return prefix, store.load(prefix), []
    except DataError as error:
        others = [other.name for other in store.prefixes(prefix.parent) if other != prefix]
        hint = f"{prefix.parent}: other checkpoints there: {', '.join(others) or 'none'}"
        raise DataError([*error.problems, hint]) from error


def _go_on(run: BaseRun, prefix: Path, checkpoint: store.Checkpoint, damaged: list[str]) -> None:
    position.resume(run, checkpoint, prefix)
    _describe_data(run)
    for problem in damaged:
        run.log.text(problem)
    here = run.position
    if here.epoch >= run.config.run.epoch_num:
        run.log.text(f"{prefix}: all {here.epoch} epochs are done; raise Global.epoch_num to train longer")
    elif run.is_over(here.history):
        run.log.text(
            f"{prefix}: stopped early after {len(here.history)} evaluations; "
            "raise Global.early_stop.patience to train longer"
        )
    else:
        run.log.text(f"resumed {prefix}: epoch {here.epoch + 1}, step {here.step}")


def _begin(run: BaseRun, init_from: Path | None, *, is_forced: bool) -> None:
    started = start(run, init_from)
    if is_forced:
        _remove_run(run.folder)
    run.log.clear()
    for line in started.lines() if started is not None else ():
        run.log.text(line)
    _describe_data(run)


def _describe_data(run: BaseRun) -> None:
    for name, data in (("training", run.train.data), ("evaluation", run.eval.data)):
        rejected = f", {len(data.rejects)} lines rejected: {run.folder / REJECTS}" if data.rejects else ""
        run.log.text(f"{len(data.samples)} {name} images{rejected}")
    if run.entries:
        run.log.text(f"{len(run.entries) + 1} classes")
    for line in run.remarks():
        run.log.text(line)


def _remove_run(folder: Path) -> None:
    """Remove what a run leaves, so that nothing of an earlier one is taken for the new one's."""
    for prefix in store.prefixes(folder):
        store.remove(prefix)
    (folder / "report.json").unlink(missing_ok=True)
