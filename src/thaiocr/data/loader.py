"""Samples and their packed images -> batches; order and changes depend on the seed, the epoch and the batch alone.

N images of a batch  h, w pixels  L longest label of the batch
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.data.augment import augment
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
    whole: int | None = None
    """Images of the whole batch, where this is one process's share of it."""

    @property
    def all_images(self) -> int:
        """Images of the batch, over all processes."""
        return len(self.samples) if self.whole is None else self.whole


class Batches:
    """The batches of a data set; every epoch's order can be made again, from any batch on.

    With several processes a batch holds `batch_size_per_card` images for each of them. A rest of fewer images than
    processes goes into the batch before, so that every process has a share of every batch.

    Args:
        data: What to serve.
        loader: Batch size, shuffling, whether an incomplete last batch is left out.
        seed: Makes the order, and what `RecAug` does.
        rank: Of this process, from 0.
        processes: That share every batch.
    """

    def __init__(self, data: DataSet, loader: schema.Loader, *, seed: int, rank: int = 0, processes: int = 1) -> None:
        self.data = data
        self.loader = loader
        self.seed = seed
        self.rank = rank
        self.processes = processes

    def __len__(self) -> int:
        return len(self._bounds(is_rest_dropped=self.loader.drop_last))

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch `number` from batch `start` on, changed as the data set's `RecAug` says."""
        rows = np.arange(len(self.data.samples))
        if self.loader.shuffle:
            np.random.default_rng([self.seed, number]).shuffle(rows)
        bounds = self._bounds(is_rest_dropped=self.loader.drop_last)
        for position, (first, last) in enumerate(bounds[start:], start):
            # From 1: numpy takes the seed [a, b, 0] for [a, b], which makes the order.
            rng = np.random.default_rng([self.seed, number, position + 1, self.rank])
            yield self._share(rows[first:last], rng)

    def in_order(self) -> Iterator[Batch]:
        """Yield every sample once as it is, in the order of the label files."""
        for first, last in self._bounds(is_rest_dropped=False):
            yield self._share(np.arange(first, last))

    def _bounds(self, *, is_rest_dropped: bool) -> list[tuple[int, int]]:
        """Return first and last + 1 of every batch."""
        count, size = len(self.data.samples), self.loader.batch_size_per_card * self.processes
        bounds = list(range(0, count + 1, size))
        rest = 0 if is_rest_dropped else count - bounds[-1]
        if rest >= self.processes:
            bounds.append(count)
        elif rest and len(bounds) > 1:
            bounds[-1] = count
        return list(pairwise(bounds))

    def _share(self, rows_N: NDArray[np.integer], rng: np.random.Generator | None = None) -> Batch:
        own_N = np.array_split(rows_N, self.processes)[self.rank]
        return replace(self.batch(own_N, rng), whole=len(rows_N))

    def batch(self, rows_N: NDArray[np.integer], rng: np.random.Generator | None = None) -> Batch:
        """Return the batch of the given samples; with `rng` their pictures are augmented, where that is wanted."""
        samples = [self.data.samples[row] for row in rows_N]
        lengths_N = np.array([len(sample.ids) for sample in samples], np.int64)
        labels_NL = np.zeros((len(samples), lengths_N.max(initial=1)), np.int32)
        for label, sample in zip(labels_NL, samples, strict=True):
            label[: len(sample.ids)] = sample.ids
        packed_N = self.data.rows_S[rows_N]
        images_NhwC, filled_N = self.data.pack.images_NhwC[packed_N], self.data.pack.filled_N[packed_N]
        if rng is not None and self.data.augmentation is not None:
            images_NhwC = augment(images_NhwC, filled_N, self.data.augmentation, rng)
        return Batch(normalize(images_NhwC, filled_N), labels_NL, lengths_N, samples)
