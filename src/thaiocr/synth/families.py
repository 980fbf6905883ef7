"""Fonts that are used, in families, and which families train, validate and test.

A family is held out as a whole, and with it every family that draws the same letters under another name, Thai ones
(Tlwg Typist and Tlwg Typo) or others (the Latin of Kinnari and Norasi): otherwise a model is tested on letters that it
was trained on.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from thaiocr.errors import EnvironmentProblem, UsageError, did_you_mean
from thaiocr.synth.fonts import HOW_TO_GET_FONTS, FontFile, open_font
from thaiocr.text.thai import is_thai

USED_FROM: Final = 0.5
"""A family is used when one of its fonts draws this share of the texts; fonts of other scripts would add Latin only."""
SAME_LETTERS: Final[Mapping[bool, float]] = {True: 0.03, False: 0.02}
"""Difference of grey values (0 … 1) below which two fonts are one design: Thai letters, others. Measured: renamed fonts
up to 0.001, the closest different designs 0.055 (Thai, Kanit and Prompt); the same Latin letters up to 0.007, different
ones from 0.037."""
TEST_SHARE: Final = 0.2
VAL_SHARE: Final = 0.1
JOIN: Final = " + "
STYLES: Final[Mapping[str, tuple[str, ...]]] = {
    "looped": (
        "Arundina Sans", "Arundina Sans Mono", "Bai Jamjuree", "Chakra Petch", "Garuda", "Google Sans",
        "IBM Plex Sans Thai Looped", "K2D", "KoHo", "Kodchasan", "Krub", "Laksaman", "Loma", "Niramit",
        "Noto Looped Thai", "Noto Sans Thai Looped", "Sarabun", "Tlwg Mono", "Tlwg Typewriter", "Tlwg Typist",
        "Tlwg Typo", "Umpush", "Waree",
    ),
    "loopless": (
        "Anuphan", "Athiti", "Chonburi", "IBM Plex Sans Thai", "Kanit", "Mitr", "Noto Sans Thai", "Prompt", "Sawasdee",
    ),
    "serif": (
        "Arundina Serif", "Fahkwang", "Kinnari", "Maitree", "Noto Serif Thai", "Norasi", "Pridi", "Taviraj", "Trirong",
    ),
    "hand": ("Charm", "Charmonman", "Itim", "Mali", "Pattaya", "Playpen Sans Thai", "Purisa", "Sriracha", "Srisakdi"),
}  # fmt: skip
"""Families by what their letters look like, so that a model is tested on every style and trained on every style. A
family that is not named here counts as of the style ""."""
_STYLE_OF: Final = {name: style for style, names in STYLES.items() for name in names}


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedFont:
    """A font face and what the QA said."""

    file: FontFile
    refused: Mapping[str, str]
    """Entry -> key of `qa.REASONS`."""
    drawn: frozenset[str]

    @classmethod
    def of(cls, file: FontFile, verdicts: Mapping[str, str]) -> CheckedFont:
        """Split the verdicts of `qa.check_font`."""
        refused = {entry: reason for entry, reason in verdicts.items() if reason}
        return cls(file=file, refused=refused, drawn=frozenset(verdicts) - frozenset(refused))


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Fonts that stay together in one split."""

    name: str
    """Of one family, or of several with the same letters, joined by JOIN."""
    fonts: tuple[CheckedFont, ...]

    @property
    def drawn(self) -> frozenset[str]:
        """What at least one of the fonts draws."""
        return frozenset().union(*(font.drawn for font in self.fonts))

    @property
    def style(self) -> str:
        """A key of STYLES, or "" when no style is known."""
        return _STYLE_OF.get(self.fonts[0].file.family, "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Splits:
    """Which families are used for what; no family is in two of them."""

    train: tuple[Family, ...]
    val: tuple[Family, ...]
    test: tuple[Family, ...]


def group(fonts: Sequence[CheckedFont], entries: Sequence[str]) -> list[Family]:
    """Choose the fonts that are worth using and put them into families, sorted by name.

    Of two fonts that draw the same, one is kept.
    """
    by_name: dict[str, list[CheckedFont]] = {}
    for font in sorted(fonts, key=lambda font: font.file):
        by_name.setdefault(font.file.family, []).append(font)
    used = {
        name: [font for font in members if font.drawn]
        for name, members in by_name.items()
        if max(len(font.drawn) for font in members) >= USED_FROM * len(entries)
    }
    fonts = [font for members in used.values() for font in members]
    samples = {thai: _sample(fonts, [entry for entry in entries if is_thai(entry) == thai]) for thai in SAME_LETTERS}
    looks = {font.file: Look.of(font.file, font.drawn & (samples[True] | samples[False])) for font in fonts}
    distinct = {name: _without_twins(members, looks) for name, members in used.items()}
    scripts = {thai: {file: look.only(sample) for file, look in looks.items()} for thai, sample in samples.items()}
    return _merge(distinct, scripts)


def assign(families: Sequence[Family], seed: int, test: Sequence[str] = ()) -> Splits:
    """Deal families out to train, val and test, by `seed`.

    A family leaves train only if the others draw everything without it and one of them has its style, as long as there
    is such a family. Styles take turns in being held out.

    Args:
        families: All.
        seed: Decides.
        test: Names of the families to test, with all that have the same letters; none leaves it to `seed`.

    Raises:
        EnvironmentProblem: there are fewer than 3 families.
        UsageError: a name is none of a family, or too few are left for train and val.
    """
    if len(families) < 3:
        names = ", ".join(family.name for family in families) or "none"
        raise EnvironmentProblem(
            f"found {len(families)} font families that draw this dictionary ({names}), "
            "but train, val and test need one each; "
            f"{HOW_TO_GET_FONTS}"
        )
    train = sorted(families, key=lambda family: family.name)
    random.Random(f"{seed}/families").shuffle(train)
    held_out: dict[str, list[Family]] = {"test": _named(families, test), "val": []}
    train = [family for family in train if family not in held_out["test"]]
    if len(train) < 2:
        raise UsageError(f"of {len(families)} font families only {len(train)} are left for train and val")
    test_count = 0 if test else max(1, round(TEST_SHARE * len(families)))
    for split, count in (("test", test_count), ("val", max(1, round(VAL_SHARE * len(families))))):
        for _ in range(count):
            leaving = _least_missed(train, held_out[split])
            train.remove(leaving)
            held_out[split].append(leaving)
    by_name = {
        name: tuple(sorted(some, key=lambda family: family.name))
        for name, some in (held_out | {"train": train}).items()
    }
    return Splits(**by_name)


def _named(families: Sequence[Family], names: Sequence[str]) -> list[Family]:
    members = {name: family for family in families for name in family.name.split(JOIN)}
    if unknown := [
        f"{name}: no font family here{did_you_mean(name, members)}" for name in names if name not in members
    ]:
        raise UsageError(unknown)
    return list({members[name].name: members[name] for name in names}.values())


@dataclass(frozen=True, slots=True)
class Look:
    """What some entries look like in a font, without regard to size and place."""

    entries: tuple[str, ...]
    pictures: NDArray[np.float32]
    """[entry, 24, 24], 0 paper … 1 ink."""

    @classmethod
    def of(cls, font: FontFile, entries: Iterable[str]) -> Look:
        """Draw entries, each scaled to the same square."""
        opened = open_font(font.path, font.face, 64)
        inks = {entry: _ink(opened, entry) for entry in sorted(entries)}
        inks = {entry: ink for entry, ink in inks.items() if ink.size}
        squares = [cv2.resize(ink, (24, 24), interpolation=cv2.INTER_AREA) for ink in inks.values()]
        return cls(tuple(inks), np.array(squares, np.float32).reshape(-1, 24, 24) / np.float32(255))

    def only(self, entries: frozenset[str]) -> Look:
        """Leave out what is not among `entries`."""
        places = [place for place, entry in enumerate(self.entries) if entry in entries]
        return Look(tuple(self.entries[place] for place in places), self.pictures[places])


def difference(one: Look, other: Look) -> float:
    """Return the median, over the entries that both draw, of their mean difference; infinite for fewer than 3."""
    if one.entries != other.entries:
        common = frozenset(one.entries) & frozenset(other.entries)
        one, other = one.only(common), other.only(common)
    if len(one.entries) < 3:
        return math.inf
    return float(np.median(np.abs(one.pictures - other.pictures).mean((1, 2))))


def _ink(font: ImageFont.FreeTypeFont, text: str) -> NDArray[np.uint8]:
    mask, _ = font.getmask2(text, mode="L")
    picture = np.frombuffer(bytes(mask), np.uint8).reshape(mask.size[::-1])
    x, y, width, height = cv2.boundingRect((picture > 60).astype(np.uint8))
    return picture[y : y + height, x : x + width]


def _sample(fonts: Sequence[CheckedFont], entries: Sequence[str], size: int = 16) -> frozenset[str]:
    """Return entries that many fonts draw, spread over the dictionary; plain letters, if there are enough of them."""
    drawn_by = Counter(entry for font in fonts for entry in font.drawn)
    most = max((drawn_by[entry] for entry in entries), default=0)
    common = [entry for entry in entries if drawn_by[entry] * 2 > most and not entry.isspace()]
    letters = [entry for entry in common if len(entry) == 1 and entry.isalnum()]
    pool = letters if len(letters) >= size else common
    return frozenset(pool[:: max(1, len(pool) // size)])


def _without_twins(fonts: Sequence[CheckedFont], looks: Mapping[FontFile, Look]) -> list[CheckedFont]:
    kept: list[CheckedFont] = []
    for font in fonts:
        if not any(
            font.drawn == other.drawn and difference(looks[font.file], looks[other.file]) < 1e-4 for other in kept
        ):
            kept.append(font)
    return kept


def _merge(
    by_name: Mapping[str, Sequence[CheckedFont]], scripts: Mapping[bool, Mapping[FontFile, Look]]
) -> list[Family]:
    groups = [[name] for name in by_name]
    for one, other in itertools.combinations(by_name, 2):
        pairs = [(a.file, b.file) for a, b in itertools.product(by_name[one], by_name[other])]
        if any(
            difference(looks[a], looks[b]) < SAME_LETTERS[thai] for thai, looks in scripts.items() for a, b in pairs
        ):
            together = [each for each in groups if one in each or other in each]
            groups = [each for each in groups if each not in together] + [sorted(itertools.chain(*together))]
    families = [
        Family(name=JOIN.join(names), fonts=tuple(font for name in names for font in by_name[name])) for names in groups
    ]
    return sorted(families, key=lambda family: family.name)


def _least_missed(train: Sequence[Family], held_out: Sequence[Family]) -> Family:
    """Return the first family that costs train the fewest entries and no style, and adds most to the held-out ones.

    What they lack counts in tenths of all entries: chance, not a stray symbol, decides between similar families.
    """
    drawn_by = Counter(entry for family in train for entry in family.drawn)
    there = frozenset().union(*(family.drawn for family in held_out))
    trained, tested = (Counter(family.style for family in some) for some in (train, held_out))

    def cost(family: Family) -> tuple[int, bool, int, int]:
        lost = sum(drawn_by[entry] == 1 for entry in family.drawn)
        lacking = len(drawn_by.keys() - there - family.drawn)
        return lost, trained[family.style] == 1, tested[family.style], round(10 * lacking / max(1, len(drawn_by)))

    return min(train, key=cost)
