"""A run of a few steps that tries something out and leaves nothing behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import paddle

from thaiocr.config import schema
from thaiocr.engine.build import Run, build_run
from thaiocr.engine.start import start
from thaiocr.engine.stop import Stopped, StopRequest, stop_on_signals
from thaiocr.progress import Progress


@contextmanager
def trial_run(
    config: schema.Config, learning_rate: float, *, init_from: Path | None = None, progress: Progress
) -> Iterator[tuple[Run, StopRequest]]:
    """Build the configured run with a constant rate; its folder is a temporary one.

    A step that is not finite is left out: `train_step` returns no values for it. Ctrl-C and SIGTERM end the trial where
    its caller next calls `Workers.check`: inside of a step, paddle would make an OSError of the interrupt.

    Args:
        config: What to try; its `save_model_dir` is not touched.
        learning_rate: Instead of the schedule.
        init_from: Checkpoint whose weights to start from.
        progress: Shows the decoding of images.

    Raises:
        ThaiOcrError: as `build_run` and `start`.
        KeyboardInterrupt: stopped by a signal.
    """
    constant = replace(config.optimizer, lr=schema.Const(learning_rate=learning_rate))
    with (
        tempfile.TemporaryDirectory(prefix="thaiocr-") as folder,
        stop_on_signals() as stop,
        paddle.utils.unique_name.guard(),
    ):
        beside = replace(config.run, save_model_dir=folder, non_finite="skip")
        run = build_run(replace(config, run=beside, optimizer=constant), echo=lambda _line: None, progress=progress)
        start(run, init_from)
        stop.is_awaited = True
        try:
            yield run, stop
        except Stopped:
            raise KeyboardInterrupt from None
