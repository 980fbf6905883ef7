"""Ctrl-C and SIGTERM become a request that the training loop answers between two steps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """The run is to be left where it is, now that a place is reached where it can be saved."""


class StopRequest:
    """Set once a signal has arrived."""

    def __init__(self) -> None:
        self.is_requested = False
        self.is_awaited = False
        """Someone looks at `is_requested` from time to time; until then a signal interrupts at once."""

    def check(self) -> None:
        """Raise Stopped once a signal has arrived."""
        if self.is_requested:
            raise Stopped


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Catch the first SIGINT or SIGTERM; a second one acts at once, as usual.

    Raises:
        KeyboardInterrupt: a signal arrived while nobody awaited it.
    """
    request = StopRequest()
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.getsignal(number) for number in signals}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def note(_number: int, _frame: FrameType | None) -> None:
        request.is_requested = True
        restore()
        if not request.is_awaited:
            raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, note)
    try:
        yield request
    finally:
        restore()
