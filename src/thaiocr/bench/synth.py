"""Drawing single clusters as `thaiocr synth rec` does, JPEG writing included, the choice of fonts and texts not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, Literal

from thaiocr.bench.measure import Result, machine, rates, take_turns
from thaiocr.progress import Progress
from thaiocr.synth.families import assign, group
from thaiocr.synth.folder import judge_fonts
from thaiocr.synth.fonts import require_raqm
from thaiocr.synth.paint import Chunk, Map, chunks, paint, processes
from thaiocr.synth.plan import Options, Plan, make_plan, what_to_draw
from thaiocr.text.dictionary import Dictionary

PRESETS: Final[tuple[Literal["clean", "photo"], ...]] = ("clean", "photo")


def bench_synth(
    dictionary: Dictionary,
    *,
    images: int,
    workers: Sequence[int],
    fonts: Sequence[str],
    seconds: float,
    progress: Progress,
) -> Result:
    """Measure undamaged and damaged clusters with each number of worker processes.

    Args:
        dictionary: The clusters.
        images: Of one turn.
        workers: Numbers of processes to measure with.
        fonts: Files and folders; none stands for the system's folders.
        seconds: As in `take_turns`.
        progress: Shows the judging of fonts, then the seconds.

    Raises:
        UsageError: a place of `fonts` is wrong.
        EnvironmentProblem: RAQM or fonts are missing, or images cannot be written.
    """
    require_raqm()
    before = machine()
    with tempfile.TemporaryDirectory(prefix="thaiocr-") as name, ExitStack() as stack:
        runs = {count: stack.enter_context(processes(count)) for count in workers}
        plans = _plans(dictionary, images, fonts, runs[max(workers)], progress)
        ways: dict[str, Callable[[], None]] = {}
        for plan in plans:
            train = plan.splits[0]
            Path(name, train.folder).mkdir(parents=True, exist_ok=True)
            work = chunks(Path(name), plan, train)
            for count, run in runs.items():
                way = f"{plan.options.preset}, {count} worker{'s' * (count > 1)}"
                ways[way] = partial(_draw, run, work)
        times = take_turns(ways, seconds=seconds, label="drawing", progress=progress)
    options = {"images": images, "entries": len(dictionary), "workers": list(workers)}
    return Result(bench="synth", figures=rates(times, images), options=options, machine=before)


def _plans(dictionary: Dictionary, images: int, fonts: Sequence[str], run: Map, progress: Progress) -> list[Plan]:
    """Return what to draw, once for each preset."""
    options = [
        Options(count=images, val_count=0, test_count=0, preset=preset, fonts=tuple(fonts)) for preset in PRESETS
    ]
    texts = what_to_draw(options[0], dictionary)
    families = assign(group(judge_fonts(fonts, texts, run, progress), texts), seed=0)
    return [make_plan(each, dictionary, families) for each in options]


def _draw(run: Map, work: Iterable[Chunk]) -> None:
    for _ in run(paint, [(chunk,) for chunk in work]):
        pass
