"""Bad input for lines: each has a defined result, or a reject that names file, line and the way out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from folders import LINES, config, pattern, write_data, write_labels

from thaiocr.data.dataset import DataSet, load_dataset
from thaiocr.data.images import normalize
from thaiocr.data.splits import open_codec, splits
from thaiocr.progress import silent

LABEL_FILE = "rec_gt_train.txt"


def load(folder: Path, text: str = "ก", *changes: str, image: str = "a.png") -> DataSet:
    """Read a training set of one line."""
    write_labels(folder / LABEL_FILE, [f"{image}\t{text}"])
    read = config(folder, *LINES, "Global.use_space_char=true", *changes)
    train = splits(read)[0]
    return load_dataset(train.dataset, open_codec(read), train.limits, seed=0, progress=silent, sizes=train.sizes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data(tmp_path, train=1)
    cv2.imwrite(str(tmp_path / "a.png"), pattern(0))
    return tmp_path


@pytest.mark.parametrize(
    ("height", "width", "filled"), [(1, 1, 32), (1, 20_000, 100), (32, 20_000, 100), (20_000, 1, 1)]
)
def test_a_picture_of_any_size_is_shown(height: int, width: int, filled: int, folder: Path) -> None:
    """What is too wide is squeezed, as PaddleOCR does; one row or column is stretched."""
    cv2.imwrite(str(folder / "a.png"), np.full((height, width, 3), 200, np.uint8))

    data = load(folder)

    assert data.rejects == []
    assert data.pack.filled_N.tolist() == [filled]
    x_NChw = normalize(data.pack.images_NhwC[:1], data.pack.filled_N[:1])
    assert x_NChw[0, :, :, :filled].mean() == pytest.approx(200 / 127.5 - 1, abs=0.01)
    assert (x_NChw[0, :, :, filled:] == 0).all()


def test_an_empty_file_is_a_reject_with_its_line(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"")

    (reject,) = load(folder).rejects

    assert str(reject) == f"{folder / LABEL_FILE}:1: a.png: the file is empty"


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        ("ก" * 26, (), "the label has 26 dictionary entries, Global.max_text_length is 25"),
        ("กA" * 9, ("Global.max_text_length=16",), "the label has 18 dictionary entries, Global.max_text_length is 16"),
        ("ก" * 14, (), "the label needs 27 time steps, the network has 25; use a wider image_shape"),
        ("ก A", ("Global.use_space_char=false",), "use_space_char: true adds the space"),
        ("กข", (), "'ข' (U+0E02 THAI CHARACTER KHO KHAI) is not in the dictionary"),
    ],
    ids=["too long", "longer than configured", "repeats", "a space", "a letter"],
)
def test_a_line_that_cannot_be_trained_on_is_a_reject_with_its_line(
    text: str, changes: tuple[str, ...], reason: str, folder: Path
) -> None:
    data = load(folder, text, *changes)

    assert len(data.samples) == 0
    (reject,) = data.rejects
    assert str(reject).startswith(f"{folder / LABEL_FILE}:1: a.png: ")
    assert reason in str(reject)


def test_the_longest_line_with_spaces_is_a_sample(folder: Path) -> None:
    data = load(folder, "กA น้ำ ปี" * 3)

    assert data.rejects == []
    assert data.samples[0].text == "กA น้ำ ปี" * 3
