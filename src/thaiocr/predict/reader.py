"""Images -> text with a bundle, in batches that are read side by side."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from thaiocr.data.images import Pixels, fit, normalize, read_image
from thaiocr.errors import DataError
from thaiocr.predict.bundle import Bundle, open_bundle
from thaiocr.predict.decode import Decoded, greedy_decode
from thaiocr.predict.runtime import load_network

BATCH: Final = 32
"""Images that go through the network at once; the CPU's caches hold no more."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an image file says, or why it could not be read."""

    image: str
    text: str
    score: float
    error: str = ""


class Reader:
    """Reads text from images.

    A batch is decoded, resized, recognised and spelt by one thread, so that all cores are busy with whole batches.

    Args:
        folder: A bundle.
        engine: What runs the network, a name of `runtime.RUNTIMES`; by default what the bundle has a file for.
        threads: Batches that are read at the same time; as many as there are cores when left out.

    Raises:
        DataError: the folder is no bundle, or a damaged one.
        EnvironmentProblem: what runs the network is not installed.
    """

    def __init__(self, folder: Path, *, engine: str | None = None, threads: int | None = None) -> None:
        self.bundle: Bundle = open_bundle(folder)
        self.codec = self.bundle.codec
        self.network = load_network(folder, engine, threads=1)
        self.threads = threads or os.cpu_count() or 1

    def read(self, images: Sequence[Pixels]) -> list[Decoded]:
        """Read images that are BGR pixels [H, W, 3]."""
        batches = [images[first : first + BATCH] for first in range(0, len(images), BATCH)]
        if len(batches) == 1:
            return self._read_batch(images)
        return list(chain.from_iterable(_in_order(self._read_batch, batches, self.threads)))

    def read_files(self, paths: Iterable[tuple[str, Path]]) -> Iterator[Prediction]:
        """Read files, given as (name to report, path); one that cannot be decoded gives an `error` in its place."""
        waiting = iter(paths)
        batches = iter(lambda: list(islice(waiting, BATCH)), [])
        return chain.from_iterable(_in_order(self._read_files, batches, self.threads))

    def _read_batch(self, images: Sequence[Pixels]) -> list[Decoded]:
        fitted = [fit(image_HWC, self.bundle.preprocess) for image_HWC in images]
        pixels_NhwC = np.stack([pixels for pixels, _ in fitted])
        probabilities_NTK = self.network(normalize(pixels_NhwC, np.array([filled for _, filled in fitted])))
        return greedy_decode(probabilities_NTK, self.codec, temperature=self.bundle.temperature)

    def _read_files(self, batch: Sequence[tuple[str, Path]]) -> list[Prediction]:
        loaded: list[Pixels | DataError] = []
        for name, path in batch:
            try:
                loaded.append(read_image(path, name))
            except DataError as error:
                loaded.append(error)
        decoded = iter(self.read([each for each in loaded if not isinstance(each, DataError)]))
        return [
            Prediction(name, "", 0.0, str(each)) if isinstance(each, DataError) else Prediction(name, *next(decoded))
            for (name, _), each in zip(batch, loaded, strict=True)
        ]


def _in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield what `work` makes of every item, in their order; no more items are taken than keep the threads busy."""
    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[Result]] = deque()
        for item in items:
            running.append(pool.submit(work, item))
            if len(running) > threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
