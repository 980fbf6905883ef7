from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from thaiocr.errors import DataError, UsageError
from thaiocr.predict import pretrained
from thaiocr.predict.pretrained import CLUSTER, LINE, find_bundle, pretrained_bundle, pretrained_names
from thaiocr.predict.reader import Reader

PLACES = pretrained.PLACES


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A package without models and a checkout without models."""
    found = tmp_path / "package", tmp_path / "checkout"
    monkeypatch.setattr(pretrained, "PLACES", found)
    return found


def test_the_model_of_the_package_comes_before_that_of_a_checkout(bundle: Path, places: tuple[Path, Path]) -> None:
    package, checkout = places
    copytree(bundle, checkout / CLUSTER)
    assert pretrained_bundle(CLUSTER) == checkout / CLUSTER

    copytree(bundle, package / CLUSTER)
    assert pretrained_bundle(CLUSTER) == package / CLUSTER
    assert Reader(package / CLUSTER, threads=1).codec.entries == ("ก", "กี่", "น้ำ", "A")
    assert pretrained_names() == [CLUSTER]


def test_without_a_model_the_message_asks_for_a_bundle(places: tuple[Path, Path]) -> None:
    (places[0] / CLUSTER).mkdir(parents=True)

    with pytest.raises(UsageError, match=r"^thai_cluster: this trained model does not come with this thaiocr; name a "):
        find_bundle(None, CLUSTER)
    with pytest.raises(DataError, match=r"^thai_line: not a bundle, there is no such folder$"):
        find_bundle(LINE, CLUSTER)


def test_a_name_is_a_model_of_thaiocr_unless_there_is_such_a_folder(
    bundle: Path, places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (CLUSTER, LINE):
        copytree(bundle, places[1] / name)
    monkeypatch.chdir(tmp_path)
    assert find_bundle(LINE, CLUSTER) == places[1] / LINE
    with pytest.raises(
        DataError, match=r"^thai_lines: .* come with thaiocr: thai_cluster, thai_line; did you mean 'thai_line'\?$"
    ):
        find_bundle("thai_lines", CLUSTER)

    (tmp_path / LINE).mkdir()
    assert find_bundle(LINE, CLUSTER) == Path(LINE)


def test_the_checkouts_folder_is_where_the_wheel_takes_it_from() -> None:
    assert PLACES[1] == Path(__file__).parents[2] / "models"
    assert '"models" = "thaiocr/pretrained"' in (PLACES[1].parent / "pyproject.toml").read_text("utf-8")
    assert PLACES[0].name == "pretrained"
