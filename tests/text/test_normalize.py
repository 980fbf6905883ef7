from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythainlp.util import reorder_vowels

from thaiocr.text.normalize import normalize

# Dense in what the rules touch, with marks of other scripts that NFC moves around them.
tricky = st.text(st.sampled_from("กนฤฦเแาๅำะิีุูั็ํฺ่้๊๋์๎ a\u0301\u0316\u05b0\u0328"), max_size=12)
thai = st.text(st.characters(min_codepoint=0x0E01, max_codepoint=0x0E5B), max_size=12)


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("น\u0e4d\u0e49า", "น้ำ"),  # NIKHAHIT, tone, SARA AA
        ("น\u0e49\u0e4dา", "น้ำ"),  # tone, NIKHAHIT, SARA AA
        ("ท\u0e4dา", "ทำ"),
        ("ก\u0e49\u0e31น", "ก\u0e31\u0e49น"),  # tone before MAI HAN-AKAT
        ("ท\u0e48\u0e35", "ท\u0e35\u0e48"),  # tone before SARA II, which NFC leaves
        ("ร\u0e39\u0e49", "ร\u0e39\u0e49"),
        ("ร\u0e49\u0e39", "ร\u0e39\u0e49"),  # tone before SARA UU, which NFC reorders
        ("สิทธ\u0e4c\u0e34", "สิทธ\u0e34\u0e4c"),  # THANTHAKHAT before SARA I
        ("เเม่", "แม่"),
        ("มๅ", "มา"),
        ("น\u0e4dๅ", "นำ"),
        ("ฤๅษี", "ฤๅษี"),
        ("ฦๅ", "ฦๅ"),
        ("ๅ", "ๅ"),
        ("e\u0301", "é"),
        ("น้ำ", "น้ำ"),
        ("ก\u0e4d", "ก\u0e4d"),  # an entry of the compat tier
        ("ที\u0e48\u0e48", "ที\u0e48\u0e48"),  # a doubled tone is visible, so it stays
        ("ﬁ①", "ﬁ①"),  # NFKC would change these
        ("", ""),
    ],
)
def test_each_visible_text_has_one_spelling(spelling: str, expected: str) -> None:
    assert normalize(spelling) == expected


def test_sara_am_is_never_split() -> None:
    assert normalize("น้ำ") != unicodedata.normalize("NFKC", "น้ำ")


@settings(deadline=None)
@given(tricky | thai | st.text(max_size=12))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert unicodedata.is_normalized("NFC", once)


@settings(deadline=None)
@given(tricky | thai)
def test_canonically_equal_texts_have_one_spelling(text: str) -> None:
    assert normalize(unicodedata.normalize("NFD", text)) == normalize(text)


CONSONANT = st.sampled_from("กขนทรสฤฦ")
VOWEL = st.sampled_from(["", "\u0e31", "\u0e34", "\u0e35", "\u0e38", "\u0e39", "\u0e47"])
TONE = st.sampled_from(["", "\u0e48", "\u0e49", "\u0e4a", "\u0e4b", "\u0e4c"])
AFTER = st.sampled_from(["", "า", "ะ", "\u0e33", "ๅ", "เ", "แ"])


@st.composite
def syllables(draw: st.DrawFn) -> str:
    marks = draw(st.permutations([draw(VOWEL), draw(TONE)]))
    return draw(CONSONANT) + "".join(marks) + draw(AFTER)


@settings(deadline=None)
@given(st.lists(syllables(), max_size=5).map("".join))
def test_pythainlp_orders_vowels_and_tones_the_same_way(text: str) -> None:
    assert normalize(text) == unicodedata.normalize("NFC", reorder_vowels(text))
