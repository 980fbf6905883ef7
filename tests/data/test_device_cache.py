"""Batches whose images lie on the device (here the CPU is one) are those of the host's loader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import paddle
import pytest
from folders import LINES, config, write_data
from hypothesis import given, settings
from hypothesis import strategies as st

from thaiocr.config import schema
from thaiocr.config.presets import preset
from thaiocr.data import device_cache
from thaiocr.data.cache import Pack
from thaiocr.data.dataset import DataSet, load_dataset
from thaiocr.data.device_cache import DeviceBatches, free_memory, place_images
from thaiocr.data.joining import Joining
from thaiocr.data.labels import Limits, Sample
from thaiocr.data.loader import Batch, Batches
from thaiocr.data.splits import open_codec, splits
from thaiocr.progress import silent

WITHOUT_NOISE = schema.RecAug(noise_prob=0.0)


def random_data(count: int, *, dropped: tuple[int, ...] = (), is_wide: bool = False) -> DataSet:
    """Pictures of random pixels and width in two sizes; without those in `dropped`."""
    rng = np.random.default_rng(count)
    rows = [row for row in range(count) if row not in dropped]
    samples = [Sample(f"{row}.png", Path(), "", tuple(range(1, row % 4 + 2)), Path(), row) for row in rows]
    packs = [
        Pack(
            rng.integers(0, 256, (count, height, width, 3), np.uint8),
            rng.integers(1, width + 1, count).astype(np.int32),
            dict.fromkeys(dropped, "bad"),
            "",
        )
        for height, width in ((8, 40), (12, 60))
    ]
    return DataSet(
        samples,
        np.array(rows, np.int64),
        packs[0],
        [],
        Path(),
        more_packs=(packs[1],),
        columns_a_step=2 if is_wide else None,
    )


def served(data: DataSet, *, sizes: tuple[int, ...] = (), rank: int = 0, processes: int = 1) -> Batches:
    loader = schema.Loader(batch_size_per_card=5, shuffle=True)
    return Batches(data, loader, seed=3, sizes=sizes, rank=rank, processes=processes)


def run_options(*, use_gpu: bool = False, images_on_device: bool | None = None) -> schema.Global:
    return replace(preset("rec", "dev").run, use_gpu=use_gpu, images_on_device=images_on_device)


def assert_same(left: list[Batch], right: list[Batch], *, tolerance: float = 1e-6) -> None:
    assert [each.samples for each in left] == [each.samples for each in right]
    for one, other in zip(left, right, strict=True):
        assert one.all_images == other.all_images
        np.testing.assert_allclose(np.asarray(one.x_NChw), np.asarray(other.x_NChw), rtol=0, atol=tolerance)
        np.testing.assert_array_equal(one.labels_NL, other.labels_NL)
        np.testing.assert_array_equal(one.lengths_N, other.lengths_N)


@settings(max_examples=15)
@given(
    count=st.integers(1, 30),
    sizes=st.sampled_from([(), (6, 3)]),
    is_wide=st.booleans(),
    processes=st.integers(1, 2),
    epoch=st.integers(0, 3),
    data=st.data(),
)
def test_an_epoch_is_the_hosts_from_any_batch_on(
    count: int, sizes: tuple[int, ...], is_wide: bool, processes: int, epoch: int, data: st.DataObject
) -> None:
    rank = data.draw(st.integers(0, processes - 1))
    host = served(random_data(count, is_wide=is_wide), sizes=sizes, rank=rank, processes=processes)
    expected = list(host.epoch(epoch))
    start = data.draw(st.integers(0, len(expected)))

    assert_same(list(DeviceBatches(host).epoch(epoch, start=start)), expected[start:])


def test_images_that_cannot_be_read_shift_no_other() -> None:
    host = served(random_data(11, dropped=(0, 4)))
    assert_same(list(DeviceBatches(host).epoch(0)), list(host.epoch(0)))


def test_evaluation_sees_the_same_batches_unchanged() -> None:
    host = served(replace(random_data(11, is_wide=True), augmentation=WITHOUT_NOISE))
    assert_same(list(DeviceBatches(host).in_order()), list(host.in_order()))


def test_a_share_of_the_lines_and_their_images_are_the_hosts(tmp_path: Path) -> None:
    """Drawn from label files of a folder, by `ratio_list`."""
    write_data(tmp_path)
    read = config(tmp_path, "Train.loader.batch_size_per_card=4", *LINES, "Train.dataset.ratio_list=[0.7]")
    train = splits(read)[0]
    data = load_dataset(train.dataset, open_codec(read), train.limits, seed=1, progress=silent)
    host = Batches(data, read.train.loader, seed=7)
    assert len(host) > 1
    assert_same(list(DeviceBatches(host).epoch(1)), list(host.epoch(1)))


def test_augmented_pictures_are_the_hosts_to_what_places_are_rounded_by() -> None:
    host = served(replace(random_data(24), augmentation=WITHOUT_NOISE))
    assert_same(list(DeviceBatches(host).epoch(2)), list(host.epoch(2)), tolerance=14 / 127.5)


def test_an_augmented_epoch_goes_on_from_any_batch_with_the_same_bits() -> None:
    device = DeviceBatches(served(replace(random_data(24), augmentation=schema.RecAug())))
    whole = list(device.epoch(2))
    paddle.rand([3])
    for start in range(len(whole)):
        assert_same(list(device.epoch(2, start=start)), whole[start:], tolerance=0)


def test_a_part_of_a_batch_is_a_tensor_too() -> None:
    host = served(random_data(10))
    part, expected = (next(each.epoch(0)).part(slice(1, 3)) for each in (DeviceBatches(host), host))
    assert isinstance(part.x_NChw, paddle.Tensor)
    assert_same([part], [expected])


def test_a_pack_is_copied_whole_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    images_NhwC = random_data(10).pack.images_NhwC
    images_NhwC.flags.writeable = False  # as a memory map is
    for rows in (1, 3, 10, 11):
        monkeypatch.setattr(device_cache, "CHUNK_BYTES", rows * images_NhwC[0].nbytes)
        np.testing.assert_array_equal(np.asarray(device_cache.copy_to_device(images_NhwC)), images_NhwC)


def test_images_go_to_the_device_on_a_gpu_or_where_they_are_asked_for() -> None:
    host = served(random_data(10))
    for options in (run_options(use_gpu=True), run_options(images_on_device=True)):
        placed, line = place_images(host, options, free=None)
        assert isinstance(placed, DeviceBatches)
        assert line == "the training images lie in the memory of the device: 0.0 MB"
    for options in (run_options(), run_options(use_gpu=True, images_on_device=False)):
        assert place_images(host, options, free=None) == (host, "")


def test_images_that_fill_the_device_stay_on_the_host_and_a_line_says_so() -> None:
    host = served(random_data(1000))
    size = sum(pack.images_NhwC.nbytes for pack in host.data.packs)
    placed, _ = place_images(host, run_options(use_gpu=True), free=2 * size)
    assert isinstance(placed, DeviceBatches)
    placed, line = place_images(host, run_options(use_gpu=True), free=2 * size - 2)
    assert placed is host
    assert line == (
        "the training images stay on the host and are prepared there: they take 3.1 MB, more than 50% of the 6.2 MB "
        "that are free on the device"
    )


def test_joined_pictures_are_made_on_the_host_and_a_line_says_so() -> None:
    host = served(replace(random_data(10), joining=Joining(schema.RecConAug(), Limits(25))))
    assert place_images(host, run_options(use_gpu=True), free=None) == (
        host,
        "the training images stay on the host and are prepared there: RecConAug has no version for the device",
    )


@pytest.fixture
def on_gpu() -> Iterator[None]:
    paddle.set_device("gpu")
    yield
    paddle.set_device("cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not paddle.is_compiled_with_cuda(), reason="needs a GPU")
def test_an_epoch_on_a_gpu_is_the_hosts(on_gpu: None) -> None:
    host = served(random_data(30, is_wide=True), sizes=(6, 3))
    device, _ = place_images(host, run_options(use_gpu=True), free=free_memory())
    found = list(device.epoch(1))
    assert all(isinstance(batch.x_NChw, paddle.Tensor) and batch.x_NChw.place.is_gpu_place() for batch in found)
    assert_same(found, list(host.epoch(1)))


@pytest.mark.gpu
@pytest.mark.skipif(not paddle.is_compiled_with_cuda(), reason="needs a GPU")
def test_a_pack_of_more_than_two_gigabytes_is_copied_and_read_on_a_gpu(on_gpu: None) -> None:
    """Further than 32 bits count."""
    values = (np.arange(250_000) % 251).astype(np.uint8)
    copied = device_cache.copy_to_device(np.broadcast_to(values[:, None, None, None], (250_000, 32, 100, 3)))
    rows = np.array([0, 1, 223_697, 249_999])
    found = np.asarray(paddle.gather(copied, paddle.to_tensor(rows)))
    np.testing.assert_array_equal(found[:, 0, 0, 0], values[rows])
    np.testing.assert_array_equal(found[:, -1, -1, -1], values[rows])
