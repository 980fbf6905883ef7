from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.progress import Advance
from thaiocr.synth.families import CheckedFont, Family
from thaiocr.synth.folder import MANIFEST, PARTIAL, DataSet
from thaiocr.synth.fonts import FontFile
from thaiocr.synth.page_writer import DESIGNS, IGNORED, PageOptions, choose_fonts, generate_pages
from thaiocr.text.dictionary import Dictionary

COUNTS = {"train": 8, "val": 2, "test": 3}


@pytest.fixture(scope="module")
def options(few: tuple[str, ...]) -> PageOptions:
    return PageOptions(count=8, val_count=2, test_count=3, seed=3, fonts=few)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, spelling: Dictionary, options: PageOptions) -> tuple[Path, DataSet]:
    root = tmp_path_factory.mktemp("made") / "data"
    return root, generate_pages(root, spelling, options)


def content(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_the_layout_is_paddleocrs(made: tuple[Path, DataSet]) -> None:
    root, _ = made
    for split, count in COUNTS.items():
        for kind in ("det_gt", "det_words_gt"):
            lines = (root / f"{kind}_{split}.txt").read_bytes().decode().splitlines()
            names = [line.partition("\t")[0] for line in lines]
            assert names == [f"det/{split}/{number:06}.jpg" for number in range(1, count + 1)]
            for line in lines:
                name, _, value = line.partition("\t")
                image = cv2.imread(str(root / name))
                assert image is not None
                height, width = image.shape[:2]
                for label in json.loads(value):
                    assert set(label) == {"transcription", "points"}
                    assert label["transcription"]
                    points = np.array(label["points"])
                    assert points.shape == (4, 2)
                    assert (points >= 0).all()
                    assert (points <= (width, height)).all()
                    assert cv2.contourArea(points.astype(np.float32), oriented=True) > 0  # clockwise on the screen


def test_the_words_of_a_page_spell_its_lines(made: tuple[Path, DataSet]) -> None:
    root, _ = made
    for split in COUNTS:
        pairs = zip(
            (root / f"det_gt_{split}.txt").read_text("utf-8").splitlines(),
            (root / f"det_words_gt_{split}.txt").read_text("utf-8").splitlines(),
            strict=True,
        )
        for page, words in pairs:
            line_text, word_text = (
                "".join(
                    label["transcription"]
                    for label in json.loads(each.partition("\t")[2])
                    if label["transcription"] != IGNORED
                )
                for each in (page, words)
            )
            assert line_text.replace(" ", "") == word_text


def test_no_font_and_no_design_of_train_is_in_val_or_test(made: tuple[Path, DataSet]) -> None:
    root, data_set = made
    manifest = json.loads((root / MANIFEST).read_text("utf-8"))
    assert json.loads(json.dumps(data_set.manifest)) == manifest
    assert manifest["request"]["seed"] == 3
    fonts, designs = {}, {}
    for name, split in manifest["splits"].items():
        images = split["images"]
        assert split["count"] == len(images["design"]) == len(images["manner"]) == len(images["fonts"]) == COUNTS[name]
        fonts[name] = {manifest["fonts"][font]["sha256"] for some in images["fonts"] for font in some}
        designs[name] = {split["designs"][design] for design in images["design"]}
    for used in (fonts, designs):
        assert not used["train"] & (used["val"] | used["test"])
        assert not used["val"] & used["test"]
    assert designs == {name: set(some) for name, some in DESIGNS.items()}
    assert str(root) not in (root / MANIFEST).read_text("utf-8")


def test_the_contact_sheet_can_be_looked_at(made: tuple[Path, DataSet]) -> None:
    sheet = cv2.imread(str(made[0] / "contact_sheet.png"))
    assert sheet is not None
    assert sheet.shape[0] > 600
    assert np.std(sheet.astype(float)) > 10


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(
    made: tuple[Path, DataSet], spelling: Dictionary, options: PageOptions, tmp_path: Path
) -> None:
    generate_pages(tmp_path / "again", spelling, options, workers=2)
    assert content(tmp_path / "again") == content(made[0])


def test_a_complete_data_set_is_left_and_what_is_missing_is_made_again(
    made: tuple[Path, DataSet], spelling: Dictionary, options: PageOptions, tmp_path: Path
) -> None:
    assert not generate_pages(made[0], spelling, options).made
    root, small = tmp_path / "data", dataclasses.replace(options, count=1, val_count=1, test_count=1)
    generate_pages(root, spelling, small)
    before = content(root)
    (root / "det_words_gt_train.txt").write_text("", "utf-8")
    assert generate_pages(root, spelling, small).made
    assert content(root) == before


def test_other_options_and_other_folders_are_refused(
    made: tuple[Path, DataSet], spelling: Dictionary, options: PageOptions, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="preset was 'photo', now 'clean'"):
        generate_pages(made[0], spelling, dataclasses.replace(options, preset="clean"))
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="not made by `thaiocr synth det`"):
        generate_pages(tmp_path, spelling, options, force=True)


