"""Pages and their polygons -> batches; order and changes depend on the seed, the epoch and the batch alone.

N images of a batch  h, w pixels of its images
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from thaiocr.config.schema import detection
from thaiocr.data.detection_augment import augment_page
from thaiocr.data.detection_images import PagePreprocess, fit_page, normalize
from thaiocr.data.detection_labels import Page, Pages, Region, clip
from thaiocr.data.detection_maps import Maps, make_maps
from thaiocr.data.images import Pixels, read_image
from thaiocr.data.labels import Reject
from thaiocr.data.scales import plan, slices
from thaiocr.errors import DataError
from thaiocr.progress import Progress

Section = TypeVar("Section")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageBatch:
    """What one step sees."""

    x_NChw: NDArray[np.float32]
    maps: Maps
    """[N, h, w] each."""
    samples: list[Page]
    whole: int | None = None
    """Images of the whole batch, where this is one process's share of it."""

    @property
    def all_images(self) -> int:
        """Images of the batch, over all processes."""
        return len(self.samples) if self.whole is None else self.whole

    def part(self, rows: slice) -> PageBatch:
        """Return some of the images."""
        return PageBatch(self.x_NChw[rows], Maps(*(map_NHW[rows] for map_NHW in self.maps)), self.samples[rows])


@dataclass(frozen=True, slots=True)
class WholePage:
    """A page as it is evaluated."""

    sample: Page
    x_1Chw: NDArray[np.float32]
    shown: tuple[int, int]
    """Width and height, in pixels of the page, of what the input shows."""
    regions: Sequence[Region]
    """Cut off at the edges of the page."""


def check_images(pages: Pages, *, threads: int, progress: Progress) -> Pages:
    """Read every image once: a page whose image cannot be read becomes a reject before training meets it.

    Args:
        pages: As the label files have them.
        threads: That read.
        progress: Shows the pages read.
    """
    found = Pages([], list(pages.rejects))
    with progress("reading pages", len(pages.samples)) as advance, ThreadPoolExecutor(threads) as pool:
        for page, problem in zip(pages.samples, pool.map(_problem, pages.samples), strict=True):
            if problem:
                found.rejects.append(Reject(page.place, page.image, problem, "unreadable"))
            else:
                found.samples.append(page)
            advance(1)
    return found


def _problem(page: Page) -> str:
    try:
        read_image(page.path, page.image)
    except DataError as error:
        return str(error).removeprefix(f"{page.image}: ")
    return ""


