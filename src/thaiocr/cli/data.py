"""`thaiocr data`: judge a data set, bring one in, decode one ahead of training, find what a model misreads."""

from __future__ import annotations

import argparse
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli import data_check, data_hard
from thaiocr.cli.common import (
    Commands,
    add_config_arguments,
    add_json_flag,
    add_verb,
    bar,
    out,
    positive,
    print_json,
    say,
)
from thaiocr.errors import UsageError

if TYPE_CHECKING:
    from thaiocr.data.importer import Imported
    from thaiocr.data.pack import Packed, Stale

KINDS: Final = ("generator", "corrections", "ppocrlabel", "folders", "icdar")
SHOWN_REJECTS: Final = 20

EXAMPLES: Final = """\
  thaiocr data check -c my.yml
  thaiocr data import generator thai_dataset -o data/thai --dict thai_letters/th_dict.txt
  thaiocr data pack -c my.yml
  thaiocr data hard --bundle bundle data/rec_gt_train.txt -o data/hard.txt
"""
CHECK_EXAMPLES: Final = """\
  thaiocr data check -c my.yml
  thaiocr data check -c my.yml --report check.json
  thaiocr data check -c my.yml --fix data/clean
  thaiocr data check -c my.yml -o Global.max_text_length=10 --json
"""
IMPORT_EXAMPLES: Final = """\
  thaiocr data import generator thai_dataset -o data/thai --dict thai_letters/th_dict.txt
  thaiocr data import corrections samples -o data/corrected --test-fraction 0 --seed 1
  thaiocr data import ppocrlabel scans -o data/scans --json
  thaiocr data import folders by_class -o data/classes
  thaiocr data import icdar word_recognition -o data/words
"""
PACK_EXAMPLES: Final = """\
  thaiocr data pack -c my.yml
  thaiocr data pack -c my.yml --clean
"""
HARD_EXAMPLES: Final = """\
  thaiocr data hard data/rec_gt_train.txt -o data/hard.txt
  thaiocr data hard --bundle bundle data/photo.txt data/document.txt --below 0.95 -o data/hard.txt
  thaiocr data hard --bundle thai_line scans/labels.txt --below 0 -o review.txt --json
"""
KIND_HELP: Final = (
    "generator: images/ and labels.txt; corrections: pictures with a JSON file each; ppocrlabel: PPOCRLabel's folder; "
    "folders: named by class; icdar: gt.txt"
)


def register(commands: Commands) -> None:
    """Add `data check`, `data import`, `data pack` and `data hard`."""
    summary = "check, import or pack data, or find what a model misreads in it"
    parser = add_verb(commands, "data", summary=summary, examples=EXAMPLES, run=data_check.run)
    # An action is required and brings its own `run`.
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _register_check(actions)
    _register_import(actions)
    _register_pack(actions)
    _register_hard(actions)


def _register_check(actions: Commands) -> None:
    summary = "judge every label line and image of Train and Eval; exit code 3 when there are errors"
    check = add_verb(actions, "check", summary=summary, examples=CHECK_EXAMPLES, run=data_check.run)
    add_config_arguments(check)
    check.add_argument("--fix", metavar="DIR", help="write a copy without the lines that have errors")
    check.add_argument("--report", metavar="FILE.json", help="write everything that was found")
    add_json_flag(check)


def _register_import(actions: Commands) -> None:
    summary = "bring a data set of another layout into PaddleOCR's, split into train, val and test"
    bring = add_verb(actions, "import", summary=summary, examples=IMPORT_EXAMPLES, run=run_import)
    bring.add_argument("kind", choices=KINDS, metavar="KIND", help=KIND_HELP)
    bring.add_argument("source", metavar="SRC", help="the folder to read")
    bring.add_argument("-o", "--output", required=True, metavar="DIR", help="the new data set's folder")
    bring.add_argument(
        "--dict", metavar="FILE", help="leave out labels that this dictionary cannot spell; copied along"
    )
    bring.add_argument("--use-space-char", action="store_true", help="the dictionary has the space, too")
    for split in ("val", "test"):
        bring.add_argument(
            f"--{split}-fraction",
            type=_fraction,
            default=0.1,
            metavar="F",
            help=f"share of the images that become {split} (default: %(default)s)",
        )
    bring.add_argument("--seed", type=int, default=0, metavar="S", help="same seed, same split (default: %(default)s)")
    bring.add_argument("--unverified", action="store_true", help="corrections: take those that nobody verified, too")
    add_json_flag(bring)


def _register_pack(actions: Commands) -> None:
    summary = "decode and resize the images of Train and Eval ahead of training"
    pack = add_verb(actions, "pack", summary=summary, examples=PACK_EXAMPLES, run=run_pack)
    add_config_arguments(pack)
    pack.add_argument(
        "--clean",
        nargs="?",
        const="stale",
        choices=("stale", "all"),
        help="delete older packs of the same images and what killed builds left; all: every pack of the cache, first",
    )
    add_json_flag(pack)


