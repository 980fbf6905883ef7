"""Runs a command so that its lines are seen as they come, its end is remembered, and a signal reaches it once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from types import FrameType
from typing import IO, Final

KEPT_LINES: Final = 40
LAST_LINES_S: Final = 10.0
"""How long to wait for the lines of a command that has ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    """Exit code; negative: the number of the signal that killed it."""
    lines: tuple[str, ...]
    """The last lines that it wrote."""


class Stop:
    """The first SIGTERM or SIGINT, passed on once to the process that runs: a second one would kill it at its save."""

    def __init__(self) -> None:
        self.at: float | None = None
        """`time.monotonic()` when the signal came."""
        self.process: subprocess.Popen[str] | None = None
        self._is_passed_on = False

    def note(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.at is None:
            self.at = time.monotonic()
            self.pass_on()

    def pass_on(self) -> None:
        """Tell the process, when there is one and it has not been told; called again once a process is known."""
        if self.at is not None and self.process is not None and not self._is_passed_on:
            self._is_passed_on = True
            self.process.terminate()


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Catch SIGTERM and SIGINT; as process 1 of a container nothing else would."""
    stop = Stop()
    previous = {number: signal.signal(number, stop.note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def run(
    command: Sequence[str],
    *,
    stop: Stop | None = None,
    variables: Mapping[str, str] | None = None,
    limit_s: float | None = None,
) -> Ended:
    """Run a command to its end; both of its streams go to standard output, line by line.

    Args:
        command: A program and its arguments.
        stop: Passes a signal on to it; a signal that has come already is passed on at once.
        variables: Added to the environment.
        limit_s: Seconds after which it is killed.
    """
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(variables or {})},
        start_new_session=True,  # Ctrl-C in a terminal reaches this process only, which passes it on
    )
    if stop is not None:
        stop.process = process
        stop.pass_on()
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    assert process.stdout is not None
    reader = Thread(target=_show, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # Workers that outlive it may hold the pipe open, and the machine would be paid for until somebody looks.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    reader.join(LAST_LINES_S)
    return Ended(process.returncode, tuple(lines))


def _show(source: IO[str], lines: deque[str]) -> None:
    """Write every line as it comes, and remember the last ones."""
    with source:
        for line in source:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line.rstrip("\n"))
