"""`thaiocr synth`: make training data from fonts."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import Commands, add_json_flag, add_verb, bar, cores, natural, out, positive, print_json, say
from thaiocr.cli.synth_common import add_fonts, add_test_families
from thaiocr.cli.synth_det import add_det
from thaiocr.cli.synth_negatives import add_negatives

if TYPE_CHECKING:
    from thaiocr.synth.folder import DataSet

EXAMPLES: Final = """\
  thaiocr synth rec -o train_data/thai --dict th_dict.txt --count 60000 --seed 1
  thaiocr synth rec -o train_data/lines --dict th_dict.txt --count 20000 --seed 1 --mode line
  thaiocr synth det -o train_data/pages --count 1000 --seed 1
"""
REC_EXAMPLES: Final = """\
  thaiocr synth rec -o train_data/thai --dict th_dict.txt --count 60000 --seed 1
  thaiocr synth rec -o train_data/thai --dict th_dict.txt --count 60000 --seed 1 --preset print --workers 2
  thaiocr synth rec -o train_data/lines --dict th_dict.txt --count 20000 --seed 1 --mode line --max-length 40
  thaiocr synth rec -o train_data/web --dict th_dict.txt --count 60000 --seed 1 --fonts node_modules/@expo-google-fonts
  thaiocr synth rec -o test_data --dict th_dict.txt --count 1000 --seed 7 --test-sets --test-count 5000
