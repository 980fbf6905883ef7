"""What time and memory become when there are more samples, classes, pixels or processes; one JSON line.

    python bench/growth.py [--plot docs/growth.png] [--table growth.md] [--samples 1000 1000000] [--seconds 30]

Samples: a label file of N lines is read and checked (`labels`), and a data set is opened as a training does that finds
its pack (`start-up`: labels, a look at every image file, the pack), each in a process of its own, of which the peak of
the resident memory above that after importing is reported (Linux). The lines share 1,000 image files of 8 x 8 pixels,
and the input is 3 x 32 x 8, so that a million samples need no million files; a look at a file is therefore quicker than
where a million lie in many folders. Two label files are tried: single clusters, and lines of six words that all differ.

Steps: those of `thaiocr bench step` at one batch size, over the classes, the width and the processes, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from plot import Panel, save_panels
from workers import serve, side_by_side

SAMPLES = (1_000, 10_000, 100_000, 1_000_000)
CLASSES = (50, 115, 881, 3000)
WIDTHS = (32, 64, 100, 160, 320)
FILES = 1_000
"""Image files that all lines share."""
BATCH = 64
KINDS = ("labels, clusters", "labels, lines", "start-up")
REPEATS = 3
STEPS = 2
"""Made before it is another size's turn, whose data fill the caches."""


def main() -> None:
    """Measure and print, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--samples", type=int, nargs="+", default=SAMPLES)
    parser.add_argument("--seconds", type=float, default=30, help="for each of the three series of steps")
    parser.add_argument("--plot", type=Path, help="PNG to write")
    parser.add_argument("--table", type=Path, help="Markdown to write")
    parser.add_argument("--worker", choices=("samples", "step"), help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=BATCH, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker == "samples":
        print(json.dumps(open_samples(args.kind, args.folder)))
    elif args.worker == "step":
        serve(step_of(width=WIDTHS[0], batch=args.batch))
    else:
        measure(args)


def measure(args: argparse.Namespace) -> None:
    """Run everything."""
    from thaiocr.bench.measure import machine, versions

    before = machine()
    result = {
        "bench": "growth",
        "samples": [found for count in args.samples for found in samples(count)],
        "classes": steps({f"{count:,}": {"classes": count, "width": WIDTHS[0]} for count in CLASSES}, args.seconds),
        "width": steps({str(width): {"width": width} for width in WIDTHS}, args.seconds),
        "processes": processes(args.seconds),
        "batch": BATCH,
        "machine": before,
        "versions": versions(),
    }
    print(json.dumps(result))
    if args.plot:
        save_panels(panels(result), args.plot)
    if args.table:
        args.table.write_text(table(result), "utf-8")


# -- Samples -----------------------------------------------------------------------------------------------------------


def samples(count: int) -> Iterator[dict[str, Any]]:
    """Yield the seconds (median) and megabytes (highest) of each kind of opening, for so many lines."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_samples(folder, count)
        for kind in KINDS:
            words = [sys.executable, __file__, "--worker", "samples", "--kind", kind, "--folder", name]
            environment = {**os.environ, "THAIOCR_CACHE": str(folder / "cache")}
            found = []
            for _ in range(REPEATS + (kind == "start-up")):  # the first start-up builds the pack
                done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, check=True, text=True)
                found.append(json.loads(done.stdout.splitlines()[-1]))
            counted = found[-REPEATS:]
            seconds = sorted(each["seconds"] for each in counted)[REPEATS // 2]
            megabytes = max(each["megabytes"] for each in counted)
            print(f"{count:,} samples, {kind}: {seconds:.3f} s, {megabytes:.0f} MB", file=sys.stderr)
            yield {"samples": count, "kind": kind, "seconds": round(seconds, 4), "megabytes": round(megabytes, 1)}


def write_samples(folder: Path, count: int) -> None:
    """Write image files, a label file of single clusters, one of lines, and their dictionary."""
    import cv2
    import numpy as np
    from pythainlp.corpus import thai_words

    from thaiocr.text.clusters import clusters
    from thaiocr.text.dictionary import Dictionary, find_dictionary

    dictionary = Dictionary.load(find_dictionary("thai_letters/th_dict.txt"))
    dictionary.save(folder / "dict.txt")
    known = set(dictionary.entries)
    words = sorted(word for word in thai_words() if len(clusters(word)) <= 4 and known.issuperset(clusters(word)))
    (folder / "rec").mkdir()
    pixels = np.random.default_rng(0)
    for number in range(FILES):
        cv2.imwrite(str(folder / f"rec/{number:06}.png"), pixels.integers(0, 256, (8, 8, 3), np.uint8))
    rng = random.Random(0)
    for name, texts, size in (("clusters", dictionary.entries, 1), ("lines", words, 6)):
        with (folder / f"{name}.txt").open("w", encoding="utf-8") as file:
            for number in range(count):
                file.write(f"rec/{number % FILES:06}.png\t{''.join(rng.choices(texts, k=size))}\n")


def open_samples(kind: str, folder: Path) -> dict[str, float]:
    """Open them in this process; returns the seconds that it took and the megabytes that it added at its peak."""
    from thaiocr.config import schema
    from thaiocr.data.dataset import load_dataset
    from thaiocr.data.labels import Limits, read_labels
    from thaiocr.progress import silent
    from thaiocr.text.codec import Codec
    from thaiocr.text.dictionary import Dictionary

    codec = Codec(Dictionary.load(folder / "dict.txt"))
    file = folder / ("lines.txt" if kind.endswith("lines") else "clusters.txt")
    dataset = schema.SimpleDataSet(
        data_dir=str(folder),
        label_file_list=(str(file),),
        transforms=(
            schema.DecodeImage(img_mode="BGR"),
            schema.CTCLabelEncode(),
            schema.RecResizeImg(image_shape=(3, 32, 8)),
            schema.KeepKeys(),
        ),
    )
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak begins anew
    before, started = memory("VmRSS"), time.perf_counter()
    if kind == "start-up":
        found = load_dataset(dataset, codec, Limits(1), seed=0, progress=silent)
    else:
        found = read_labels(dataset, codec, Limits(25, 80))  # type: ignore[assignment]
    seconds = time.perf_counter() - started
    assert not found.rejects
    return {"seconds": seconds, "megabytes": memory("VmHWM") - before}


def memory(key: str) -> float:
    """Return a line of Linux's status of this process, in megabytes."""
    status = Path("/proc/self/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{key}:")) * 1024 / 1e6


