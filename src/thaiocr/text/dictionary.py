"""The dictionary: an ordered table of the texts that a recogniser knows, one entry a line, class id = position + 1.

The file is UTF-8. LF and CRLF, a byte order mark and empty lines make no difference, so that class ids are the same on
every machine. (PaddleOCR counts an empty line as a class.) A line of exactly one space is the space, as in PaddleOCR's
own dictionaries; no other entry holds white space, except a single wide or unbreakable one (U+3000, U+00A0).
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import thaiocr
from thaiocr.errors import DataError, EnvironmentProblem, did_you_mean
from thaiocr.text.clusters import describe, printable
from thaiocr.text.normalize import normalize

FOLDER: Final = "thai_letters"
"""Where the shipped dictionaries are, in the repository and in the installed package."""

_PACKAGE: Final = Path(thaiocr.__file__).parent
_FOLDERS: Final = (_PACKAGE / FOLDER, _PACKAGE.parents[1] / FOLDER)
"""In an installed package, in a source checkout."""

_UNUSABLE: Final = {
    "\ufffd": "which stands for text that was lost; restore the entry",
    "\ufeff": "a byte order mark inside of the file; remove it",
    "Cc": "which no image shows; remove it",
    "Zl": "which no image shows; remove it",
    "Zp": "which no image shows; remove it",
    "Cs": "which is half of a character",
}
"""Character or Unicode category -> why no entry may hold it."""


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Entries in class order, blank not counted.

    Raises:
        DataError: there is no entry, or entries are unusable or ambiguous; all of them are named.
    """

    entries: tuple[str, ...]

    def __post_init__(self) -> None:
        _check((f"dictionary entry {number}", entry) for number, entry in enumerate(self.entries, start=1))

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def load(cls, path: str | Path) -> Dictionary:
        """Read a dictionary file.

        Raises:
            DataError: the file is missing, unreadable or not UTF-8, or its entries are unusable; all of them with
                their line numbers.
        """
        lines = [(f"{path}:{number}", line) for number, line in _lines(Path(path)) if line]
        if not lines:
            raise DataError(f"{path}: the dictionary is empty; write one entry a line")
        _check(lines)
        return cls(tuple(entry for _, entry in lines))

    def save(self, path: str | Path) -> None:
        """Write the dictionary: UTF-8, LF, no byte order mark, the same bytes for the same entries.

        Raises:
            EnvironmentProblem: the file cannot be written; what was there before is untouched.
        """
        target = Path(path)
        staged = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(self.to_bytes())
            staged.replace(target)
        except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
            with suppress(OSError, ValueError):
                staged.unlink()
            reason = getattr(error, "strerror", None) or error
            raise EnvironmentProblem(f"{path}: cannot write the dictionary: {reason}") from error

    def to_bytes(self) -> bytes:
        """Return what `save` writes."""
        return "".join(f"{entry}\n" for entry in self.entries).encode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the saved form, in hex: the same for every file that lists the same entries in the same order."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def builtin(name: str) -> Path:
    """Return the path of a file of `thai_letters` that comes with the package.

    Raises:
        DataError: there is no such file.
    """
    found = _shipped(name)
    if found is None:
        raise DataError(
            f"{FOLDER}/{name}: no file of this name comes with thaiocr{did_you_mean(name, _names(*_FOLDERS))}"
        )
    return found


def find_dictionary(path: str) -> Path:
    """Return where a configured dictionary is: relative to the current directory, else (thai_letters/…) in the package.

    Raises:
        DataError: it is in neither place; names the path that was tried.
    """
    here = Path(path)
    if here.is_file():
        return here
    if here.is_dir():
        raise DataError(f"{path}: a folder, not a dictionary file")
    places, tried = [here.parent], f"tried {here.absolute()}"
    folder, _, name = here.as_posix().replace("\\", "/").partition("/")
    if folder == FOLDER:
        found = _shipped(name)
        if found is not None:
            return found
        places += _FOLDERS
        tried += " and the files that come with thaiocr"
    raise DataError(f"{path}: no such dictionary file ({tried}){did_you_mean(here.name, _names(*places))}")


def _shipped(name: str) -> Path | None:
    return next((folder / name for folder in _FOLDERS if (folder / name).is_file()), None)


def _names(*folders: Path) -> list[str]:
    """Return the text files of folders, none for a folder that cannot be read."""
    names: list[str] = []
    for folder in folders:
        with suppress(OSError, ValueError):
            names.extend(sorted(each.name for each in folder.glob("*.txt")))
    return names


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end)."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such dictionary file{did_you_mean(path.name, _names(path.parent))}") from error
    except UnicodeDecodeError as error:
        # The codec counts from after a byte order mark.
        offset = error.start + len(content) - len(error.object)
        line = content.count(b"\n", 0, offset) + 1
        kind = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "not UTF-8"
        raise DataError(f"{path}:{line}: {kind} text (byte {offset}); save the file as UTF-8") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise DataError(f"{path}: cannot read the dictionary: {getattr(error, 'strerror', None) or error}") from error
    for number, entry in enumerate(text.split("\n"), start=1):
        yield number, entry.removesuffix("\r")


def _check(placed: Iterable[tuple[str, str]]) -> None:
    """Raise DataError with every problem of (place, entry) pairs."""
    problems = []
    first: dict[str, str] = {}
    for place, entry in placed:
        spelling = normalize(entry)
        problem = _problem(entry, spelling)
        if spelling in first:
            what = "is here twice" if spelling == entry else f"is another spelling of {describe(spelling)}"
            problem = f"{describe(entry)} {what}; the other one: {first[spelling]}"
        first.setdefault(spelling, place)
        if problem:
            problems.append(f"{place}: {problem}")
    if not first:
        problems.append("the dictionary is empty")
    if problems:
        raise DataError(problems)


def _problem(entry: str, spelling: str) -> str:
    """Say why an entry cannot be used, or return ""."""
    if not entry:
        return "an empty entry"
    shown = f"'{printable(entry)}'"
    for character in entry:
        kind = _UNUSABLE.get(character) or _UNUSABLE.get(unicodedata.category(character))
        if kind:
            return f"{shown} holds {describe(character)}, {kind}"
    if len(entry) > 1 and any(character.isspace() for character in entry):
        return f"{shown} holds white space; a line of exactly one space is the space, no other entry has one"
    if spelling != entry:
        return f"{describe(entry)} is not in normal form, no label can match it; write {describe(spelling)}"
    return ""
