"""A new folder that is there whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thaiocr.errors import EnvironmentProblem, UsageError


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, which becomes `target` at the end; after an exception nothing of it is left.

    Raises:
        UsageError: `target` holds something already.
        EnvironmentProblem: the folder, or something in it, cannot be written.
    """
    staging = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UsageError(f"{target}: is there already and not an empty folder; choose another, or remove it first")
        staging.mkdir(parents=True)
        yield staging
        if target.exists():
            target.rmdir()
        staging.rename(target)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or error
        place = getattr(error, "filename", None) or target
        raise EnvironmentProblem(f"{place}: cannot be written: {reason}; choose another folder") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
