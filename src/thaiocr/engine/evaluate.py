"""A model and a data set -> what it reads in every image."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn

from thaiocr.data.loader import Batches
from thaiocr.metrics.recognition import Reading
from thaiocr.predict.decode import greedy_decode, single_entry_ranking
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec


def read_all(model: nn.Layer, batches: Batches, codec: Codec, *, progress: Progress, is_single: bool) -> list[Reading]:
    """Read every image of a data set, in the order of its label files.

    Args:
        model: Any recogniser; put into evaluation mode.
        batches: The data set, not shuffled.
        codec: Of the model's dictionary.
        progress: Shows the images done.
        is_single: Every image shows one dictionary entry; the most probable entries are ranked as well.
    """
    model.eval()
    readings: list[Reading] = []
    with paddle.no_grad(), progress("evaluating", len(batches.data.samples)) as advance:
        for batch in batches.epoch(0):
            probabilities_NTK = np.asarray(model(paddle.to_tensor(batch.x_NChw)))
            tops = single_entry_ranking(probabilities_NTK, codec) if is_single else [()] * len(batch.samples)
            for sample, decoded, top in zip(batch.samples, greedy_decode(probabilities_NTK, codec), tops, strict=True):
                readings.append(
                    Reading(image=sample.image, label=sample.text, text=decoded.text, score=decoded.score, top=top)
                )
            advance(len(batch.samples))
    return readings
