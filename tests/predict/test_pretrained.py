from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from thaiocr.errors import UsageError
from thaiocr.predict.pretrained import NAME, PLACES, pretrained_bundle
from thaiocr.predict.reader import Reader


def test_the_model_of_the_package_comes_before_that_of_a_checkout(bundle: Path, tmp_path: Path) -> None:
    package, checkout = tmp_path / "package", tmp_path / "checkout"
    copytree(bundle, checkout / NAME)
    assert pretrained_bundle((package, checkout)) == checkout / NAME

    copytree(bundle, package / NAME)
    assert pretrained_bundle((package, checkout)) == package / NAME
    assert Reader(package / NAME, threads=1).codec.entries == ("ก", "กี่", "น้ำ", "A")


def test_without_a_model_the_message_asks_for_a_bundle(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()

    with pytest.raises(UsageError, match=r"^no trained model comes with this thaiocr; give --bundle DIR"):
        pretrained_bundle((tmp_path, tmp_path / "nowhere"))


def test_the_checkouts_folder_is_where_the_wheel_takes_it_from() -> None:
    assert PLACES[1] == Path(__file__).parents[2] / "models"
    assert '"models" = "thaiocr/pretrained"' in (PLACES[1].parent / "pyproject.toml").read_text("utf-8")
    assert PLACES[0].name == "pretrained"
