"""Label files -> samples, and every line that cannot be used as a reject with its place and reason.

A line is `path<TAB>text`. Nothing is dropped or replaced in silence: a line becomes either a sample or a reject.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from thaiocr.config.schema import SimpleDataSet
from thaiocr.errors import DataError, did_you_mean
from thaiocr.text.codec import Codec, UnknownCharacter
from thaiocr.text.normalize import normalize


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its label."""

    image: str
    """As the label file names it."""
    path: Path
    text: str
    """Normalised."""
    ids: tuple[int, ...]
    """Class ids of the text, without blanks."""
    place: str
    """Label file and line: `rec_gt_train.txt:7`."""

    @property
    def label_file(self) -> Path:
        """Return the label file of `place`."""
        return Path(self.place.rpartition(":")[0])


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
    """T of the network; CTC needs one step per entry and one more between equal neighbours."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What a set of label files holds."""

    samples: list[Sample] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def read_labels(dataset: SimpleDataSet, codec: Codec, limits: Limits, *, seed: int = 0) -> Labels:
    """Read all label files of a data set; of each the share that `ratio_list` asks for, drawn by `seed`.

    Raises:
        DataError: a label file is missing, unreadable or not UTF-8 text; all such files are named.
    """
    labels = Labels()
    problems: list[str] = []
    files = dataset.label_file_list
    ratios = dataset.ratio_list * len(files) if len(dataset.ratio_list) == 1 else dataset.ratio_list
    for number, (name, ratio) in enumerate(zip(files, ratios, strict=True)):
        try:
            lines = list(read_lines(Path(name)))
        except DataError as error:
            problems.extend(error.problems)
            continue
        if ratio < 1:
            lines = random.Random(f"{seed}:{number}").sample(lines, round(len(lines) * ratio))
        for place, line in lines:
            found = read_line(line, place, dataset, codec, limits)
            (labels.samples if isinstance(found, Sample) else labels.rejects).append(found)  # type: ignore[arg-type]
    if problems:
        raise DataError(problems)
    return labels


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, line) for every line that is not blank; LF, CRLF and the BOMs of files put together read the same.

    Raises:
        DataError: missing, unreadable or not UTF-8.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as error:
        neighbours = [each.name for each in path.parent.glob("*.txt")] if path.parent.is_dir() else []
        raise DataError(f"{path}: no such label file{did_you_mean(path.name, neighbours)}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise DataError(f"{path}: cannot read the label file: {getattr(error, 'strerror', None) or error}") from error
    for number, raw in enumerate(text.split("\n"), start=1):
        stripped = raw.removeprefix("\ufeff").removesuffix("\r")
        if stripped.strip():
            yield f"{path}:{number}", stripped


def read_line(line: str, place: str, dataset: SimpleDataSet, codec: Codec, limits: Limits) -> Sample | Reject:
    """Turn one line into a sample, or into a reject that says why not."""
    parts = split_line(line, place, dataset.delimiter)
    if isinstance(parts, Reject):
        return parts
    image, raw = parts
    text = normalize(raw)
    if not text:
        return Reject(place, image, "the label is empty", "empty_label")
    try:
        ids = codec.encode(text)
    except UnknownCharacter as error:
        return Reject(place, image, str(error), "unknown_character")
    if len(ids) > limits.max_length:
        reason = f"the label has {len(ids)} dictionary entries, Global.max_text_length is {limits.max_length}"
        return Reject(place, image, reason, "too_long")
    steps = len(ids) + sum(left == right for left, right in pairwise(ids))
    if limits.time_steps is not None and steps > limits.time_steps:
        reason = f"the label needs {steps} time steps, the network has {limits.time_steps}; use a wider image_shape"
        return Reject(place, image, reason, "too_few_time_steps")
    return Sample(image, Path(dataset.data_dir) / image, text, tuple(ids), place)


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
