from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.errors import DataError
from thaiocr.synth import page_text
from thaiocr.synth.page_text import AMOUNTS, Piece, Words, break_lines, join
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary
from thaiocr.text.normalize import normalize


class AnyFont:
    """Draws everything but one letter, which its second font has."""

    def draws(self, text: str) -> bool:
        return True

    def prefers(self, text: str) -> bool:
        return "ก" not in text


@pytest.fixture(scope="module")
def words(spelling: Dictionary) -> Words:
    return page_text.load(spelling)


def test_prose_is_normalised_and_spelled_by_the_dictionary(words: Words, spelling: Dictionary) -> None:
    codec = Codec(spelling, use_space_char=True)
    for seed in range(30):
        text = join(words.prose(random.Random(seed), AnyFont(), 30))
        assert normalize(text) == text
        codec.encode(text)


def test_words_for_the_first_font_come_first(words: Words) -> None:
    pieces = words.words(random.Random(1), AnyFont(), 200)
    assert not any("ก" in piece.text for piece in pieces)


def test_prose_has_numbers_latin_and_spaces_only_between_phrases(words: Words) -> None:
    pieces = words.prose(random.Random(2), AnyFont(), 600)
    assert any(piece.text.isascii() and piece.text.isalpha() for piece in pieces)
    assert any(piece.text[0].isdigit() for piece in pieces)
    assert 0.1 < sum(piece.spaced for piece in pieces) / len(pieces) < 0.6


@pytest.mark.parametrize("kind", AMOUNTS)
def test_every_kind_of_number_is_made(words: Words, kind: str) -> None:
    rng = random.Random(3)
    numbers = {words.amount(rng, AnyFont(), kind) for _ in range(20)}
    assert len(numbers) > 5
    assert not any(" " in number for number in numbers)


def test_a_dictionary_without_words_is_refused() -> None:
    with pytest.raises(DataError, match="spells only 12 words"):
        Words(Dictionary(("ก", "A")))


@given(
    st.lists(st.builds(Piece, st.text("กขค", min_size=1, max_size=9), st.booleans()), max_size=40),
    st.integers(1, 30),
    st.integers(0, 10),
)
def test_lines_are_within_the_width_and_lose_nothing(text: list[Piece], width: int, indent: int) -> None:
    lines = break_lines(text, width, lambda string: float(len(string)), indent=indent)
    assert [piece for line in lines for piece in line] == text
    for number, line in enumerate(lines):
        assert len(line) == 1 or len(join(line)) + (0 if number else indent) <= width
