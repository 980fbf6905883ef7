"""Images that reach the network: from the packed cache, and decoded one by one as PaddleOCR does it.

Packed: decoded once; a batch is cut out of the memory map and scaled, by one of several threads. One by one, written
here from PaddleOCR's description: for every sample of every epoch read the file, decode, encode the label, resize and
scale, then stack, in `paddle.io.DataLoader` with as many worker processes. Both end with paddle tensors. Both are also
measured with `RecAug`: one by one on the decoded image, by this project's function, which takes a seventh of the time
of PaddleOCR's own (700 against 5,000 us for 128 x 96 pixels).
"""

from __future__ import annotations

import math
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import paddle
from numpy.typing import NDArray

from thaiocr.bench.measure import Result, machine, rates, take_turns
from thaiocr.bench.pictures import pictures
from thaiocr.config import schema
from thaiocr.data.augment import augment
from thaiocr.data.dataset import load_dataset
from thaiocr.data.images import read_image
from thaiocr.data.labels import Limits
from thaiocr.data.loader import Batch, Batches
from thaiocr.progress import Progress, silent
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary

ENTRIES: Final = tuple("กขคงจฉชซฌญ")
CHANGES: Final[Mapping[str, schema.RecAug | None]] = {"": None, ", RecAug": schema.RecAug()}
"""How a figure's name says what is done to the pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """What is served to a network."""

    width: int = 100
    height: int = 32
    batch: int = 128
    images: int = 4000
    """Of an epoch; a turn is an epoch."""
    workers: tuple[int, ...] = (1, 2)
    """Numbers of threads, or of processes, to measure with."""


def bench_data(feed: Feed, *, seconds: float, progress: Progress) -> Result:
    """Measure both ways with and without augmentation, on JPEG files that are drawn for it.

    Raises:
        EnvironmentProblem: the temporary folder is full.
    """
    before = machine()
    with tempfile.TemporaryDirectory(prefix="thaiocr-") as name, cache_in(Path(name, "cache")):
        ways = _ways(feed, draw_files(Path(name), feed))
        times = take_turns(ways, seconds=seconds, label="epochs of data", progress=progress)
    figures = rates(times, feed.images)
    medians = {figure.name: figure.median for figure in figures}
    ratios = {
        f"packed / one by one{change}, {_count(workers)}": medians[f"packed{change}, {_count(workers)}"]
        / medians[f"one by one{change}, {_count(workers)}"]
        for change in CHANGES
        for workers in feed.workers
    }
    return Result(bench="data", figures=figures, options=asdict(feed), ratios=ratios, machine=before)


def _ways(feed: Feed, dataset: schema.SimpleDataSet) -> dict[str, Callable[[], None]]:
    codec = Codec(Dictionary(ENTRIES))
    data = load_dataset(dataset, codec, Limits(1), seed=0, progress=silent)
    loader = schema.Loader(batch_size_per_card=feed.batch, shuffle=True)
    ways: dict[str, Callable[[], None]] = {}
    for workers in feed.workers:
        for change, augmentation in CHANGES.items():
            batches = Batches(replace(data, augmentation=augmentation), loader, seed=0)
            ways[f"packed{change}, {_count(workers)}"] = partial(serve_packed, batches, workers)
            served = paddle.io.DataLoader(
                OneByOne(dataset, feed, codec, augmentation),
                batch_size=feed.batch,
                shuffle=True,
                num_workers=workers,
                persistent_workers=True,  # to start them is not what an epoch takes
            )
            ways[f"one by one{change}, {_count(workers)}"] = partial(serve_one_by_one, served)
    return ways


def _count(workers: int) -> str:
    return f"{workers} worker{'s' * (workers > 1)}"


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Keep packs there meanwhile, and not with those of the user."""
    before = os.environ.get("THAIOCR_CACHE")
    os.environ["THAIOCR_CACHE"] = str(folder)
    try:
        yield
    finally:
        del os.environ["THAIOCR_CACHE"]
        if before is not None:
            os.environ["THAIOCR_CACHE"] = before


def draw_files(folder: Path, feed: Feed) -> schema.SimpleDataSet:
    """Write JPEG files and their labels."""
    lines = []
    for number, image in enumerate(pictures(feed.images)):
        cv2.imwrite(str(folder / f"{number}.jpg"), image)
        lines.append(f"{number}.jpg\t{ENTRIES[number % len(ENTRIES)]}\n")
    labels = folder / "rec_gt_train.txt"
    labels.write_text("".join(lines), "utf-8")
    return schema.SimpleDataSet(
        data_dir=str(folder),
        label_file_list=(str(labels),),
        transforms=(
            schema.DecodeImage(img_mode="BGR"),
            schema.CTCLabelEncode(),
            schema.RecResizeImg(image_shape=(3, feed.height, feed.width)),
            schema.KeepKeys(),
        ),
    )


def serve_packed(batches: Batches, workers: int) -> None:
    """Serve an epoch from the pack."""
    served = 0
    for batch in _ahead(batches, workers):
        tensors = [paddle.to_tensor(each) for each in (batch.x_NChw, batch.labels_NL, batch.lengths_N)]
        served += tensors[0].shape[0]
    assert served == len(batches.data.samples)


def _ahead(batches: Batches, workers: int) -> Iterator[Batch]:
    """Yield an epoch's batches, of which threads prepare a few ahead."""
    size = batches.loader.batch_size_per_card
    rows = np.random.default_rng(0).permutation(len(batches.data.samples))
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(rows), size):
            rng = np.random.default_rng([0, start])
            waiting.append(pool.submit(batches.batch, rows[start : start + size], rng))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        yield from (each.result() for each in waiting)


class OneByOne(paddle.io.Dataset):  # type: ignore[misc]  # paddle has no types
    """Everything anew for each sample."""

    def __init__(
        self, dataset: schema.SimpleDataSet, feed: Feed, codec: Codec, augmentation: schema.RecAug | None
    ) -> None:
        super().__init__()
        self.root = Path(dataset.data_dir)
        self.lines = Path(dataset.label_file_list[0]).read_text("utf-8").splitlines()
        self.feed = feed
        self.codec = codec
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
        name, text = self.lines[index].split("\t")
        image_HWC = read_image(self.root / name)
        if self.augmentation is not None:
            rng = np.random.default_rng(index)
            image_HWC = augment(image_HWC[None], np.array(image_HWC.shape[1:2]), self.augmentation, rng)[0]
        ids = self.codec.encode(text)
        height = self.feed.height
        width = min(self.feed.width, math.ceil(height * image_HWC.shape[1] / image_HWC.shape[0]))
        resized = cv2.resize(image_HWC, (width, height)).astype(np.float32).transpose(2, 0, 1) / 255
        padded_Chw = np.zeros((3, height, self.feed.width), np.float32)
        padded_Chw[:, :, :width] = (resized - 0.5) / 0.5
        return padded_Chw, np.array(ids, np.int32), np.array(len(ids))


def serve_one_by_one(loader: paddle.io.DataLoader) -> None:
    """Serve an epoch image by image."""
    served = sum(x_NChw.shape[0] for x_NChw, _, _ in loader)
    assert served == len(loader.dataset)
