"""Folders to build in: what is built is there whole or not at all, and what a killed process left is taken away.

A builder holds a lock on its folder, which the system releases when the process ends, however it ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from thaiocr.errors import EnvironmentProblem, UsageError

try:
    import fcntl
except ImportError:  # Windows, where a folder cannot be locked: its age alone tells
    fcntl = None  # type: ignore[assignment]

YOUNG: Final = 60
"""Seconds in which a builder has locked its folder for sure."""
ABANDONED: Final = 24 * 3600
"""Seconds after which a folder is taken for abandoned where locks cannot tell."""


def require_free(target: Path) -> None:
    """Make sure that `new_folder` can take this place.

    Raises:
        UsageError: something is there already.
        EnvironmentProblem: the place cannot be looked at.
    """
    try:
        is_taken = target.exists() and (not target.is_dir() or any(target.iterdir()))
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise _cannot_write(target, error) from error
    if is_taken:
        raise UsageError(f"{target}: is there already and not an empty folder; choose another, or remove it first")


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, which becomes `target` at the end; after an exception nothing of it is left.

    Raises:
        UsageError: `target` holds something already.
        EnvironmentProblem: the folder, or something in it, cannot be written.
    """
    require_free(target)
    try:
        with building_folder(target.parent, f".{target.name}.") as staging:
            yield staging
            if target.exists():
                target.rmdir()
            staging.rename(target)
    except OSError as error:
        raise _cannot_write(target, error) from error


@contextmanager
def building_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder in `parent` whose name starts with `prefix`; at the end it is removed if it is still there.

    What killed processes left under such names is removed first.

    Raises:
        OSError: it cannot be made.
    """
    parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(parent, prefix)
    folder = parent / f"{prefix}{secrets.token_hex(4)}"
    folder.mkdir()
    lock = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def remove_abandoned(parent: Path, prefix: str) -> int:
    """Remove the building folders of processes that are gone; returns how many."""
    found = [path for path in parent.iterdir() if path.name.startswith(prefix) and _is_abandoned(path)]
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(found)


def _is_abandoned(folder: Path) -> bool:
    try:
        age = time.time() - folder.stat().st_mtime
    except OSError:  # just removed by its builder
        return False
    if not folder.is_dir() or age < YOUNG:
        return False
    lock = _lock(folder)
    if lock is not None:
        os.close(lock)
    return lock is not None or age > ABANDONED


def _lock(folder: Path) -> int | None:
    """Return an open file that holds the folder's lock, or None when another one does, or locks do not work here."""
    if fcntl is None:
        return None
    handle = None
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle
    if handle is not None:
        os.close(handle)
    return None


def _cannot_write(target: Path, error: OSError | ValueError) -> EnvironmentProblem:
    reason = getattr(error, "strerror", None) or error
    place = getattr(error, "filename", None) or target
    return EnvironmentProblem(f"{place}: cannot be read or written: {reason}")
