from __future__ import annotations

import pickle
import re
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from thaiocr.errors import DataError
from thaiocr.text.codec import Codec, UnknownCharacter
from thaiocr.text.dictionary import Dictionary
from thaiocr.text.normalize import normalize
from thaiocr.text.tiers import TIERS, build_tier

CODECS = {tier: Codec(build_tier(tier)) for tier in TIERS}
SELF_CONTAINED = ("compat", "standard", "digits", "starter")
"""Tiers whose entries never meet as something outside of the tier. In full, กิํ before า becomes กิ + SARA AM."""


def codec_of(*entries: str, use_space_char: bool = False) -> Codec:
    return Codec(Dictionary(entries), use_space_char=use_space_char)


def unknown_in(codec: Codec, text: str) -> tuple[str, ...]:
    """Return the clusters that a text is rejected for, or () when it comes back."""
    try:
        ids = codec.encode(text)
    except UnknownCharacter as error:
        return error.unknown
    assert codec.decode(ids) == normalize(text)
    return ()


def spelt(codec: Codec, text: str) -> list[str]:
    return [codec.entries[number - 1] for number in codec.encode(text)]


# -- Properties --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.data(), st.sampled_from(SELF_CONTAINED))
def test_every_sequence_of_entries_comes_back(data: st.DataObject, tier: str) -> None:
    codec = CODECS[tier]
    text = "".join(data.draw(st.lists(st.sampled_from(codec.entries), max_size=12)))
    assert codec.decode(codec.encode(text)) == normalize(text)


@settings(deadline=None)
@given(st.data())
def test_full_rejects_only_what_neighbours_turn_into(data: st.DataObject) -> None:
    codec = CODECS["full"]
    text = "".join(data.draw(st.lists(st.sampled_from(codec.entries), max_size=12)))
    unknown = unknown_in(codec, text)
    assert not unknown or normalize(text) != text
    assert not set(unknown) & set(codec.entries)


@pytest.mark.parametrize("tier", TIERS)
def test_every_entry_is_its_own_class(tier: str) -> None:
    codec = CODECS[tier]
    assert [codec.encode(entry) for entry in codec.entries] == [[number] for number in range(1, codec.num_classes)]


letters = "กข\u0e31\u0e35\u0e48าเab\u0301"
entries_of_all_kinds = st.text(letters, min_size=1, max_size=4).map(normalize) | st.just(" ")
dictionaries = st.sets(entries_of_all_kinds, min_size=1, max_size=8).map(lambda texts: Dictionary(tuple(sorted(texts))))


@settings(deadline=None)
@given(dictionaries, st.data())
def test_any_dictionary_spells_every_sequence_of_its_entries(dictionary: Dictionary, data: st.DataObject) -> None:
    text = "".join(data.draw(st.lists(st.sampled_from(dictionary.entries), max_size=6)))
    assume(normalize(text) == text)
    assert unknown_in(Codec(dictionary), text) == ()


@settings(deadline=None)
@given(dictionaries, st.text(letters + " ", max_size=8))
def test_a_text_is_rejected_only_when_no_sequence_of_entries_spells_it(dictionary: Dictionary, text: str) -> None:
    unknown = unknown_in(Codec(dictionary), text)
    any_entries = f"(?:{'|'.join(map(re.escape, dictionary.entries))})*"
    assert bool(unknown) != bool(re.fullmatch(any_entries, normalize(text)))
    assert all(cluster in normalize(text) for cluster in unknown)


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), max_size=20))
def test_collapse_finds_the_label_in_a_path_that_separates_repeats(label: list[int]) -> None:
    path = [step for number in label for step in (number, number, 0)]
    assert Codec.collapse(path) == label


# -- Longest match -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "text", "expected"),
    [
        (("กี่", "ก", "\u0e35", "\u0e48"), "กี่ก", ["กี่", "ก"]),
        (("ก", "\u0e35", "\u0e48", "น", "\u0e33", "\u0e49"), "กี่น้ำ", ["ก", "\u0e35", "\u0e48", "น", "\u0e49", "\u0e33"]),
        (("ฤ", "า", "ฤา"), "ฤาฤ", ["ฤา", "ฤ"]),
        (("กี", "ก", "\u0e35\u0e48"), "กี่", ["ก", "\u0e35\u0e48"]),  # the longest first piece leads nowhere
        (("ก", "กา", "าน"), "กาน", ["ก", "าน"]),
        (("ก", "\u0e31น", "กั", "น"), "กัน", ["กั", "น"]),  # whole clusters before pieces
        (("กา", "ก", "านะ", "น", "ะ"), "กานะ", ["กา", "น", "ะ"]),
        (("a", "b", "ab"), "aab", ["a", "ab"]),
    ],
)
def test_the_longest_entry_wins_where_the_rest_allows_it(
    entries: Sequence[str], text: str, expected: list[str]
) -> None:
    assert spelt(codec_of(*entries), text) == expected


def test_a_label_is_normalised_before_it_is_encoded() -> None:
    codec = codec_of("น้ำ", "แ")
    assert codec.encode("น\u0e4d\u0e49าเเ") == [1, 2]


def test_a_cluster_is_one_class_and_not_its_code_points() -> None:
    assert len(CODECS["compat"].encode("กี่")) == 1


def test_nothing_is_no_classes() -> None:
    assert codec_of("ก").encode("") == []
    assert codec_of("ก").decode([]) == ""


# -- Space -------------------------------------------------------------------------------------------------------------


def test_the_space_is_appended_as_the_last_class() -> None:
    codec = codec_of("ก", "ข", use_space_char=True)
    assert codec.entries == ("ก", "ข", " ")
    assert codec.num_classes == 4
    assert codec.encode("ก ข") == [1, 3, 2]


