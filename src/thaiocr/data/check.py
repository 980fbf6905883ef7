"""Every label line and every image of a configuration, judged by the functions that training uses."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from thaiocr.config import schema
from thaiocr.data.duplicates import Picture, exact_duplicates, near_duplicates, thumbnail
from thaiocr.data.findings import Finding, count, in_order, kinds, kinds_to_json, summary
from thaiocr.data.fonts import font_leaks
from thaiocr.data.images import BadImage, Pixels, decode, read_file
from thaiocr.data.labels import Labels, Reject, Sample, read_labels
from thaiocr.data.remarks import remarks
from thaiocr.data.splits import Split, open_codec, splits
from thaiocr.errors import DataError
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec

Read = TypeVar("Read")

CHUNK: Final = 64
"""Images that a thread judges before it takes the next ones."""
VISIBLE: Final = 8
"""Grey levels between the darkest and the brightest pixel of a picture that shows something."""
EXTREMES: Final = 10
"""Classes listed as the rarest and as the most frequent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The result of a check."""

    splits: tuple[Split, Split]
    findings: list[Finding]
    """In the order of `KINDS`, then of the label files."""
    lines: Mapping[str, int]
    """Split -> label lines."""
    kept: Mapping[str, Sequence[Sample]]
    """Split -> the lines without an error."""
    classes: Mapping[str, Any]
    """Balance: see `_balance`."""

    def count(self, severity: str) -> int:
        """Return how many findings are errors, warnings or notes."""
        return count(self.findings, severity)

    def kinds(self) -> dict[str, Counter[str]]:
        """Return the kinds found -> split -> count."""
        return kinds(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the whole report."""
        return {
            **summary(self.findings),
            "splits": {split.name: self._split(split) for split in self.splits},
            "kinds": kinds_to_json(self.findings),
            "classes": dict(self.classes),
            "findings": [finding.to_json() for finding in self.findings],
        }

    def _split(self, split: Split) -> dict[str, Any]:
        return {
            "data_dir": split.dataset.data_dir,
            "label_files": list(split.dataset.label_file_list),
            "max_text_length": split.limits.max_length,
            "time_steps": split.limits.time_steps,
            "lines": self.lines[split.name],
            "kept": len(self.kept[split.name]),
        }


def check(config: schema.Config, *, progress: Progress) -> Checked:
    """Judge all lines and images of `Train` and `Eval`, whatever share `ratio_list` draws.

    Raises:
        DataError: the dictionary or label files cannot be read; all such files are named.
    """
    codec, both = open_codec(config), splits(config)
    labels = read_each(
        {
            split.name: partial(read_labels, replace(split.dataset, ratio_list=(1.0,)), codec, split.limits)
            for split in both
        }
    )
    shared = shared_files(*(split.dataset.label_file_list for split in both))
    pictures, findings = _look_at_all(labels, progress)
    findings += rejected({name: each.rejects for name, each in labels.items()})
    findings += [Finding("same_file", "Eval", str(file), "", "Train reads this file, too") for file in sorted(shared)]
    findings += _twice(pictures, shared)
    findings += font_leaks(*both)
    kept = _kept(pictures, findings)
    findings += [
        Finding("no_line", split.name, ", ".join(split.dataset.label_file_list), "", "not one line can be used")
        for split in both
        if not kept[split.name]
    ]
    findings += _unseen_classes(kept, codec)
    return Checked(
        splits=both,
        findings=in_order(findings),
        lines={name: len(each.samples) + len(each.rejects) for name, each in labels.items()},
        kept=kept,
        classes=_balance(kept, codec),
    )


def read_each(readers: Mapping[str, Callable[[], Read]]) -> dict[str, Read]:
    """Return split -> what its reader returns.

    Raises:
        DataError: a reader raised one; the problems of all are named, each once.
    """
    found: dict[str, Read] = {}
    problems: dict[str, None] = {}
    for name, read in readers.items():
        try:
            found[name] = read()
        except DataError as error:
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise DataError(problems)
    return found


def shared_files(trained: Iterable[str], tested: Iterable[str]) -> set[Path]:
    """Return the label files of Eval, as it names them, that Train reads as well."""
    same = {Path(name).resolve() for name in trained}
    return {path for path in map(Path, tested) if path.resolve() in same}


