from __future__ import annotations

import string
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary, builtin
from thaiocr.text.frequency import TABLE, cluster_counts, coverage, usage
from thaiocr.text.normalize import normalize
from thaiocr.text.thai import CONSONANTS, DIGITS, is_thai
from thaiocr.text.tiers import SHIPPED, STRUCTURES, build_tier, legal_clusters

COMPOSITION = {
    "C": 42,
    "C + tone": 84,
    "C + upper vowel": 127,
    "C + upper vowel + tone": 156,
    "C + lower vowel": 65,
    "C + lower vowel + tone": 92,
    "C + MAI HAN-AKAT": 36,
    "C + MAI HAN-AKAT + tone": 49,
    "C + SARA AM": 19,
    "C + tone + SARA AM": 16,
    "C + MAITAIKHU": 25,
    "C + THANTHAKHAT": 34,
    "C + SARA I + THANTHAKHAT": 4,
    "C + SARA U + THANTHAKHAT": 1,
    "C + NIKHAHIT": 12,
    "leading vowel": 5,
    "other Thai": 7,
    "Latin": 52,
    "digit": 10,
    "ASCII symbol": 31,
    "other symbol": 13,
}
"""How the 880 entries of the reference dictionary are made up; ฤ is among the other Thai signs."""

NAME_OF_MARKS = {marks: structure.name for structure in STRUCTURES for marks in structure.marks}


def kind(entry: str) -> str:
    if entry[0] in CONSONANTS:
        return NAME_OF_MARKS[entry[1:]]
    names = {"เแโใไ": "leading vowel", string.ascii_letters: "Latin", string.digits: "digit"}
    known = next((name for characters, name in names.items() if entry in characters), "")
    if known:
        return known
    if is_thai(entry):
        return "other Thai"
    return "ASCII symbol" if entry.isascii() else "other symbol"


def test_compat_has_the_structure_of_the_reference_dictionary() -> None:
    assert Counter(map(kind, build_tier("compat").entries)) == COMPOSITION


def test_compat_lacks_what_the_reference_lacks() -> None:
    entries = set(build_tier("compat").entries)
    assert not entries & {
        *DIGITS,
        *"ฃฅฦๅ๚๛.",
        *"\u0e31\u0e34\u0e35\u0e38\u0e39\u0e47\u0e48\u0e49\u0e4a\u0e4b\u0e4c\u0e4d\u0e33",
    }
    assert {"ฤ", "า", "ะ", "ๆ", "ฯ", "฿", "๏"} <= entries


def test_what_is_left_of_a_split_sara_am_has_its_whole_form_in_compat() -> None:
    entries = build_tier("compat").entries
    split = [entry for entry in entries if "\u0e4d" in entry]
    assert [normalize(entry + "า") for entry in split if normalize(entry + "า") not in entries] == []
    assert split


@pytest.mark.parametrize(("tier", "count"), [("compat", 880), ("standard", 1168), ("full", 2465), ("digits", 20)])
def test_a_tier_has_its_number_of_entries(tier: str, count: int) -> None:
    assert len(build_tier(tier)) == count


def test_the_grammar_allows_2358_clusters_each_in_normal_form() -> None:
    legal = legal_clusters()
    assert len(legal) == 2358
    assert [cluster for cluster in legal if normalize(cluster) != cluster] == []


def test_each_tier_contains_the_smaller_one() -> None:
    compat, standard, full = (set(build_tier(tier).entries) for tier in ("compat", "standard", "full"))
    assert compat < standard < full


@pytest.mark.parametrize(("tier", "least"), [("compat", 0.99976), ("standard", 0.999994), ("full", 0.999999)])
def test_a_tier_covers_the_corpus(tier: str, least: float) -> None:
    assert least <= coverage(Codec(build_tier(tier))) < 1


def test_a_dictionary_of_code_points_covers_what_it_can_spell() -> None:
    code_points = Dictionary(tuple(sorted({character for cluster in legal_clusters() for character in cluster})))
    assert coverage(Codec(code_points)) == 1
    assert coverage(Codec(Dictionary(("A",)))) == 0


def test_the_starter_shows_every_mark_on_frequent_clusters() -> None:
    entries = set(build_tier("starter").entries)
    marked = entries - set(CONSONANTS) - set(DIGITS)
    assert {*CONSONANTS, *DIGITS} <= entries
    assert len(marked) == 60
    assert all(cluster[0] in CONSONANTS and len(cluster) > 1 for cluster in marked)
    assert {mark for cluster in marked for mark in cluster[1:]} == set(
        "\u0e31\u0e34\u0e35\u0e36\u0e37\u0e38\u0e39\u0e47\u0e48\u0e49\u0e4a\u0e4b\u0e4c\u0e33"
    )
    assert {"ที่", "ด้", "กั", "มี", "ทำ", "ผู้"} <= marked


def test_entries_are_in_code_point_order() -> None:
    for tier in SHIPPED.values():
        entries = build_tier(tier).entries
        assert list(entries) == sorted(entries)


@pytest.mark.parametrize(("name", "tier"), SHIPPED.items())
def test_a_shipped_dictionary_is_what_the_library_builds(name: str, tier: str) -> None:
    assert builtin(name).read_bytes() == build_tier(tier).to_bytes()


def test_generate_writes_the_shipped_files_again_from_the_corpora(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "thai_letters" / "generate.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, capture_output=True)
    for name in (TABLE, *SHIPPED):
        assert (tmp_path / name).read_bytes() == builtin(name).read_bytes(), name


def test_the_table_counts_what_the_corpus_holds() -> None:
    counts = cluster_counts()
    assert list(counts)[:5] == ["า", "น", "อ", "ง", "เ"]
    assert counts["ที่"] == usage()["ที่"].tnc == 1067237
    assert [cluster for cluster in usage() if normalize(cluster) != cluster] == []
    assert min(counts.values()) > 0
