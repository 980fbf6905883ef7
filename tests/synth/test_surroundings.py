from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from thaiocr.synth.render import Page, Picture, choose_frame, cut, typeset
from thaiocr.synth.surroundings import GAP, INTRUDERS, LATIN, MOST, THAI, intrude

SIZE = 64


def intruded(page: Page, rng: random.Random, name: str) -> tuple[Picture, Picture]:
    """The crop before and after one kind of intruder."""
    frame = choose_frame(page, rng)
    before = cut(page.picture, frame)
    after = before.copy()
    INTRUDERS[name](after, page, frame, rng, THAI)
    return before, after


@pytest.mark.parametrize("name", INTRUDERS)
def test_what_intrudes_never_touches_the_text(garuda: Path, name: str) -> None:
    page = typeset("กั้", garuda, 0, SIZE)
    changed = 0
    for seed in range(60):
        before, after = intruded(page, random.Random(seed), name)
        added = np.argwhere(before != after)
        changed += len(added) > 0
        near = np.zeros_like(before, dtype=bool)
        rows, columns = np.where(before < 200)
        near[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
        assert not near[before != after].any(), seed
    assert changed > 5


@pytest.mark.parametrize("name", ["left", "right", "above", "below"])
def test_a_neighbour_is_cut_off_before_it_can_be_read(garuda: Path, name: str) -> None:
    page = typeset("ก", garuda, 0, SIZE)
    for seed in range(60):
        before, after = intruded(page, random.Random(seed), name)
        rows, columns = np.where(before != after)
        if not len(rows):
            continue
        depth = {
            "left": columns.max() + 1,
            "right": before.shape[1] - columns.min(),
            "above": rows.max() + 1,
            "below": before.shape[0] - rows.min(),
        }[name]
        assert depth <= MOST["beside" if name in ("left", "right") else "above"] * SIZE + 1, seed


def test_a_tight_crop_stays_as_it_is(garuda: Path) -> None:
    page = typeset("ก", garuda, 0, SIZE)
    frame = next(
        frame
        for frame in (choose_frame(page, random.Random(seed)) for seed in range(200))
        if max(frame.ink[0] - frame.left, frame.right - frame.ink[0] - frame.ink[2]) < GAP * SIZE
        and max(frame.ink[1] - frame.top, frame.bottom - frame.ink[1] - frame.ink[3]) < GAP * SIZE
    )
    picture = cut(page.picture, frame)
    assert all(np.array_equal(picture, intrude(picture, page, frame, random.Random(seed))) for seed in range(30))


def test_latin_text_has_latin_neighbours(garuda: Path) -> None:
    """A font of Latin letters alone would draw boxes for Thai ones."""
    assert LATIN.isascii()
    assert not THAI.isascii()
    page = typeset("A", garuda, 0, SIZE)
    rng = random.Random(1)
    frame = choose_frame(page, rng)
    assert intrude(cut(page.picture, frame), page, frame, rng).dtype == np.uint8
