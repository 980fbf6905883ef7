"""Label files -> samples, and every line that cannot be used as a reject with its place and reason.

A line is `path<TAB>text`. Nothing is dropped or replaced in silence: a line becomes either a sample or a reject.
Samples are kept in columns, some 50 bytes each, and made into objects when they are asked for; a text that was seen
before is not judged again. Figures: docs/performance.md.

    S samples  L texts that differ
"""

from __future__ import annotations

import codecs
import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from thaiocr.config.schema import SimpleDataSet
from thaiocr.errors import DataError, did_you_mean
from thaiocr.text.codec import Codec, UnknownCharacter

REMEMBERED: Final = 50_000
"""Different texts whose verdict is kept while label files are read."""
BLOCK: Final = 1 << 20
"""Bytes decoded at a time."""

Numbered: TypeAlias = tuple[int, str]
"""Line number from 1, line without its end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its label."""

    image: str
    """As the label file names it."""
    data_dir: Path
    """What `image` is relative to."""
    text: str
    """Normalised."""
    ids: tuple[int, ...]
    """Class ids of the text, without blanks."""
    label_file: Path
    line: int
    """Of the label file, from 1."""

    @property
    def path(self) -> Path:
        """Return where the image is."""
        return self.data_dir / self.image

    @property
    def place(self) -> str:
        """Return label file and line: `rec_gt_train.txt:7`."""
        return f"{self.label_file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that cannot be used, and why."""

    place: str
    image: str
    reason: str
    kind: str = field(default="", compare=False)
    """What is wrong, as `thaiocr data check` counts it."""

    def __str__(self) -> str:
        return f"{self.place}: {self.image}: {self.reason}" if self.image else f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a label may be for a network to learn it."""

    max_length: int
    """In dictionary entries."""
    time_steps: int | None = None
    """T of the network."""


def time_steps(ids: Sequence[int]) -> int:
    """Return how many steps CTC needs for a label: one per entry and one more between equal neighbours."""
    return len(ids) + sum(left == right for left, right in pairwise(ids))


class _Columns:
    """All samples of a set of label files, one value of each column a sample. Grows only.

    Args:
        data_dir: What image names are relative to.
        files: The label files.
        codec: Turns class ids into texts.
    """

    def __init__(self, data_dir: str, files: Sequence[Path], codec: Codec) -> None:
        self.data_dir = Path(data_dir)
        self.files = files
        self.codec = codec
        self.names = bytearray()
        """All image names, one after the other."""
        self.name_ends_S = array("Q", [0])
        """One more than there are samples: a name begins where the one before it ends."""
        self.labels_S = array("I")
        self.files_S = array("I")
        self.lines_S = array("I")
        self.ids = array("I")
        """The class ids of all texts, one after the other."""
        self.id_ends_L = array("Q", [0])

    def add_label(self, ids: list[int]) -> int:
        """Add a text; returns its number."""
        self.ids.fromlist(ids)
        self.id_ends_L.append(len(self.ids))
        return len(self.id_ends_L) - 2

    def add(self, image: str, label: int, file: int, line: int) -> None:
        """Add a sample."""
        self.names += image.encode()
        self.name_ends_S.append(len(self.names))
        self.labels_S.append(label)
        self.files_S.append(file)
        self.lines_S.append(line)

    def sample(self, row: int) -> Sample:
        """Return one sample."""
        label = self.labels_S[row]
        ids = tuple(self.ids[self.id_ends_L[label] : self.id_ends_L[label + 1]])
        image = self.names[self.name_ends_S[row] : self.name_ends_S[row + 1]].decode()
        file = self.files[self.files_S[row]]
        return Sample(image, self.data_dir, self.codec.decode(ids), ids, file, self.lines_S[row])


class Samples(Sequence[Sample]):
    """Some rows of the columns, in an order of their own; a part of it shares the columns."""

    def __init__(self, columns: _Columns, rows: range | NDArray[np.integer]) -> None:
        self._columns = columns
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Samples: ...
    def __getitem__(self, index: int | slice) -> Sample | Samples:
        if isinstance(index, slice):
            return Samples(self._columns, self._rows[index])
        return self._columns.sample(int(self._rows[index]))

    def take(self, indices: NDArray[np.integer]) -> Samples:
        """Return the samples at these indices."""
        return Samples(self._columns, np.asarray(self._rows)[indices])


@dataclass(frozen=True, slots=True)
class Labels:
    """What a set of label files holds."""

    samples: Samples
    rejects: list[Reject]


def read_labels(dataset: SimpleDataSet, codec: Codec, limits: Limits, *, seed: int = 0) -> Labels:
    """Read all label files of a data set; of each the share that `ratio_list` asks for, drawn by `seed`.

    Raises:
        DataError: a label file is missing, unreadable or not UTF-8 text; all such files are named.
    """
    files = [Path(name) for name in dataset.label_file_list]
    reader = _Reader(_Columns(dataset.data_dir, files, codec), dataset.delimiter, limits)
    problems: list[str] = []
    ratios = dataset.ratio_list * len(files) if len(dataset.ratio_list) == 1 else dataset.ratio_list
    for number, (file, ratio) in enumerate(zip(files, ratios, strict=True)):
        try:
            content = _read(file)
        except DataError as error:
            problems.extend(error.problems)
            continue
        lines = _drawn(content, ratio, random.Random(f"{seed}:{number}")) if ratio < 1 else _lines(content)
        reader.read(lines, number)
    if problems:
        raise DataError(problems)
    return Labels(Samples(reader.columns, range(len(reader.columns.labels_S))), reader.rejects)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, line) for every line that is not blank; LF, CRLF and the BOMs of files put together read the same.

    Raises:
        DataError: missing, unreadable or not UTF-8.
    """
    for number, line in _lines(_read(path)):
        yield f"{path}:{number}", line


