"""The dictionaries that `thaiocr dict build` writes: by rule, from the legal Thai clusters and their use in a corpus.

    compat     880 entries, structure by structure as many as in the dictionary of the Thai PaddleOCR project that this
               one grew from: the most frequent of each structure, Latin, digits and symbols
    standard   compat, every legal cluster of the word list or with ten occurrences in the Thai National Corpus, the
               stand-alone signs, the full stop
    full       every legal cluster, Latin, digits, symbols
    digits     ๐-๙ and 0-9
    codepoint  every letter, vowel, mark, digit and sign of standard on its own: for lines, and as PaddleOCR spells
    starter    the consonants, ๐-๙ and 60 frequent clusters that together show every mark: a small first model

Entries are in code point order. That order is part of a dictionary: class ids follow from it.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from thaiocr.text.dictionary import Dictionary
from thaiocr.text.frequency import Usage, usage
from thaiocr.text.thai import (
    CONSONANTS,
    DIGITS,
    LAKKHANGYAO,
    LEADING_VOWELS,
    LOWER_VOWELS,
    MAI_HAN_AKAT,
    MAITAIKHU,
    NIKHAHIT,
    PHINTHU,
    RU_LU,
    SARA_AA,
    SARA_AM,
    THANTHAKHAT,
    TONES,
    UPPER_VOWELS,
)


class Structure(NamedTuple):
    """A kind of cluster: a consonant C and one of several sequences of marks."""

    name: str
    marks: tuple[str, ...]
    compat: int
    """How many of its clusters the compat tier has."""


def _with_tone(vowels: str) -> tuple[str, ...]:
    return tuple(vowel + tone for vowel in vowels for tone in TONES)


_I: Final = UPPER_VOWELS[0]
_U, _UU = LOWER_VOWELS

STRUCTURES: Final[tuple[Structure, ...]] = (
    Structure("C", ("",), 42),
    Structure("C + tone", tuple(TONES), 84),
    Structure("C + upper vowel", tuple(UPPER_VOWELS), 127),
    Structure("C + upper vowel + tone", _with_tone(UPPER_VOWELS), 156),
    Structure("C + lower vowel", tuple(LOWER_VOWELS), 65),
    Structure("C + lower vowel + tone", _with_tone(LOWER_VOWELS), 92),
    Structure("C + MAI HAN-AKAT", (MAI_HAN_AKAT,), 36),
    Structure("C + MAI HAN-AKAT + tone", _with_tone(MAI_HAN_AKAT), 49),
    Structure("C + SARA AM", (SARA_AM,), 19),
    Structure("C + tone + SARA AM", tuple(tone + SARA_AM for tone in TONES), 16),
    Structure("C + MAITAIKHU", (MAITAIKHU,), 25),
    Structure("C + THANTHAKHAT", (THANTHAKHAT,), 34),
    Structure("C + SARA I + THANTHAKHAT", (_I + THANTHAKHAT,), 4),
    Structure("C + SARA U + THANTHAKHAT", (_U + THANTHAKHAT,), 1),
    Structure("C + SARA UU + THANTHAKHAT", (_UU + THANTHAKHAT,), 0),
    Structure("C + PHINTHU", (PHINTHU,), 0),
    Structure("C + NIKHAHIT", (NIKHAHIT,), 12),
    Structure("C + SARA I + NIKHAHIT", (_I + NIKHAHIT,), 0),
)
"""All legal clusters with a consonant, 2,332 of them."""

OBSOLETE: Final = "ฃฅ"
_ALONE_IN_COMPAT: Final = LEADING_VOWELS + SARA_AA + "ะๆฯ฿๏" + RU_LU[0]
STAND_ALONE: Final = _ALONE_IN_COMPAT + RU_LU[1] + LAKKHANGYAO + "๚๛" + DIGITS
"""The 26 Thai signs that are a cluster without a consonant."""

FULL_STOP: Final = "."
_ASCII_SYMBOLS: Final = string.punctuation.replace(FULL_STOP, "")
_OTHER_SYMBOLS: Final = "–—‘’“”•…€" + "°±×÷"
"""The symbols that the Thai code page (Windows-874) adds to ASCII and Thai, and four of measurement and arithmetic."""
COMMON: Final = string.ascii_letters + string.digits + _ASCII_SYMBOLS + _OTHER_SYMBOLS

_FREQUENT: Final = 10
"""Occurrences in the Thai National Corpus that let a legal cluster into the standard tier."""
_STARTER_CLUSTERS: Final = 60
_STARTER_MARKS: Final = MAI_HAN_AKAT + UPPER_VOWELS + LOWER_VOWELS + MAITAIKHU + TONES + THANTHAKHAT + SARA_AM

Table = Mapping[str, Usage]


def build_tier(tier: str, table: Table | None = None) -> Dictionary:
    """Return the dictionary of a tier, one of `TIERS`.

    Args:
        tier: A key of `TIERS`.
        table: How often clusters are used; left out: the shipped table.
    """
    return Dictionary(tuple(sorted(TIERS[tier](usage() if table is None else table))))


def legal_clusters() -> frozenset[str]:
    """Return every Thai cluster that the spelling rules allow."""
    return frozenset(STAND_ALONE).union(*(_clusters(each, CONSONANTS) for each in STRUCTURES))


def _clusters(structure: Structure, consonants: Iterable[str]) -> list[str]:
    return [consonant + marks for consonant in consonants for marks in structure.marks]


def _by_use(clusters: Iterable[str], table: Table) -> list[str]:
    """Order clusters by corpus frequency, then code point.

    C + NIKHAHIT, which is what is left of a C + SARA AM that was split and lost its SARA AA, counts as that.
    """

    def rank(cluster: str) -> tuple[int, str]:
        whole = cluster.replace(NIKHAHIT, SARA_AM)
        return (-table[whole].tnc if whole in table else 0, cluster)

    return sorted(clusters, key=rank)


def _compat(table: Table) -> set[str]:
    consonants = [each for each in CONSONANTS if each not in OBSOLETE]
    chosen = (_by_use(_clusters(each, consonants), table)[: each.compat] for each in STRUCTURES)
    return set(_ALONE_IN_COMPAT + COMMON).union(*chosen)


def _standard(table: Table) -> set[str]:
    used = {cluster for cluster, found in table.items() if found.words or found.tnc >= _FREQUENT}
    return _compat(table) | (used & legal_clusters()) | set(STAND_ALONE + FULL_STOP)


def _full(_: Table) -> set[str]:
    return {*legal_clusters(), *COMMON, FULL_STOP}


def _digits(_: Table) -> set[str]:
    return set(DIGITS + string.digits)


def _codepoint(table: Table) -> set[str]:
    return set("".join(_standard(table)))


def _starter(table: Table) -> set[str]:
    legal = legal_clusters()
    marked = _by_use((cluster for cluster in table if len(cluster) > 1 and cluster in legal), table)
    one_per_mark = [next(cluster for cluster in marked if mark in cluster) for mark in _STARTER_MARKS]
    frequent = list(dict.fromkeys([*one_per_mark, *marked]))[:_STARTER_CLUSTERS]
    return {*CONSONANTS, *DIGITS, *frequent}


TIERS: Final[Mapping[str, Callable[[Table], set[str]]]] = {
    "compat": _compat,
    "standard": _standard,
    "full": _full,
    "digits": _digits,
    "codepoint": _codepoint,
    "starter": _starter,
}

SHIPPED: Final[Mapping[str, str]] = {
    "th_dict.txt": "compat",
    "th_dict_standard.txt": "standard",
    "th_dict_full.txt": "full",
    "number_dict.txt": "digits",
    "th_codepoints.txt": "codepoint",
}
"""File in `thai_letters` -> tier."""
