"""`thaiocr dict`: write a dictionary, or prove that one can spell a set of labels."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import Commands, add_json_flag, add_verb, out, print_json
from thaiocr.errors import DataError, EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.data.labels import Labels
    from thaiocr.text.codec import Codec
    from thaiocr.text.dictionary import Dictionary

TIER_NAMES: Final = ("compat", "standard", "full", "digits", "codepoint", "starter")

EXAMPLES: Final = """\
  thaiocr dict build --tier compat -o th_dict.txt
  thaiocr dict check --dict th_dict.txt --labels data/rec_gt_train.txt
"""
BUILD_EXAMPLES: Final = """\
  thaiocr dict build --tier standard -o th_dict_standard.txt
  thaiocr dict build --tier starter -o starter.txt --force
"""
CHECK_EXAMPLES: Final = """\
  thaiocr dict check --dict my_dict.txt
  thaiocr dict check --dict thai_letters/th_dict.txt --labels data/rec_gt_train.txt data/rec_gt_val.txt
  thaiocr dict check --dict en_dict.txt --use-space-char --labels rec_gt_train.txt --json
"""
TIER_HELP: Final = (
    "compat: 880 entries; standard: every cluster in use; full: every legal cluster; "
    "digits: Thai and ASCII digits; codepoint: every letter and mark on its own; "
    "starter: consonants, Thai digits and 60 frequent clusters"
)


def register(commands: Commands) -> None:
    """Add `dict build` and `dict check`."""
    parser = add_verb(commands, "dict", summary="write or check a dictionary", examples=EXAMPLES, run=run_check)
    # An action is required and brings its own `run`.
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    build = add_verb(actions, "build", summary="write a dictionary tier", examples=BUILD_EXAMPLES, run=run_build)
    build.add_argument("--tier", choices=TIER_NAMES, required=True, help=TIER_HELP)
    build.add_argument("-o", "--output", required=True, metavar="FILE", help="the file to write")
    build.add_argument("--force", action="store_true", help="overwrite a file that differs")
    add_json_flag(build)

    check = add_verb(
        actions,
        "check",
        summary="check a dictionary, and that it spells every label; exit code 3 when it does not",
        examples=CHECK_EXAMPLES,
        run=run_check,
    )
    check.add_argument("--dict", required=True, metavar="FILE", help="dictionary, one entry a line")
    check.add_argument(
        "--labels",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="PaddleOCR label files (image, tab, text); may be repeated",
    )
    check.add_argument("--use-space-char", action="store_true", help="add the space, as Global.use_space_char does")
    add_json_flag(check)


def run_build(args: argparse.Namespace) -> int:
    """Write a tier unless the same file is there.

    Raises:
        UsageError: another file is there.
        EnvironmentProblem: the file cannot be written.
    """
    from thaiocr.text.tiers import build_tier

    dictionary = build_tier(args.tier)
    is_new = _write(dictionary, Path(args.output), force=args.force)
    facts = {"tier": args.tier, "dictionary": args.output, **_facts(dictionary), "written": is_new}
    if args.json:
        print_json(facts)
    else:
        _print_facts(facts)
        out("written" if is_new else "already there, unchanged")
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Check a dictionary and encode -> decode identity for every label.

    Raises:
        DataError: the dictionary or a label file cannot be used, or a label is not spelt by the dictionary.
    """
    from thaiocr.text.codec import Codec
    from thaiocr.text.dictionary import Dictionary, find_dictionary

    dictionary = Dictionary.load(find_dictionary(args.dict))
    facts: dict[str, Any] = {"dictionary": args.dict, **_facts(dictionary, use_space_char=args.use_space_char)}
    if args.labels:
        facts |= _check_labels(args.labels, Codec(dictionary, use_space_char=args.use_space_char))
    if args.json:
        print_json(facts)
    else:
        _print_facts(facts)
        _print_labels(facts)
    if facts.get("rejects"):
        raise DataError(f"{len(facts['rejects']):,} of {facts['labels']:,} labels cannot be used with {args.dict}")
    return 0


def _facts(dictionary: Dictionary, *, use_space_char: bool = False) -> dict[str, Any]:
    from thaiocr.text.codec import Codec
    from thaiocr.text.frequency import coverage

    codec = Codec(dictionary, use_space_char=use_space_char)
    return {
        "entries": len(dictionary),
        "classes": codec.num_classes,
        "coverage": coverage(codec),
        "fingerprint": dictionary.fingerprint,
    }


def _print_facts(facts: dict[str, Any]) -> None:
    out(f"{facts['dictionary']}: {facts['entries']:,} entries, {facts['classes']:,} classes with blank")
    out(f"coverage of the Thai National Corpus: {100 * facts['coverage']:.5f} % of its Thai clusters")
    out(f"fingerprint: {facts['fingerprint']}")


def _check_labels(files: Sequence[str], codec: Codec) -> dict[str, Any]:
    """Read label files as training does, and compare what each label decodes to with the label."""
    from thaiocr.config.schema import SimpleDataSet
    from thaiocr.data.labels import Limits, read_labels

    dataset = SimpleDataSet(data_dir="", label_file_list=tuple(files), transforms=())
    labels = read_labels(dataset, codec, Limits(max_length=sys.maxsize))
    used = {number for sample in labels.samples for number in sample.ids}
    unused = [entry for number, entry in enumerate(codec.entries, start=1) if number not in used]
    return {
        "labels": len(labels.samples) + len(labels.rejects),
        "rejects": _rejects(labels, codec),
        "classes_without_sample": unused,
    }


def _rejects(labels: Labels, codec: Codec) -> list[dict[str, str]]:
    rejects = [{"place": each.place, "image": each.image, "reason": each.reason} for each in labels.rejects]
    for sample in labels.samples:
        decoded = codec.decode(sample.ids)
        if decoded != sample.text:
            reason = f"'{sample.text}' comes back as '{decoded}'"
            rejects.append({"place": sample.place, "image": sample.image, "reason": reason})
    return rejects


def _print_labels(facts: dict[str, Any]) -> None:
    if "labels" not in facts:
        return
    for reject in facts["rejects"]:
        out(": ".join(part for part in (reject["place"], reject["image"], reject["reason"]) if part))
    out(f"{facts['labels']:,} labels, {facts['labels'] - len(facts['rejects']):,} come back as they are")
    unused = [entry if entry.strip() else f"'{entry}'" for entry in facts["classes_without_sample"]]
    out(f"{len(unused):,} classes without a sample{': ' if unused else ''}{' '.join(unused)}")


def _write(dictionary: Dictionary, path: Path, *, force: bool) -> bool:
    """Write a dictionary unless the same bytes are there; return whether it was written."""
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        before = None
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise EnvironmentProblem(f"{path}: cannot be written: {reason}; choose another -o") from error
    if before == dictionary.to_bytes():
        return False
    if before is not None and not force:
        raise UsageError(f"{path}: already there and different; add --force to overwrite it, or choose another -o")
    dictionary.save(path)
    return True
