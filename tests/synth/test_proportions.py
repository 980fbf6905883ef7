from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from thaiocr.synth.proportions import SMALLEST, vary
from thaiocr.synth.render import BODY, SIZES, ink_box, typeset


@pytest.mark.parametrize("text", ["กั้", "ญู", "ป", "A", ".", "_", "|"])
def test_all_ink_stays_on_the_page(garuda: Path, text: str) -> None:
    for seed in range(30):
        rng = random.Random(seed)
        page = vary(typeset(text, garuda, 0, rng.choice(SIZES)), rng)
        edges = np.concatenate([page.picture[0], page.picture[-1], page.picture[:, 0], page.picture[:, -1]])
        assert edges.min() == 255, seed
        assert page.picture.min() < 128, seed


def test_letters_still_stand_on_the_baseline(garuda: Path) -> None:
    for seed in range(30):
        page = vary(typeset("ก", garuda, 0, 96), random.Random(seed))
        _, y, _, height = ink_box(page.picture)
        assert abs(y + height - page.baseline) <= 2, seed
        assert abs(height - BODY * page.em) < 0.1 * page.em, seed


def test_marks_move_and_grow_while_the_letter_keeps_its_height(garuda: Path) -> None:
    plain = typeset("กั้", garuda, 0, 96)
    shares = []
    for seed in range(60):
        page = vary(plain, random.Random(seed))
        _, y, _, _ = ink_box(page.picture)
        shares.append((page.baseline - y) / page.em)
    _, y, _, _ = ink_box(plain.picture)
    before = (plain.baseline - y) / plain.em
    assert min(shares) < before - 0.05
    assert max(shares) > before + 0.05


def test_small_letters_do_not_get_smaller(garuda: Path) -> None:
    small = typeset("ก", garuda, 0, 22)
    assert all(vary(small, random.Random(seed)).em >= SMALLEST - 1e-6 for seed in range(30))
    tiny = replace(small, em=12.0)
    assert vary(tiny, random.Random(0)).em == pytest.approx(12.0)
