"""How fast `thaiocr synth rec` draws and writes single clusters; one JSON line.

    python bench/synth.py [--images 4000] [--repeats 5]

Presets and numbers of workers take turns, so that other work on the machine meets all of them. `images_per_s` is the
median of the repeats, `best` the fastest; `cpu_us_per_image` is the processor time of all processes with their
start-up, which other work disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Final, Literal

from thaiocr.synth.plan import Options
from thaiocr.synth.writer import generate
from thaiocr.text.dictionary import Dictionary, find_dictionary

RUNS: Final[tuple[tuple[Literal["clean", "photo"], int], ...]] = (("clean", 1), ("photo", 1), ("photo", 2))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    dictionary = Dictionary.load(find_dictionary("thai_letters/th_dict.txt"))
    rates: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        warm_up = Options(count=100, val_count=0, test_count=0)
        generate(Path(folder, "fonts"), dictionary, warm_up)  # judges the fonts, once
        for repeat in range(args.repeats):
            for preset, workers in RUNS:
                options = Options(count=args.images, val_count=0, test_count=0, preset=preset)
                name = f"{preset}, {workers} worker{'s' * (workers > 1)}"
                before = _cpu_seconds()
                made = generate(Path(folder, f"{name} {repeat}"), dictionary, options, workers=workers)
                rates[name].append(made.images_per_s or 0.0)
                costs[name].append((_cpu_seconds() - before) / args.images)
    result = {
        "bench": "synth",
        "images": args.images,
        "entries": len(dictionary),
        "images_per_s": {name: round(statistics.median(found), 1) for name, found in rates.items()},
        "best": {name: round(max(found), 1) for name, found in rates.items()},
        "cpu_us_per_image": {name: round(1e6 * statistics.median(found)) for name, found in costs.items()},
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result))


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
