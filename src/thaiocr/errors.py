"""The exceptions a user can meet, each with the exit code that `thaiocr` ends with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class ThaiOcrError(Exception):
    """A problem that the user can solve; printed without a traceback.

    Args:
        problems: One message, or several that are reported together, one per line.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class UsageError(ThaiOcrError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


class ConfigError(ThaiOcrError):
    """The configuration cannot be used."""

    exit_code = 2


class DataError(ThaiOcrError):
    """An image, a label file, a dictionary, a checkpoint or a bundle cannot be used."""

    exit_code = 3


class GateError(ThaiOcrError):
    """A result is not good enough to be handed on: parity, minimum accuracy."""

    exit_code = 4


class EnvironmentProblem(ThaiOcrError):  # noqa: N818 - EnvironmentError is another name of OSError
    """Something that this machine lacks: fonts, raqm, a package, a GPU, a writable folder."""

    exit_code = 5


INTERRUPTED = 130
"""Exit code after Ctrl-C."""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the choice closest to `word`, or "" when none is close."""
    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""
