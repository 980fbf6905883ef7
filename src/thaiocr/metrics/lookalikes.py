"""Thai letters and marks that resemble each other, and signs that a lone crop cannot tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Final, TypedDict

from thaiocr.metrics.confusion import Pair

LOOKALIKES: Final = ("ดต", "คศด", "ชซ", "ผฝ", "พฟ", "ถภ", "ฎฏ", "บป", "ขช", "ทฑ", "นม", "่้๊๋", "ิีึืั็")
"""Groups of letters, tone marks and vowel signs; every two of a group are counted in both directions."""

FOLDED: Final = (".oO0๐°", "-_", ",'", "Il|", "cC", "sS", "uU", "vV", "wW", "xX", "zZ")
"""Groups of signs with the same shape but another size or height, which a crop without a baseline does not show."""

FOLD: Final = str.maketrans({sign: group[0] for group in FOLDED for sign in group})


class LookalikeRow(TypedDict):
    """One direction of a pair: `label` read as `text`."""

    group: str
    label: str
    text: str
    count: int
    """Clusters whose label has `label` and not `text`, and whose text has `text` and not `label`."""
    of: int
    """Label clusters that have `label`."""
    rate: float | None
    """count / of; None when no label has it."""


def lookalike_rows(pairs: Mapping[Pair, int]) -> list[LookalikeRow]:
    """Count every direction of every look-alike pair, whatever else the cluster holds."""
    occurs: Counter[str] = Counter()
    swapped: Counter[Pair] = Counter()
    for (label, text), times in pairs.items():
        for sign in set(label):
            occurs[sign] += times
        if label != text:
            for swap in _swaps(label, text):
                swapped[swap] += times
    return [
        LookalikeRow(
            group=group,
            label=label,
            text=text,
            count=swapped[label, text],
            of=occurs[label],
            rate=swapped[label, text] / occurs[label] if occurs[label] else None,
        )
        for group in LOOKALIKES
        for label, text in permutations(group, 2)
    ]


def fold(text: str) -> str:
    """Replace every sign of a group of FOLDED by the first of its group."""
    return text.translate(FOLD)


def _swaps(label: str, text: str) -> Iterator[Pair]:
    lost, gained = set(label) - set(text), set(text) - set(label)
    for one in lost:
        for other in gained:
            yield one, other
