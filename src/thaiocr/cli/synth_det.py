"""`thaiocr synth det`: make pages with polygons."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import Commands, add_json_flag, add_verb, bar, cores, natural, out, positive, print_json, say
from thaiocr.cli.synth_common import add_fonts, add_test_families

if TYPE_CHECKING:
    from thaiocr.synth.folder import DataSet

EXAMPLES: Final = """\
  thaiocr synth det -o train_data/pages --count 1000 --seed 1
  thaiocr synth det -o train_data/scans --count 1000 --seed 1 --preset print --workers 2
  thaiocr synth det -o train_data/web --count 1000 --seed 1 --fonts node_modules/@expo-google-fonts
"""
DICTIONARY: Final = "thai_letters/th_dict_standard.txt"


def add_det(kinds: Commands) -> None:
    """Add `synth det`."""
    det = add_verb(
        kinds,
        "det",
        summary="pages with polygons and texts, for detection, in PaddleOCR's layout; val and test show font families "
        "and page designs that train never shows",
        examples=EXAMPLES,
        run=run,
    )
    det.add_argument("-o", "--output", required=True, metavar="DIR", help="the data set's folder")
    det.add_argument(
        "--dict", default=DICTIONARY, metavar="FILE", help="texts are made of its entries (default: %(default)s)"
    )
    det.add_argument("--count", required=True, type=positive, metavar="N", help="pages of train; val and test on top")
    det.add_argument("--val-count", type=natural, metavar="N", help="pages of val (default: a tenth of --count)")
    det.add_argument("--test-count", type=natural, metavar="N", help="pages of test (default: a tenth of --count)")
    det.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same bytes (default: %(default)s)")
    det.add_argument(
        "--preset",
        choices=("clean", "print", "photo"),
        default="photo",
        help="pages as they are, mostly scans, or also photos (default: %(default)s)",
    )
    add_fonts(det)
    add_test_families(det)
    det.add_argument("--force", action="store_true", help="replace a data set that was made with other options")
    det.add_argument(
        "--workers", type=positive, metavar="W", help="processes; do not change the result (default: one per core)"
    )
    add_json_flag(det)


def run(args: argparse.Namespace) -> int:
    """Make the data set and say what it holds."""
    from thaiocr.synth.page_writer import PageOptions, generate_pages
    from thaiocr.text.dictionary import Dictionary, find_dictionary

    root, tenth = Path(args.output), max(1, args.count // 10)
    options = PageOptions(
        count=args.count,
        val_count=tenth if args.val_count is None else args.val_count,
        test_count=tenth if args.test_count is None else args.test_count,
        seed=args.seed,
        preset=args.preset,
        fonts=tuple(args.fonts),
        test_families=tuple(args.test_families),
    )
    dictionary = Dictionary.load(find_dictionary(args.dict))
    started = time.perf_counter()
    workers = args.workers or cores()
    data_set = generate_pages(root, dictionary, options, workers=workers, force=args.force, progress=bar)
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
        "pages": {name: split["count"] for name, split in splits.items()},
        "designs": {name: split["designs"] for name, split in splits.items()},
        "families": {name: split["families"] for name, split in splits.items()},
        "fonts": len(data_set.manifest["fonts"]),
        "seconds": round(seconds, 2),
        "pages_per_s": data_set.images_per_s and round(data_set.images_per_s, 1),
    }


def _print(root: Path, data_set: DataSet, seconds: float) -> None:
    summary = _summary(root, data_set, seconds)
    if not data_set.made:
        say(f"{root}: nothing to do, this data set is there already ({summary['pages']['train']} train pages)")
        return
    for name, count in summary["pages"].items():
        designs, families = ", ".join(summary["designs"][name]), ", ".join(summary["families"][name])
        out(f"{name}: {count} pages, designs {designs}, families {families}")
    out(
        f"{root}: {sum(summary['pages'].values())} pages in {seconds:.1f} s, {summary['pages_per_s']:.1f} a second "
        f"once fonts were chosen; look at {root / 'contact_sheet.png'}"
    )
