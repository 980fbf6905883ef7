from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from thaiocr.data.images import Preprocess
from thaiocr.errors import DataError
from thaiocr.export.paddle_model import write_client_yaml
from thaiocr.predict.bundle import Bundle
from thaiocr.text.dictionary import Dictionary

AWKWARD = (
    "ก",
    "น้ำ",
    "7",
    "07",
    "1e5",
    "no",
    "null",
    "~",
    "-",
    "#",
    "'",
    '"',
    "\\",
    "[",
    "{",
    ":",
    "a:b",
    "๗",
    "=",
    "%",
)


def written(folder: Path, entries: tuple[str, ...], preprocess: Preprocess) -> str:
    bundle = Bundle(folder=folder, preprocess=preprocess, dictionary=Dictionary(entries), use_space_char=False)
    write_client_yaml(bundle)
    return (folder / "inference.yml").read_bytes().decode("ascii")


def test_the_clients_file_says_what_paddleocr_3_reads_and_nothing_that_it_refuses(tmp_path: Path) -> None:
    document = yaml.safe_load(written(tmp_path, ("ก", "2"), Preprocess(image_shape=(3, 32, 100))))
    assert document == {
        "Global": {"model_name": "th_PP-OCRv5_mobile_rec"},
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"RecResizeImg": {"image_shape": [3, 32, 100]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": ["ก", "2"]},
    }


def test_digits_and_yaml_words_are_quoted_so_that_clients_read_text(tmp_path: Path) -> None:
    text = written(tmp_path, ("7", "no", "~"), Preprocess(image_shape=(3, 32, 100), img_mode="RGB"))
    assert text.endswith("  character_dict:\n  - '7'\n  - 'no'\n  - '~'\n")
    assert "img_mode: RGB" in text


def test_awkward_entries_come_back_as_they_are(tmp_path: Path) -> None:
    found = yaml.safe_load(written(tmp_path, AWKWARD, Preprocess(image_shape=(3, 32, 100))))
    assert found["PostProcess"]["character_dict"] == list(AWKWARD)


@settings(max_examples=50)
@given(entries=st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=8, unique=True))
def test_any_dictionary_comes_back_as_it_is(entries: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    legal = tuple(entry for entry in entries if is_legal(entry))
    assume(legal)
    folder = tmp_path_factory.getbasetemp()
    found = yaml.safe_load(written(folder, legal, Preprocess(image_shape=(3, 32, 100))))
    assert found["PostProcess"]["character_dict"] == list(legal)


def is_legal(entry: str) -> bool:
    try:
        Dictionary((entry,))
    except DataError:
        return False
    return True
