"""A network and a data set -> what it reads in every image."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from thaiocr.data.loader import Batches
from thaiocr.metrics.recognition import Reading
from thaiocr.predict.decode import greedy_decode, single_entry_ranking
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec

Network: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""x_NChw -> probabilities_NTK: a trained model, or what a bundle holds."""


def of_model(model: nn.Layer) -> Network:
    """Return the network of a model as it is after training."""

    def run(x_NChw: NDArray[np.float32]) -> NDArray[np.float32]:
        model.eval()
        with paddle.no_grad():
            return np.asarray(model(paddle.to_tensor(x_NChw)))

    return run


def read_all(network: Network, batches: Batches, codec: Codec, *, progress: Progress, is_single: bool) -> list[Reading]:
    """Read every image of a data set, in the order of its label files.

    Args:
        network: What reads.
        batches: The data set.
        codec: Of the network's dictionary.
        progress: Shows the images done.
        is_single: Every image shows one dictionary entry; the most probable entries are ranked as well.
    """
    readings: list[Reading] = []
    with progress("evaluating", len(batches.data.samples)) as advance:
        for batch in batches.in_order():
            probabilities_NTK = network(batch.x_NChw)
            tops = single_entry_ranking(probabilities_NTK, codec) if is_single else [()] * len(batch.samples)
            for sample, decoded, top in zip(batch.samples, greedy_decode(probabilities_NTK, codec), tops, strict=True):
                readings.append(
                    Reading(image=sample.image, label=sample.text, text=decoded.text, score=decoded.score, top=top)
                )
            advance(len(batch.samples))
    return readings
