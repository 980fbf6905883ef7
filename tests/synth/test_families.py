from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.synth.families import STYLES, CheckedFont, Family, Splits, assign, group
from thaiocr.synth.fonts import FontFile, find_fonts
from thaiocr.synth.qa import check_font

Fonts = Mapping[tuple[str, str], FontFile]
ENTRIES = (*"กขคงจชดตทนบปผพมยรลวสหอ", "กี่", "น้ำ")


def checked(*files: FontFile) -> list[CheckedFont]:
    return [CheckedFont.of(file, check_font(file, ENTRIES, None)) for file in files]


def family(name: str, drawn: str) -> Family:
    file = FontFile(family=name, style="", sha256=name, face=0, path=Path(name))
    return Family(name=name, fonts=(CheckedFont(file=file, refused={}, drawn=frozenset(drawn)),))


def names(splits: Splits) -> list[set[str]]:
    return [{each.name for each in some} for some in (splits.train, splits.val, splits.test)]


def test_styles_of_a_family_stay_together(fonts: Fonts) -> None:
    (only,) = group(checked(fonts["Garuda", "Regular"], fonts["Garuda", "Bold"]), ENTRIES)
    assert (only.name, len(only.fonts)) == ("Garuda", 2)


def test_families_with_the_same_letters_are_one(fonts: Fonts) -> None:
    found = group(
        checked(fonts["Tlwg Typist", "Regular"], fonts["Tlwg Typo", "Regular"], fonts["Loma", "Bold"]), ENTRIES
    )
    assert [each.name for each in found] == ["Loma", "Tlwg Typist + Tlwg Typo"]


def test_a_renamed_copy_does_not_make_a_second_family(fonts: Fonts, tmp_path: Path) -> None:
    font = TTFont(fonts["Garuda", "Regular"].path)
    for record in font["name"].names:
        record.string = "Copycat" if record.nameID in (1, 16, 21) else record.toUnicode()
    font.save(tmp_path / "copy.ttf")
    (copy,) = find_fonts([tmp_path])
    assert copy.family == "Copycat"
    assert [each.name for each in group(checked(copy, fonts["Garuda", "Regular"]), ENTRIES)] == ["Copycat + Garuda"]


def test_of_two_files_that_draw_the_same_one_is_used(fonts: Fonts, tmp_path: Path) -> None:
    font = TTFont(fonts["Garuda", "Regular"].path)
    font["head"].modified += 1
    font.save(tmp_path / "again.ttf")
    (again,) = find_fonts([tmp_path])
    (only,) = group(checked(again, fonts["Garuda", "Regular"]), ENTRIES)
    assert len(only.fonts) == 1


def test_fonts_that_draw_little_of_the_dictionary_are_not_used(fonts: Fonts) -> None:
    with_latin = (*"ABCDEFGHIJKLMNOPQRSTUVWXYZabcd", *ENTRIES)
    latin = next(font for (name, _), font in fonts.items() if name == "Noto Sans Thai")
    found = group([CheckedFont.of(latin, check_font(latin, with_latin, None))], with_latin)
    assert found == []


def test_fewer_than_three_families_say_how_to_get_fonts() -> None:
    with pytest.raises(
        EnvironmentProblem, match=r"found 2 font families .*\(A, B\).*apt-get install .*fonts-thai-tlwg"
    ):
        assign([family("A", "ab"), family("B", "ab")], 0)


def test_every_split_has_a_family_and_no_family_is_in_two() -> None:
    for count in range(3, 30):
        train, val, test = names(assign([family(f"F{number:02}", "ab") for number in range(count)], 1))
        assert train
        assert val
        assert test
        assert len(train | val | test) == len(train) + len(val) + len(test) == count


def test_the_seed_decides_and_the_order_of_fonts_does_not() -> None:
    families = [family(f"F{number:02}", "ab") for number in range(20)]
    assert assign(families, 5) == assign(families[::-1], 5)
    assert len({tuple(sorted(names(assign(families, seed))[2])) for seed in range(10)}) > 5


def test_named_families_are_all_that_test_shows_with_those_of_the_same_letters() -> None:
    families = [family("Kinnari + Norasi", "ab"), *(family(f"F{number}", "ab") for number in range(9))]
    for seed in range(20):
        train, val, test = names(assign(families, seed, ["F3", "Norasi", "Kinnari"]))
        assert test == {"F3", "Kinnari + Norasi"}
        assert len(val) == 1
        assert len(train) == 7


def test_a_name_of_no_family_and_names_of_nearly_all_are_refused() -> None:
    families = [family(name, "ab") for name in ("Garuda", "Kinnari", "Loma")]
    with pytest.raises(UsageError, match=r"^garuda: no font family here; did you mean 'Garuda'\?$"):
        assign(families, 0, ["garuda"])
    with pytest.raises(UsageError, match=r"^of 3 font families only 1 are left for train and val$"):
        assign(families, 0, ["Garuda", "Loma"])


def test_a_family_that_alone_draws_an_entry_trains() -> None:
    families = [family("Rare", "abcz"), *(family(f"F{number}", "abc") for number in range(5))]
    assert all("Rare" in names(assign(families, seed))[0] for seed in range(20))


def test_held_out_families_are_not_all_of_the_kind_that_lacks_latin() -> None:
    thai, latin = "กขคงจชซฌญฎ", "abcdefghij"
    families = [family(f"Thai{number}", thai) for number in range(7)]
    families += [family(f"Both{number}", thai + latin) for number in range(3)]
    for seed in range(20):
        assert any(name.startswith("Both") for name in names(assign(families, seed))[2])


def test_families_with_the_same_latin_letters_are_one(fonts: Fonts) -> None:
    """Their Thai letters differ."""
    entries = (*ENTRIES, *"ABDEGHKMNPRSabdeghkmnprs")
    files = [font for (name, _), font in fonts.items() if name in ("Loma", "Norasi", "Umpush")]
    found = group([CheckedFont.of(file, check_font(file, entries, None)) for file in files], entries)
    assert [each.name for each in found] == ["Loma + Umpush", "Norasi"]


def test_every_style_is_tested_and_trained() -> None:
    families = [family(name, "ab") for some in STYLES.values() for name in some]
    for seed in range(20):
        splits = assign(families, seed)
        assert {each.style for each in splits.test} == set(STYLES)
        assert {each.style for each in splits.train} == set(STYLES)


@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), min_size=1), min_size=3, max_size=12), st.integers(0, 99))
def test_train_loses_no_entry_while_a_family_can_be_spared(coverage: list[frozenset[str]], seed: int) -> None:
    families = [family(f"F{number:02}", "".join(drawn)) for number, drawn in enumerate(coverage)]
    splits = assign(families, seed)
    trained = frozenset().union(*(each.drawn for each in splits.train))
    lost = frozenset().union(*coverage) - trained
    for entry in lost:  # only where every held-out family alone drew something, when its turn came
        assert sum(entry in each.drawn for each in families) <= len(splits.val) + len(splits.test)
