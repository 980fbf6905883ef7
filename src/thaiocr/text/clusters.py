"""Grapheme clusters: what a reader takes for one character, and the parts that it is made of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import regex

from thaiocr.text.thai import (
    LOWER_VOWELS,
    MAI_HAN_AKAT,
    MAITAIKHU,
    NIKHAHIT,
    PHINTHU,
    SARA_AM,
    THANTHAKHAT,
    TONES,
    UPPER_VOWELS,
)

_CLUSTER: Final = regex.compile(r"\X")

_PLAIN: Final = re.compile("[ -~\u0e00-\u0e7f]*")
"""Thai and printable ASCII only. There a cluster is any character with the marks and SARA AM that follow it, which the
standard library finds in half the time: nothing in these two ranges joins in another way."""
_PLAIN_CLUSTER: Final = re.compile(".[\u0e31\u0e33-\u0e3a\u0e47-\u0e4e]*")

_THAI_SLOTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(MAI_HAN_AKAT + UPPER_VOWELS + LOWER_VOWELS + PHINTHU, "vowel"),
    **dict.fromkeys(TONES + MAITAIKHU + THANTHAKHAT + NIKHAHIT, "tone"),
    SARA_AM: "am",
}

_NAMELESS: Final = {"Cc": "control character", "Cs": "surrogate", "Co": "private use", "Cn": "unassigned"}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a cluster is made of; "" where it has no such part."""

    base: str
    vowel: str
    """Upper or lower vowel; in other scripts the first combining mark."""
    tone: str
    """Tone mark, MAITAIKHU, THANTHAKHAT or NIKHAHIT; in other scripts the other combining marks."""
    am: str
    """SARA AM."""


def clusters(text: str) -> list[str]:
    """Split a text into extended grapheme clusters (Unicode Standard Annex #29)."""
    found: list[str] = (_PLAIN_CLUSTER if _PLAIN.fullmatch(text) else _CLUSTER).findall(text)
    return found


def parts(cluster: str) -> Parts:
    """Take a cluster apart: กั้ is ก, ั, ้ and no SARA AM; น้ำ is น, no vowel, ้ and ำ; ᾧ is ω and two other parts.

    Everything that is no combining mark is the base, so that a dictionary entry of any length has parts.
    """
    slots = {"base": "", "vowel": "", "tone": "", "am": ""}
    for character in unicodedata.normalize("NFD", cluster):
        slots[_THAI_SLOTS.get(character) or _slot(character, slots["vowel"])] += character
    return Parts(**slots)


def _slot(character: str, vowel: str) -> str:
    if not unicodedata.category(character).startswith("M"):
        return "base"
    return "tone" if vowel else "vowel"


def describe(text: str) -> str:
    """Name a text so that nobody has to guess what it is: `'ฃ' (U+0E03 THAI CHARACTER KHO KHUAT)`."""
    names = " + ".join(f"U+{ord(character):04X} {_name(character)}" for character in text)
    return f"'{printable(text)}' ({names})"


def _name(character: str) -> str:
    return unicodedata.name(character, "") or _NAMELESS.get(unicodedata.category(character), "unnamed")


def printable(text: str) -> str:
    """Return a text with escapes, as in Python source, for what cannot be shown."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
