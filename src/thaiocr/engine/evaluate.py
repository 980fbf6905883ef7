"""A network and a data set -> what it reads in every image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from thaiocr.data.loader import Batch, Batches
from thaiocr.metrics.recognition import Reading
from thaiocr.predict.decode import greedy_decode, single_entry_ranking
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec

Network: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""x_NChw -> probabilities_NTK: a trained model, or what a bundle holds."""


TrainingMetric: TypeAlias = Callable[[paddle.Tensor, Batch], Mapping[str, float]]
"""(logits_NTK, batch of a step) -> figures by name."""


def no_metric(_logits_NTK: paddle.Tensor, _batch: Batch) -> Mapping[str, float]:
    """Measure nothing."""
    return {}


def training_accuracy(logits_NTK: paddle.Tensor, batch: Batch) -> Mapping[str, float]:
    """Return `acc`, the share of a batch that the best path reads as labelled, spaces included."""
    best_NT = np.asarray(logits_NTK.argmax(axis=2))
    is_kept_NT = best_NT != 0
    is_kept_NT[:, 1:] &= best_NT[:, 1:] != best_NT[:, :-1]
    pairs = zip(best_NT, is_kept_NT, batch.samples, strict=True)
    right = sum(best_T[is_kept_T].tolist() == list(sample.ids) for best_T, is_kept_T, sample in pairs)
    return {"acc": right / len(batch.samples)}


def as_tensor(values: NDArray[Any] | paddle.Tensor) -> paddle.Tensor:
    """Return values as a tensor on paddle's current device; a tensor as it is."""
    return values if isinstance(values, paddle.Tensor) else paddle.to_tensor(values)


def of_model(model: nn.Layer) -> Network:
    """Return the network of a model as it is after training."""

    def run(x_NChw: NDArray[np.float32]) -> NDArray[np.float32]:
        model.eval()
        with paddle.no_grad():
            # With O2 the network answers in half precision, and numpy knows no bfloat16.
            return np.asarray(model(as_tensor(x_NChw)).astype("float32"))

    return run


def read_all(
    network: Network,
    batches: Batches,
    codec: Codec,
    *,
    progress: Progress,
    is_single: bool,
    temperature: float | None = None,
) -> list[Reading]:
    """Read every image of a data set, in the order of its label files; arguments as of `read_batches`."""
    return list(
        chain(*read_batches(network, batches, codec, progress=progress, is_single=is_single, temperature=temperature))
    )


def read_batches(
    network: Network,
    batches: Batches,
    codec: Codec,
    *,
    progress: Progress,
    is_single: bool,
    temperature: float | None = None,
) -> Iterator[list[Reading]]:
    """Read this process's share of every batch of a data set.

    Args:
        network: What reads.
        batches: The data set.
        codec: Of the network's dictionary.
        progress: Shows the images done.
        is_single: Every image shows one dictionary entry; the most probable entries are ranked as well.
        temperature: Of a bundle: scores are computed with it, and those without are kept beside them.
    """
    with progress("evaluating", len(batches.data.samples)) as advance:
        for batch in batches.in_order():
            probabilities_NTK = network(batch.x_NChw)
            tops = single_entry_ranking(probabilities_NTK, codec) if is_single else [()] * len(batch.samples)
            raw = greedy_decode(probabilities_NTK, codec)
            read = raw if temperature is None else greedy_decode(probabilities_NTK, codec, temperature=temperature)
            yield [
                Reading(
                    image=sample.image,
                    label=sample.text,
                    text=decoded.text,
                    score=decoded.score,
                    top=top,
                    raw_score=None if temperature is None else before.score,
                )
                for sample, decoded, before, top in zip(batch.samples, read, raw, tops, strict=True)
            ]
            advance(batch.all_images)
