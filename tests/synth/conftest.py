"""The fonts that these tests draw with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from thaiocr.synth.fonts import FontFile, find_fonts
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
