"""Which text each class of a checkpoint means, so that a network with another dictionary can start from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from thaiocr.errors import DataError, did_you_mean
from thaiocr.text.codec import SPACE


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of a checkpoint's classes."""

    entries: tuple[str, ...] | None
    """The texts of the classes from 1 on; None where no dictionary is known."""
    path: str | None = None
    """The dictionary's file."""
    remarks: tuple[str, ...] = ()
    """Files that might have been the dictionary, and why they are not."""


UNKNOWN: Final = Source(None)


def find_source(prefix: Path, configured: str | None, *, classes: int, fingerprint: str | None) -> Source:
    """Look for the dictionary of a checkpoint.

    Args:
        prefix: The checkpoint, without suffix.
        configured: `Global.pretrained_dict_path`.
        classes: K of the checkpoint's head, blank among them.
        fingerprint: Of the dictionary, where the checkpoint says so.

    Raises:
        DataError: the configured file cannot be read, or is not the checkpoint's dictionary.
    """
    if configured is not None:
        entries = as_entries(read_lines(Path(configured)), classes)
        if entries is None:
            raise DataError(
                _not_of(Path(configured), classes, prefix) + "; name its own in Global.pretrained_dict_path"
            )
        return Source(entries, configured)
    remarks = []
    for path in _candidates(prefix):
        lines = read_lines(path)
        entries = as_entries(lines, classes)
        if entries is None:
            remarks.append(_not_of(path, classes, prefix))
        elif fingerprint not in (None, _fingerprint(lines)):
            remarks.append(f"{path}: not the dictionary that {prefix} was trained with; it has changed since")
        else:
            return Source(entries, str(path), tuple(remarks))
    return Source(None, None, tuple(remarks))


def as_entries(lines: Sequence[str], classes: int) -> tuple[str, ...] | None:
    """Return the texts of the classes from 1 on: the lines, and the space where there is one class more.

    None where the number of lines does not fit.
    """
    spaces = classes - 1 - len(lines)
    return (*lines, *[SPACE] * spaces) if spaces in (0, 1) else None


def read_lines(path: Path) -> list[str]:
    """Return the lines of a dictionary as PaddleOCR counts classes: every line is one, also an empty one.

    Raises:
        DataError: missing, unreadable or not UTF-8.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as error:
        neighbours = [each.name for each in path.parent.glob("*.txt")] if path.parent.is_dir() else []
        raise DataError(f"{path}: no such dictionary file{did_you_mean(path.name, neighbours)}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text; save the file as UTF-8") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise DataError(f"{path}: cannot read the dictionary: {getattr(error, 'strerror', None) or error}") from error
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _candidates(prefix: Path) -> Iterator[Path]:
    """Yield what the config.yml of the checkpoint's training names, then the one file beside it that looks like it."""
    # PaddleOCR 3 keeps its best weights one folder further down than its config.yml.
    for folder in (prefix.parent, prefix.parent.parent):
        named = _named_by(folder / "config.yml")
        if named is not None:
            yield from (path for path in dict.fromkeys((named, folder / named.name)) if path.is_file())
            break
    beside = sorted(prefix.parent.glob("*dict*.txt"))
    if len(beside) == 1:
        yield beside[0]


def _named_by(config: Path) -> Path | None:
    """Return `Global.character_dict_path` of a configuration, None where there is none that can be read."""
    try:
        document = yaml.safe_load(config.read_text("utf-8"))
        return Path(str(document["Global"]["character_dict_path"]))
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return None


def _fingerprint(lines: Sequence[str]) -> str:
    """Return `Dictionary.fingerprint` of these lines."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines if line).encode()).hexdigest()


def _not_of(path: Path, classes: int, prefix: Path) -> str:
    return (
        f"{path}: has {len(read_lines(path))} lines, the head of {prefix} {classes} classes with blank: "
        "not the dictionary that it was trained with"
    )
