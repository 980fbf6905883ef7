"""How many images per second reach the model: from the pack, and PaddleOCR's way; one JSON line.

    python bench/loader.py [--images 10000] [--epochs 3]

Packed: decoded once, a batch is cut out of the memory map and scaled, by one or two threads. PaddleOCR's way, written
here from its description: for every sample of every epoch read the file, decode, encode the label, resize and scale,
then stack, in `paddle.io.DataLoader` with one or two worker processes. Both end with paddle tensors, and both are
measured with `RecAug` as well: in PaddleOCR's way sample by sample on the decoded image, by this project's function,
which takes about a seventh of the time of PaddleOCR's own (700 against 5,000 us for 128 x 96 pixels). The epochs of all
take turns, so that other work on the machine meets all of them; figures are medians over epochs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import paddle
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.config.presets import preset
from thaiocr.data.augment import augment
from thaiocr.data.dataset import load_dataset
from thaiocr.data.loader import Batch, Batches
from thaiocr.data.splits import open_codec, splits
from thaiocr.progress import silent
from thaiocr.text.codec import Codec

BATCH: Final = 128
WORKERS: Final = (1, 2)
ENTRIES: Final = tuple("กขคงจฉชซฌญ")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["THAIOCR_CACHE"] = f"{name}/cache"
        config = make_data(Path(name), args.images)
        codec, train = open_codec(config), splits(config)[0]
        started = time.perf_counter()
        data = load_dataset(train.dataset, codec, train.limits, seed=0, progress=silent)
        building = time.perf_counter() - started
        loader = schema.Loader(batch_size_per_card=BATCH, shuffle=True)
        packed = {
            "packed": Batches(data, loader, seed=0),
            "packed_augmented": Batches(replace(data, augmentation=schema.RecAug()), loader, seed=0),
        }
        unpacked = {
            "paddleocr": Unpacked(train.dataset, codec, None),
            "paddleocr_augmented": Unpacked(train.dataset, codec, schema.RecAug()),
        }
        rates: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for epoch in range(args.epochs):
            for workers in WORKERS:
                for way, batches in packed.items():
                    rates[way][workers].append(args.images / serve_packed(batches, epoch, workers))
                for way, samples in unpacked.items():
                    rates[way][workers].append(args.images / serve_unpacked(samples, workers))
    medians = {way: {n: statistics.median(each) for n, each in found.items()} for way, found in rates.items()}
    result = {
        "bench": "loader",
        "images": args.images,
        "batch": BATCH,
        "images_per_s": {way: {n: round(rate) for n, rate in found.items()} for way, found in medians.items()},
        "ratio": {n: round(medians["packed"][n] / medians["paddleocr"][n], 1) for n in WORKERS},
        "ratio_augmented": {
            n: round(medians["packed_augmented"][n] / medians["paddleocr_augmented"][n], 1) for n in WORKERS
        },
        "packing_images_per_s": round(args.images / building),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result))


def make_data(folder: Path, count: int) -> schema.Config:
    """Write JPEG images of 128 x 96 pixels with a mark and noise, and labels; return a configuration for them."""
    random = np.random.default_rng(0)
    (folder / "rec").mkdir()
    lines = []
    for number in range(count):
        image = np.full((96, 128, 3), 255, np.uint8)
        cv2.putText(image, chr(65 + number % 26), (30, 75), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 4)
        image -= random.integers(0, 30, image.shape, np.uint8)
        cv2.imwrite(str(folder / f"rec/{number}.jpg"), image)
        lines.append(f"rec/{number}.jpg\t{ENTRIES[number % len(ENTRIES)]}\n")
    for split in ("train", "val"):
        (folder / f"rec_gt_{split}.txt").write_text("".join(lines), "utf-8")
    (folder / "dict.txt").write_text("\n".join(ENTRIES), "utf-8")
    return preset("rec", "dev", data_dir=str(folder), dictionary=str(folder / "dict.txt"))


def serve_packed(batches: Batches, epoch: int, workers: int) -> float:
    """Return the seconds of an epoch from the pack."""

    def tensors(batch: Batch) -> tuple[paddle.Tensor, ...]:
        return tuple(paddle.to_tensor(each) for each in (batch.x_NChw, batch.labels_NL, batch.lengths_N))

    started = time.perf_counter()
    served = sum(len(batch.samples) for batch in ahead(batches, epoch, workers) if tensors(batch))
    assert served == len(batches.data.samples)
    return time.perf_counter() - started


def ahead(batches: Batches, epoch: int, workers: int) -> Iterator[Batch]:
    """Yield an epoch's batches, of which threads prepare a few ahead."""
    rows = np.random.default_rng(epoch).permutation(len(batches.data.samples))
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(rows), BATCH):
            rng = np.random.default_rng([epoch, start])
            waiting.append(pool.submit(batches.batch, rows[start : start + BATCH], rng))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        yield from (each.result() for each in waiting)


class Unpacked(paddle.io.Dataset):  # type: ignore[misc]  # paddle has no types
    """Everything anew for each sample."""

    def __init__(self, dataset: schema.SimpleDataSet, codec: Codec, augmentation: schema.RecAug | None) -> None:
        self.root = Path(dataset.data_dir)
        self.lines = Path(dataset.label_file_list[0]).read_text("utf-8").splitlines()
        self.codec = codec
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
        name, text = self.lines[index].split("\t")
        image = cv2.imdecode(np.frombuffer((self.root / name).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        if self.augmentation is not None:
            rng = np.random.default_rng(index)
            image = augment(np.asarray(image, np.uint8)[None], np.array(image.shape[1:2]), self.augmentation, rng)[0]
        ids = self.codec.encode(text)
        width = min(100, math.ceil(32 * image.shape[1] / image.shape[0]))
        resized = cv2.resize(image, (width, 32)).astype(np.float32).transpose(2, 0, 1) / 255
        padded = np.zeros((3, 32, 100), np.float32)
        padded[:, :, :width] = (resized - 0.5) / 0.5
        return padded, np.array(ids, np.int32), np.array(len(ids))


def serve_unpacked(dataset: Unpacked, workers: int) -> float:
    """Return the seconds of an epoch in PaddleOCR's way."""
    started = time.perf_counter()
    loader = paddle.io.DataLoader(dataset, batch_size=BATCH, shuffle=True, num_workers=workers, use_shared_memory=True)
    served = sum(x_NChw.shape[0] for x_NChw, _, _ in loader)
    assert served == len(dataset)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
