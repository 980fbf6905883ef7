from __future__ import annotations

from itertools import product
from typing import Final

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from thaiocr.text.clusters import Parts, clusters, describe, parts
from thaiocr.text.normalize import normalize
from thaiocr.text.tiers import build_tier


def test_marks_and_sara_am_join_their_consonant_and_other_vowels_stand_alone() -> None:
    assert clusters("เกี่ยวน้ำแข็งกะทิ") == ["เ", "กี่", "ย", "ว", "น้ำ", "แ", "ข็", "ง", "ก", "ะ", "ทิ"]


@pytest.mark.parametrize("tier", ["compat", "full", "starter"])
def test_every_entry_of_a_tier_is_one_cluster(tier: str) -> None:
    assert [entry for entry in build_tier(tier).entries if clusters(entry) != [entry]] == []


PLAIN: Final = [chr(code) for code in (*range(0x20, 0x7F), *range(0xE00, 0xE80))]
"""Printable ASCII and the Thai block, whose clusters are found in a quicker way."""


def test_every_two_characters_of_thai_and_ascii_join_as_the_standard_says() -> None:
    pairs = map("".join, product(PLAIN, PLAIN))

    assert [pair for pair in pairs if clusters(pair) != regex.findall(r"\X", pair)] == []


@given(
    st.text(st.one_of(st.sampled_from(PLAIN), st.sampled_from("\n\r\u200d\u0301e\U0001f1f9\U0001f600\u1100\uac00क्ष")))
)
def test_any_mixture_is_split_as_the_standard_says(text: str) -> None:
    assert clusters(text) == regex.findall(r"\X", text)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_clusters_lose_nothing(text: str) -> None:
    assert "".join(clusters(text)) == text


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ("ก", Parts("ก", "", "", "")),
        ("กั้", Parts("ก", "\u0e31", "\u0e49", "")),
        ("น้ำ", Parts("น", "", "\u0e49", "\u0e33")),
        ("ทำ", Parts("ท", "", "", "\u0e33")),
        ("ก็", Parts("ก", "", "\u0e47", "")),
        ("ธิ์", Parts("ธ", "\u0e34", "\u0e4c", "")),
        ("กํ", Parts("ก", "", "\u0e4d", "")),
        ("กิํ", Parts("ก", "\u0e34", "\u0e4d", "")),
        ("กฺ", Parts("ก", "\u0e3a", "", "")),
        ("า", Parts("า", "", "", "")),
        ("เ", Parts("เ", "", "", "")),
        ("\u0e49", Parts("", "", "\u0e49", "")),
        ("A", Parts("A", "", "", "")),
        ("ᾧ", Parts("ω", "\u0314", "\u0342\u0345", "")),
        ("é", Parts("e", "\u0301", "", "")),
        ("កុំ", Parts("ក", "\u17bb", "\u17c6", "")),
        ("กา", Parts("กา", "", "", "")),
        ("", Parts("", "", "", "")),
    ],
)
def test_parts_of_a_cluster(cluster: str, expected: Parts) -> None:
    assert parts(cluster) == expected


@pytest.mark.parametrize("tier", ["compat", "standard", "full"])
def test_parts_tell_all_entries_of_a_tier_apart(tier: str) -> None:
    entries = build_tier(tier).entries
    found = [parts(entry) for entry in entries]
    assert len(set(found)) == len(entries)
    assert [normalize(each.base + each.vowel + each.tone + each.am) for each in found] == list(entries)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ฃ", "'ฃ' (U+0E03 THAI CHARACTER KHO KHUAT)"),
        ("ก้", "'ก้' (U+0E01 THAI CHARACTER KO KAI + U+0E49 THAI CHARACTER MAI THO)"),
        ("\t", r"'\t' (U+0009 control character)"),
        ("\ud800", r"'\ud800' (U+D800 surrogate)"),
        ("\ue000", r"'\ue000' (U+E000 private use)"),
        ("\U0001f600", "'\U0001f600' (U+1F600 GRINNING FACE)"),
    ],
)
def test_a_character_is_named_so_that_it_can_be_found(text: str, expected: str) -> None:
    assert describe(text) == expected
