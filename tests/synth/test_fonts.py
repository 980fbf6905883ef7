from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fontTools.ttLib import TTCollection, TTFont
from PIL import features

from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.synth.fonts import find_fonts, require_raqm


def renamed(source: Path, target: Path, family: str, style: str, flavor: str | None = None) -> Path:
    """Write a copy of a font under another name."""
    font = TTFont(source)
    for record in font["name"].names:
        if record.nameID in (1, 2):
            record.string = family if record.nameID == 1 else style
    font["name"].names = [record for record in font["name"].names if record.nameID in (1, 2, 4, 6)]
    font.flavor = flavor
    font.save(target)
    return target


@pytest.mark.parametrize(
    ("family", "style", "expected"),
    [
        ("Kanit Light", "Regular", ("Kanit", "Light")),
        ("Kanit Light", "Italic", ("Kanit", "Light Italic")),
        ("Prompt ExtraBold", "Regular", ("Prompt", "ExtraBold")),
        ("Prompt Semi Bold", "Regular", ("Prompt", "Semi Bold")),
        ("Arundina Sans Mono", "Bold", ("Arundina Sans Mono", "Bold")),
        ("Norasi", "Regular", ("Norasi", "Regular")),
        ("Blackadder", "Regular", ("Blackadder", "Regular")),
    ],
)
def test_weights_do_not_make_families(
    garuda: Path, tmp_path: Path, family: str, style: str, expected: tuple[str, str]
) -> None:
    renamed(garuda, tmp_path / "font.ttf", family, style)
    (font,) = find_fonts([tmp_path])
    assert (font.family, font.style) == expected


def test_folders_are_searched_with_what_is_below_and_other_files_are_passed_over(garuda: Path, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    shutil.copy(garuda, tmp_path / "a" / "b" / "Garuda.TTF")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    (tmp_path / "empty.otf").write_bytes(b"")
    (tmp_path / "readme.txt").write_text("fonts")
    assert [font.path.name for font in find_fonts([tmp_path])] == ["Garuda.TTF"]


def test_the_same_content_counts_once(garuda: Path, tmp_path: Path) -> None:
    shutil.copy(garuda, tmp_path / "one.ttf")
    shutil.copy(garuda, tmp_path / "two.ttf")
    assert len(find_fonts([tmp_path, garuda])) == 1


def test_web_fonts_are_opened_and_their_two_formats_count_once(garuda: Path, tmp_path: Path) -> None:
    renamed(garuda, tmp_path / "x-thai-400.woff", "X", "Regular", flavor="woff")
    assert [font.path.name for font in find_fonts([tmp_path])] == ["x-thai-400.woff"]
    renamed(garuda, tmp_path / "x-thai-400.ttf", "X", "Regular")
    assert [font.path.name for font in find_fonts([tmp_path])] == ["x-thai-400.ttf"]


def test_every_face_of_a_collection_is_found(garuda: Path, tmp_path: Path) -> None:
    collection = TTCollection()
    collection.fonts = [
        TTFont(renamed(garuda, tmp_path / f"{name}.tmp", name, "Regular")) for name in ("First", "Second")
    ]
    collection.save(tmp_path / "both.ttc")
    assert [(font.family, font.face) for font in find_fonts([tmp_path])] == [("First", 0), ("Second", 1)]


def test_every_wrong_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.ttf").write_text("not a font")
    with pytest.raises(UsageError) as caught:
        find_fonts([tmp_path / "nowhere", tmp_path / "text.ttf"])
    assert [problem.split(": ", 1)[1] for problem in caught.value.problems] == [
        "there is no such file or folder",
        "this is not a font that can be opened",
    ]


def test_the_order_of_fonts_does_not_depend_on_where_they_are(garuda: Path, tmp_path: Path) -> None:
    for folder, names in (("x", ("b", "a")), ("y", ("a", "b"))):
        (tmp_path / folder).mkdir()
        for position, name in enumerate(names):
            renamed(garuda, tmp_path / folder / f"{position}.ttf", name, "Regular")
    orders = [[font.family for font in find_fonts([tmp_path / folder])] for folder in ("x", "y")]
    assert orders == [["a", "b"], ["a", "b"]]


def test_without_raqm_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    require_raqm()
    monkeypatch.setattr(features, "check", lambda name: name != "raqm")
    with pytest.raises(EnvironmentProblem, match="libfribidi0"):
        require_raqm()
