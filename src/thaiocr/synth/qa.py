"""Which texts a font draws as a reader expects them: a wrong picture is a wrong label.

A text is refused in a font when a character has no glyph, when nothing is drawn, or when a mark stands away from its
letter or runs into what is below it. All is judged from pictures, by what a mark adds to the picture of the text before
it, so any font format and any shaper defect counts. Lengths are in em. The limits were set by looking at pictures out
of 75,000 pairs of font and cluster, of 25 families:

    mark's centre beyond the pen   right fonts up to 0.24   Tlwg Mono, whose marks have a cell of their own: from 0.28
    gap between mark and letter    right fonts below 0.2
    ink of a mark that touches     right fonts up to 0.12   Noto Looped Thai (tone on vowel), Arundina (ศิ์): from 0.15
    ink of a mark that is left     right fonts from 0.55    Noto Looped Thai (tone on vowel): 0.04 to 0.55
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

from thaiocr.synth.fonts import FontFile, open_font
from thaiocr.text.clusters import clusters
from thaiocr.text.thai import LOWER_VOWELS, MAITAIKHU, NIKHAHIT, PHINTHU, SARA_AM, THANTHAKHAT, TONES, is_thai

Picture: TypeAlias = NDArray[np.uint8]
"""[H, W], 0 paper, 255 ink, the pen at (PEN_X, PEN_Y)."""

REASONS: Final[Mapping[str, str]] = {
    "bare": "mark without a letter",
    "missing": "no glyph",
    "blank": "nothing is drawn",
    "detached": "mark away from its letter",
    "merged": "mark runs into another",
    "vanished": "mark is not visible",
}

EM: Final = 64
WIDTH, HEIGHT, PEN_X, PEN_Y = 3 * EM, 3 * EM, EM * 3 // 4, EM * 9 // 4
BELOW: Final = LOWER_VOWELS + PHINTHU
TOPMOST: Final = TONES + MAITAIKHU + THANTHAKHAT + NIKHAHIT
"""Marks that may not touch what is below; upper vowels of heavy fonts lean on ป ฝ ฟ and stay readable."""
MAX_BEYOND_PEN: Final = 0.26
MAX_GAP: Final = 0.3
MAX_CONTACT: Final = 0.12
MIN_INK_ABOVE: Final = 0.5
"""Share of a mark's ink that must be left."""
MIN_INK_BELOW: Final = 0.3
"""The same below the letter, where ญ and ฐ give up their foot to a vowel."""


def check_font(font: FontFile, entries: Iterable[str], cache: Path | None) -> dict[str, str]:
    """Judge the entries in one font.

    Args:
        font: Where the texts are drawn.
        entries: Texts of one cluster or several.
        cache: Folder with the verdicts of earlier runs, or None. A verdict is keyed by the font's bytes, this file's
            source and the versions of the libraries that draw; what is not there or cannot be read is judged again.

    Returns:
        Entry -> "" when it is drawn well, else a key of REASONS.
    """
    file = cache / f"{_key(font)}.verdicts" if cache else None
    known = _read(file) if file else {}
    wanted = list(entries)
    unknown = [entry for entry in wanted if entry not in known]
    if unknown:
        judge = Judge(font)
        known.update((entry, judge.verdict(entry)) for entry in unknown)
        if file:
            _write(file, known)
    return {entry: known[entry] for entry in wanted}


def cache_folder() -> Path:
    """Return the folder of the verdicts: below `$THAIOCR_CACHE`, else below `~/.cache/thaiocr`."""
    configured = os.environ.get("THAIOCR_CACHE")
    return (Path(configured) if configured else Path.home() / ".cache" / "thaiocr") / "font_qa"


