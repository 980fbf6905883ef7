from __future__ import annotations

import hashlib
import json
import random
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.synth.fonts import FontFile
from thaiocr.synth.negatives import KINDS, LABELS, SCRIPTS, Options, Tools, generate, make_negative
from thaiocr.text.dictionary import Dictionary, builtin

Fonts = Mapping[tuple[str, str], FontFile]


@pytest.fixture(scope="module")
def tools(fonts: Fonts) -> Tools:
    return Tools(thai=(fonts["Garuda", "Regular"],), scripts={"Khmer": (fonts["Noto Sans Khmer", "Regular"],)})


@pytest.fixture(scope="module")
def places(fonts: Fonts) -> tuple[str, ...]:
    return tuple(str(fonts[family, "Regular"].path) for family in ("Garuda", "Noto Sans Khmer", "Noto Sans Hebrew"))


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_an_image_that_its_random_state_decides(tools: Tools, kind: str) -> None:
    for seed in range(15):
        once, again = (make_negative(kind, tools, random.Random(seed)) for _ in range(2))
        assert once.dtype == np.uint8
        assert min(once.shape[:2]) >= 5
        assert np.array_equal(once, again)


def test_no_letter_of_another_script_is_in_a_dictionary() -> None:
    entries = {
        entry for name in ("th_dict.txt", "th_dict_full.txt") for entry in Dictionary.load(builtin(name)).entries
    }
    letters = "".join(SCRIPTS.values())
    assert not set(letters) & entries
    assert all(unicodedata.name(letter).startswith(script.upper()) for script in SCRIPTS for letter in SCRIPTS[script])


def test_scraps_are_mostly_paper_with_pieces_at_the_edges(tools: Tools) -> None:
    for seed in range(40):
        picture = KINDS["scrap"](tools, 64, random.Random(seed))
        inside = picture[round(0.3 * 64) : -round(0.3 * 64), round(0.3 * 64) : -round(0.3 * 64)]
        assert (picture > 200).mean() > 0.6, seed
        assert not inside.size or (inside > 200).mean() > 0.85, seed


def test_the_folder_names_every_image_with_its_kind(places: tuple[str, ...], tmp_path: Path) -> None:
    root = tmp_path / "negatives"
    made = generate(root, Options(count=23, seed=4, fonts=places))
    lines = [line.split("\t") for line in (root / LABELS).read_text("utf-8").splitlines()]
    assert [path for path, _ in lines] == [f"negatives/{number:06}.jpg" for number in range(1, 24)]
    counts = Counter(kind for _, kind in lines)
    assert counts.keys() == set(KINDS)
    assert max(counts.values()) - min(counts.values()) == 1
    assert all(cv2.imread(str(root / path)) is not None for path, _ in lines)
    assert json.loads((root / "manifest.json").read_text("utf-8")) == json.loads(json.dumps(made.manifest))


def test_the_same_seed_gives_the_same_bytes(places: tuple[str, ...], tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        generate(tmp_path / name, Options(count=10, seed=seed, fonts=places))
    assert digests(tmp_path / "one") == digests(tmp_path / "again")
    assert digests(tmp_path / "one")["negatives/000001.jpg"] != digests(tmp_path / "other")["negatives/000001.jpg"]


def test_what_is_there_stays_and_other_options_need_force(places: tuple[str, ...], tmp_path: Path) -> None:
    root, options = tmp_path / "negatives", Options(count=5, seed=1, fonts=places)
    assert generate(root, options).made
    assert not generate(root, options).made
    other = Options(count=6, seed=1, fonts=places)
    with pytest.raises(UsageError, match="count was 5, now 6"):
        generate(root, other)
    assert generate(root, other, force=True).made


def test_fonts_of_thai_alone_are_not_enough(fonts: Fonts, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no font that draws other scripts"):
        generate(tmp_path / "negatives", Options(count=1, fonts=(str(fonts["Garuda", "Regular"].path),)))
