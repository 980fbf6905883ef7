"""Samples and their packed images -> batches; order and changes depend on the seed, the epoch and the batch alone.

N images of a batch  h, w pixels  L longest label of the batch
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.data.augment import augment
from thaiocr.data.dataset import DataSet
from thaiocr.data.images import normalize
from thaiocr.data.joining import Pictures, join
from thaiocr.data.labels import Sample, time_steps
from thaiocr.data.scales import plan, slices

if TYPE_CHECKING:
    from paddle import Tensor  # not needed, and not waited for, where numpy serves

WIDTH_STEP: Final = 16
"""Widths of batches of pictures of like width are multiples of this, in pixels: few different shapes."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step sees."""

    x_NChw: NDArray[np.float32] | Tensor
    """A tensor where the images lie in the memory of a device."""
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

    def part(self, rows: slice) -> Batch:
        """Return some of the images."""
        return Batch(self.x_NChw[rows], self.labels_NL[rows], self.lengths_N[rows], self.samples[rows])


class Batches:
    """The batches of a data set; every epoch's order can be made again, from any batch on.

    With several processes a batch holds `batch_size_per_card` images for each of them.

    Args:
        data: What to serve.
        loader: Batch size, shuffling, whether an incomplete last batch is left out.
        seed: Makes the order, and what `RecConAug` and `RecAug` do.
        rank: Of this process, from 0.
        processes: That share every batch.
        sizes: Images in a batch of each of the data set's scales, for one process; left out: `batch_size_per_card`.
    """

    def __init__(
        self,
        data: DataSet,
        loader: schema.Loader,
        *,
        seed: int,
        rank: int = 0,
        processes: int = 1,
        sizes: Sequence[int] = (),
    ) -> None:
        self.data = data
        self.loader = loader
        self.seed = seed
        self.rank = rank
        self.processes = processes
        self.sizes = sizes or (loader.batch_size_per_card,)

    def __len__(self) -> int:
        return len(self._plan(is_rest_dropped=self.loader.drop_last))

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch `number` from batch `start` on, changed as `RecConAug` and `RecAug` say."""
        order = np.random.default_rng([self.seed, number])
        rows = np.arange(len(self.data.samples))
        if self.loader.shuffle:
            order.shuffle(rows)
        planned = self._plan(is_rest_dropped=self.loader.drop_last)
        batches = slices(planned, order if len(self.sizes) > 1 else None)
        if self.data.columns_a_step is not None:
            rows = rows[np.argsort(self.data.pack.filled_N[self.data.rows_S[rows]], kind="stable")]
            batches = [batches[index] for index in order.permutation(len(batches))]
        for position, batch in enumerate(batches[start:], start):
            # From 1: numpy takes the seed [a, b, 0] for [a, b], which makes the order.
            rng = np.random.default_rng([self.seed, number, position + 1, self.rank])
            yield self._share(rows[batch.first : batch.last], rng, batch.scale)

    def in_order(self) -> Iterator[Batch]:
        """Yield every sample once as it is, in the order of the label files."""
        for first, last, scale in slices(self._plan(is_rest_dropped=False)):
            yield self._share(np.arange(first, last), scale=scale)

    def _plan(self, *, is_rest_dropped: bool) -> list[tuple[int, int]]:
        return plan(len(self.data.samples), self.sizes, self.processes, is_rest_dropped=is_rest_dropped)

    def _share(self, rows_N: NDArray[np.integer], rng: np.random.Generator | None = None, scale: int = 0) -> Batch:
        own_N = np.array_split(rows_N, self.processes)[self.rank]
        return replace(self.batch(own_N, rng, scale), whole=len(rows_N))

    def batch(self, rows_N: NDArray[np.integer], rng: np.random.Generator | None = None, scale: int = 0) -> Batch:
        """Return the batch of the given samples in one of the sizes; with `rng` joined and augmented, where wanted."""
        data, pack = self.data, self.data.packs[scale]
        packed_N = data.rows_S[rows_N]
        samples = [data.samples[row] for row in rows_N]
        pictures = Pictures(pack.images_NhwC[packed_N], pack.filled_N[packed_N], samples)
        if rng is not None and data.joining is not None:
            pictures = join(pictures, data.joining, pack, data.samples, data.rows_S, rng)
        images_NhwC = pictures.images_NhwC
        if rng is not None:
            images_NhwC = images_NhwC[:, :, : needed_width(pictures.samples, pictures.filled_N, data)]
        if rng is not None and data.augmentation is not None:
            images_NhwC = augment(images_NhwC, pictures.filled_N, data.augmentation, rng)
        x_NChw = normalize(images_NhwC, pictures.filled_N)
        return Batch(x_NChw, *padded_labels(pictures.samples), pictures.samples)


def needed_width(samples: Sequence[Sample], filled_N: NDArray[np.integer], data: DataSet) -> int | None:
    """Return the columns that a batch needs for its pictures and labels, in steps of `WIDTH_STEP`; None: all."""
    if data.columns_a_step is None:
        return None
    steps = max(time_steps(sample.ids) for sample in samples)
    needed = max(int(filled_N.max()), (steps + 1) * data.columns_a_step)  # one more, for what is rounded down
    return -(-needed // WIDTH_STEP) * WIDTH_STEP


def padded_labels(samples: Sequence[Sample]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return labels_NL, filled up with 0, and lengths_N."""
    lengths_N = np.array([len(sample.ids) for sample in samples], np.int64)
    labels_NL = np.zeros((len(samples), lengths_N.max(initial=1)), np.int32)
    for label_L, sample in zip(labels_NL, samples, strict=True):
        label_L[: len(sample.ids)] = sample.ids
    return labels_NL, lengths_N
