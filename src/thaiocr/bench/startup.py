"""How long commands take from a cold start: a new process each time, its files in the system's cache of the disk."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2

from thaiocr.bench.measure import Result, latencies, machine, take_turns
from thaiocr.bench.pictures import pictures
from thaiocr.bench.untrained import Size, bundle_to_measure
from thaiocr.errors import DataError
from thaiocr.progress import Progress


def bench_startup(folder: Path | None, size: Size, *, seconds: float, progress: Progress) -> Result:
    """Measure `thaiocr --help`, `--version` and the reading of one image file.

    Args:
        folder: A bundle; None: an untrained one of the given size is made.
        size: Of that one.
        seconds: As in `take_turns`.
        progress: As in `take_turns`.

    Raises:
        DataError: the folder is no bundle, or one that `thaiocr predict` cannot read with.
    """
    before = machine()
    with bundle_to_measure(folder, size) as bundle, tempfile.TemporaryDirectory(prefix="thaiocr-") as name:
        image = Path(name, "image.jpg")
        cv2.imwrite(str(image), pictures(1)[0])
        commands = {
            "--help": ["--help"],
            "--version": ["--version"],
            "predict": ["predict", "--bundle", str(bundle.folder), str(image)],
        }
        ways = {name: partial(_start, words) for name, words in commands.items()}
        times = take_turns(ways, seconds=seconds, label="starts", progress=progress)
        options = {
            "bundle": "untrained" if folder is None else folder.name,
            "image_shape": list(bundle.preprocess.image_shape),
            "classes": bundle.codec.num_classes,
        }
    return Result(bench="startup", figures=latencies(times), options=options, machine=before)


def _start(words: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603 - this program
        [sys.executable, "-m", "thaiocr", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise DataError(f"thaiocr {words[0]} ended with exit code {done.returncode}: {done.stderr.strip()}")
