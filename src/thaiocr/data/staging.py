"""A new folder that is there whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thaiocr.errors import EnvironmentProblem, UsageError


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
    staging = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    try:
        staging.mkdir(parents=True)
        yield staging
        if target.exists():
            target.rmdir()
        staging.rename(target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _cannot_write(target: Path, error: OSError | ValueError) -> EnvironmentProblem:
    reason = getattr(error, "strerror", None) or error
    place = getattr(error, "filename", None) or target
    return EnvironmentProblem(f"{place}: cannot be read or written: {reason}")