def test_a_dictionary_with_a_space_keeps_paddleocrs_number_of_classes() -> None:
    codec = codec_of("ก", " ", use_space_char=True)
    assert codec.num_classes == 4
    assert codec.encode(" ") == [3]
    assert codec.decode([2]) == codec.decode([3]) == " "


def test_a_space_that_is_not_in_the_dictionary_says_how_to_add_it() -> None:
    with pytest.raises(UnknownCharacter, match=r"' ' \(U\+0020 SPACE\) is not in the dictionary; use_space_char: true"):
        codec_of("ก").encode("ก ก")


# -- Rejects -----------------------------------------------------------------------------------------------------------


def test_an_unknown_character_is_named_by_code_point_and_name() -> None:
    with pytest.raises(UnknownCharacter) as caught:
        CODECS["compat"].encode("ฃวด")
    assert str(caught.value) == "'ฃ' (U+0E03 THAI CHARACTER KHO KHUAT) is not in the dictionary"
    assert caught.value.unknown == ("ฃ",)


def test_a_known_consonant_under_an_unknown_mark_is_named_as_a_cluster() -> None:
    with pytest.raises(UnknownCharacter, match="KO KAI \\+ U\\+0E3A THAI CHARACTER PHINTHU"):
        CODECS["compat"].encode("กฺ")


def test_all_unknown_clusters_of_a_label_are_named_once() -> None:
    with pytest.raises(UnknownCharacter, match="are not in the dictionary") as caught:
        CODECS["compat"].encode("ฃ๑ก๑ๅ")
    assert caught.value.unknown == ("ฃ", "๑")  # ๅ after ๑ is า
    with pytest.raises(UnknownCharacter, match="and 5 more are not in the dictionary"):
        CODECS["compat"].encode("๐๑๒๓๔๕๖๗๘๙")


def test_a_reject_survives_the_way_from_a_worker() -> None:
    error = UnknownCharacter("message", ["ฃ"])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.unknown) == ("message", ("ฃ",))


@pytest.mark.parametrize("number", [-1, 3])
def test_a_class_outside_of_the_dictionary_is_refused(number: int) -> None:
    with pytest.raises(DataError, match=f"class {number} does not exist, the dictionary makes 3"):
        codec_of("ก", "ข").decode([number])


def test_blanks_add_nothing() -> None:
    assert codec_of("ก", "ข").decode([0, 1, 0, 2]) == "กข"
    assert Codec.collapse([0, 1, 1, 0, 1, 2, 2, 0]) == [1, 1, 2]


# -- Other scripts -----------------------------------------------------------------------------------------------------

KHMER = Dictionary((*"០១២៣៤៥៦៧៨៩", "ក", "កា", "កិ", "កុំ", "ខ្មែ", "រ"))
GREEK = Dictionary((*"0123456789σςΣωάλογ", "ᾧ", "ὁ", "ὖ", "ᾱ\u0301", "ῥ"))


@pytest.mark.parametrize(
    ("dictionary", "text", "expected"),
    [
        (KHMER, "២០២៥", ["២", "០", "២", "៥"]),
        (KHMER, "កុំកា៣", ["កុំ", "កា", "៣"]),
        (KHMER, "ខ្មែរ", ["ខ្មែ", "រ"]),
        (GREEK, "λόγος".replace("ό", "ο"), ["λ", "ο", "γ", "ο", "ς"]),
        (GREEK, "σοςΣ", ["σ", "ο", "ς", "Σ"]),
        (GREEK, "ω\u0314\u0342\u0345ο\u03141", ["ᾧ", "ὁ", "1"]),  # decomposed
        (GREEK, "\u1f71", ["ά"]),  # oxia is tonos
        (GREEK, "α\u0304\u0301", ["ᾱ\u0301"]),  # no single code point exists
    ],
)
def test_other_scripts_work_by_dictionary_alone(dictionary: Dictionary, text: str, expected: list[str]) -> None:
    codec = Codec(dictionary)
    assert spelt(codec, text) == expected
    assert codec.decode(codec.encode(text)) == normalize(text)


@pytest.mark.parametrize(("dictionary", "text"), [(KHMER, "កុ"), (KHMER, "៛"), (GREEK, "ᾦ"), (GREEK, "λό")])
def test_other_scripts_reject_what_their_dictionary_lacks(dictionary: Dictionary, text: str) -> None:
    with pytest.raises(UnknownCharacter, match="is not in the dictionary"):
        Codec(dictionary).encode(text)


@settings(deadline=None)
@given(st.sampled_from([KHMER, GREEK]), st.data())
def test_other_scripts_come_back(dictionary: Dictionary, data: st.DataObject) -> None:
    text = "".join(data.draw(st.lists(st.sampled_from(dictionary.entries), max_size=8)))
    codec = Codec(dictionary)
    assert codec.decode(codec.encode(text)) == normalize(text)


@pytest.mark.slow
def test_a_hundred_thousand_labels_are_spelt_or_rejected() -> None:
    codec = Codec(build_tier("full"), use_space_char=True)
    seen = 0

    @settings(deadline=None, max_examples=4000, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(
            st.text(max_size=12) | st.text(st.sampled_from("กนทฤเแาๅำ\u0e31\u0e35\u0e48\u0e4c\u0e4d 1a")),
            min_size=25,
            max_size=25,
        )
    )
    def run(labels: list[str]) -> None:
        nonlocal seen
        for label in labels:
            seen += 1
            assert all(cluster in normalize(label) for cluster in unknown_in(codec, label))

    run()
    assert seen >= 100_000