# -- Steps -------------------------------------------------------------------------------------------------------------


def step_of(*, width: int, batch: int, classes: int = 881) -> Callable[[], None]:
    """Return training steps."""
    from thaiocr.bench.step import Size, make_step
    from thaiocr.models import fast

    fast.tune_process()
    step = make_step(Size(width=width, batch=batch, classes=classes))

    def turn() -> None:
        for _ in range(STEPS):
            step()

    return turn


def steps(sizes: Mapping[str, Mapping[str, int]], seconds: float) -> dict[str, Any]:
    """Return the images per second of each size, measured in turns."""
    ways = {name: step_of(**{"batch": BATCH, **size}) for name, size in sizes.items()}
    return _rates(ways, seconds)


def processes(seconds: float) -> dict[str, Any]:
    """Return the images per second of one process on all cores, and of one per core with its share of the batch."""
    cores = len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        ways = {}
        for count in dict.fromkeys((1, cores)):
            words = [sys.executable, __file__, "--worker", "step", "--batch", str(BATCH // count)]
            ways[str(count)] = stack.enter_context(side_by_side(words, count))
        return _rates(ways, seconds)


def _rates(ways: Mapping[str, Callable[[], None]], seconds: float) -> dict[str, Any]:
    from thaiocr.bench.measure import rates, take_turns, tidy
    from thaiocr.cli.common import bar

    times = take_turns(ways, seconds=seconds, label="steps", progress=bar)
    figures = rates(times, BATCH * STEPS)
    return {
        "images_per_s": {figure.name: tidy(figure.median) for figure in figures},
        "spread": {figure.name: [tidy(value) for value in figure.quartiles] for figure in figures},
    }


# -- What is shown -----------------------------------------------------------------------------------------------------


def panels(result: Mapping[str, Any]) -> list[Panel]:
    """Return the plots."""

    def line(kind: str, value: str) -> Sequence[tuple[float, float]]:
        return [(each["samples"], each[value]) for each in result["samples"] if each["kind"] == kind]

    def rate(series: str) -> Sequence[tuple[float, float]]:
        return [(float(x.replace(",", "")), y) for x, y in result[series]["images_per_s"].items()]

    return [
        Panel(
            title="Time to open a data set",
            x_name="samples",
            y_name="seconds",
            lines={kind: line(kind, "seconds") for kind in KINDS},
            is_x_log=True,
            is_y_log=True,
        ),
        Panel(
            title="Peak memory of opening it",
            x_name="samples",
            y_name="megabytes above that after importing",
            lines={kind: line(kind, "megabytes") for kind in KINDS},
            is_x_log=True,
        ),
        Panel(
            title=f"Training step over the dictionary, width {WIDTHS[0]}, batch {result['batch']}",
            x_name="classes",
            y_name="images/s",
            lines={"": rate("classes")},
            is_x_log=True,
        ),
        Panel(
            title=f"Training step over the width, 881 classes, batch {result['batch']}",
            x_name="width in pixels",
            y_name="images/s",
            lines={"": rate("width")},
        ),
    ]


def table(result: Mapping[str, Any]) -> str:
    """Return the tables for docs/performance.md."""
    lines = [f"| samples | {' | '.join(f'{kind}, s (MB)' for kind in KINDS)} |", "|---|" + "---|" * len(KINDS)]
    for count in dict.fromkeys(each["samples"] for each in result["samples"]):
        cells = [
            f"{each['seconds']:.2f} ({each['megabytes']:.0f})" for each in result["samples"] if each["samples"] == count
        ]
        lines.append(f"| {count:,} | {' | '.join(cells)} |")
    for series in ("classes", "width", "processes"):
        lines += ["", f"| {series} | images/s | half of the steps |", "|---|---|---|"]
        for name, rate in result[series]["images_per_s"].items():
            low, high = result[series]["spread"][name]
            lines.append(f"| {name} | {rate:g} | {low:g} to {high:g} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