def _register_hard(actions: Commands) -> None:
    summary = "write the lines whose images a model misreads, or reads with a low score, as a new label file"
    hard = add_verb(actions, "hard", summary=summary, examples=HARD_EXAMPLES, run=data_hard.run)
    hard.add_argument("labels", nargs="+", metavar="LABELS", help="label files; images lie beside each")
    hard.add_argument(
        "--bundle",
        metavar="DIR",
        help="what `thaiocr export` wrote, or the name of a model that comes with thaiocr (default: thai_cluster)",
    )
    hard.add_argument("-o", "--output", required=True, metavar="FILE", help="the new label file")
    hard.add_argument(
        "--below",
        type=_score,
        default=0.9,
        metavar="SCORE",
        help="take what is read right with a lower score, too; 0: only what is misread (default: %(default)s)",
    )
    hard.add_argument("--threads", type=positive, metavar="N", help="batches that are read at once; default: all cores")
    add_json_flag(hard)


def _score(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and at most 1, not {text}")
    return value


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and below 1, not {text}")
    return value


# -- import ------------------------------------------------------------------------------------------------------------


def run_import(args: argparse.Namespace) -> int:
    """Import a data set.

    Raises:
        UsageError: the output folder is not empty, or nothing would be left for train.
        DataError: the source cannot be read, or nothing in it can be used.
    """
    if args.val_fraction + args.test_fraction >= 1:
        raise UsageError("--val-fraction and --test-fraction together leave nothing for train; they must be below 1")
    from thaiocr.data.importer import Request, import_data
    from thaiocr.text.dictionary import Dictionary, find_dictionary

    dictionary = Dictionary.load(find_dictionary(args.dict)) if args.dict else None
    request = Request(
        kind=args.kind,
        source=args.source,
        val_fraction=args.val_fraction,
        test_fraction=args.test_fraction,
        seed=args.seed,
        unverified=args.unverified,
    )
    target = Path(args.output)
    imported = import_data(request, target, dictionary, use_space_char=args.use_space_char, progress=bar)
    if args.json:
        print_json({"directory": target.as_posix(), **_imported(imported)})
    else:
        _print_imported(imported, target, has_dictionary=dictionary is not None)
    return 0


def _imported(imported: Imported) -> dict[str, Any]:
    rejects = [{"place": each.place, "image": each.image, "reason": each.reason} for each in imported.rejects]
    return {"images": imported.counts, "documents": imported.documents, "rejects": rejects}


def _print_imported(imported: Imported, target: Path, *, has_dictionary: bool) -> None:
    for reject in imported.rejects[:SHOWN_REJECTS]:
        say(str(reject))
    if imported.rejects:
        say(f"{len(imported.rejects):,} not imported; {target / 'manifest.json'} lists all of them")
    for split, count in imported.counts.items():
        documents = f" of {imported.documents[split]:,} documents" if imported.documents[split] else ""
        out(f"{split}: {count:,} images{documents}")
        if not count:
            say(f"{split}: no image; the source has too few, or too few documents, for this share")
    dictionary = "" if has_dictionary else " --dict FILE"
    say(f"configure with: thaiocr config new rec --data {shlex.quote(str(target))}{dictionary} -o my.yml")


# -- pack --------------------------------------------------------------------------------------------------------------


def run_pack(args: argparse.Namespace) -> int:
    """Build the packs of a configuration.

    Raises:
        ConfigError: the configuration is wrong.
        DataError: the dictionary or a label file cannot be read.
        EnvironmentProblem: the cache cannot be written.
    """
    from thaiocr.config.load import load_any
    from thaiocr.config.schema import detection
    from thaiocr.data.pack import clear, pack, remove, remove_unfinished

    config = load_any(args.config, args.override).config
    if isinstance(config, detection.Config):
        raise UsageError(
            f"data pack: {args.config} trains detection, which reads pages from their files; there is nothing to pack"
        )
    cleared = clear() if args.clean == "all" else 0
    started = time.perf_counter()
    packed, stale = pack(config, progress=bar)
    seconds = time.perf_counter() - started
    if args.clean:
        for each in stale:
            remove(each)
        remove_unfinished()
    if args.json:
        facts = {"cleaned": args.clean, "cleared": cleared, "seconds": round(seconds, 2)}
        lists = {"packs": [each.to_json() for each in packed], "stale": [each.to_json() for each in stale]}
        print_json({**lists, **facts})
    else:
        _print_packs(packed, stale, is_cleaned=bool(args.clean))
    return 0


def _print_packs(packed: list[Packed], stale: list[Stale], *, is_cleaned: bool) -> None:
    for each in packed:
        state = "built" if each.is_new else "was there"
        rejects = f", {each.rejects:,} lines rejected: see `thaiocr data check`" if each.rejects else ""
        out(f"{each.split}: {each.images:,} images, {each.bytes / 1e6:,.1f} MB, {state}: {each.path}{rejects}")
    for old in stale:
        fate = "deleted" if is_cleaned else "not used, --clean deletes it"
        out(f"stale: {old.path}, {old.bytes / 1e6:,.1f} MB: {old.reason}; {fate}")
