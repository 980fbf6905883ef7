"""Batches in several sizes: every image once, one size to a batch, the same again from anywhere."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
from folders import LINES, config, pattern, write_data, write_labels
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.data.dataset import load_dataset
from thaiocr.data.images import Preprocess, fit, read_image
from thaiocr.data.loader import Batch, Batches
from thaiocr.data.pack import pack
from thaiocr.data.scales import batch_sizes, plan, preprocessing, slices
from thaiocr.data.splits import open_codec, splits
from thaiocr.progress import silent

SAMPLER = {"name": "MultiScaleSampler", "scales": [[64, 32], [128, 32]], "first_bs": 4, "fix_bs": False}
STEPS = [{"DecodeImage": {"img_mode": "BGR"}}, {"CTCLabelEncode": None}, {"KeepKeys": None}]
SCALED = (
    "Train.dataset.name=MultiScaleDataSet",
    f"Train.dataset.transforms={json.dumps(STEPS)}",
    f"Train.sampler={json.dumps(SAMPLER)}",
    "Train.loader.batch_size_per_card=4",
    "Global.max_text_length=16",
)


def batches(folder: Path, *changes: str, rank: int = 0, processes: int = 1) -> Batches:
    if not folder.joinpath("dict.txt").exists():
        write_data(folder)
    read = config(folder, *LINES, *SCALED, *changes)
    train = splits(read)[0]
    data = load_dataset(train.dataset, open_codec(read), train.limits, seed=0, progress=silent, sizes=train.sizes)
    sizes = batch_sizes(read.train)
    return Batches(data, read.train.loader, seed=7, rank=rank, processes=processes, sizes=sizes)


def shown(found: list[Batch]) -> list[tuple[int, list[str]]]:
    return [(batch.x_NChw.shape[3], [sample.image for sample in batch.samples]) for batch in found]


@given(
    count=st.integers(0, 60),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    processes=st.integers(1, 3),
    is_rest_dropped=st.booleans(),
)
def test_a_plan_has_every_image_once_and_the_sizes_in_turn(
    count: int, sizes: list[int], processes: int, is_rest_dropped: bool
) -> None:
    planned = plan(count, sizes, processes, is_rest_dropped=is_rest_dropped)

    images = sum(each for each, _ in planned)
    assert [scale for _, scale in planned] == [number % len(sizes) for number in range(len(planned))]
    assert all(each == sizes[scale] * processes for each, scale in planned[:-1])
    assert all(each >= processes for each, _ in planned)
    if not is_rest_dropped and planned:
        assert images == count
    missing = count - images
    assert missing < (processes if not is_rest_dropped else max(sizes) * processes)


def test_slices_follow_each_other_in_any_order_of_sizes() -> None:
    planned = plan(50, (4, 7), 1, is_rest_dropped=False)

    for rng in (None, np.random.default_rng(3)):
        found = slices(planned, rng)
        assert [each.first for each in found] == [0, *(each.last for each in found[:-1])]
        assert sorted((each.last - each.first, each.scale) for each in found) == sorted(planned)


def test_an_epoch_shows_every_image_once_in_both_sizes(tmp_path: Path) -> None:
    train = batches(tmp_path)
    found = shown(list(train.epoch(0)))

    assert sorted(chain.from_iterable(images for _, images in found)) == sorted(
        each.image for each in train.data.samples
    )
    assert {width for width, _ in found} == {64, 128}
    assert all(len(images) <= {64: 4, 128: 2}[width] for width, images in found)
    assert len(found) == len(train)


def test_epochs_differ_in_the_order_of_images_and_of_sizes(tmp_path: Path) -> None:
    train = batches(tmp_path, "Train.loader.shuffle=true")
    epochs = [shown(list(train.epoch(number))) for number in range(4)]

    assert len({json.dumps(epoch) for epoch in epochs}) == 4
    assert len({json.dumps([width for width, _ in epoch]) for epoch in epochs}) > 1


def test_an_epoch_goes_on_from_any_batch(tmp_path: Path) -> None:
    train = batches(tmp_path, "Train.loader.shuffle=true")
    whole = shown(list(train.epoch(2)))

    for start in range(len(train)):
        assert shown(list(train.epoch(2, start=start))) == whole[start:]


def test_pictures_of_like_width_share_a_batch_that_is_as_wide_as_its_widest(tmp_path: Path) -> None:
    write_data(tmp_path, train=12)
    lines = []
    for number, (width, text) in enumerate([(30, "ก"), (90, "ก"), (60, "ก"), (20, "กAกAกAกAกA"), (100, "ก")] * 4):
        name = f"rec/train/wide{number}.png"
        cv2.imwrite(str(tmp_path / name), pattern(number, width=width))
        lines.append(f"{name}\t{text}")
    write_labels(tmp_path / "rec_gt_train.txt", lines)
    sampler = json.dumps({**SAMPLER, "scales": [[128, 32]]})
    train = batches(tmp_path, "Train.dataset.ds_width=true", f"Train.sampler={sampler}", "Train.loader.shuffle=true")

    epochs = [list(train.epoch(number)) for number in range(2)]

    for found in epochs:
        assert sorted(sample.image for batch in found for sample in batch.samples) == sorted(
            line.split("\t")[0] for line in lines
        )
        # 10 entries need 40 pixels and a step to spare; the last batch holds the widest pictures
        assert sorted(batch.x_NChw.shape[3] for batch in found) == [32, 48, 64, 96, 112]
    assert [batch.x_NChw.shape[3] for batch in epochs[0]] != [batch.x_NChw.shape[3] for batch in epochs[1]]
    assert {batch.x_NChw.shape[3] for batch in train.in_order()} == {128}


def test_processes_see_the_same_size_at_the_same_time_and_share_the_images(tmp_path: Path) -> None:
    ranks = [shown(list(batches(tmp_path, rank=rank, processes=2).epoch(1))) for rank in range(2)]

    assert [width for width, _ in ranks[0]] == [width for width, _ in ranks[1]]
    every = [image for found in ranks for _, images in found for image in images]
    assert sorted(every) == sorted(each.image for each in batches(tmp_path).data.samples)


def test_each_size_has_the_pixels_that_recresizeimg_makes_of_the_file(tmp_path: Path) -> None:
    train = batches(tmp_path)
    for scale, width in enumerate((64, 128)):
        batch = train.batch(np.arange(3), scale=scale)
        for x_Chw, sample in zip(batch.x_NChw, batch.samples, strict=True):
            expected, filled = fit(read_image(sample.path), Preprocess(image_shape=(3, 32, width)))
            np.testing.assert_allclose(
                x_Chw[:, :, :filled], expected[:, :filled].transpose(2, 0, 1) / 127.5 - 1, atol=1e-6
            )


def test_packs_of_all_sizes_are_built_ahead(tmp_path: Path) -> None:
    write_data(tmp_path)
    packed, _ = pack(config(tmp_path, *LINES, *SCALED), progress=silent)

    assert [each.split for each in packed] == ["Train", "Train", "Eval"]
    assert all(each.is_new for each in packed)


def test_labels_must_fit_into_the_time_steps_of_the_narrowest_size(tmp_path: Path) -> None:
    write_data(tmp_path)
    train = splits(config(tmp_path, *LINES, *SCALED))[0]

    assert train.limits.time_steps == 16
    assert [each.image_shape for each in train.sizes] == [(3, 32, 64), (3, 32, 128)]


@pytest.mark.parametrize("name", ["Train", "Eval"])
def test_without_a_sampler_there_is_one_size(name: str, tmp_path: Path) -> None:
    read = config(tmp_path, *LINES)
    feed = {"Train": read.train, "Eval": read.eval}[name]

    assert preprocessing(feed) == (Preprocess.of(feed.dataset.transforms),)
    assert batch_sizes(feed) == (feed.loader.batch_size_per_card,)
