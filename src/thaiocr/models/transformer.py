"""What transformer blocks share (Vaswani et al. 2017, arXiv:1706.03762).

N images  A heads  P, Q positions of keys and queries  C channels, c of one head
"""

from __future__ import annotations

from collections.abc import Callable

import paddle.nn.functional as F
from paddle import Tensor, nn


class Mlp(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Two linear layers over the channels: x_NPC -> y_NPC. Attribute names are PaddleOCR's."""

    def __init__(self, channels: int, hidden: int, *, act: Callable[[Tensor], Tensor], drop_rate: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.act = act
        self.drop = nn.Dropout(drop_rate)

    def forward(self, x_NPC: Tensor) -> Tensor:
        return self.drop(self.fc2(self.drop(self.act(self.fc1(x_NPC)))))


def split_heads(x_NPD: Tensor, parts: int, heads: int) -> list[Tensor]:
    """Return the parts, such as query, key and value, that lie behind each other in D = parts C; each x_NAPc."""
    channels = x_NPD.shape[2] // (parts * heads)
    split_nNAPc = x_NPD.reshape([0, -1, parts, heads, channels]).transpose([2, 0, 3, 1, 4])
    return list(split_nNAPc.unbind(0))


def attend(q_NAQc: Tensor, k_NAPc: Tensor, v_NAPc: Tensor, *, drop: nn.Layer, mask_QP: Tensor | None = None) -> Tensor:
    """Return y_NQC: for each query the mean of the values, weighted by how well their keys match it.

    Args:
        q_NAQc: Queries.
        k_NAPc: Keys.
        v_NAPc: Values.
        drop: Leaves out weights while training.
        mask_QP: Added to the logarithms of the weights; minus infinity hides a position.
    """
    weights_NAQP = (q_NAQc * q_NAQc.shape[3] ** -0.5).matmul(k_NAPc, transpose_y=True)
    if mask_QP is not None:
        weights_NAQP = weights_NAQP + mask_QP.astype(weights_NAQP.dtype)
    weights_NAQP = drop(F.softmax(weights_NAQP, axis=-1))
    return weights_NAQP.matmul(v_NAPc).transpose([0, 2, 1, 3]).flatten(2)
