"""Label files -> the lines whose images a model misreads or reads with a low score: hard example mining.

Lines go through in their order and are forgotten: what grows with their number is the content of a label file alone.
"""

from __future__ import annotations

import os
from bisect import insort
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

from thaiocr.data.labels import Reject, read_lines, split_line
from thaiocr.errors import DataError, EnvironmentProblem, UsageError
from thaiocr.predict.reader import Prediction, Reader
from thaiocr.progress import Advance, Progress
from thaiocr.text.codec import Codec, UnknownCharacter
from thaiocr.text.normalize import normalize

KEPT_REJECTS: Final = 20
"""Rejects that are kept to be shown; the others are counted."""

Verdict: TypeAlias = Literal["right", "unsure", "misread"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hard:
    """What was found."""

    images: int
    """Read; without the rejected ones."""
    misread: int
    unsure: int
    """Read right, with a low score."""
    rejected: int
    rejects: Sequence[Reject]
    """The first `KEPT_REJECTS`, in the order of the lines."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line whose image is to be read."""

    place: str
    image: str
    """As the label file names it."""
    path: Path
    label: str
    """Normalised."""
    written: bytes
    """The line as the output has it."""


@dataclass(slots=True)
class _Rejects:
    """How many lines cannot be used, and the first of them, whatever the order in which they are found."""

    count: int = 0
    first: list[tuple[int, Reject]] = field(default_factory=list)
    """With the number of the line among those of all label files."""

    def add(self, number: int, reject: Reject) -> None:
        self.count += 1
        insort(self.first, (number, reject))
        del self.first[KEPT_REJECTS:]


def write_hard(reader: Reader, labels: Sequence[Path], output: Path, *, below: float, progress: Progress) -> Hard:
    """Write the lines whose images are misread, or read right with a score below `below`, as a new label file.

    Lines keep their order and their texts; images are named relative to the folder of `output`. Label and reading are
    compared in the one spelling of `thaiocr.text`, and spaces count. Nothing of `output` is there after an exception.

    Args:
        reader: Reads the images.
        labels: Label files; images lie relative to the folder of each.
        output: The file to write; one that is there is replaced.
        below: A score, 0 to 1; with 0 misread images alone are taken.
        progress: Shows the lines done.

    Raises:
        DataError: label files are missing, unreadable or not UTF-8 text; all of them are named.
        UsageError: `output` is one of the label files, or something other than a file.
        EnvironmentProblem: `output` cannot be written.
    """
    total = _count(labels)
    _refuse_taken(output, labels)
    rejects = _Rejects()
    counts: Counter[Verdict] = Counter()
    waiting: deque[tuple[int, _Line]] = deque()  # lines that the reader took and has not answered yet

    def images(folder: Path, advance: Advance) -> Iterator[tuple[str, Path]]:
        for number, line in enumerate(_lines(labels, folder, reader.codec)):
            if isinstance(line, Reject):
                rejects.add(number, line)
                advance(1)
            else:
                waiting.append((number, line))
                yield line.image, line.path

    with _replacing(output) as file, progress("reading images", total) as advance:
        for prediction in reader.read_files(images(output.parent.resolve(), advance)):
            number, line = waiting.popleft()
            if prediction.error:
                reason = prediction.error.removeprefix(f"{line.image}: ")
                rejects.add(number, Reject(line.place, line.image, reason))
            else:
                verdict = _judge(prediction, line.label, below)
                counts[verdict] += 1
                if verdict != "right":
                    file.write(line.written)
            advance(1)
    return Hard(
        images=counts.total(),
        misread=counts["misread"],
        unsure=counts["unsure"],
        rejected=rejects.count,
        rejects=[reject for _, reject in rejects.first],
    )


def _judge(prediction: Prediction, label: str, below: float) -> Verdict:
    if normalize(prediction.text) != label:
        return "misread"
    return "unsure" if prediction.score < below else "right"


# -- Reading label files -----------------------------------------------------------------------------------------------


def _count(labels: Sequence[Path]) -> int:
    """Return how many lines there are.

    Raises:
        DataError: label files cannot be read.
    """
    count = 0
    problems: list[str] = []
    for file in labels:
        try:
            count += sum(1 for _ in read_lines(file))
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(dict.fromkeys(problems))
    return count


def _lines(labels: Sequence[Path], folder: Path, codec: Codec) -> Iterator[_Line | Reject]:
    """Yield every line; `folder` is what the output names images relative to, without links."""
    for file in labels:
        data_dir = file.parent.resolve()  # `..` of a link leads elsewhere than the name says
        for place, content in read_lines(file):
            parts = split_line(content, place)
            yield parts if isinstance(parts, Reject) else _line(place, *parts, data_dir, folder, codec)


def _line(place: str, image: str, text: str, data_dir: Path, folder: Path, codec: Codec) -> _Line | Reject:
    if not text:
        return Reject(place, image, "the label is empty")
    try:
        codec.encode(text)
        name = Path(os.path.relpath(data_dir / image, folder)).as_posix()
        written = f"{name}\t{text}\n".encode()
    except UnknownCharacter as error:
        return Reject(place, image, str(error))
    except ValueError as error:  # another drive, or a folder whose name is no UTF-8
        return Reject(place, image, f"cannot be named relative to {folder}: {error}")
    return _Line(place, image, data_dir / image, normalize(text), written)


# -- Writing -----------------------------------------------------------------------------------------------------------


def _refuse_taken(output: Path, labels: Sequence[Path]) -> None:
    """Make sure, before hours of reading, that `output` replaces neither a label file nor a folder.

    Raises:
        UsageError: it would.
        EnvironmentProblem: the place cannot be looked at.
    """
    try:
        if not output.exists():
            return
        if not output.is_file():
            raise UsageError(f"{output}: is there already and no file; choose another with -o")
        if any(output.samefile(file) for file in labels):
            raise UsageError(f"{output}: is one of the label files to read; choose another with -o")
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise _cannot_write(output, error) from error


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write, which becomes `path` at the end; after an exception nothing of it is left.

    Raises:
        EnvironmentProblem: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _cannot_write(path: Path, error: OSError | ValueError) -> EnvironmentProblem:
    return EnvironmentProblem(f"{path}: cannot write: {getattr(error, 'strerror', None) or error}")