def rejected(rejects: Mapping[str, Iterable[Reject]]) -> list[Finding]:
    """Return split -> lines that cannot be used as findings."""
    return [
        Finding(reject.kind, split, reject.place, reject.image, reject.reason)
        for split, found in rejects.items()
        for reject in found
    ]


def _twice(pictures: Sequence[Picture], shared: Collection[Path]) -> list[Finding]:
    """Return the duplicates; a label file of both splits counts as Train's, lest each of its lines be one."""
    alone = [each for each in pictures if each.split == "Train" or each.sample.label_file not in shared]
    exact = list(exact_duplicates(alone))
    return [*exact, *near_duplicates(alone, known={each.place for each in exact if each.kind == "leak"})]


def _kept(pictures: Sequence[Picture], findings: Sequence[Finding]) -> dict[str, list[Sample]]:
    bad = {(finding.split, finding.place) for finding in findings if finding.severity == "error"}
    return {
        split: [each.sample for each in pictures if each.split == split and (split, each.sample.place) not in bad]
        for split in ("Train", "Eval")
    }


# -- Images ------------------------------------------------------------------------------------------------------------


def _look_at_all(labels: Mapping[str, Labels], progress: Progress) -> tuple[list[Picture], list[Finding]]:
    """Judge all images on all cores; returns those that can be used, and what was found, in the order of the lines."""
    jobs = [
        (split, found.samples[start : start + CHUNK])
        for split, found in labels.items()
        for start in range(0, len(found.samples), CHUNK)
    ]
    pictures: list[Picture] = []
    findings: list[Finding] = []
    total = sum(len(samples) for _, samples in jobs)
    with progress("checking images", total) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        for looks in pool.map(lambda job: [_look_at(sample, job[0]) for sample in job[1]], jobs):
            for picture, found in looks:
                pictures += [picture] if picture else []
                findings += found
            advance(len(looks))
    return pictures, findings


def _look_at(sample: Sample, split: str) -> tuple[Picture | None, list[Finding]]:
    def finding(kind: str, reason: str) -> Finding:
        return Finding(kind, split, sample.place, sample.image, reason)

    try:
        encoded = read_file(sample.path, sample.image)
        image_HWC = decode(encoded, sample.image)
    except BadImage as error:
        return None, [finding(error.kind, str(error).removeprefix(f"{sample.image}: "))]
    findings = [finding(kind, reason) for kind, reason in remarks(encoded, sample.image)]
    if not _shows_something(image_HWC) and not sample.text.isspace():
        findings.append(finding("blank", f"all pixels are alike, the label is '{sample.text}'"))
    digest = hashlib.blake2b(encoded, digest_size=16).digest()
    return Picture(split, sample, digest, thumbnail(image_HWC)), findings


def _shows_something(image_HWC: Pixels) -> bool:
    return int(image_HWC.max()) - int(image_HWC.min()) >= VISIBLE


# -- Classes -----------------------------------------------------------------------------------------------------------


def _counts(samples: Iterable[Sample]) -> Counter[int]:
    return Counter(number for sample in samples for number in sample.ids)


def _unseen_classes(kept: Mapping[str, Sequence[Sample]], codec: Codec) -> list[Finding]:
    """Return a finding for the first line of Eval that shows a class without a sample in Train, for each such class."""
    trained = _counts(kept["Train"])
    first: dict[int, Sample] = {}
    for sample in kept["Eval"]:
        for number in sample.ids:
            if number not in trained:
                first.setdefault(number, sample)
    return [
        Finding(
            "unseen_class",
            "Eval",
            sample.place,
            sample.image,
            f"'{codec.entries[number - 1]}' has no sample in Train, no model can learn to read it",
        )
        for number, sample in first.items()
    ]


def _balance(kept: Mapping[str, Sequence[Sample]], codec: Codec) -> dict[str, Any]:
    """Return how often each class is shown, in Train and in Eval, and which are shown least, most and never."""
    counts = {split: _counts(samples) for split, samples in kept.items()}
    train = [(entry, counts["Train"][number]) for number, entry in enumerate(codec.entries, start=1)]
    shown = sorted((pair for pair in train if pair[1]), key=lambda pair: pair[1])
    return {
        "entries": len(train),
        "without_train_sample": [entry for entry, count in train if not count],
        "rarest": shown[:EXTREMES],
        "most_frequent": shown[: -EXTREMES - 1 : -1],
        "counts": {entry: [count, counts["Eval"][number]] for number, (entry, count) in enumerate(train, start=1)},
    }
