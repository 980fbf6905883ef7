from __future__ import annotations

from dataclasses import fields
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from folders import LINES, config, pattern, write_data
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.data.augment import augment
from thaiocr.data.dataset import load_dataset
from thaiocr.data.images import Pixels
from thaiocr.data.loader import Batch, Batches
from thaiocr.data.splits import open_codec, splits
from thaiocr.progress import silent

KEYS = [field.name for field in fields(schema.RecAug)]
NEVER = schema.RecAug(**dict.fromkeys(KEYS, 0.0))


def only(*keys: str) -> schema.RecAug:
    return schema.RecAug(**{key: float(key in keys) for key in KEYS})


def pictures(count: int) -> tuple[Pixels, NDArray[np.int32]]:
    """Patterns of 32 x 48 pixels in 60 columns."""
    images_NhwC = np.zeros((count, 32, 60, 3), np.uint8)
    for number in range(count):
        images_NhwC[number, :, :48] = pattern(number)
    return images_NhwC, np.full(count, 48, np.int32)


def changed(options: schema.RecAug, seed: int = 0, *, count: int = 12) -> Pixels:
    return augment(*pictures(count), options, np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    assert changed(schema.RecAug(), 1).tobytes() == changed(schema.RecAug(), 1).tobytes()
    assert changed(schema.RecAug(), 1).tobytes() != changed(schema.RecAug(), 2).tobytes()


def test_the_pack_itself_is_never_changed() -> None:
    images_NhwC, filled_N = pictures(4)
    before = images_NhwC.copy()
    images_NhwC.flags.writeable = False  # as the memory map is

    augment(images_NhwC, filled_N, only(*KEYS), np.random.default_rng(0))

    np.testing.assert_array_equal(images_NhwC, before)


def test_a_probability_of_zero_leaves_the_pictures_as_they_are() -> None:
    np.testing.assert_array_equal(changed(NEVER), pictures(12)[0])


@pytest.mark.parametrize("key", KEYS)
def test_each_key_alone_changes_pictures_and_a_probability_decides_how_many(key: str) -> None:
    count = 200
    # Ink in the middle, so that there are rows to cut off.
    images_NhwC = np.full((count, 32, 40, 3), 220, np.uint8)
    images_NhwC[:, 10:22, 15:25] = 30
    filled_N = np.full(count, 40, np.int32)

    def share(probability: float) -> float:
        options = schema.RecAug(**{**dict.fromkeys(KEYS, 0.0), key: probability})
        found = augment(images_NhwC, filled_N, options, np.random.default_rng(3))
        return float((found != images_NhwC).any(axis=(1, 2, 3)).mean())

    assert share(1.0) > 0.9
    assert 0.15 < share(0.3) < 0.45


def test_reverse_is_light_on_dark() -> None:
    np.testing.assert_array_equal(changed(only("reverse_prob")), 255 - pictures(12)[0])


def test_cropping_takes_no_row_that_shows_ink() -> None:
    """A tone mark stands at the upper edge, a lower vowel at the lower one."""
    images_NhwC = np.full((50, 32, 40, 3), 220, np.uint8)
    images_NhwC[:, :3, 10:14] = 30
    images_NhwC[:, 29:, 20:24] = 30

    found = augment(images_NhwC, np.full(50, 40, np.int32), only("crop_prob"), np.random.default_rng(0))

    np.testing.assert_array_equal(found, images_NhwC)


@pytest.mark.parametrize("seed", range(20))
def test_bending_moves_nothing_out_of_the_picture(seed: int) -> None:
    images_NhwC = np.full((8, 32, 40, 3), 220, np.uint8)
    for rows in (slice(0, 4), slice(28, 32)):
        for columns in (slice(0, 4), slice(36, 40)):
            images_NhwC[:, rows, columns] = 30

    found = augment(images_NhwC, np.full(8, 40, np.int32), only("tia_prob"), np.random.default_rng(seed))

    for rows in (slice(0, 16), slice(16, 32)):
        for columns in (slice(0, 20), slice(20, 40)):
            assert (found[:, rows, columns].min(axis=(1, 2, 3)) < 100).all()


def test_no_picture_runs_into_its_neighbour_of_the_batch() -> None:
    """1,300 pictures: more rows than OpenCV takes at once."""
    values = (np.arange(1300) % 251).astype(np.uint8)
    images_NhwC = np.broadcast_to(values[:, None, None, None], (1300, 32, 8, 3)).copy()
    keys = ("tia_prob", "crop_prob", "jitter_prob", "blur_prob")

    found = augment(images_NhwC, np.full(1300, 8, np.int32), only(*keys), np.random.default_rng(0))

    np.testing.assert_array_equal(found, images_NhwC)


def test_what_lies_beyond_the_filled_columns_does_not_reach_the_picture() -> None:
    images_NhwC, filled_N = pictures(12)
    other_NhwC = images_NhwC.copy()
    other_NhwC[:, :, 48:] = 255

    one, other = (
        augment(images, filled_N, only(*KEYS), np.random.default_rng(5)) for images in (images_NhwC, other_NhwC)
    )

    np.testing.assert_array_equal(one[:, :, :48], other[:, :, :48])


@given(st.data())
def test_pictures_of_any_size_stay_pictures_of_that_size(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(1, 40), st.just(3)))
    images_NhwC = data.draw(arrays.arrays(np.uint8, shape))
    filled_N = np.array([data.draw(st.integers(1, shape[2])) for _ in range(shape[0])], np.int32)

    found = augment(images_NhwC, filled_N, only(*KEYS), np.random.default_rng(data.draw(st.integers(0, 99))))

    assert found.shape == shape
    assert found.dtype == np.uint8


