"""How fast `thaiocr synth rec` draws and writes single clusters; one JSON line per preset and number of workers.

    python bench/synth.py [--images 4000] [--repeats 5]

`images_per_s` is the median of the repeats, `cpu_us_per_image` the processor time of all processes with their start-up,
which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
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
    with tempfile.TemporaryDirectory() as folder:
        warm_up = Options(count=100, val_count=0, test_count=0)
        generate(Path(folder, "fonts"), dictionary, warm_up)  # judges the fonts, once
        for preset, workers in RUNS:
            options = Options(count=args.images, val_count=0, test_count=0, preset=preset)
            rates = []
            before = _cpu_seconds()
            for repeat in range(args.repeats):
                root = Path(folder, f"{preset}-{workers}-{repeat}")
                rates.append(generate(root, dictionary, options, workers=workers).images_per_s or 0.0)
            cpu = (_cpu_seconds() - before) / args.repeats / args.images
            print(
                json.dumps(
                    {
                        "bench": "synth",
                        "preset": preset,
                        "workers": workers,
                        "images_per_s": round(statistics.median(rates), 1),
                        "best": round(max(rates), 1),
                        "cpu_us_per_image": round(1e6 * cpu),
                    }
                ),
                flush=True,
            )


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
