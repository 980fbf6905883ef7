"""Probabilities -> text, the same for evaluation during training and for an exported bundle.

N images  T time steps  K classes, 0 is blank  M steps, of all images, that an entry is read from
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thaiocr.text.codec import Codec


class Decoded(NamedTuple):
    """What one image says."""

    text: str
    score: float
    """Mean probability of the time steps that the text was read from, as PaddleOCR computes it; 0 for no text."""


def greedy_decode(probabilities_NTK: NDArray[np.float32], codec: Codec, *, temperature: float = 1.0) -> list[Decoded]:
    """Take the best class of every step, merge repeats, drop blanks (CTC best-path decoding, Graves et al. 2006).

    Args:
        probabilities_NTK: What the network found.
        codec: Of its dictionary.
        temperature: Makes scores less sure when above 1, surer when below; texts are the same at any.
    """
    best_NT, is_read_NT = best_path(probabilities_NTK)
    score_NT = np.zeros(best_NT.shape)
    score_NT[is_read_NT] = confidence(probabilities_NTK[is_read_NT], temperature)
    decoded = []
    for best_T, score_T, is_read_T in zip(best_NT, score_NT, is_read_NT, strict=True):
        text = codec.decode(best_T[is_read_T].tolist())
        decoded.append(Decoded(text, float(score_T[is_read_T].mean()) if text else 0.0))
    return decoded


def best_path(probabilities_NTK: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the best class of every step, and at which steps an entry begins; both [N, T]."""
    best_NT = probabilities_NTK.argmax(axis=2)
    is_read_NT = best_NT != 0
    is_read_NT[:, 1:] &= best_NT[:, 1:] != best_NT[:, :-1]
    return best_NT, is_read_NT


def confidence(probabilities_MK: NDArray[np.float32], temperature: float) -> NDArray[np.floating]:
    """Return the highest probability of each step after the logits are divided by `temperature`, shape [M].

    Softmax of logits / T is p^(1/T) scaled to a sum of 1, so that probabilities are enough (Guo et al. 2017,
    arXiv:1706.04599).
    """
    best_M: NDArray[np.floating] = probabilities_MK.max(axis=1)
    if temperature != 1:
        best_M = 1 / ((probabilities_MK / best_M[:, None]) ** (1 / temperature)).sum(axis=1)
    return best_M


def single_entry_ranking(probabilities_NTK: NDArray[np.float32], codec: Codec, count: int = 5) -> list[tuple[str, ...]]:
    """Return for each image the `count` most probable dictionary entries, given that it shows exactly one.

    The probability of an entry is CTC's, summed over all alignments: blanks, the entry for one or more steps, blanks.
    """
    images, steps, classes = probabilities_NTK.shape
    before_N = np.ones((images, 1))
    during_NK = np.zeros((images, classes))
    after_NK = np.zeros((images, classes))
    for step in range(steps):
        p_NK = probabilities_NTK[:, step].astype(np.float64)
        blank_N = p_NK[:, :1]
        after_NK = (after_NK + during_NK) * blank_N
        during_NK = (during_NK + before_N) * p_NK
        before_N = before_N * blank_N
    total_NK = (during_NK + after_NK)[:, 1:]
    order_NK = np.argsort(-total_NK, axis=1, kind="stable")[:, :count]
    return [tuple(codec.entries[entry] for entry in order_K) for order_K in order_NK]