class Judge:
    """Looks at one font. Draws each text once."""

    def __init__(self, font: FontFile) -> None:
        self._shaped = open_font(font.path, font.face, EM)
        self._plain = open_font(font.path, font.face, EM, ImageFont.Layout.BASIC)
        self._no_glyph = _draw(self._plain, "\uffff")
        self._pictures: dict[str, Picture] = {}
        self._missing: dict[str, bool] = {}

    def verdict(self, entry: str) -> str:
        """Return "" or a key of REASONS."""
        if entry.startswith(SARA_AM) or unicodedata.category(entry[0]).startswith("M"):
            return "bare"  # shapers put it on a dotted circle, which the label does not name
        if any(self._is_missing(character) for character in entry):
            return "missing"
        if entry.isspace():
            return "" if self._shaped.getlength(entry) > 0 else "blank"
        if not self._picture(entry).any():
            return "blank"
        steps = (step for cluster in clusters(entry) for step in mark_steps(cluster))
        return next((reason for step in steps if (reason := self._mark(*step))), "")

    def _is_missing(self, character: str) -> bool:
        """The BASIC layout maps a character straight to its glyph; a missing one looks like U+FFFF, which none has."""
        if character not in self._missing:
            same = bool(np.array_equal(_draw(self._plain, character), self._no_glyph))
            self._missing[character] = same and not (character.isspace() and not self._no_glyph.any())
        return self._missing[character]

    def _picture(self, text: str) -> Picture:
        if text not in self._pictures:
            self._pictures[text] = _draw(self._shaped, text)
        return self._pictures[text]

    def _mark(self, before: str, after: str, mark: str) -> str:
        """Judge what `mark` adds to `before`."""
        old = self._picture(before)
        added = cv2.subtract(self._picture(after), old)
        ink = _ink(added)
        if ink == 0:
            return "vanished"
        if not is_thai(mark):
            return ""  # other scripts' marks may change the letter itself
        if self._is_detached(added, old, after[0], mark):
            return "detached"
        share = ink / max(1, self._usual_ink(mark))
        if mark in TOPMOST and share < 0.95 and _ink(cv2.min(added, cv2.dilate(old, _AROUND))) > MAX_CONTACT * ink:
            return "merged"
        return "merged" if share < (MIN_INK_BELOW if mark in BELOW else MIN_INK_ABOVE) else ""

    def _is_detached(self, added: MatLike, old: Picture, letter: str, mark: str) -> bool:
        pen = PEN_X + self._shaped.getlength(letter)
        if mark == SARA_AM:  # its circle belongs above the letter, its other half stands beside it
            added = added[: PEN_Y - round(0.62 * EM)]
        moments = cv2.moments(added)
        _, top, _, height = cv2.boundingRect(added)
        _, old_top, _, old_height = cv2.boundingRect(old)
        gap = max(old_top - (top + height), top - (old_top + old_height))
        beyond = moments["m10"] / max(1.0, moments["m00"]) - pen
        return beyond > MAX_BEYOND_PEN * EM or gap > MAX_GAP * EM

    def _usual_ink(self, mark: str) -> int:
        """Return the ink that `mark` adds to ก, or its own where the font has no ก."""
        if self._is_missing("ก"):
            return _ink(_draw(self._plain, mark))
        return _ink(cv2.subtract(self._picture("ก" + mark), self._picture("ก")))


def mark_steps(cluster: str) -> Iterator[tuple[str, str, str]]:
    """Yield (text before, text after, mark) for each mark of a cluster.

    SARA AM comes first, whatever the spelling, because a tone is drawn above its circle.

    >>> list(mark_steps("น้ำ"))
    [('น', 'นำ', 'ำ'), ('นำ', 'น้ำ', '้')]
    """
    tail = SARA_AM if cluster.endswith(SARA_AM) and len(cluster) > 1 else ""
    marks = cluster[1 : len(cluster) - len(tail)]
    text = cluster[:1]
    if tail:
        yield text, text + tail, tail
    for end, mark in enumerate(marks, start=1):
        if unicodedata.category(mark).startswith("M"):
            yield text + marks[: end - 1] + tail, text + marks[:end] + tail, mark


_AROUND: Final = np.ones((3, 3), np.uint8)


def _draw(font: ImageFont.FreeTypeFont, text: str) -> Picture:
    image = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(image).text((PEN_X, PEN_Y), text, font=font, fill=255, anchor="ls")
    return np.asarray(image)


def _ink(picture: MatLike) -> int:
    return int(cv2.sumElems(picture)[0])


def _key(font: FontFile) -> str:
    parts = (font.sha256, str(font.face), _judged_by())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@functools.cache
def _judged_by() -> str:
    libraries = " ".join(f"{name} {features.version(name)}" for name in ("freetype2", "raqm", "fribidi", "harfbuzz"))
    return libraries + hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _read(file: Path) -> dict[str, str]:
    """Return the verdicts of a cache file; none when it is not exactly what `_write` wrote."""
    try:
        digest, _, content = file.read_bytes().partition(b"\n")
    except OSError:
        return {}
    if digest != _digest(content):
        return {}
    known: dict[str, str] = json.loads(content)
    return known


def _write(file: Path, known: Mapping[str, str]) -> None:
    """Replace the file whole; a cache that cannot be written only costs time."""
    part = file.with_suffix(f".{os.getpid()}.part")
    content = json.dumps(known, ensure_ascii=False).encode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(_digest(content) + b"\n" + content)
        part.replace(file)
    except OSError:
        with suppress(OSError):
            part.unlink()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
