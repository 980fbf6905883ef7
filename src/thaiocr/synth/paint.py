"""From a plan to image files, in one process or several.

Each image has a random generator of its own, seeded by (seed, split, number): the number of processes changes nothing.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import cv2

from thaiocr.errors import EnvironmentProblem
from thaiocr.synth.fonts import FontFile
from thaiocr.synth.plan import Job, Plan, SplitPlan
from thaiocr.synth.recipes import EFFECTS, Recipe, make_picture

QUALITY: Final = 92
"""JPEG quality of the files; the effect "jpeg" comes before."""
CHUNK: Final = 100
"""Images that a process makes before it reports."""
_BIT: Final = {name: 1 << position for position, name in enumerate(EFFECTS)}

R = TypeVar("R", covariant=True)


class Map(Protocol):
    """Like `itertools.starmap`: the results come in the order of the arguments."""

    def __call__(  # noqa: D102 - the class says it
        self, function: Callable[..., R], arguments: Iterable[tuple[Any, ...]], /
    ) -> Iterator[R]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Some images of one split, as they are sent to a process."""

    folder: Path
    split: str
    seed: int
    line: bool
    recipe: Recipe
    fonts: tuple[FontFile, ...]
    jobs: tuple[Job, ...]


def chunks(root: Path, plan: Plan, split: SplitPlan) -> list[Chunk]:
    """Cut a split into pieces for `paint`, font by font: to open a font takes as long as to draw with it."""
    jobs = sorted(split.jobs, key=lambda job: job.font)
    return [
        Chunk(
            folder=root / split.folder,
            split=split.name,
            seed=plan.options.seed,
            line=plan.options.mode == "line",
            recipe=split.recipe,
            fonts=plan.fonts,
            jobs=tuple(jobs[start : start + CHUNK]),
        )
        for start in range(0, len(jobs), CHUNK)
    ]


def paint(chunk: Chunk) -> dict[int, int]:
    """Write the images of a chunk.

    Returns:
        Number of each image -> the sum of the bits of its effects, in the order of EFFECTS.

    Raises:
        EnvironmentProblem: an image cannot be written.
    """
    done = {}
    for job in chunk.jobs:
        font, path = chunk.fonts[job.font], chunk.folder / job.file
        rng = random.Random(f"{chunk.seed}/{chunk.split}/{job.number}")
        try:
            picture, effects = make_picture(job.text, font.path, font.face, chunk.recipe, rng, line=chunk.line)
        except OSError as error:
            raise EnvironmentProblem(f"{font.path}: the font cannot be read any more ({error})") from error
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        try:
            path.write_bytes(encoded.tobytes())
        except OSError as error:
            raise EnvironmentProblem(f"{path}: cannot write the image: {error.strerror or error}") from error
        done[job.number] = sum(_BIT[name] for name in effects)
    return done


@contextmanager
def processes(count: int) -> Iterator[Map]:
    """Yield a map over `count` new processes; with 1, over this one.

    Raises:
        EnvironmentProblem: a process was killed, most likely for its memory.
    """
    if count == 1:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield itertools.starmap
        finally:
            cv2.setNumThreads(threads)
        return
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_start)
    try:
        yield lambda function, arguments: pool.map(function, *zip(*arguments, strict=True))
    except BrokenProcessPool as error:
        raise EnvironmentProblem(
            "a worker process ended in the middle of its work, perhaps for lack of memory; try fewer --workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    """Set up a worker: Ctrl-C is for the parent, and no worker outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