def _read(path: Path) -> bytes:
    """Return the content of a label file that is UTF-8 throughout."""
    try:
        content = path.read_bytes()
        try:
            for _ in codecs.iterdecode((content[at : at + BLOCK] for at in range(0, len(content), BLOCK)), "utf-8"):
                pass
        except UnicodeDecodeError:
            content.decode()  # fails again, and says where in the whole file
    except FileNotFoundError as error:
        neighbours = [each.name for each in path.parent.glob("*.txt")] if path.parent.is_dir() else []
        raise DataError(f"{path}: no such label file{did_you_mean(path.name, neighbours)}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise DataError(f"{path}: cannot read the label file: {getattr(error, 'strerror', None) or error}") from error
    return content


def _lines(content: bytes) -> Iterator[Numbered]:
    """Yield the lines that are not blank."""
    with TextIOWrapper(BytesIO(content), "utf-8", newline="\n") as text:
        for number, raw in enumerate(text, start=1):
            line = raw.removesuffix("\n").removeprefix("\ufeff").removesuffix("\r")
            if line and not line.isspace():
                yield number, line


def _drawn(content: bytes, ratio: float, rng: random.Random) -> Iterable[Numbered]:
    """Return a share of the lines, in the order in which they are drawn."""
    count = sum(1 for _ in _lines(content))
    drawn = rng.sample(range(count), round(count * ratio))
    wanted = set(drawn)
    found = {index: line for index, line in enumerate(_lines(content)) if index in wanted}
    return [found[index] for index in drawn]


def split_line(line: str, place: str, delimiter: str = "\t") -> tuple[str, str] | Reject:
    """Return (image, text as it is written) of a line, or a reject that says which is missing."""
    image, found, raw = line.partition(delimiter)
    if not found:
        return Reject(place, "", f"no {_name(delimiter)} between image and text", "no_delimiter")
    if not image:
        return Reject(place, image, f"no image before the {_name(delimiter)}", "no_image")
    return image, raw


def _name(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else f"'{delimiter}'"


@dataclass(frozen=True, slots=True)
class _Bad:
    """Why a text is no label."""

    reason: str
    kind: str


class _Reader:
    """Sorts lines into samples and rejects."""

    def __init__(self, columns: _Columns, delimiter: str, limits: Limits) -> None:
        self.columns = columns
        self.rejects: list[Reject] = []
        self._delimiter = delimiter
        self._limits = limits
        self._known: dict[str, int | _Bad] = {}

    def read(self, lines: Iterable[Numbered], file: int) -> None:
        """Read lines of the label file of that number."""
        known, delimiter, path = self._known, self._delimiter, self.columns.files[file]
        for number, line in lines:
            image, found, raw = line.partition(delimiter)
            if not (image and found):
                bad = split_line(line, f"{path}:{number}", delimiter)
                assert isinstance(bad, Reject)
                self.rejects.append(bad)
                continue
            label = known.get(raw)
            if label is None:
                label = self._judge(raw)
                if len(known) < REMEMBERED:
                    known[raw] = label
            if isinstance(label, int):
                self.columns.add(image, label, file, number)
            else:
                self.rejects.append(Reject(f"{path}:{number}", image, label.reason, label.kind))

    def _judge(self, raw: str) -> int | _Bad:
        """Return the number of a text, or why it is no label."""
        if not raw:
            return _Bad("the label is empty", "empty_label")
        try:
            ids = self.columns.codec.encode(raw)
        except UnknownCharacter as error:
            return _Bad(str(error), "unknown_character")
        longest, available = self._limits.max_length, self._limits.time_steps
        if len(ids) > longest:
            reason = f"the label has {len(ids)} dictionary entries, Global.max_text_length is {longest}"
            return _Bad(reason, "too_long")
        if available is not None and 2 * len(ids) > available:  # else repeats make no difference
            steps = time_steps(ids)
            if steps > available:
                reason = f"the label needs {steps} time steps, the network has {available}; use a wider image_shape"
                return _Bad(reason, "too_few_time_steps")
        return self.columns.add_label(ids)