# -- In an epoch -------------------------------------------------------------------------------------------------------

AUGMENTED = (
    "Train.dataset.transforms=[{DecodeImage: {img_mode: BGR}}, {RecAug: null}, {CTCLabelEncode: null}, "
    "{RecResizeImg: {image_shape: [3, 32, 100]}}, {KeepKeys: null}]"
)


def batches(folder: Path, *changes: str) -> Batches:
    if not folder.joinpath("dict.txt").exists():
        write_data(folder)
    read = config(folder, "Train.loader.batch_size_per_card=6", *LINES, *changes)
    train = splits(read)[0]
    data = load_dataset(train.dataset, open_codec(read), train.limits, seed=0, progress=silent)
    return Batches(data, read.train.loader, seed=7)


def pixels(found: list[Batch]) -> list[bytes]:
    return [batch.x_NChw.tobytes() for batch in found]


def test_an_epoch_goes_on_from_any_batch_with_the_same_changes(tmp_path: Path) -> None:
    train = batches(tmp_path, AUGMENTED)
    whole = pixels(list(train.epoch(2)))

    for start in range(len(train)):
        assert pixels(list(train.epoch(2, start=start))) == whole[start:]


def test_a_sample_looks_different_in_every_epoch(tmp_path: Path) -> None:
    train = batches(tmp_path, AUGMENTED)

    def shown(epoch: int) -> dict[str, bytes]:
        found = list(train.epoch(epoch))
        samples = chain.from_iterable(batch.samples for batch in found)
        return {
            sample.image: x.tobytes() for sample, x in zip(samples, (x for b in found for x in b.x_NChw), strict=True)
        }

    first, second = shown(0), shown(1)
    assert first.keys() == second.keys()
    assert sum(first[name] == second[name] for name in first) <= 2


def test_evaluation_and_a_file_without_recaug_see_pictures_as_they_are(tmp_path: Path) -> None:
    plain, augmented = batches(tmp_path / "a"), batches(tmp_path / "b", AUGMENTED)

    assert pixels(list(augmented.in_order())) == pixels(list(plain.in_order()))
    assert pixels(list(augmented.epoch(0))) != pixels(list(plain.epoch(0)))


def test_augmentation_reads_the_pack_that_is_there(tmp_path: Path) -> None:
    plain, augmented = batches(tmp_path), batches(tmp_path, AUGMENTED)

    assert augmented.data.pack.fingerprint == plain.data.pack.fingerprint
