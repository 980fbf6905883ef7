"""What was read for what: pairs of clusters, classes, confusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypedDict

from rapidfuzz.distance import Levenshtein

from thaiocr.metrics.edit import Units, cluster_units
from thaiocr.text.frequency import cluster_counts

Pair: TypeAlias = tuple[str, str]
"""(cluster of the label, what was read for it)"""
NOTHING: Final = ""
"""Stands in a pair for a cluster that was not read, or for one that was read where the label has none."""


class ClassRow(TypedDict):
    """How one class, a cluster that occurs in labels, was read."""

    label: str
    count: int
    """Times it occurs in labels."""
    right: int
    """Times it was read as itself."""
    acc: float
    """right / count: its recall."""
    read: int
    """Times it was read, rightly or not."""
    precision: float | None
    """right / read; None when it was never read."""
    corpus: int
    """Its count in the corpus of `thaiocr.text.frequency`."""
    confused_with: str | None
    """What it was most often read as when it was misread ("" for nothing); None when it always was read right."""


class ConfusionRow(TypedDict):
    """One kind of error."""

    label: str
    text: str
    count: int
    share: float
    """count / times the label occurs; for clusters read where there are none (label ""), of all of those."""


def align(label: Units, text: Units) -> list[Pair]:
    """Pair the units of a label with those of a text along one shortest edit path.

    A unit without a partner is paired with NOTHING. Where several paths are equally short, rapidfuzz decides.
    """
    pairs: list[Pair] = []
    for step in Levenshtein.opcodes(label, text):
        expected = label[step.src_start : step.src_end] or [NOTHING] * (step.dest_end - step.dest_start)
        found = text[step.dest_start : step.dest_end] or [NOTHING] * (step.src_end - step.src_start)
        pairs += zip(expected, found, strict=True)
    return pairs


def pairs_of(label: str, text: str) -> list[Pair]:
    """Pair what a label says with what was read.

    A label of one cluster is paired with the whole text: "กข" read for "ก" is an error, not a right "ก" and one
    more cluster. Longer labels are aligned cluster by cluster.
    """
    expected = cluster_units(label)
    if len(expected) == 1:
        return [(label, text)]
    return align(expected, cluster_units(text))


def count_pairs(labels: Sequence[str], texts: Sequence[str]) -> Counter[Pair]:
    """Count the pairs of N labels and N texts."""
    counts: Counter[Pair] = Counter()
    for (label, text), times in Counter(zip(labels, texts, strict=True)).items():
        for pair in pairs_of(label, text):
            counts[pair] += times
    return counts


def macro_accuracy(pairs: Mapping[Pair, int]) -> float:
    """Return the mean over classes of their accuracy, every class with the same weight; 0 when there is no class."""
    count, right = _totals(pairs)
    return sum(sorted(right[label] / count[label] for label in count)) / len(count) if count else 0.0


def per_class(pairs: Mapping[Pair, int]) -> list[ClassRow]:
    """Return one row for each class, in code point order."""
    count, right = _totals(pairs)
    read: Counter[str] = Counter()
    misread: dict[str, list[tuple[int, str]]] = {}
    for (label, text), times in pairs.items():
        read[text] += times
        if label != text:
            misread.setdefault(label, []).append((-times, text))
    corpus = cluster_counts()
    return [
        ClassRow(
            label=label,
            count=count[label],
            right=right[label],
            acc=right[label] / count[label],
            read=read[label],
            precision=right[label] / read[label] if read[label] else None,
            corpus=corpus.get(label, 0),
            confused_with=min(misread[label])[1] if label in misread else None,
        )
        for label in sorted(count)
    ]


def frequency_weighted_accuracy(rows: Sequence[ClassRow]) -> float | None:
    """Return the mean accuracy of the classes weighted by how often the corpus has them.

    Classes without a corpus count (Latin, symbols) have no weight; None when no class has one.
    """
    weight = sum(row["corpus"] for row in rows)
    return sum(row["corpus"] * row["right"] / row["count"] for row in rows) / weight if weight else None


def confusions(pairs: Mapping[Pair, int]) -> list[ConfusionRow]:
    """Return every kind of error, most frequent first; equally frequent ones in code point order."""
    occurs: Counter[str] = Counter()
    for (label, text), times in pairs.items():
        if label != NOTHING or text != NOTHING:
            occurs[label] += times
    errors = sorted((-times, label, text) for (label, text), times in pairs.items() if label != text)
    return [
        ConfusionRow(label=label, text=text, count=-times, share=-times / occurs[label])
        for times, label, text in errors
    ]


def _totals(pairs: Mapping[Pair, int]) -> tuple[Counter[str], Counter[str]]:
    """Return how often each class occurs in labels, and how often it was read right."""
    count: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for (label, text), times in pairs.items():
        if label != NOTHING:
            count[label] += times
            right[label] += times if label == text else 0
    return count, right
