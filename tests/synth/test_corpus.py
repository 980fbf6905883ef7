from __future__ import annotations

import random
import re
from typing import Final

import pytest

from thaiocr.errors import DataError
from thaiocr.synth.corpus import Lines, is_held_out
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary, builtin
from thaiocr.text.normalize import normalize
from thaiocr.text.thai import DIGITS

LATIN: Final = re.compile(r"(?<![A-Za-z-])[A-Za-z-]+(?![A-Za-z-])")
THAI_LETTER: Final = "[\u0e01-\u0e4e]"
GLUED: Final = f"[A-Za-z]{THAI_LETTER}|{THAI_LETTER}[A-Za-z]"
APART: Final = f"[A-Za-z] {THAI_LETTER}|{THAI_LETTER} [A-Za-z]"


@pytest.fixture(scope="module")
def compat() -> Dictionary:
    return Dictionary.load(builtin("th_dict.txt"))


@pytest.fixture(scope="module")
def lines(compat: Dictionary) -> Lines:
    return Lines(compat, spaces=True, longest=25, seed=1)


def test_every_line_can_be_encoded_and_is_normalised(compat: Dictionary, lines: Lines) -> None:
    codec = Codec(compat, use_space_char=True)
    for seed in range(300):
        line = lines.draw(random.Random(seed))
        assert [codec.entries[number - 1] for number in codec.encode(line.text)] == list(line.entries)
        assert len(line.entries) <= 25
        assert line.text == normalize(line.text) == line.text.strip()
        assert "".join(line.entries) == line.text


def test_lines_have_every_length_spaces_digits_and_latin(lines: Lines) -> None:
    drawn = [lines.draw(random.Random(seed)) for seed in range(1500)]
    assert {len(line.entries) for line in drawn} == set(range(1, 26))
    text = "".join(line.text for line in drawn)
    assert " " in text
    assert any(character.isascii() and character.isalpha() for character in text)
    assert any(character.isascii() and character.isdigit() for character in text)


def test_thai_digits_come_where_the_dictionary_has_them() -> None:
    lines = Lines(Dictionary.load(builtin("th_dict_standard.txt")), spaces=False, longest=12, seed=1)
    text = "".join(lines.draw(random.Random(seed)).text for seed in range(600))
    assert set(DIGITS) <= set(text)
    assert " " not in text


def test_rare_entries_are_taught(compat: Dictionary, lines: Lines) -> None:
    rng = random.Random(0)
    shown = {entry for _ in range(6000) for entry in lines.draw(rng).entries}
    assert len(shown & set(compat.entries)) > 0.95 * len(compat)


def test_held_out_words_are_in_no_other_line(compat: Dictionary, lines: Lines) -> None:
    held_out = Lines(compat, spaces=True, longest=25, seed=1, held_out=True)
    assert not held_out.words & lines.words
    words = {line.text for seed in range(200) if " " not in (line := held_out.draw(random.Random(seed))).text}
    assert len(words & held_out.words) > 20
    assert 0.03 < len(held_out.words) / len(lines.words) < 0.12


def test_lines_of_held_out_words_have_numbers_and_held_out_latin_words_too(compat: Dictionary, lines: Lines) -> None:
    held_out = Lines(compat, spaces=True, longest=25, seed=1, held_out=True)
    latin = [
        {word for seed in range(1500) for word in LATIN.findall(each.draw(random.Random(seed)).text) if len(word) > 3}
        for each in (held_out, lines)
    ]
    assert min(map(len, latin)) > 20
    assert not latin[0] & latin[1]
    assert any(re.search("[0-9]", held_out.draw(random.Random(seed)).text) for seed in range(100))


def test_latin_letters_stand_apart_from_thai_ones_most_of_the_time(lines: Lines) -> None:
    texts = [lines.draw(random.Random(seed)).text for seed in range(2000)]
    glued, apart = (sum(len(re.findall(pattern, text)) for text in texts) for pattern in (GLUED, APART))
    assert apart > 3 * glued > 0


def test_the_seed_decides_which_words_are_held_out() -> None:
    chosen = [{word for word in map(str, range(1000)) if is_held_out(word, 4, seed)} for seed in range(2)]
    assert chosen[0] != chosen[1]
    assert 60 < len(chosen[0]) < 140
    assert not any(is_held_out(str(word), 3, 0) for word in range(100))


def test_a_dictionary_without_words_says_what_to_do() -> None:
    with pytest.raises(DataError, match="--mode cluster"):
        Lines(Dictionary(("ก", "ข")), spaces=True, longest=10, seed=0)


def test_a_code_point_dictionary_spells_lines_whose_clusters_are_drawn() -> None:
    letters = tuple("กขคงจชดตทนบปผพมยรลวสหอิีุูัะาเแ่้")
    lines = Lines(Dictionary(letters), spaces=False, longest=20, seed=0)
    drawn = [lines.draw(random.Random(seed)) for seed in range(50)]
    assert {entry for line in drawn for entry in line.entries} <= set(letters)
    assert {"ก่", "ที่"} & {cluster for line in drawn for cluster in line.clusters}
    assert not {"่", "ี"} & {cluster for line in drawn if len(line.text) > 1 for cluster in line.clusters}
