"""Parts of pages, and their order: what the seed, the epoch and the batch decide, and nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_pages
from hypothesis import given, settings
from hypothesis import strategies as st

from thaiocr.config.schema import detection
from thaiocr.data.detection_augment import augment_page, choose_part
from thaiocr.data.detection_labels import Region, read_pages
from thaiocr.data.detection_loader import PageBatches, check_images
from thaiocr.progress import silent

CROP = detection.EastRandomCropData(size=(96, 64), max_tries=50)


def blocks() -> tuple[np.ndarray, list[Region]]:
    """A grey page with white blocks, which are its text; one is ignored."""
    pixels = np.full((150, 200, 3), 90, np.uint8)
    regions = []
    for number, (left, top) in enumerate(((20, 15), (120, 15), (20, 70), (120, 70), (20, 115))):
        pixels[top : top + 25, left : left + 60] = 255
        points = [(left, top), (left + 60, top), (left + 60, top + 25), (left, top + 25)]
        regions.append(Region(np.array(points, np.float32), "ก", number == 4))
    return pixels, regions


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 9999),
    flip=st.sampled_from([0.0, 1.0]),
    angle=st.floats(-20, 20),
    scale=st.floats(0.5, 3),
    is_kept=st.booleans(),
    is_whole=st.booleans(),
)
def test_polygons_stay_on_their_text(
    seed: int, flip: float, angle: float, scale: float, is_kept: bool, is_whole: bool
) -> None:
    pixels, regions = blocks()
    steps = (
        detection.Augmenter(type="Fliplr", args=detection.AugmenterArgs(p=flip)),
        detection.Augmenter(type="Flipud", args=detection.AugmenterArgs(p=flip)),
        detection.Augmenter(type="Affine", args=detection.AugmenterArgs(rotate=(angle, angle))),
        detection.Augmenter(type="Resize", args=detection.AugmenterArgs(size=(scale, scale))),
    )
    crop = detection.EastRandomCropData(size=(96, 64), max_tries=50, keep_ratio=is_kept, whole_text=is_whole)

    part, kept = augment_page(pixels, regions, steps, crop, (96, 64), np.random.default_rng(seed))

    assert part.shape == (64, 96, 3)
    assert kept
    inside = np.zeros((64, 96), np.uint8)
    for region in kept:
        cv2.fillPoly(inside, [np.round(region.points_K2 - 0.5).astype(np.int32)], 1)
    middle = cv2.erode(inside, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)
    outside = cv2.dilate(inside, np.ones((5, 5), np.uint8)).astype(bool)
    shown = part[..., 0] > 0  # black came from off the page
    assert (part[..., 0][middle & shown] > 200).mean() > 0.95 if (middle & shown).any() else True
    assert (part[..., 0][~outside] < 130).mean() > 0.95 if (~outside).any() else True


@given(seed=st.integers(0, 9999))
def test_no_edge_of_a_part_cuts_through_text(seed: int) -> None:
    _, regions = blocks()
    polygons = [region.points_K2 for region in regions]

    part = choose_part(polygons, 200, 150, CROP, np.random.default_rng(seed))

    for points in polygons:
        for axis, first, length in ((0, part.left, part.width), (1, part.top, part.height)):
            for edge in (first, first + length):
                assert not points[:, axis].min() < edge < points[:, axis].max()


@given(seed=st.integers(0, 9999), scale=st.floats(0.2, 3))
def test_text_keeps_its_size_in_a_window(seed: int, scale: float) -> None:
    pixels, regions = blocks()
    resize = detection.Augmenter(type="Resize", args=detection.AugmenterArgs(size=(scale, scale)))
    crop = detection.EastRandomCropData(size=(96, 64), max_tries=50, whole_text=False)

    part, kept = augment_page(pixels, regions, (resize,), crop, (96, 64), np.random.default_rng(seed))

    assert part.shape == (64, 96, 3)
    assert kept
    for region in kept:
        np.testing.assert_allclose(np.ptp(region.points_K2, axis=0), (60 * scale, 25 * scale), rtol=1e-4)


@pytest.mark.parametrize("polygons", [[], [np.array([[0, 0], [200, 0], [200, 150], [0, 150]], np.float32)]])
def test_a_page_without_text_or_full_of_it_is_taken_whole(polygons: list[np.ndarray]) -> None:
    assert choose_part(polygons, 200, 150, CROP, np.random.default_rng(1)) == (0, 0, 200, 150)


def test_a_page_of_one_pixel_becomes_an_image() -> None:
    part, kept = augment_page(np.zeros((1, 1, 3), np.uint8), [], (), CROP, (96, 64), np.random.default_rng(1))

    assert part.shape == (64, 96, 3)
    assert kept == []


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pages.write_pages(tmp_path_factory.mktemp("pages"), pages=7)


def batches(data: Path, *changes: str, seed: int = 1, rank: int = 0, processes: int = 1) -> PageBatches:
    feed = tiny_pages.config(data, data, *tiny_pages.NETWORK, *changes).train
    return PageBatches(read_pages(feed.dataset), feed, seed=seed, rank=rank, processes=processes)


def content(served: PageBatches, epoch: int, start: int = 0) -> list[tuple[list[str], bytes]]:
    return [
        (
            [page.image for page in batch.samples],
            batch.x_NChw.tobytes() + b"".join(map_.tobytes() for map_ in batch.maps),
        )
        for batch in served.epoch(epoch, start=start)
    ]


@pytest.mark.parametrize("workers", [0, 3])
def test_an_epoch_can_be_made_again_from_any_batch_on(data: Path, workers: int) -> None:
    whole = content(batches(data), 2)

    again = content(batches(data, f"Train.loader.num_workers={workers}"), 2, start=1)

    assert len(whole) == 4
    assert again == whole[1:]


def test_epochs_and_seeds_differ(data: Path) -> None:
    first = content(batches(data), 0)

    assert content(batches(data), 1) != first
    assert content(batches(data, seed=2), 0) != first


def test_processes_share_every_batch(data: Path) -> None:
    shares = [list(batches(data, rank=rank, processes=2).epoch(0)) for rank in range(2)]

    assert [batch.all_images for batch in shares[0]] == [4, 3]
    images = [page.image for pair in zip(*shares, strict=True) for batch in pair for page in batch.samples]
    assert sorted(images) == sorted(f"train/{number}.png" for number in range(7))


def test_a_batch_has_one_of_several_sizes(data: Path) -> None:
    change = "Train.dataset.transforms.3.EastRandomCropData.multi_scale=[32, 64, 96]"

    shapes = [batch.x_NChw.shape[2:] for epoch in range(5) for batch in batches(data, change).epoch(epoch)]

    assert set(shapes) == {(32, 32), (64, 64), (96, 96)}


def test_a_part_of_a_batch_has_its_maps(data: Path) -> None:
    batch = next(iter(batches(data).epoch(0)))

    part = batch.part(slice(1, 2))

    assert part.samples == batch.samples[1:2]
    np.testing.assert_array_equal(part.x_NChw, batch.x_NChw[1:2])
    np.testing.assert_array_equal(part.maps.shrink_map_HW, batch.maps.shrink_map_HW[1:2])


def test_pages_that_cannot_be_read_are_rejects(tmp_path: Path) -> None:
    data = tiny_pages.write_pages(tmp_path, pages=3)
    (data / "train" / "1.png").write_bytes((data / "train" / "1.png").read_bytes()[:200])

    found = check_images(read_pages(tiny_pages.config(data, data).train.dataset), threads=2, progress=silent)

    assert [page.image for page in found.samples] == ["train/0.png", "train/2.png"]
    assert "truncated" in str(found.rejects[0])
    assert str(found.rejects[0]).count("train/1.png") == 1
