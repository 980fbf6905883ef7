"""How library code reports progress without knowing who watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Reports that `count` more items are done; `note` is shown beside the bar."""

    def __call__(self, count: int, note: str = "") -> object:
        """Report."""


class Progress(Protocol):
    """Opens a progress bar for `total` items."""

    def __call__(self, label: str, total: int, /) -> AbstractContextManager[Advance]:
        """Open the bar; it closes with the context."""
        ...


@contextmanager
def silent(_label: str, _total: int, /) -> Iterator[Advance]:
    """Show nothing."""
    yield _ignore


def _ignore(count: int, note: str = "") -> None:
    del count, note