"""
SHOWN: Final = 30
"""Entries that a message lists."""


def register(commands: Commands) -> None:
    """Add `synth rec`, `synth det` and `synth negatives`."""
    parser = add_verb(commands, "synth", summary="make training data from fonts", examples=EXAMPLES, run=run)
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    rec = add_verb(
        kinds,
        "rec",
        summary="images of single clusters or of lines, for recognition, with labels in PaddleOCR's layout; "
        "val and test show font families that train never shows",
        examples=REC_EXAMPLES,
        run=run,
    )
    _add_size(rec)
    _add_content(rec)
    _add_manner(rec)
    add_json_flag(rec)
    add_det(kinds)
    add_negatives(kinds)


def _add_size(rec: argparse.ArgumentParser) -> None:
    """Add where to, of what, and how much."""
    rec.add_argument("-o", "--output", required=True, metavar="DIR", help="the data set's folder")
    rec.add_argument("--dict", required=True, metavar="FILE", help="dictionary, one entry a line")
    rec.add_argument(
        "--count", required=True, type=positive, metavar="N", help="images of train; val and test come on top"
    )
    rec.add_argument("--val-count", type=natural, metavar="N", help="images of val (default: a tenth of --count)")
    rec.add_argument(
        "--test-count",
        type=natural,
        metavar="N",
        help="images of test, and of each test set (default: a tenth of --count)",
    )
    rec.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same bytes (default: %(default)s)")
    rec.add_argument(
        "--test-sets",
        action="store_true",
        help="also make rec_gt_test_A (seen fonts, seen damage), B (unseen families), C (unseen damage), D (both), "
        "for lines E (unseen families, unseen words)",
    )


def _add_content(rec: argparse.ArgumentParser) -> None:
    """Add what the images show."""
    rec.add_argument(
        "--mode",
        choices=("cluster", "line"),
        default="cluster",
        help="one dictionary entry an image, or a line of text",
    )
    rec.add_argument(
        "--preset",
        choices=("clean", "print", "photo", "document"),
        default="photo",
        help="damage: none, as by a printer and a scanner, as in photos, or of photos of used paper with fibres and "
        "pencil strokes (default: %(default)s)",
    )
    rec.add_argument(
        "--sampling",
        choices=("balanced", "mixed", "frequency"),
        default="balanced",
        help="single clusters of train: each as often, by their frequency in Thai, or half of both "
        "(default: %(default)s)",
    )
    rec.add_argument(
        "--max-length",
        type=positive,
        default=25,
        metavar="N",
        help="lines: dictionary entries at most (default: %(default)s)",
    )
    rec.add_argument(
        "--no-spaces", action="store_true", help="lines: without spaces, for a config with use_space_char: false"
    )
    add_fonts(rec)
    add_test_families(rec)


def _add_manner(rec: argparse.ArgumentParser) -> None:
    """Add what does not change the images."""
    rec.add_argument("--strict", action="store_true", help="refuse when an entry of the dictionary gets no train image")
    rec.add_argument("--force", action="store_true", help="replace a data set that was made with other options")
    rec.add_argument(
        "--workers", type=positive, metavar="W", help="processes; do not change the result (default: one per core)"
    )


def run(args: argparse.Namespace) -> int:
    """Make the data set and print which fonts draw what."""
    from thaiocr.synth.plan import Options
    from thaiocr.synth.writer import generate
    from thaiocr.text.dictionary import Dictionary, find_dictionary

    root = Path(args.output)
    tenth = max(1, args.count // 10)
    options = Options(
        count=args.count,
        val_count=tenth if args.val_count is None else args.val_count,
        test_count=tenth if args.test_count is None else args.test_count,
        seed=args.seed,
        mode=args.mode,
        preset=args.preset,
        sampling=args.sampling,
        max_length=args.max_length,
        spaces=not args.no_spaces,
        test_sets=args.test_sets,
        fonts=tuple(args.fonts),
        test_families=tuple(args.test_families),
    )
    dictionary = Dictionary.load(find_dictionary(args.dict))
    started = time.perf_counter()
    data_set = generate(
        root,
        dictionary,
        options,
        workers=args.workers or cores(),
        force=args.force,
        strict=args.strict,
        progress=bar,
    )
    seconds = time.perf_counter() - started
    if args.json:
        print_json(_summary(root, data_set, seconds))
    else:
        _print(root, data_set, seconds)
    return 0


def _summary(root: Path, data_set: DataSet, seconds: float) -> dict[str, Any]:
    splits = data_set.manifest["splits"]
    return {
        "directory": root.as_posix(),
        "made": data_set.made,
        "images": {name: split["count"] for name, split in splits.items()},
        "families": {name: split["families"] for name, split in splits.items()},
        "fonts": len(data_set.manifest["fonts"]),
        "entries_without_image": {name: split["without_image"] for name, split in splits.items()},
        "lengths": {name: split["lengths"] for name, split in splits.items()},
        "seconds": round(seconds, 2),
        "images_per_s": data_set.images_per_s and round(data_set.images_per_s, 1),
    }


def _print(root: Path, data_set: DataSet, seconds: float) -> None:
    summary = _summary(root, data_set, seconds)
    if not data_set.made:
        say(f"{root}: nothing to do, this data set is there already ({summary['images']['train']} train images)")
        return
    _print_fonts(data_set.fonts)
    for name, count in summary["images"].items():
        out(f"{name}: {count} images, families {', '.join(summary['families'][name])}")
        if data_set.manifest["request"]["mode"] == "line":
            out(f"  entries per line: {_histogram(summary['lengths'][name])}")
        if missing := summary["entries_without_image"][name]:
            more = " …" if len(missing) > SHOWN else ""
            out(f"  without an image: {len(missing)} entries: {' '.join(missing[:SHOWN])}{more}")
    out(
        f"{root}: {sum(summary['images'].values())} images in {seconds:.1f} s, {summary['images_per_s']:.0f} a second "
        f"once fonts and texts were chosen; look at {root / 'contact_sheet.png'}"
    )


def _print_fonts(fonts: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from thaiocr.synth.qa import REASONS

    table = Table("family", "style", "split", "drawn", "refused, and why", title="Fonts")
    for font in fonts:
        why = "; ".join(f"{len(texts)} {REASONS[reason]}" for reason, texts in font["refused"].items())
        table.add_row(font["family"], font["style"], font["split"] or "unused", str(font["drawn"]), why)
    Console(width=None if os.isatty(1) else 120).print(table)


def _histogram(lengths: dict[str, int]) -> str:
    """Sum up lengths in steps of five: `1-5: 20 %, 6-10: 21 %`."""
    steps: Counter[int] = Counter()
    for length, count in lengths.items():
        steps[(int(length) - 1) // 5] += count
    total = max(1, steps.total())
    return ", ".join(f"{5 * step + 1}-{5 * step + 5}: {100 * steps[step] / total:.0f} %" for step in sorted(steps))
