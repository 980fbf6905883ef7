"""The fonts that these tests draw with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from thaiocr.synth.families import CheckedFont
from thaiocr.synth.fonts import FontFile, find_fonts
from thaiocr.synth.qa import check_font
from thaiocr.text.clusters import clusters
from thaiocr.text.dictionary import Dictionary

FEW: tuple[tuple[str, str], ...] = (
    ("Garuda", "Regular"),
    ("Kinnari", "Bold"),
    ("Laksaman", "Regular"),
    ("Loma", "Regular"),
    ("Norasi", "Italic"),
    ("Noto Sans Thai", "Regular"),
    ("Sawasdee", "Bold"),
)
ENTRIES = ("ก", "ที่", "น้ำ", "กั้", "ญู่", "ปี", "ผู้", "๕", "A", ".", "เ", "ฐ", "ร์")


@pytest.fixture(scope="session")
def fonts() -> Mapping[tuple[str, str], FontFile]:
    """All font faces of this machine by (family, style)."""
    found = {(font.family, font.style): font for font in find_fonts()}
    missing = [name for name in (*FEW, ("Noto Looped Thai", "Regular"), ("Tlwg Mono", "Regular")) if name not in found]
    assert not missing, f"{missing}: install fonts-thai-tlwg-ttf and fonts-noto-core, as scripts/test does"
    return found


@pytest.fixture(scope="session")
def few(fonts: Mapping[tuple[str, str], FontFile]) -> tuple[str, ...]:
    """Paths of seven fonts of seven families."""
    return tuple(str(fonts[name].path) for name in FEW)


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    return Dictionary(tuple(dict.fromkeys(ENTRIES)))


@pytest.fixture
def garuda(fonts: Mapping[tuple[str, str], FontFile]) -> Path:
    return fonts["Garuda", "Regular"].path


@pytest.fixture(scope="session")
def spelling() -> Dictionary:
    """Entries that spell a few hundred Thai words, numbers and Latin words."""
    thai = (
        "ก ข ค ง จ ช ด ต ถ ท น บ ป พ ม ย ร ล ว ส ห อ า ะ เ แ โ ใ ไ กา น้ำ ที่ นี่ ปี มี ดี สี รู้ ผู้ อยู่ ยู่ ปู่ ได้ ม่ ต้ ห้ ว่ วั นั ตั กั จั รั"
    )
    other = '0123456789.,-:/%()“”"!?ๆฯ฿๐๑๒๓๔๕๖๗๘๙ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    return Dictionary(tuple(dict.fromkeys([*clusters("".join(thai.split())), *other])))


@pytest.fixture(scope="session")
def pen_fonts(fonts: Mapping[tuple[str, str], FontFile], spelling: Dictionary) -> tuple[CheckedFont, ...]:
    """Noto Sans Thai, which lacks Latin letters, and Garuda."""
    texts = [*spelling.entries, "ฐิ์", "กี้", "ฎุ", "中"]
    files = (fonts["Noto Sans Thai", "Regular"], fonts["Garuda", "Regular"])
    return tuple(CheckedFont.of(file, check_font(file, texts, None)) for file in files)
