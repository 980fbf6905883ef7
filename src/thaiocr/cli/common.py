"""What the verbs share: help layout, JSON output, progress, `-c`/`-o`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from thaiocr.errors import EnvironmentProblem
from thaiocr.progress import Advance

PLAIN_SECONDS: Final = 10


class Commands(Protocol):
    """What `argparse.ArgumentParser.add_subparsers` returns, as far as a verb needs it."""

    def add_parser(self, name: str, **kwargs: Any) -> argparse.ArgumentParser:
        """Add a verb."""


def add_verb(
    commands: Commands, name: str, *, summary: str, examples: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add a verb whose help ends with examples; `run` gets the parsed arguments and returns the exit code."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"examples:\n{examples.rstrip()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def add_config_arguments(parser: argparse.ArgumentParser, *, is_required: bool = True) -> None:
    """Add `-c FILE` and `-o KEY=VALUE …`; several `-o` add up."""
    parser.add_argument("-c", "--config", required=is_required, metavar="FILE", help="PaddleOCR-style YAML file")
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add `-o KEY=VALUE …`; several add up."""
    parser.add_argument(
        "-o",
        "--override",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting, for example Global.epoch_num=20; may be repeated",
    )


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")


def positive(text: str) -> int:
    """Read an argument that is a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def natural(text: str) -> int:
    """Read an argument that is a whole number of at least 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, not {number}")
    return number


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def print_json(value: object) -> None:
    """Print one JSON document on one line; Thai stays readable."""
    print(json.dumps(value, ensure_ascii=False))  # noqa: T201 - results go to standard output


def say(text: str) -> None:
    """Print a line for the person, on standard error, where it never mixes with results."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is the one place for it


def out(text: str) -> None:
    """Print a result for the person on standard output."""
    print(text)  # noqa: T201 - results go to standard output


@contextmanager
def bar(label: str, total: int) -> Iterator[Advance]:
    """Show progress on standard error: a bar on a terminal, else a plain line every `PLAIN_SECONDS`."""
    if sys.stderr.isatty():
        with _rich_bar(label, total) as advance:
            yield advance
        return
    done, said = 0, time.monotonic()

    def advance_plain(count: int, note: str = "") -> None:
        nonlocal done, said
        done += count
        if time.monotonic() - said >= PLAIN_SECONDS:
            said = time.monotonic()
            say(f"{label}: {done}/{total} {note}".rstrip())

    yield advance_plain


@contextmanager
def _rich_bar(label: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    note_column = TextColumn("{task.fields[note]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), note_column)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total, note="")
        yield lambda count, note="": progress.update(task, advance=count, note=note)


def require(module: str, *, needed_for: str, install: str) -> None:
    """Raise EnvironmentProblem when `module` is not installed.

    Raises:
        EnvironmentProblem: names what needs it and how to install it.
    """
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise EnvironmentProblem(f"{needed_for} needs the package '{module}', which is not installed; run: {install}")
