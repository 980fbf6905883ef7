"""`thaiocr synth negatives`: images of anything but text, to see whether a model knows what it cannot read."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Final

from thaiocr.cli.common import Commands, add_json_flag, add_verb, bar, out, positive, print_json, say
from thaiocr.cli.synth_common import add_fonts

EXAMPLES: Final = """\
  thaiocr synth negatives -o negatives --count 2000 --seed 1
"""


def add_negatives(kinds: Commands) -> None:
    """Add `synth negatives`."""
    parser = add_verb(
        kinds,
        "negatives",
        summary="images without text to read: blank paper, noise, line art, other scripts, crops that missed; "
        "negatives.txt names each with its kind",
        examples=EXAMPLES,
        run=run,
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder")
    parser.add_argument("--count", required=True, type=positive, metavar="N", help="images, each kind as often")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same bytes (default: %(default)s)")
    add_fonts(parser)
    parser.add_argument("--force", action="store_true", help="replace images that were made with other options")
    add_json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Make the images and print how many there are of each kind."""
    from thaiocr.synth.negatives import LABELS, Options, generate

    root = Path(args.output)
    options = Options(count=args.count, seed=args.seed, fonts=tuple(args.fonts))
    made = generate(root, options, force=args.force, progress=bar)
    names = [font["family"] for font in made.manifest["fonts"]]
    counts = Counter(names[kind] for kind in made.manifest["splits"]["negatives"]["images"]["font"])
    if args.json:
        print_json({"directory": root.as_posix(), "made": made.made, "images": dict(counts)})
        return 0
    if not made.made:
        say(f"{root}: nothing to do, these images are there already")
    out(f"{root / LABELS}: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    return 0
