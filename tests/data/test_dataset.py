from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from thaiocr.config import schema
from thaiocr.data.dataset import DataSet, load_dataset
from thaiocr.data.images import Preprocess, fit, read_image
from thaiocr.data.labels import Limits
from thaiocr.errors import DataError
from thaiocr.progress import silent
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary

CODEC = Codec(Dictionary(("A", "B", "กี่")))
TRANSFORMS = (
    schema.DecodeImage(img_mode="BGR"),
    schema.CTCLabelEncode(),
    schema.RecResizeImg(image_shape=(3, 16, 40)),
    schema.KeepKeys(),
)


def load(folder: Path, lines: list[str]) -> DataSet:
    (folder / "gt.txt").write_text("\n".join(lines), "utf-8")
    options = schema.SimpleDataSet(
        data_dir=str(folder / "images"), label_file_list=(str(folder / "gt.txt"),), transforms=TRANSFORMS
    )
    return load_dataset(options, CODEC, Limits(4, time_steps=10), seed=0, progress=silent)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for number in range(5):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), np.full((20, 30, 3), 40 * number, np.uint8))
    return tmp_path


def test_every_sample_keeps_its_own_image_when_others_are_rejected(folder: Path) -> None:
    (folder / "images" / "1.png").write_bytes(b"no image")
    (folder / "images" / "3.png").unlink()

    data = load(folder, ["0.png\tA", "1.png\tB", "no tab", "2.png\tกี่", "3.png\tA", "4.png\tC", "4.png\tB"])

    assert [(sample.image, sample.text) for sample in data.samples] == [("0.png", "A"), ("2.png", "กี่"), ("4.png", "B")]
    for sample, row in zip(data.samples, data.rows_S, strict=True):
        expected, _ = fit(read_image(sample.path), Preprocess.of(TRANSFORMS))
        np.testing.assert_array_equal(data.pack.images_NhwC[row], expected)


def test_bad_lines_and_bad_images_are_rejects_with_their_places(folder: Path) -> None:
    (folder / "images" / "1.png").write_bytes(b"")

    data = load(folder, ["0.png\tA", "1.png\tB", "9.png\tB", "2.png\tฃ"])

    assert [str(reject).replace(str(folder), "") for reject in data.rejects] == [
        "/gt.txt:4: 2.png: 'ฃ' (U+0E03 THAI CHARACTER KHO KHUAT) is not in the dictionary",
        "/gt.txt:2: 1.png: the file is empty",
        "/gt.txt:3: 9.png: no such file (looked for /images/9.png)",
    ]
    assert data.reject_ratio == pytest.approx(0.75)


def test_the_images_root_is_the_configured_folder(folder: Path) -> None:
    assert load(folder, ["0.png\tA"]).images_root == folder / "images"


@pytest.mark.parametrize("lines", [[], ["no tab", "9.png\tA"]], ids=["no lines", "only bad lines"])
def test_a_set_without_usable_lines_is_empty_and_no_crash(folder: Path, lines: list[str]) -> None:
    data = load(folder, lines)

    assert list(data.samples) == []
    assert len(data.rejects) == len(lines)
    assert data.reject_ratio == bool(lines)


def test_the_same_image_under_two_labels_is_two_samples(folder: Path) -> None:
    data = load(folder, ["0.png\tA", "0.png\tB"])

    assert [sample.text for sample in data.samples] == ["A", "B"]
    assert data.rows_S.tolist() == [0, 1]


def test_a_missing_label_file_is_an_error_and_no_empty_set(tmp_path: Path) -> None:
    options = schema.SimpleDataSet(
        data_dir=str(tmp_path), label_file_list=(str(tmp_path / "gt.txt"),), transforms=TRANSFORMS
    )
    with pytest.raises(DataError, match=r"gt\.txt: no such label file"):
        load_dataset(options, CODEC, Limits(4), seed=0, progress=silent)