class _StopError(Exception):
    pass


@contextmanager
def _stop_in_the_middle(label: str, total: int) -> Iterator[Advance]:
    def advance(count: int, note: str = "") -> None:
        if label == "pages":
            raise _StopError

    yield advance


def test_an_interrupted_run_leaves_no_manifest_and_can_be_forced_over(
    spelling: Dictionary, options: PageOptions, tmp_path: Path
) -> None:
    small = dataclasses.replace(options, count=1, val_count=0, test_count=0)
    with pytest.raises(_StopError):
        generate_pages(tmp_path / "data", spelling, dataclasses.replace(small, seed=9), progress=_stop_in_the_middle)
    assert not (tmp_path / "data" / MANIFEST).exists()
    assert (tmp_path / "data" / PARTIAL).exists()
    with pytest.raises(UsageError, match="seed was 9, now 3"):
        generate_pages(tmp_path / "data", spelling, small)
    assert generate_pages(tmp_path / "data", spelling, small, force=True).made
    assert not (tmp_path / "data" / PARTIAL).exists()


def test_too_few_fonts_are_refused(spelling: Dictionary, options: PageOptions, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="found 1 font families"):
        generate_pages(tmp_path / "data", spelling, dataclasses.replace(options, fonts=options.fonts[:1]))


def font(style: str, part: str, drawn: str) -> CheckedFont:
    file = FontFile(family="Web", style=style, sha256=part, face=0, path=Path(f"{style}-{part}.woff2"))
    return CheckedFont(file=file, refused={}, drawn=frozenset(drawn))


def test_a_web_fonts_latin_comes_from_its_own_file_of_the_same_weight() -> None:
    pieces = [
        font(style, part, drawn) for style in ("Thin", "Bold") for part, drawn in (("thai", "กขค"), ("latin", "a"))
    ]
    widest = font("Regular", "all", "กขคa")
    family = Family(name="Web", fonts=tuple(pieces))
    for seed in range(8):
        chosen = choose_fonts([family], widest, random.Random(seed), body=False)
        assert [each.file.sha256 for each in chosen] == ["thai", "latin", "all"]
        assert chosen[0].file.style == chosen[1].file.style


def test_no_hairline_is_body_text_unless_the_family_has_nothing_else() -> None:
    thin, bold, widest = font("Thin", "thai", "กขค"), font("Bold", "thai", "กขค"), font("Regular", "all", "กขคa")
    rng = random.Random(0)
    both = Family(name="Web", fonts=(thin, bold))
    assert {choose_fonts([both], widest, rng, body=True)[0].file.style for _ in range(20)} == {"Bold"}
    assert {choose_fonts([both], widest, rng, body=False)[0].file.style for _ in range(20)} == {"Thin", "Bold"}
    assert choose_fonts([Family(name="Web", fonts=(thin,))], widest, rng, body=True)[0] == thin