class PageBatches:
    """The batches of a data set of detection; every epoch's order can be made again, from any batch on.

    With several processes a batch holds `batch_size_per_card` images for each of them.

    Args:
        data: Pages that can be read.
        feed: Their preparation, and how they are served; `num_workers` threads prepare pages, and with any the next
            batch is prepared while one is trained on.
        seed: Makes the order, and what augmentation does.
        rank: Of this process, from 0.
        processes: That share every batch.
    """

    def __init__(self, data: Pages, feed: detection.Feed, *, seed: int, rank: int = 0, processes: int = 1) -> None:
        self.data = data
        self.loader = feed.loader
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.transforms = feed.dataset.transforms
        self.preprocess = PagePreprocess.of(self.transforms)

    def __len__(self) -> int:
        return len(self._bounds(is_rest_dropped=self.loader.drop_last))

    def epoch(self, number: int, *, start: int = 0) -> Iterator[PageBatch]:
        """Yield the batches of epoch `number` from batch `start` on.

        Raises:
            DataError: an image can no longer be read.
        """
        batches = self._epoch(number, start)
        return _one_ahead(batches) if self.loader.num_workers else batches

    def _epoch(self, number: int, start: int) -> Iterator[PageBatch]:
        rows = np.arange(len(self.data.samples))
        if self.loader.shuffle:
            np.random.default_rng([self.seed, number]).shuffle(rows)
        bounds = self._bounds(is_rest_dropped=self.loader.drop_last)
        for position, (first, last) in enumerate(bounds[start:], start):
            # From 1: numpy takes the seed [a, b, 0] for [a, b], which makes the order.
            rng = np.random.default_rng([self.seed, number, position + 1, self.rank])
            yield replace(self.batch(self._own(rows[first:last]), rng), whole=last - first)

    def _bounds(self, *, is_rest_dropped: bool) -> list[tuple[int, int]]:
        """Return first and last + 1 of every batch."""
        sizes = (self.loader.batch_size_per_card,)
        planned = plan(len(self.data.samples), sizes, self.processes, is_rest_dropped=is_rest_dropped)
        return [(each.first, each.last) for each in slices(planned)]

    def _own(self, rows_N: NDArray[np.integer]) -> NDArray[np.integer]:
        own_N: NDArray[np.integer] = np.array_split(rows_N, self.processes)[self.rank]
        return own_N

    def batch(self, rows_N: NDArray[np.integer], rng: np.random.Generator) -> PageBatch:
        """Return a batch of random parts of the given pages, and their targets.

        Raises:
            DataError: an image can no longer be read.
        """
        samples = [self.data.samples[row] for row in rows_N]
        crop = self._step(detection.EastRandomCropData)
        size = (int(rng.choice(crop.multi_scale)),) * 2 if crop.multi_scale else crop.size
        seeds = rng.integers(2**63, size=len(samples))
        tasks = [(page, crop, size, int(seed)) for page, seed in zip(samples, seeds, strict=True)]
        if self.loader.num_workers > 1:
            with ThreadPoolExecutor(self.loader.num_workers) as pool:
                prepared = list(pool.map(self._prepare, tasks))
        else:
            prepared = [self._prepare(task) for task in tasks]
        pixels_NhwC = np.stack([pixels for pixels, _ in prepared])
        maps = Maps(*(np.stack(each) for each in zip(*(maps for _, maps in prepared), strict=True)))
        return PageBatch(normalize(pixels_NhwC, self.preprocess), maps, samples)

    def _prepare(self, task: tuple[Page, detection.EastRandomCropData, tuple[int, int], int]) -> tuple[Pixels, Maps]:
        page, crop, size, seed = task
        image_HWC = read_image(page.path, page.image)
        regions = clip(page.regions, image_HWC.shape[1], image_HWC.shape[0])
        steps = [each for each in self.transforms if isinstance(each, detection.IaaAugment)]
        augmenters = steps[0].augmenter_args if steps else ()
        pixels, kept = augment_page(image_HWC, regions, augmenters, crop, size, np.random.default_rng(seed))
        border, shrink = self._step(detection.MakeBorderMap), self._step(detection.MakeShrinkMap)
        return pixels, make_maps(kept, *size, border, shrink, whole_text=crop.whole_text)

    def _step(self, kind: type[Section]) -> Section:
        return next(each for each in self.transforms if isinstance(each, kind))

    def in_order(self) -> Iterator[tuple[list[WholePage], int]]:
        """Yield this process's pages of every batch as they are evaluated, and the size of the batch.

        Raises:
            DataError: an image can no longer be read.
        """
        for first, last in self._bounds(is_rest_dropped=False):
            yield [self.whole_page(int(row)) for row in self._own(np.arange(first, last))], last - first

    def whole_page(self, row: int) -> WholePage:
        """Return one page as it is evaluated.

        Raises:
            DataError: its image can no longer be read.
        """
        page = self.data.samples[row]
        image_HWC = read_image(page.path, page.image)
        x_1Chw, shown = fit_page(image_HWC, self.preprocess)
        return WholePage(page, x_1Chw, shown, clip(page.regions, image_HWC.shape[1], image_HWC.shape[0]))


def _one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items; a thread makes the next one while the last one is used."""
    end: Any = object()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = pool.submit(next, items, end)
            yield item
