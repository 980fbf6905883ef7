"""What a finished training leaves for those who ask later what was trained, on what, where and how well."""

from __future__ import annotations

import os
import platform
import re
from datetime import datetime, timezone
from importlib.metadata import distributions
from typing import Any, Final

import paddle

from thaiocr import __version__
from thaiocr.config.dump import to_dict
from thaiocr.engine.run import BaseRun

PACKAGES: Final = "numpy|numba|opencv-.*|paddlepaddle.*|pillow|pythainlp"
"""What changes the figures of a training; OpenCV and paddle have several distributions."""


def build_report(run: BaseRun, began: datetime) -> dict[str, Any]:
    """Return the content of `report.json`.

    Args:
        run: At its end.
        began: When this process began to work on it.
    """
    here = run.position
    is_whole = here.epoch >= run.config.run.epoch_num
    return {
        "folder": str(run.folder),
        "ended": "all epochs" if is_whole else "early stopping",
        "start": here.start,
        "best": here.best,
        "history": here.history,
        "epochs": here.epoch,
        "steps": here.step,
        "skipped_steps": here.skipped,
        "seconds": round(run.meter.total, 1),
        "began": began.isoformat(timespec="seconds"),
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "config": to_dict(run.config),
        **run.about(),
        "images": {"train": len(run.train.data.samples), "eval": len(run.eval.data.samples)},
        "rejects": {"train": len(run.train.data.rejects), "eval": len(run.eval.data.rejects)},
        "device": str(paddle.get_device()),
        "machine": machine(),
        "versions": {
            "thaiocr": __version__,
            "paddle": paddle.__version__,
            "python": platform.python_version(),
            **{name: version for name, version in _installed() if re.fullmatch(PACKAGES, name)},
        },
    }


def _installed() -> list[tuple[str, str]]:
    return sorted((each.name.lower(), each.version) for each in distributions())


def machine() -> dict[str, Any]:
    """Return what kind of machine this is."""
    gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "gpus": [paddle.device.cuda.get_device_name(index) for index in range(gpus)],
    }
