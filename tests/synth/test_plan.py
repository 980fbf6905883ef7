from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.synth.families import CheckedFont, Splits, assign, group
from thaiocr.synth.fonts import FontFile, find_fonts
from thaiocr.synth.heldout import HELD_OUT
from thaiocr.synth.plan import FontChooser, Options, balanced, by_frequency, make_plan, mixed, what_to_draw
from thaiocr.synth.qa import check_font
from thaiocr.text.dictionary import Dictionary, builtin


@pytest.fixture(scope="module")
def splits(few: tuple[str, ...], dictionary: Dictionary) -> Splits:
    fonts = find_fonts([Path(path) for path in few])
    return assign(
        group([CheckedFont.of(font, check_font(font, dictionary.entries, None)) for font in fonts], dictionary.entries),
        0,
    )


@given(st.integers(1, 40), st.integers(0, 500), st.integers(0, 9))
def test_every_class_is_as_frequent_as_any_other(classes: int, count: int, seed: int) -> None:
    entries = [chr(0x4E00 + number) for number in range(classes)]
    counts = Counter(dict.fromkeys(entries, 0))
    counts.update(balanced(entries, count, random.Random(seed)))
    assert counts.total() == count
    assert max(counts.values()) - min(counts.values()) <= 1


def test_labels_come_in_no_order() -> None:
    texts = balanced([str(number) for number in range(50)], 500, random.Random(0))
    assert texts[:50] != sorted(texts[:50])
    assert len(set(texts[:50])) < 50


def test_frequency_sampling_shows_every_class_and_common_ones_more_often() -> None:
    entries = Dictionary.load(builtin("th_dict.txt")).entries
    counts = Counter(by_frequency(entries, 20_000, random.Random(0)))
    assert counts.keys() == set(entries)
    assert counts.total() == 20_000
    assert counts["า"] > 20 * counts["ฎู"]


def test_mixed_sampling_is_half_balanced_and_half_by_frequency() -> None:
    entries = Dictionary.load(builtin("th_dict.txt")).entries
    counts = Counter(mixed(entries, 20_000, random.Random(0)))
    assert counts.total() == 20_000
    assert min(counts[entry] for entry in entries) >= 10_000 // len(entries)
    assert counts["า"] > 20 * counts["ฎู"]


def test_val_and_test_show_each_entry_as_often_however_train_is_sampled(splits: Splits, dictionary: Dictionary) -> None:
    options = Options(count=200, val_count=52, test_count=52, sampling="frequency")
    train, *others = make_plan(options, dictionary, splits).splits
    assert max(train.shown.values()) > 2 * min(train.shown.values())
    for split in others:
        assert max(split.shown.values()) - min(split.shown.values()) <= 1


def test_a_plan_depends_on_options_and_fonts_alone(splits: Splits, dictionary: Dictionary) -> None:
    options = Options(count=50, val_count=5, test_count=5, seed=3)
    assert make_plan(options, dictionary, splits) == make_plan(options, dictionary, splits)
    other = make_plan(Options(count=50, val_count=5, test_count=5, seed=4), dictionary, splits)
    assert make_plan(options, dictionary, splits).splits[0].jobs != other.splits[0].jobs


def test_images_show_only_what_their_font_draws(splits: Splits, dictionary: Dictionary) -> None:
    plan = make_plan(Options(count=400, val_count=40, test_count=40, test_sets=True), dictionary, splits)
    drawn = {font.file: font.drawn for split in plan.splits for family in split.families for font in family.fonts}
    for split in plan.splits:
        own = {font.file for family in split.families for font in family.fonts}
        for job in split.jobs:
            assert plan.fonts[job.font] in own
            assert job.text in drawn[plan.fonts[job.font]]


def test_test_sets_use_the_fonts_and_the_damage_of_their_definition(splits: Splits, dictionary: Dictionary) -> None:
    plan = make_plan(Options(count=20, val_count=5, test_count=5, test_sets=True), dictionary, splits)
    found = {
        split.name: (split.families, split.evaluation_set, bool({*split.recipe.on_top} & {*HELD_OUT}))
        for split in plan.splits
    }
    assert found == {
        "train": (splits.train, "", False),
        "val": (splits.val, "B", False),
        "test": (splits.test, "B", False),
        "test_A": (splits.train, "A", False),
        "test_B": (splits.test, "B", False),
        "test_C": (splits.train, "C", True),
        "test_D": (splits.test, "D", True),
    }


def test_entries_without_an_image_are_named(splits: Splits, dictionary: Dictionary) -> None:
    more = Dictionary((*dictionary.entries, "中", " "))
    plan = make_plan(Options(count=100, val_count=1, test_count=0), more, splits)
    train, val, test = plan.splits
    assert plan.without_image(train) == ("中",)
    assert len(plan.without_image(val)) == len(more) - 2
    assert test.jobs == ()


def test_families_count_as_one_however_many_fonts_they_have(fonts: Mapping[tuple[str, str], FontFile]) -> None:
    files = [font for (family, _), font in fonts.items() if family in ("Garuda", "Umpush")]
    families = group([CheckedFont.of(font, check_font(font, ["ก", "ข", "ค"], None)) for font in files], ["ก", "ข", "ค"])
    assert [(family.name, len(family.fonts)) for family in families] == [("Garuda", 4), ("Umpush", 6)]
    numbers = {font.file: number for number, font in enumerate(families[0].fonts + families[1].fonts)}
    chooser, rng = FontChooser(families, numbers), random.Random(0)
    garuda = sum((chooser.choose(frozenset("ก"), rng) or 0) < 4 for _ in range(1000))
    assert 440 < garuda < 560
    assert chooser.choose(frozenset("中"), rng) is None


def test_fonts_are_judged_on_clusters_also_where_the_dictionary_has_code_points() -> None:
    letters = Dictionary(tuple("กขคงจชดตทนบปผพมยรลวสหอิีุูัะาเแ่้"))
    assert "ที่" not in what_to_draw(Options(count=1, val_count=0, test_count=0), letters)
    assert "ที่" in what_to_draw(Options(count=1, val_count=0, test_count=0, mode="line"), letters)
