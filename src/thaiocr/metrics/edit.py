"""Edit distance between labels and what was read, in any unit: code points, grapheme clusters, words.

N pairs of a label and a text, both cut into units
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from thaiocr.text.clusters import clusters

Units: TypeAlias = Sequence[str]
"""A text cut into units; a plain string is its code points."""
Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@lru_cache(maxsize=1 << 16)
def cluster_units(text: str) -> tuple[str, ...]:
    """Return the grapheme clusters of a text."""
    return tuple(clusters(text))


@dataclass(frozen=True, kw_only=True, slots=True)
class EditCounts:
    """Edits and lengths of N pairs; each array has shape [N]."""

    edits: Ints
    """Levenshtein distance: the least number of insertions, deletions and substitutions."""
    label: Ints
    """Units of the label."""
    longest: Ints
    """Units of the longer of label and text."""

    def error_rate(self) -> float:
        """Return all edits divided by all label units: CER or WER. It passes 1 when more is read than there is.

        Without any label unit it is 0 when nothing was read, else 1. Of no pairs at all it is 1, the worst.
        """
        units = int(self.label.sum())
        if units:
            return int(self.edits.sum()) / units
        return 0.0 if self.edits.size and not self.edits.any() else 1.0

    def similarity(self) -> Floats:
        """Return 1 - edits / longer length for each pair: 1 for the same text, two empty ones included. Shape [N]."""
        return 1.0 - self.edits / np.maximum(self.longest, 1)


def edit_counts(labels: Sequence[Units], texts: Sequence[Units]) -> EditCounts:
    """Compare labels and texts pair by pair.

    Args:
        labels: N labels, each a sequence of units.
        texts: N texts in the same units.

    Raises:
        ValueError: not as many texts as labels.
    """
    if len(labels) != len(texts):
        raise ValueError(f"{len(labels)} labels but {len(texts)} texts")
    length = np.fromiter(map(len, labels), np.int64, len(labels))
    read = np.fromiter(map(len, texts), np.int64, len(texts))
    edits = np.asarray(cpdist(labels, texts, scorer=Levenshtein.distance, dtype=np.int64), np.int64).reshape(-1)
    return EditCounts(edits=edits, label=length, longest=np.maximum(length, read))


def mean(values: Floats | Ints) -> float:
    """Return the mean, whatever the order of the values; of nothing it is 0, the worst of an accuracy."""
    return math.fsum(values) / values.size if values.size else 0.0
