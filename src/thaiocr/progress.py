"""How library code reports progress without knowing who watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Reports that `count` more items are done; `note` is shown beside the bar."""

    def __call__(self, count: int, note: str = "") -> object: ...


class Progress(Protocol):
    """Opens a progress bar for `total` items."""

    def __call__(self, label: str, total: int) -> AbstractContextManager[Advance]: ...


@contextmanager
def silent(label: str, total: int) -> Iterator[Advance]:  # noqa: ARG001 - the signature of a Progress
    """Show nothing."""
    yield lambda count, note="": None
