"""`thaiocr data check`: what is wrong with the data of a configuration."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import bar, out, print_json
from thaiocr.errors import DataError, EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.config.schema import detection
    from thaiocr.data.check import Checked
    from thaiocr.data.clean import CleanCopy
    from thaiocr.data.detection_check import CheckedPages

SHOWN_CLASSES: Final = 30
SHOWN_EXAMPLES: Final = 2
"""Of each kind of finding."""


def run(args: argparse.Namespace) -> int:
    """Judge the data of a configuration.

    Raises:
        ConfigError: the configuration is wrong.
        DataError: the dictionary or a label file cannot be read.
    """
    from thaiocr.config.load import load_any
    from thaiocr.config.schema import detection

    config = load_any(args.config, args.override).config
    if isinstance(config, detection.Config):
        return _check_pages(args, config)

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
        _print_findings(checked, report, config.run.max_reject_ratio)
        _print_classes(report)
        _print_counts(report)
        if copy is not None:
            _print_copy(copy, args.config)
    return 0 if report["ok"] else DataError.exit_code


def _check_pages(args: argparse.Namespace, config: detection.Config) -> int:
    """Judge the pages of a configuration of detection."""
    from thaiocr.data.detection_check import check_pages

    if args.fix:
        raise UsageError(
            f"--fix writes data of recognition; {args.config} trains detection, which leaves the lines with errors out"
        )
    checked = check_pages(config, progress=bar)
    report: dict[str, Any] = {"config": args.config, **checked.to_json()}
    if args.report:
        _write(Path(args.report), report)
    if args.json:
        print_json(report)
    else:
        _print_findings(checked, report, config.run.max_reject_ratio)
        for name, split in report["splits"].items():
            out(f"{name}: {split['texts']:,} texts, {split['ignored']:,} ignored")
        _print_counts(report)
    return 0 if report["ok"] else DataError.exit_code


def _write(path: Path, report: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise EnvironmentProblem(f"{path}: cannot write the report: {getattr(error, 'strerror', error)}") from error


def _print_findings(checked: Checked | CheckedPages, report: dict[str, Any], allowed: float) -> None:
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


def _print_classes(report: dict[str, Any]) -> None:
    classes = report["classes"]
    out(f"classes: {classes['entries']:,}; rarest in Train: {_pairs(classes['rarest'])}")
    out(f"most frequent in Train: {_pairs(classes['most_frequent'])}")
    if missing := classes["without_train_sample"]:
        more = " …" if len(missing) > SHOWN_CLASSES else ""
        out(f"{len(missing):,} classes without a sample in Train: {' '.join(missing[:SHOWN_CLASSES])}{more}")


def _print_counts(report: dict[str, Any]) -> None:
    out(f"{report['errors']:,} errors, {report['warnings']:,} warnings, {report['notes']:,} notes")


def _print_kinds(checked: Checked | CheckedPages) -> None:
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
