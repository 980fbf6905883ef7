"""Samples and their packed images -> batches, in an order that depends on the seed and the epoch alone.

N images of a batch  h, w pixels  L longest label of the batch
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.data.dataset import DataSet
from thaiocr.data.images import normalize
from thaiocr.data.labels import Sample


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step sees."""

    x_NChw: NDArray[np.float32]
    labels_NL: NDArray[np.int32]
    """Class ids, filled up with 0."""
    lengths_N: NDArray[np.int64]
    samples: list[Sample]


class Batches:
    """The batches of a data set; every epoch's order can be made again, from any batch on.

    Args:
        data: What to serve.
        loader: Batch size, shuffling, whether an incomplete last batch is left out.
        seed: Makes the order.
    """

    def __init__(self, data: DataSet, loader: schema.Loader, *, seed: int) -> None:
        self.data = data
        self.loader = loader
        self.seed = seed

    def __len__(self) -> int:
        size = self.loader.batch_size_per_card
        return len(self.data.samples) // size if self.loader.drop_last else -(-len(self.data.samples) // size)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch `number` from batch `start` on."""
        rows = np.arange(len(self.data.samples))
        if self.loader.shuffle:
            np.random.default_rng([self.seed, number]).shuffle(rows)
        size = self.loader.batch_size_per_card
        for position in range(start, len(self)):
            yield self.batch(rows[position * size : (position + 1) * size])

    def in_order(self) -> Iterator[Batch]:
        """Yield every sample once, in the order of the label files."""
        size = self.loader.batch_size_per_card
        for first in range(0, len(self.data.samples), size):
            yield self.batch(np.arange(first, min(first + size, len(self.data.samples))))

    def batch(self, rows_N: NDArray[np.integer]) -> Batch:
        """Return the batch of the given samples."""
        samples = [self.data.samples[row] for row in rows_N]
        lengths_N = np.array([len(sample.ids) for sample in samples], np.int64)
        labels_NL = np.zeros((len(samples), lengths_N.max(initial=1)), np.int32)
        for label, sample in zip(labels_NL, samples, strict=True):
            label[: len(sample.ids)] = sample.ids
        packed_N = self.data.rows_S[rows_N]
        x_NChw = normalize(self.data.pack.images_NhwC[packed_N], self.data.pack.filled_N[packed_N])
        return Batch(x_NChw, labels_NL, lengths_N, samples)
