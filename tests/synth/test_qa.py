from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from thaiocr.synth.fonts import FontFile
from thaiocr.synth.qa import REASONS, check_font, mark_steps
from thaiocr.text.dictionary import Dictionary, builtin

Fonts = Mapping[tuple[str, str], FontFile]


@pytest.mark.parametrize(
    ("font", "text", "verdict"),
    [
        (("Garuda", "Regular"), "กั้", ""),
        (("Garuda", "Regular"), "น้ำ", ""),
        (("Garuda", "Regular"), "ญู่", ""),
        (("Garuda", "Regular"), "ที่นี่", ""),
        (("Garuda", "Regular"), " ", ""),
        (("Garuda", "Regular"), "่", "bare"),
        (("Garuda", "Regular"), "ำ", "bare"),
        (("Garuda", "Regular"), "中", "missing"),
        (("Noto Sans Thai", "Regular"), "A", "missing"),
        (("Noto Sans Thai", "Regular"), "ฝั", ""),
        (("Noto Looped Thai", "Regular"), "กี้", "merged"),
        (("Noto Looped Thai", "Regular"), "ก้", ""),
        (("Noto Looped Thai", "Regular"), "ก้ำ", "merged"),
        (("Tlwg Mono", "Regular"), "กี", "detached"),
        (("Tlwg Mono", "Regular"), "กู", "detached"),
        (("Tlwg Mono", "Regular"), "กำ", "detached"),
        (("Tlwg Mono", "Regular"), "ก", ""),
        (("Kinnari", "Italic"), "ปี้", ""),
        (("Kinnari", "Italic"), "น้ำ", ""),
    ],
)
def test_verdicts_agree_with_what_a_person_sees(fonts: Fonts, font: tuple[str, str], text: str, verdict: str) -> None:
    assert check_font(fonts[font], [text], None) == {text: verdict}


def test_a_good_font_draws_the_whole_dictionary(fonts: Fonts) -> None:
    entries = Dictionary.load(builtin("th_dict.txt")).entries
    refused = {entry: why for entry, why in check_font(fonts["Laksaman", "Regular"], entries, None).items() if why}
    assert refused == {}


@pytest.mark.parametrize(
    ("cluster", "steps"),
    [
        ("ก", []),
        ("กี่", [("ก", "กี", "ี"), ("กี", "กี่", "่")]),
        ("น้ำ", [("น", "นำ", "ำ"), ("นำ", "น้ำ", "้")]),
        ("ำ", []),
        ("ab", []),
    ],
)
def test_mark_steps(cluster: str, steps: list[tuple[str, str, str]]) -> None:
    assert list(mark_steps(cluster)) == steps


def test_a_second_run_reads_the_cache_and_adds_to_it(fonts: Fonts, tmp_path: Path) -> None:
    font = fonts["Garuda", "Regular"]
    check_font(font, ["ก"], tmp_path)
    (file,) = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    check_font(font, ["ก"], tmp_path)
    assert file.stat().st_mtime_ns == written
    check_font(font, ["中"], tmp_path)
    assert json.loads(file.read_text("utf-8").split("\n")[1]) == {"ก": "", "中": "missing"}


@pytest.mark.parametrize(
    ("old", "new"), [(b'""', b'"blank"'), (b'""', b"1"), (b"}", b""), (b"\n", b""), (b"{", b"\xff")]
)
def test_a_changed_cache_is_not_believed(fonts: Fonts, tmp_path: Path, old: bytes, new: bytes) -> None:
    font = fonts["Garuda", "Regular"]
    check_font(font, ["ก"], tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes().replace(old, new))
    assert check_font(font, ["ก"], tmp_path) == {"ก": ""}


def test_another_font_content_has_its_own_verdicts(fonts: Fonts, tmp_path: Path) -> None:
    mono, garuda = fonts["Tlwg Mono", "Regular"], fonts["Garuda", "Regular"]
    assert check_font(mono, ["กี"], tmp_path) == {"กี": "detached"}
    replaced = dataclasses.replace(garuda, family=mono.family, style=mono.style)
    assert check_font(replaced, ["กี"], tmp_path) == {"กี": ""}


def test_a_cache_that_cannot_be_written_only_costs_time(fonts: Fonts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert check_font(fonts["Garuda", "Regular"], ["ก"], tmp_path / "file" / "below") == {"ก": ""}


def test_every_verdict_has_words(fonts: Fonts) -> None:
    verdicts = check_font(fonts["Tlwg Mono", "Regular"], ["กี", "ก", "中", "่"], None)
    assert set(verdicts.values()) - {""} <= set(REASONS)
