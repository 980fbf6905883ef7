"""Images -> text with a bundle, in batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal

import numpy as np

from thaiocr.data.images import Pixels, fit, normalize, read_image
from thaiocr.errors import DataError
from thaiocr.predict.bundle import Bundle, open_bundle
from thaiocr.predict.decode import Decoded, greedy_decode
from thaiocr.predict.runtime import RUNTIMES

BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an image file says, or why it could not be read."""

    image: str
    text: str
    score: float
    error: str = ""


class Reader:
    """Reads text from images.

    Args:
        folder: A bundle.
        engine: What runs the network.
        threads: Of the network; all cores when left out.

    Raises:
        DataError: the folder is no bundle, or a damaged one.
    """

    def __init__(self, folder: Path, *, engine: Literal["onnx", "paddle"] = "onnx", threads: int | None = None) -> None:
        self.bundle: Bundle = open_bundle(folder)
        self.codec = self.bundle.codec
        self.network = RUNTIMES[engine](folder, threads=threads or os.cpu_count() or 1)

    def read(self, images: Sequence[Pixels]) -> list[Decoded]:
        """Read images that are BGR pixels [H, W, 3]."""
        if not images:
            return []
        fitted = [fit(image_HWC, self.bundle.preprocess) for image_HWC in images]
        pixels_NhwC = np.stack([pixels for pixels, _ in fitted])
        probabilities_NTK = self.network(normalize(pixels_NhwC, np.array([filled for _, filled in fitted])))
        return greedy_decode(probabilities_NTK, self.codec)

    def read_files(self, paths: Iterable[tuple[str, Path]]) -> Iterator[Prediction]:
        """Read files, given as (name to report, path); one that cannot be decoded gives an `error` in its place."""
        waiting = iter(paths)
        while chunk := list(islice(waiting, BATCH)):
            yield from self._read_chunk(chunk)

    def _read_chunk(self, chunk: Sequence[tuple[str, Path]]) -> Iterator[Prediction]:
        loaded: list[Pixels | DataError] = []
        for name, path in chunk:
            try:
                loaded.append(read_image(path, name))
            except DataError as error:
                loaded.append(error)
        images = [each for each in loaded if not isinstance(each, DataError)]
        decoded = iter(self.read(images))
        for (name, _), each in zip(chunk, loaded, strict=True):
            if isinstance(each, DataError):
                yield Prediction(name, "", 0.0, str(each))
            else:
                yield Prediction(name, *next(decoded))
