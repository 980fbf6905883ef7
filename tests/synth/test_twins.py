from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from thaiocr.data.manifest import same_pictures as known_of_images
from thaiocr.synth.fonts import FontFile
from thaiocr.synth.plan import Options
from thaiocr.synth.twins import same_pictures
from thaiocr.synth.writer import generate
from thaiocr.text.dictionary import Dictionary

Fonts = Mapping[tuple[str, str], FontFile]


def test_bars_of_a_plain_font_are_one_picture(fonts: Fonts) -> None:
    assert same_pictures(fonts["Sawasdee", "Regular"], ["ก", "I", "l", "|", "1"]) == [
        ("I", "l"),
        ("I", "|"),
        ("l", "|"),
    ]


def test_marks_that_an_eye_can_tell_apart_are_not(fonts: Fonts) -> None:
    entries = ["กิ", "กี", "กึ", "กื", "กี่", "กี้", "ด", "ต", "ค", "ถ", "ภ", "บ", "ป"]
    for name in (("Garuda", "Regular"), ("Norasi", "Regular"), ("Sawasdee", "Bold")):
        assert same_pictures(fonts[name], entries) == []


def test_size_and_place_make_no_difference(fonts: Fonts) -> None:
    """As in a crop that is cut to the ink."""
    assert same_pictures(fonts["Norasi", "Regular"], ["-", "–", "—", "_"]) == [("–", "—"), ("–", "_"), ("—", "_")]


def test_nothing_to_compare_is_no_error(fonts: Fonts) -> None:
    assert same_pictures(fonts["Garuda", "Regular"], []) == []


def test_the_manifest_knows_them_for_every_image_of_the_font(
    few: tuple[str, ...], fonts: Fonts, tmp_path: Path
) -> None:
    dictionary = Dictionary(("ก", "ข", "I", "l", "|"))
    options = Options(count=20, val_count=20, test_count=20, test_sets=True, preset="clean", fonts=few)
    generate(tmp_path / "data", dictionary, options)
    known = known_of_images(tmp_path / "data")
    assert known
    for image, twins in known.items():
        assert not image.startswith("none")
        assert set(twins) <= {"I", "l", "|"}
        assert all(text not in others for text, others in twins.items())
