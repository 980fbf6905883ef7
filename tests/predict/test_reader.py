from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import pytest

from thaiocr.data.images import Pixels
from thaiocr.errors import DataError
from thaiocr.predict.bundle import ONNX, open_bundle, seal
from thaiocr.predict.reader import BATCH, Prediction, Reader

Draw: TypeAlias = Callable[..., Pixels]

TEXTS = {(1,): "ก", (2, 0, 2): "กี่กี่", (0, 3, 4, 0): "น้ำA", (0, 0): "", (4, 4, 4): "A", (1, 2, 3, 4): "กกี่น้ำA"}
"""Stripes of an image -> what they say."""


@pytest.fixture
def reader(bundle: Path) -> Reader:
    return Reader(bundle, threads=1)


def test_images_are_read_in_their_order(reader: Reader, draw: Draw) -> None:
    found = reader.read([draw(*stripes) for stripes in TEXTS])

    assert [each.text for each in found] == list(TEXTS.values())
    assert all(0.9 < each.score <= 1 for each in found if each.text)
    assert [each.score for each in found if not each.text] == [0.0]


def test_no_images_give_no_readings(reader: Reader) -> None:
    assert reader.read([]) == []


def test_images_of_other_heights_are_resized_before_they_are_read(reader: Reader, draw: Draw) -> None:
    image_HWC = cv2.resize(draw(2, 3, 1), None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST)

    assert reader.read([np.asarray(image_HWC, np.uint8)])[0].text == "กี่น้ำก"


def test_reading_together_is_reading_alone(reader: Reader, draw: Draw) -> None:
    images = [draw(*stripes) for stripes in TEXTS]

    together, alone = reader.read(images), [reader.read([image])[0] for image in images]

    assert [each.text for each in together] == [each.text for each in alone]
    assert [each.score for each in together] == pytest.approx([each.score for each in alone], abs=1e-6)


def test_a_file_that_cannot_be_read_has_its_error_in_its_place(reader: Reader, draw: Draw, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "good.png"), draw(2))
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    names = ["missing.png", "good.png", "empty.png", "good.png", "text.png"]

    found = list(reader.read_files((name, tmp_path / name) for name in names))

    assert [each.image for each in found] == names
    assert [each.text for each in found] == ["", "กี่", "", "กี่", ""]
    assert found[0].error == f"missing.png: no such file (looked for {tmp_path / 'missing.png'})"
    assert found[2] == Prediction("empty.png", "", 0.0, "empty.png: the file is empty")
    assert found[4].error.startswith("text.png: not an image")
    assert found[1].error == ""


def test_only_bad_files_are_only_errors(reader: Reader, tmp_path: Path) -> None:
    found = list(reader.read_files([("a", tmp_path / "a"), ("b", tmp_path / "b")]))

    assert [bool(each.error) for each in found] == [True, True]


def test_more_files_than_a_batch_keep_their_order(reader: Reader, draw: Draw, tmp_path: Path) -> None:
    names = []
    for number in range(2 * BATCH + 3):
        names.append(f"{number}.png")
        cv2.imwrite(str(tmp_path / names[-1]), draw(number % 4 + 1))
    (tmp_path / names[BATCH]).unlink()

    found = list(reader.read_files((name, tmp_path / name) for name in names))

    assert [each.image for each in found] == names
    expected = [("ก", "กี่", "น้ำ", "A")[number % 4] for number in range(len(names))]
    expected[BATCH] = ""
    assert [each.text for each in found] == expected


def test_any_number_of_threads_reads_the_same(bundle: Path, draw: Draw) -> None:
    images = [draw(number % 4 + 1, number % 3) for number in range(5 * BATCH + 7)]

    found = [Reader(bundle, threads=threads).read(images) for threads in (1, 2, 5)]

    assert found[0] == found[1] == found[2]
    assert len(found[0]) == len(images)


def test_what_breaks_in_a_thread_is_raised_and_not_swallowed(reader: Reader) -> None:
    flat = [np.zeros((0, 0, 3), np.uint8)] * (BATCH + 1)

    with pytest.raises(ZeroDivisionError):
        reader.read(flat)


def test_the_bundles_temperature_changes_scores_and_no_text(bundle: Path, draw: Draw) -> None:
    images = [draw(*stripes) for stripes in TEXTS]
    plain = Reader(bundle, threads=1).read(images)
    seal(replace(open_bundle(bundle), temperature=2.0))

    tempered = Reader(bundle, threads=1).read(images)

    assert [each.text for each in tempered] == [each.text for each in plain]
    assert all(0 < after.score < before.score for before, after in zip(plain, tempered, strict=True) if before.text)


def test_files_are_read_as_they_come_and_not_all_at_once(reader: Reader, draw: Draw, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), draw(1))
    taken = 0

    def endless() -> Iterator[tuple[str, Path]]:
        nonlocal taken
        while True:
            taken += 1
            yield "a.png", tmp_path / "a.png"

    next(reader.read_files(endless()))

    assert taken == 2 * BATCH  # one batch is read, one waits


def test_a_damaged_bundle_is_refused(bundle: Path) -> None:
    (bundle / ONNX).write_bytes(b"damaged")

    with pytest.raises(DataError, match="changed since it was exported"):
        Reader(bundle)


WITHOUT_PADDLE = """
import sys
from pathlib import Path
from thaiocr.predict.reader import Reader

print(next(Reader(Path(sys.argv[1]), threads=1).read_files([("a", Path(sys.argv[2]))])).text)
print([name for name in ("paddle", "thaiocr.models", "thaiocr.engine") if name in sys.modules])
"""


def test_a_bundle_reads_without_paddle_and_without_training_code(bundle: Path, draw: Draw, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), draw(3, 1))
    command = [sys.executable, "-X", "utf8", "-c", WITHOUT_PADDLE, str(bundle), str(tmp_path / "a.png")]

    found = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout

    assert found.splitlines() == ["น้ำก", "[]"]
