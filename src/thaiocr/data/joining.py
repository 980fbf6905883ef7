"""Pictures of a batch with others attached to their right: PaddleOCR's `RecConAug`, on packed pixels.

N pictures of the batch  E others that may be attached to each  h, w pixels

As there, a picture gets others until one does not fit, by the joined width or by the length of the joined text. That is
measured in dictionary entries here, and must also fit into the network's time steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thaiocr.config.schema import RecConAug
from thaiocr.data.cache import Pack
from thaiocr.data.images import Pixels
from thaiocr.data.labels import Limits, Sample, time_steps


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of a batch and what is written on them."""

    images_NhwC: Pixels
    filled_N: NDArray[np.int32]
    """How many columns of each hold the picture."""
    samples: list[Sample]


@dataclass(frozen=True, slots=True)
class Joining:
    """How an epoch of training joins pictures."""

    options: RecConAug
    limits: Limits
    """How long a label may be."""

    def fits(self, ids: Sequence[int]) -> bool:
        """Tell whether a label may be as long as this one."""
        if len(ids) > min(self.options.max_text_length, self.limits.max_length):
            return False
        return self.limits.time_steps is None or time_steps(ids) <= self.limits.time_steps


def join(
    pictures: Pictures,
    joining: Joining,
    pack: Pack,
    others: Sequence[Sample],
    rows_S: NDArray[np.int64],
    rng: np.random.Generator,
) -> Pictures:
    """Return a batch in which some pictures are joined with others; a joined one has the place of its first part.

    Args:
        pictures: Of the batch; its pixels are changed.
        joining: With which probability, and how much.
        pack: The pixels of all pictures.
        others: The samples that may be attached.
        rows_S: Where their pictures lie in the pack.
        rng: Decides; the same state gives the same pixels.
    """
    options, (count, height, width, _) = joining.options, pictures.images_NhwC.shape
    is_chosen_N = rng.random(count) < options.prob
    others_NE = rng.integers(len(others), size=(count, options.ext_data_num))
    widest = min(width, height * options.image_shape[1] // options.image_shape[0])
    filled_N, samples = pictures.filled_N.copy(), list(pictures.samples)
    for row in np.flatnonzero(is_chosen_N):
        for other_row in others_NE[row]:
            other, packed = others[other_row], rows_S[other_row]
            start, end = filled_N[row], filled_N[row] + pack.filled_N[packed]
            ids = (*samples[row].ids, *other.ids)
            if end > widest or not joining.fits(ids):
                break
            pictures.images_NhwC[row, :, start:end] = pack.images_NhwC[packed, :, : end - start]
            filled_N[row] = end
            samples[row] = replace(samples[row], text=samples[row].text + other.text, ids=ids)
    return Pictures(pictures.images_NhwC, filled_N, samples)
