"""`thaiocr VERB …`: parse, run the verb, turn errors into one message and an exit code."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Final, NoReturn

from thaiocr import __version__
from thaiocr.cli.common import say
from thaiocr.errors import INTERRUPTED, ThaiOcrError, did_you_mean

VERBS: Final[tuple[str, ...]] = (
    "doctor",
    "dict",
    "synth",
    "config",
    "data",
    "train",
    "eval",
    "export",
    "predict",
    "bench",
    "docker",
    "sagemaker",
)
"""One module of this package each, in the order of work."""


class Parser(argparse.ArgumentParser):
    """argparse with a did-you-mean for a mistyped verb or option."""

    def parse_known_args(  # type: ignore[override]  # of its overloads only the general one is needed
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse unknown options here, where the verb's own options are known, not in the parser of all verbs."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            hints = (did_you_mean(word.split("=")[0], self._option_string_actions) for word in unknown)
            super().error(f"unrecognized arguments: {' '.join(unknown)}{''.join(hints)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print the message with the nearest choice, and end with exit code 2."""
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        hint = did_you_mean(wrong[1], re.findall(r"[\w-]+", wrong[2])) if wrong else ""
        super().error(message + hint)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs; verbs import their heavy parts only when they run."""
    parser = Parser(
        prog="thaiocr",
        description="Train, evaluate, export and run Thai OCR models from one PaddleOCR-style YAML file.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"thaiocr {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        importlib.import_module(f"thaiocr.cli.{verb}").register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 done, 2 usage or configuration, 3 data, 4 a gate failed, 5 environment, 130 interrupted.
    """
    arguments = build_parser().parse_args(argv)
    # Paddle says it on every import; it concerns C++ extensions, which are not built here.
    warnings.filterwarnings("ignore", message="No ccache found")
    try:
        return int(arguments.run(arguments))
    except ThaiOcrError as error:
        if arguments.debug:
            raise
        for problem in error.problems:
            say(problem)
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
