"""Auxiliary heads that name the parts of a single cluster: กั้ is base ก, vowel ั, tone ้, no SARA AM.

Plain CTC over hundreds of clusters stays for a thousand steps where every class is equally likely. Parts are few and
shared by many classes, so their cross-entropy reaches the backbone at once and CTC follows. The guide exists while
training only: it has its own parameters, is never exported, and its names never mix with PaddleOCR's.

    N images  D features  T time steps  P values of one part
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import paddle
from paddle import Tensor, nn

from thaiocr.text.clusters import Parts, parts


def part_targets(entries: Sequence[str]) -> dict[str, np.ndarray]:
    """Return for each part the index of its value per class id, shape [K]; row 0 belongs to blank and is never used."""
    decomposed = [parts(entry) for entry in entries]
    targets = {}
    for part in (field.name for field in fields(Parts)):
        values = [getattr(each, part) for each in decomposed]
        index = {value: position for position, value in enumerate(sorted(set(values)))}
        targets[part] = np.array([0, *(index[value] for value in values)], dtype=np.int64)
    return targets


class PartsGuide(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """f_ND1T -> the logits of every part, {name: logits_NP}."""

    def __init__(self, in_channels: int, entries: Sequence[str]) -> None:
        super().__init__()
        self.targets_K = {name: paddle.to_tensor(ids) for name, ids in part_targets(entries).items()}
        self.heads = nn.LayerDict(
            {name: nn.Linear(in_channels, int(ids.max()) + 1) for name, ids in self.targets_K.items()}
        )

    def forward(self, f_ND1T: Tensor) -> dict[str, Tensor]:
        pooled_ND = f_ND1T.mean(axis=[2, 3])
        return {name: head(pooled_ND) for name, head in self.heads.items()}
