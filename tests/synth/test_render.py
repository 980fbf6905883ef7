from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from thaiocr.synth.fonts import FontFile
from thaiocr.synth.render import BODY, LINE_SIZES, SIZES, crop, ink_box, typeset

TEXTS = ("ก", "กั้", "น้ำ", "ฎู", "ปี้", "ๆ", ".", "-", "'", "|", "_", "°", "W")


def test_a_crop_holds_all_ink(garuda: Path) -> None:
    for text in TEXTS:
        for number in range(40):
            rng = random.Random(f"{text}{number}")
            page = typeset(text, garuda, 0, rng.choice(SIZES), start=rng.random())
            picture = crop(page, rng)
            lost = (255 - page.picture.astype(int)).sum() - (255 - picture.astype(int)).sum()
            assert 0 <= lost <= 55 * sum(picture.shape), (text, number)  # at most the palest pixels of the edge


def test_crops_are_tight_or_wide_but_no_higher_than_a_tone_mark_can_bear(garuda: Path) -> None:
    heights, sides = [], []
    for number in range(300):
        page = typeset("กั้", garuda, 0, 96)
        picture = crop(page, random.Random(number))
        x, _, width, height = ink_box(picture)
        heights.append(picture.shape[0] / height)
        sides += [x / 96, (picture.shape[1] - x - width) / 96]
    assert min(heights) < 1.05
    assert 1.35 < max(heights) <= 2.0 * 96 / height + 0.05
    assert min(sides) < 0.02
    assert 0.7 < max(sides) < 0.82


def test_latin_letters_mostly_keep_their_place_on_the_line(garuda: Path) -> None:
    """Else `o` and `O`, `s` and `S` are the same picture."""
    page = typeset("o", garuda, 0, 64)
    high = [crop(page, random.Random(number)).shape[0] >= BODY * 64 for number in range(200)]
    assert sum(high) > 0.85 * len(high)


def test_where_a_letter_begins_between_two_pixels_changes_its_edges(garuda: Path) -> None:
    one, other = (typeset("ก", garuda, 0, 40, start=start).picture for start in (0.0, 0.5))
    assert not np.array_equal(one, other)


def test_low_ink_keeps_its_place_on_the_line(garuda: Path) -> None:
    """Else a full stop, a hyphen and an apostrophe are the same picture."""
    places = {}
    for text in (".", "-", "'"):
        shares = []
        for number in range(100):
            picture = crop(typeset(text, garuda, 0, 48), random.Random(number))
            assert picture.shape[0] >= BODY * 48
            _, y, _, height = ink_box(picture)
            shares.append((y + height / 2) / picture.shape[0])
        places[text] = (min(shares), max(shares))
    assert places["'"][1] < places["-"][0] + 0.15
    assert places["-"][1] < places["."][0] + 0.15


def test_lines_keep_room_for_the_marks_of_a_line(garuda: Path) -> None:
    for text in ("นก", "ที่นี่", "..."):
        picture = crop(typeset(text, garuda, 0, 40), random.Random(1), line=True)
        assert picture.shape[0] >= BODY * 40


@settings(max_examples=30, deadline=None)
@given(st.text("กขิีุู้่ำเaAg., ", min_size=1, max_size=12), st.sampled_from((*SIZES, *LINE_SIZES)), st.integers(0, 9))
def test_any_text_has_a_crop(few: tuple[str, ...], text: str, size: int, seed: int) -> None:
    picture = crop(typeset(text, Path(few[0]), 0, size), random.Random(seed), line=True)
    assert picture.dtype == np.uint8
    assert min(picture.shape) > 0


def test_shaping_puts_a_tone_above_its_vowel(fonts: dict[tuple[str, str], FontFile]) -> None:
    """What Pillow's BASIC layout gets wrong."""
    font = fonts["Sawasdee", "Regular"]
    _, _, _, low = ink_box(typeset("ก่", font.path, 0, 96).picture)
    _, _, _, high = ink_box(typeset("กี่", font.path, 0, 96).picture)
    assert high > low + 5
