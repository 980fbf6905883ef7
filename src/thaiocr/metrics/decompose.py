"""Which part of a Thai cluster was misread: base consonant, vowel sign, tone mark, SARA AM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, TypedDict

from thaiocr.metrics.confusion import NOTHING, Pair
from thaiocr.metrics.edit import cluster_units
from thaiocr.text.clusters import parts

PARTS: Final = ("base", "vowel", "tone", "am")
"""Fields of `thaiocr.text.clusters.Parts`."""

KINDS: Final = (
    "right",
    "base",
    "vowel",
    "tone",
    "am",
    "several parts",
    "nothing read",
    "several clusters read",
)
"""What became of a label's cluster: read right, one named part wrong, …"""


class PartRow(TypedDict):
    """How one part was read, over all label clusters for which one cluster was read."""

    part: str
    present: int
    """Label clusters that have this part."""
    errors: int
    missed: int
    """The label has it, the text does not."""
    added: int
    """The text has it, the label does not."""
    swapped: int
    """Both have it, but not the same one."""


class Decomposition(TypedDict):
    """What became of the clusters of all labels."""

    clusters: int
    """Clusters in labels."""
    kinds: dict[str, int]
    """Kind -> clusters; adds up to `clusters`."""
    inserted: int
    """Clusters read where the label has none."""
    compared: int
    """Label clusters for which exactly one cluster was read: those that `parts` is about."""
    parts: list[PartRow]


def decompose(pairs: Mapping[Pair, int]) -> Decomposition:
    """Sort the errors of clusters by the part that is wrong."""
    kinds: Counter[str] = Counter()
    changes: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    compared = inserted = 0
    for (label, text), times in pairs.items():
        if label == NOTHING:
            inserted += times
            continue
        kinds[_kind(label, text)] += times
        if len(cluster_units(text)) == 1:
            compared += times
            for part, change in _changes(label, text).items():
                changes[part].update(dict.fromkeys(change, times))
    return Decomposition(
        clusters=kinds.total(),
        kinds={kind: kinds[kind] for kind in KINDS},
        inserted=inserted,
        compared=compared,
        parts=[_row(part, changes[part]) for part in PARTS],
    )


def _kind(label: str, text: str) -> str:
    if label == text:
        return "right"
    if text == NOTHING:
        return "nothing read"
    if len(cluster_units(text)) > 1:
        return "several clusters read"
    wrong = [part for part, change in _changes(label, text).items() if {"missed", "added", "swapped"} & set(change)]
    return wrong[0] if len(wrong) == 1 else "several parts"


def _changes(label: str, text: str) -> dict[str, tuple[str, ...]]:
    """Return for each part the counters of PartRow that it adds to."""
    expected, found = parts(label), parts(text)
    return {part: _change(getattr(expected, part), getattr(found, part)) for part in PARTS}


def _change(expected: object, found: object) -> tuple[str, ...]:
    if not expected:
        return ("added",) if found else ()
    if expected == found:
        return ("present",)
    return ("present", "swapped" if found else "missed")


def _row(part: str, counts: Counter[str]) -> PartRow:
    missed, added, swapped = counts["missed"], counts["added"], counts["swapped"]
    return PartRow(
        part=part,
        present=counts["present"],
        errors=missed + added + swapped,
        missed=missed,
        added=added,
        swapped=swapped,
    )
