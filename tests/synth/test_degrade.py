from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from thaiocr.synth.degrade import SHAPE, SURFACE
from thaiocr.synth.heldout import HELD_OUT
from thaiocr.synth.marks import MARKS
from thaiocr.synth.recipes import EFFECTS, PRESETS, VARIETY, Recipe, damage, judged, make_picture, unseen
from thaiocr.synth.render import Picture, crop, typeset

ALL = {**SHAPE, **MARKS, **SURFACE, **HELD_OUT}
REFERENCE = {"rotation", "brightness", "contrast", "blur", "noise", "jpeg"}
"""The eight effects of the reference without padding and position, which are the crop's margins."""


@pytest.fixture
def picture(garuda: Path) -> Picture:
    return crop(typeset("กี่", garuda, 0, 56), random.Random(0))


@pytest.mark.parametrize("name", ALL)
def test_an_effect_depends_on_its_random_state_alone(picture: Picture, name: str) -> None:
    before = picture.copy()
    once, again = (ALL[name](picture, 56, random.Random(4), 0.8) for _ in range(2))
    assert once.dtype == np.uint8
    assert np.array_equal(once, again)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("name", [*SHAPE, *MARKS, *SURFACE])
def test_strength_is_how_much_an_effect_changes(picture: Picture, name: str) -> None:
    def change(strength: float) -> float:
        results = [ALL[name](picture, 56, random.Random(seed), strength) for seed in range(10)]
        if name == "downscale":
            return float(np.mean([1 - result.size / picture.size for result in results]))
        return float(np.mean([np.abs(result.astype(int) - picture.astype(int)).mean() for result in results]))

    assert change(0.1) < change(1.0)


@pytest.mark.parametrize("name", [name for name in ALL if name != "downscale"])
def test_the_size_stays(picture: Picture, name: str) -> None:
    assert ALL[name](picture, 56, random.Random(1), 1.0).shape == picture.shape


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [28, 96])
def test_ink_stays_darker_than_the_paper_round_it_at_full_strength(garuda: Path, name: str, size: int) -> None:
    for seed in range(15):
        rng = random.Random(seed)
        page = typeset("กั้", garuda, 0, size)
        result = damage(page, {name: 1.0}, rng)
        dark, light = np.percentile(result, 2), np.percentile(result, 75)
        assert light - dark > 60, (name, seed)


def test_downscaling_leaves_26_rows(garuda: Path) -> None:
    for seed in range(50):
        result = damage(typeset("กี่", garuda, 0, 66), {"downscale": 1.0}, random.Random(seed))
        assert result.shape[0] >= 26


def test_worn_ink_leaves_the_paper_as_it_is(picture: Picture) -> None:
    for seed in range(20):
        result = ALL["worn"](picture, 56, random.Random(seed), 1.0)
        assert np.array_equal(result[picture == 255], picture[picture == 255])
        assert (result >= picture).all()


@pytest.mark.parametrize("text", ["กั้", "ที่นี่มีอาหารไทยอร่อยมากมาย" * 2])
def test_bending_leaves_all_ink_on_the_page(garuda: Path, text: str) -> None:
    """However strong, and all kinds after each other, as strong as a recipe makes them together."""
    page = typeset(text, garuda, 0, 40)
    for names, strength in (
        (("rotation",), 1.0),
        (("perspective",), 1.0),
        (("elastic", "rotation", "perspective"), 0.7),
    ):
        for seed in range(20):
            bent, rng = page.picture, random.Random(seed)
            for name in names:
                bent = SHAPE[name](bent, 40, rng, strength)
            assert np.concatenate([bent[0], bent[-1], bent[:, 0], bent[:, -1]]).min() > 250, (names, seed)


@pytest.mark.parametrize("effect", [*MARKS.values(), *SURFACE.values()])
def test_pictures_larger_than_the_noise_tile_and_as_small_as_a_dot_work(
    effect: Callable[[Picture, float, random.Random, float], Picture],
) -> None:
    for shape in ((3, 2), (40, 2500)):
        assert min(effect(np.full(shape, 255, np.uint8), 32, random.Random(0), 1.0).shape) > 0


def test_held_out_kinds_are_in_no_preset() -> None:
    for preset in PRESETS.values():
        assert not {*preset.effects, *preset.on_top} & HELD_OUT.keys()


def test_half_of_the_pictures_of_documents_have_a_mark_of_either_kind() -> None:
    drawn = [PRESETS["document"].draw(random.Random(seed)) for seed in range(2000)]
    for name in MARKS:
        assert 0.22 < sum(name in effects for effects in drawn) / len(drawn) < 0.28


def test_the_photo_preset_has_the_effects_of_the_reference_and_the_real_ones() -> None:
    assert set(PRESETS["photo"].effects) == {*SHAPE, *SURFACE} >= REFERENCE


def test_a_recipe_draws_all_its_effects_and_no_more_than_it_says() -> None:
    recipe = PRESETS["photo"]
    drawn = [recipe.draw(random.Random(seed)) for seed in range(500)]
    assert {name for effects in drawn for name in effects} == {*recipe.effects, *recipe.variety}
    assert {len(effects.keys() - VARIETY) for effects in drawn} == set(range(recipe.most + 1))
    assert all(list(effects) == [name for name in EFFECTS if name in effects] for effects in drawn)


def test_a_model_is_judged_on_letters_in_the_proportions_of_their_fonts() -> None:
    for recipe in (judged(PRESETS["photo"]), unseen(PRESETS["photo"])):
        drawn = {name for seed in range(200) for name in recipe.draw(random.Random(seed))}
        assert "proportions" not in drawn
        assert {"inverted", "coloured"} <= drawn


@pytest.mark.parametrize("preset", PRESETS)
def test_unseen_damage_is_one_held_out_kind_each(preset: str) -> None:
    drawn = [unseen(PRESETS[preset]).draw(random.Random(seed)) for seed in range(200)]
    assert all(len(effects.keys() & HELD_OUT.keys()) == 1 for effects in drawn)
    assert {name for effects in drawn for name in effects} >= set(HELD_OUT)


def test_clean_pictures_are_black_on_white(garuda: Path) -> None:
    picture, effects = make_picture("กี่", garuda, 0, PRESETS["clean"], random.Random(3))
    assert effects == {}
    assert (picture.min(), picture.max()) == (0, 255)


def test_many_effects_are_weaker_each() -> None:
    alone = Recipe(effects={"blur": 1.0}, most=1)
    together = Recipe(effects=dict.fromkeys((*SHAPE, *SURFACE), 1.0), most=14)
    strongest = max(alone.draw(random.Random(seed)).get("blur", 0) for seed in range(200))
    crowded = [effects for seed in range(300) if len(effects := together.draw(random.Random(seed))) > 10]
    assert max(max(effects.values()) for effects in crowded) < 0.45 < strongest
