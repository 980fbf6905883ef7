"""A whole training, from configuration to `report.json`."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paddle

from thaiocr import __version__
from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.config.dump import to_dict, to_yaml
from thaiocr.engine import position
from thaiocr.engine.build import Run, build_run
from thaiocr.engine.loop import fit
from thaiocr.engine.stop import stop_on_signals
from thaiocr.errors import DataError, EnvironmentProblem, UsageError
from thaiocr.progress import Progress


def train(
    config: schema.Config,
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
        ThaiOcrError: as `build_run`, `fit` and `position.resume`.
        KeyboardInterrupt: stopped by a signal; the run is saved.
    """
    folder = Path(config.run.save_model_dir)
    if resume is not None:
        resume = _found(resume if resume.name else folder / "latest")
    elif not is_forced and store.exists(folder / "latest"):
        raise UsageError(f"{folder}: holds a run already; go on with --resume, or start anew with --force")
    started = time.monotonic()
    with stop_on_signals() as stop, paddle.utils.unique_name.guard():
        run = build_run(config, echo=echo, progress=progress)
        _start(run, resume, init_from, is_forced=is_forced)
        fit(run, progress=progress, stop=stop)
    report = _report(run, time.monotonic() - started)
    _write(folder / "report.json", json.dumps(report, ensure_ascii=False, indent=2) + "\n")
    return report


def _found(prefix: Path) -> Path:
    if not store.exists(store.without_suffix(prefix)):
        raise DataError(
            f"{prefix}: no checkpoint of that name (.pdparams, .pdopt, .states); leave --resume out to start"
        )
    return prefix


def _start(run: Run, resume: Path | None, init_from: Path | None, *, is_forced: bool) -> None:
    _write(run.folder / "config.yml", to_yaml(run.config))
    if resume is not None:
        position.resume(run, resume)
        run.log.text(f"resumed {resume}: epoch {run.position.epoch + 1}, step {run.position.step}")
        return
    if is_forced:
        run.log.clear()
    if init_from is not None:
        fresh = position.init_from(run, init_from)
        run.log.text(f"weights from {init_from}; fresh: {', '.join(fresh) or 'none'}")
    train, evaluation = len(run.train.data.samples), len(run.eval.data.samples)
    run.log.text(f"{train} training and {evaluation} evaluation images, {run.codec.num_classes} classes")


def _report(run: Run, seconds: float) -> dict[str, Any]:
    return {
        "folder": str(run.folder),
        "best": run.position.best,
        "history": run.position.history,
        "seconds": round(seconds, 1),
        "config": to_dict(run.config),
        "classes": run.codec.num_classes,
        "images": {"train": len(run.train.data.samples), "eval": len(run.eval.data.samples)},
        "rejects": {"train": len(run.train.data.rejects), "eval": len(run.eval.data.rejects)},
        "fingerprints": {
            "dictionary": run.dictionary.fingerprint,
            "train": run.train.data.pack.fingerprint,
            "eval": run.eval.data.pack.fingerprint,
        },
        "device": str(paddle.get_device()),
        "versions": {"thaiocr": __version__, "paddle": paddle.__version__, "python": platform.python_version()},
    }


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(f"{path}: cannot write: {error.strerror}") from error
