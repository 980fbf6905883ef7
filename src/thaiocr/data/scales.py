"""In which sizes `Train` shows images, and how many in a batch of each: PaddleOCR's MultiScaleSampler, or one size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, cycle, pairwise
from typing import NamedTuple

import numpy as np

from thaiocr.config import schema
from thaiocr.config.geometry import scale_batches, scale_sizes
from thaiocr.data.images import Preprocess


class Slice(NamedTuple):
    """A batch of an epoch: which of its samples, and in which size they are shown."""

    first: int
    last: int
    """The one after the last."""
    scale: int


def preprocessing(feed: schema.Feed) -> tuple[Preprocess, ...]:
    """Return how images become network input, one for each scale."""
    if feed.sampler is None:
        return (Preprocess.of(feed.dataset.transforms),)
    decode = next(each for each in feed.dataset.transforms if isinstance(each, schema.DecodeImage))
    return tuple(
        Preprocess(image_shape=(3, height, width), img_mode=decode.img_mode)
        for width, height in scale_sizes(feed.sampler)
    )


def batch_sizes(feed: schema.Feed) -> tuple[int, ...]:
    """Return the images in a batch of each scale, for one process."""
    return (feed.loader.batch_size_per_card,) if feed.sampler is None else scale_batches(feed.sampler)


def plan(count: int, sizes: Sequence[int], processes: int, *, is_rest_dropped: bool) -> list[tuple[int, int]]:
    """Return images and scale of each batch of an epoch, the scales in turn.

    A rest of fewer images than processes goes into the batch before, so that every process has a share of every batch.

    Args:
        count: Images of the data set.
        sizes: Images in a batch of each scale, for one process.
        processes: That share every batch.
        is_rest_dropped: Leave out a last batch that is not full.
    """
    found: list[tuple[int, int]] = []
    for scale, size in cycle(enumerate(sizes)):
        if count < size * processes:
            break
        found.append((size * processes, scale))
        count -= size * processes
    if count and not is_rest_dropped:
        if count >= processes:
            found.append((count, len(found) % len(sizes)))
        elif found:
            found[-1] = (found[-1][0] + count, found[-1][1])
    return found


def slices(planned: Sequence[tuple[int, int]], rng: np.random.Generator | None = None) -> list[Slice]:
    """Return the batches one after the other, with `rng` in random order of their scales."""
    if rng is not None:
        planned = [planned[index] for index in rng.permutation(len(planned))]
    bounds = pairwise(accumulate((images for images, _ in planned), initial=0))
    return [Slice(first, last, scale) for (first, last), (_, scale) in zip(bounds, planned, strict=True)]
