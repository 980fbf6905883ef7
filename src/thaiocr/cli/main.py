"""`thaiocr VERB …`: parse, run the verb, turn errors into one message and an exit code."""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import Final, NoReturn

from thaiocr import __version__
from thaiocr.cli.common import say
from thaiocr.errors import INTERRUPTED, ThaiOcrError, did_you_mean

VERBS: Final[tuple[str, ...]] = ("doctor", "dict", "synth", "config", "train", "eval", "export", "predict")
"""One module of this package each, in the order of work."""


class Parser(argparse.ArgumentParser):
    """argparse with a did-you-mean for a mistyped verb or option."""

    def error(self, message: str) -> NoReturn:
        """Print the message with the nearest known word, and end with exit code 2."""
        words = [word for word in message.replace("'", " ").split() if word]
        known = [*self._option_string_actions, *VERBS]
        hints = (did_you_mean(word.split("=")[0], known) for word in words if word not in known)
        super().error(message + next((hint for hint in hints if hint and _is_choice(message)), ""))


def _is_choice(message: str) -> bool:
    return "invalid choice" in message or "unrecognized arguments" in message


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
