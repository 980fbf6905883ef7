"""`thaiocr data`: judge a data set, bring one in, decode one ahead of training."""

from __future__ import annotations

import argparse
import json
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import Commands, add_config_arguments, add_json_flag, add_verb, bar, out, print_json, say
from thaiocr.errors import DataError, EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.config.schema import Config
    from thaiocr.data.check import Checked
    from thaiocr.data.clean import CleanCopy
    from thaiocr.data.importer import Imported
    from thaiocr.data.pack import Packed, Stale

KINDS: Final = ("generator", "corrections", "ppocrlabel", "folders", "icdar")
SHOWN_REJECTS: Final = 20
SHOWN_CLASSES: Final = 30
SHOWN_EXAMPLES: Final = 2
"""Of each kind of finding."""

EXAMPLES: Final = """\
  thaiocr data check -c my.yml
  thaiocr data import generator thai_dataset -o data/thai --dict thai_letters/th_dict.txt
  thaiocr data pack -c my.yml
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
KIND_HELP: Final = (
    "generator: images/ and labels.txt; corrections: pictures with a JSON file each; ppocrlabel: PPOCRLabel's folder; "
    "folders: named by class; icdar: gt.txt"
)


def register(commands: Commands) -> None:
    """Add `data check`, `data import` and `data pack`."""
    parser = add_verb(commands, "data", summary="check, import or pack data", examples=EXAMPLES, run=run_check)
    # An action is required and brings its own `run`.
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _register_check(actions)
    _register_import(actions)
    _register_pack(actions)


def _register_check(actions: Commands) -> None:
    summary = "judge every label line and image of Train and Eval; exit code 3 when there are errors"
    check = add_verb(actions, "check", summary=summary, examples=CHECK_EXAMPLES, run=run_check)
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


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and below 1, not {text}")
    return value


# -- check -------------------------------------------------------------------------------------------------------------


def run_check(args: argparse.Namespace) -> int:
    """Judge the data of a configuration.

    Raises:
        ConfigError: the configuration is wrong.
        DataError: the dictionary or a label file cannot be read.
    """
    config = _load(args)
    from thaiocr.data.check import check
    from thaiocr.data.clean import write_clean
    from thaiocr.data.staging import require_free

    if args.fix:
        require_free(Path(args.fix))  # better now than after the check
    checked = check(config, progress=bar)
    report: dict[str, Any] = {"config": args.config, **checked.to_json()}
    copy = write_clean(checked, Path(args.fix), progress=bar) if args.fix else None
    if copy is not None:
        report["fix"] = {"folder": str(copy.folder), "lines": copy.lines, "images": copy.images}
    if args.report:
        _write(Path(args.report), report)
    if args.json:
        print_json(report)
    else:
        _print_checked(checked, report, config)
        if copy is not None:
            _print_copy(copy, args.config)
    return 0 if report["ok"] else DataError.exit_code


def _load(args: argparse.Namespace) -> Config:
    from thaiocr.config.load import load_config

    return load_config(args.config, args.override).config


def _write(path: Path, report: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise EnvironmentProblem(f"{path}: cannot write the report: {getattr(error, 'strerror', error)}") from error


def _print_checked(checked: Checked, report: dict[str, Any], config: Config) -> None:
    allowed = config.run.max_reject_ratio
    for name, split in report["splits"].items():
        files = ", ".join(split["label_files"])
        bad = split["lines"] - split["kept"]
        share = f" ({bad / split['lines']:.2%}; Global.max_reject_ratio is {allowed:.2%})" if bad else ""
        out(f"{name}: {files}: {split['lines']:,} lines, {bad:,} with an error{share}")
    if checked.findings:
        _print_kinds(checked)
    for kind in checked.kinds():
        examples = [finding for finding in checked.findings if finding.kind == kind][:SHOWN_EXAMPLES]
        for finding in examples:
            out(f"{kind}: {finding}")
    classes = report["classes"]
    out(f"classes: {classes['entries']:,}; rarest in Train: {_pairs(classes['rarest'])}")
    out(f"most frequent in Train: {_pairs(classes['most_frequent'])}")
    if missing := classes["without_train_sample"]:
        more = " …" if len(missing) > SHOWN_CLASSES else ""
        out(f"{len(missing):,} classes without a sample in Train: {' '.join(missing[:SHOWN_CLASSES])}{more}")
    out(f"{report['errors']:,} errors, {report['warnings']:,} warnings, {report['notes']:,} notes")


def _print_kinds(checked: Checked) -> None:
    import os

    from rich.console import Console
    from rich.table import Table

    from thaiocr.data.findings import KINDS as FINDINGS

    table = Table("severity", "kind", "what", title="Findings")
    table.add_column("Train", justify="right")
    table.add_column("Eval", justify="right")
    for kind, counts in checked.kinds().items():
        severity, title = FINDINGS[kind]
        table.add_row(severity, kind, title, f"{counts['Train']:,}", f"{counts['Eval']:,}")
    Console(width=None if os.isatty(1) else 120).print(table)


def _pairs(pairs: list[tuple[str, int]]) -> str:
    return " · ".join(f"{entry if entry.strip() else repr(entry)} {count:,}" for entry, count in pairs) or "none"


def _print_copy(copy: CleanCopy, config: str) -> None:
    for file, count in copy.lines.items():
        out(f"{file}: {count:,} lines")
    out(f"{copy.folder}: {copy.images:,} images; train on the copy with:")
    out(f"  thaiocr train -c {shlex.quote(config)} -o {' '.join(map(shlex.quote, copy.overrides))}")


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
    config = _load(args)
    from thaiocr.data.pack import clear, pack, remove, remove_unfinished

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
