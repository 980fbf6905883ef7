from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.config import schema
from thaiocr.data.cache import Pack
from thaiocr.data.dataset import DataSet
from thaiocr.data.labels import Sample
from thaiocr.data.loader import Batch, Batches


def numbered(count: int, *, dropped: tuple[int, ...] = ()) -> DataSet:
    """A data set of `count` images, all of whose pixels are their number, without those in `dropped`."""
    images_NhwC = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 4, 6, 3))
    rows = [row for row in range(count) if row not in dropped]
    samples = [Sample(f"{row}.png", Path(), "", tuple(range(1, row % 4 + 2)), Path(), row) for row in rows]
    pack = Pack(images_NhwC, np.full(count, 5, np.int32), dict.fromkeys(dropped, "bad"), "")
    return DataSet(samples, np.array(rows, np.int64), pack, [], Path())


def batches(
    count: int,
    size: int,
    *,
    shuffle: bool = True,
    drop_last: bool = False,
    seed: int = 0,
    rank: int = 0,
    processes: int = 1,
) -> Batches:
    loader = schema.Loader(batch_size_per_card=size, shuffle=shuffle, drop_last=drop_last)
    return Batches(numbered(count), loader, seed=seed, rank=rank, processes=processes)


def names(found: list[Batch]) -> list[list[str]]:
    return [[sample.image for sample in batch.samples] for batch in found]


def assert_same(left: list[Batch], right: list[Batch]) -> None:
    assert names(left) == names(right)
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one.x_NChw, other.x_NChw)
        np.testing.assert_array_equal(one.labels_NL, other.labels_NL)
        np.testing.assert_array_equal(one.lengths_N, other.lengths_N)


@given(count=st.integers(1, 40), size=st.integers(1, 12), epoch=st.integers(0, 5), shuffle=st.booleans())
def test_an_epoch_shows_every_sample_exactly_once(count: int, size: int, epoch: int, shuffle: bool) -> None:
    served = batches(count, size, shuffle=shuffle)

    found = names(list(served.epoch(epoch)))

    assert sorted(chain(*found)) == sorted(sample.image for sample in served.data.samples)
    assert len(found) == len(served)
    assert {len(batch) for batch in found[:-1]} <= {size}


@given(
    count=st.integers(1, 40),
    size=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 9),
    data=st.data(),
)
def test_an_epoch_goes_on_from_any_batch_as_if_never_interrupted(
    count: int, size: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    whole = list(batches(count, size, seed=seed).epoch(epoch))
    start = data.draw(st.integers(0, len(whole)))

    assert_same(list(batches(count, size, seed=seed).epoch(epoch, start=start)), whole[start:])


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    served = batches(30, 7)
    first = list(served.epoch(2))
    np.random.seed(1)
    list(served.epoch(0))

    assert_same(list(served.epoch(2)), first)
    assert names(list(served.epoch(3))) != names(first)
    assert names(list(batches(30, 7, seed=1).epoch(2))) != names(first)


def test_the_order_is_the_same_on_every_machine() -> None:
    order = [name.removesuffix(".png") for name in chain(*names(list(batches(8, 4, seed=42).epoch(1))))]

    assert "".join(order) == "04612735"


def test_without_shuffle_the_order_is_that_of_the_label_files() -> None:
    served = batches(10, 4, shuffle=False)

    assert names(list(served.epoch(5))) == [
        ["0.png", "1.png", "2.png", "3.png"],
        ["4.png", "5.png", "6.png", "7.png"],
        ["8.png", "9.png"],
    ]


@pytest.mark.parametrize(("count", "size", "kept", "all_"), [(10, 4, 2, 3), (8, 4, 2, 2), (3, 4, 0, 1), (0, 4, 0, 0)])
def test_drop_last_leaves_out_an_incomplete_batch_and_only_that(count: int, size: int, kept: int, all_: int) -> None:
    dropping, keeping = batches(count, size, drop_last=True), batches(count, size)

    assert len(dropping) == len(list(dropping.epoch(0))) == kept
    assert len(keeping) == len(list(keeping.epoch(0))) == all_
    assert names(list(dropping.epoch(0))) == names(list(keeping.epoch(0)))[:kept]


def test_evaluation_sees_every_sample_in_order_whatever_the_loader_says() -> None:
    served = batches(10, 4, shuffle=True, drop_last=True)

    assert list(chain(*names(list(served.in_order())))) == [f"{number}.png" for number in range(10)]


def test_a_batch_holds_each_samples_own_image_label_and_length() -> None:
    served = Batches(numbered(9, dropped=(0, 4)), schema.Loader(batch_size_per_card=3, shuffle=True), seed=0)

    for batch in served.epoch(0):
        for x_Chw, label_L, length, sample in zip(
            batch.x_NChw, batch.labels_NL, batch.lengths_N, batch.samples, strict=True
        ):
            number = int(sample.image.removesuffix(".png"))
            np.testing.assert_allclose(x_Chw[:, :, :5], (number / 255 - 0.5) / 0.5, atol=1e-6)
            assert (x_Chw[:, :, 5] == 0).all()
            assert tuple(label_L[:length]) == sample.ids


def test_labels_are_filled_up_with_zero_to_the_longest_of_the_batch() -> None:
    batch = batches(4, 4, shuffle=False).batch(np.array([0, 2, 1]))

    assert batch.labels_NL.tolist() == [[1, 0, 0], [1, 2, 3], [1, 2, 0]]
    assert batch.lengths_N.tolist() == [1, 3, 2]
    assert [str(each.dtype) for each in (batch.x_NChw, batch.labels_NL, batch.lengths_N)] == [
        "float32",
        "int32",
        "int64",
    ]


@given(
    count=st.integers(1, 40),
    size=st.integers(1, 6),
    processes=st.integers(2, 5),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
)
def test_processes_share_every_batch_without_overlap(
    count: int, size: int, processes: int, shuffle: bool, drop_last: bool
) -> None:
    alone = batches(count, size * processes, shuffle=shuffle, drop_last=drop_last)
    shares = [
        list(batches(count, size, shuffle=shuffle, drop_last=drop_last, rank=rank, processes=processes).epoch(1))
        for rank in range(processes)
    ]

    together = [list(chain(*names(list(parts)))) for parts in zip(*shares, strict=True)]

    everything = list(chain(*names(list(alone.epoch(1)))))
    if count >= processes:
        assert list(chain(*together)) == everything
    for parts, batch in zip(zip(*shares, strict=True), together, strict=True):
        assert all(part.samples and part.all_images == len(batch) for part in parts)


def test_each_process_augments_its_share_in_its_own_way() -> None:
    options = schema.RecAug(noise_prob=1.0)
    shares = []
    for rank in range(2):
        served = batches(4, 2, shuffle=False, rank=rank, processes=2)
        same = np.full_like(served.data.pack.images_NhwC, 100)
        pack = replace(served.data.pack, images_NhwC=same)
        served.data = replace(served.data, pack=pack, augmentation=options)
        shares.append(next(served.epoch(0)).x_NChw)
    assert not np.array_equal(shares[0], shares[1])
