"""NRTR's decoder (Sheng et al. 2019, arXiv:1806.00926): reads a label entry by entry, told the entries so far.

    N images  T columns  D features  C = nrtr_dim  S = L + 1 symbols: <s> and the L entries of the longest label
    V = K + 4 symbols that exist: padding, unknown, <s>, </s>, the dictionary's entries, and one that PaddleOCR adds

Only training uses it: its gradient tells the backbone where entries are. Parameter names and shapes are PaddleOCR's.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import paddle
import paddle.nn.functional as F
from numpy.typing import NDArray
from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.models.recognizer import ClassAxis, ClassLayer
from thaiocr.models.transformer import Mlp, attend, split_heads

BEGIN: Final = 2
"""The symbol <s>."""
END: Final = 3
"""The symbol </s>."""
OFFSET: Final = 3
"""Class id k, from 1, is symbol k + 3; 0 stays 0, which is padding here."""
EXTRA: Final = 4
"""V - K."""
HEAD_CHANNELS: Final = 32
DROP_RATE: Final = 0.1
POSITIONS: Final = 5000
"""Longest sequence that PaddleOCR's table of positions holds."""


def symbols(labels_NL: Tensor) -> Tensor:
    """Return the symbols of class ids, int64; 0 stays 0."""
    ids_NL = labels_NL.astype("int64")
    return paddle.where(ids_NL > 0, ids_NL + OFFSET, ids_NL)


class SelfAttention(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Each symbol looks at itself and those before it: y_NSC -> y_NSC."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // HEAD_CHANNELS
        self.qkv = nn.Linear(channels, 3 * channels)
        self.attn_drop = nn.Dropout(0.0)
        self.out_proj = nn.Linear(channels, channels)

    def forward(self, y_NSC: Tensor, mask_SS: Tensor) -> Tensor:
        heads = split_heads(self.qkv(y_NSC), 3, self.heads)
        return self.out_proj(attend(*heads, drop=self.attn_drop, mask_QP=mask_SS))


class CrossAttention(nn.Layer):  # type: ignore[misc]
    """Each symbol looks at the columns of the image: y_NSC, memory_NTC -> y_NSC."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // HEAD_CHANNELS
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.attn_drop = nn.Dropout(0.0)
        self.out_proj = nn.Linear(channels, channels)

    def forward(self, y_NSC: Tensor, memory_NTC: Tensor) -> Tensor:
        heads = (*split_heads(self.q(y_NSC), 1, self.heads), *split_heads(self.kv(memory_NTC), 2, self.heads))
        return self.out_proj(attend(*heads, drop=self.attn_drop))


class Block(nn.Layer):  # type: ignore[misc]
    """Symbols, columns, channels: each added to its input and normed after: y_NSC -> y_NSC."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.self_attn = SelfAttention(channels)
        self.norm1 = nn.LayerNorm(channels, epsilon=1e-5)
        self.dropout1 = nn.Dropout(DROP_RATE)
        self.cross_attn = CrossAttention(channels)
        self.norm2 = nn.LayerNorm(channels, epsilon=1e-5)
        self.dropout2 = nn.Dropout(DROP_RATE)
        self.mlp = Mlp(channels, 4 * channels, act=F.relu, drop_rate=DROP_RATE)
        self.norm3 = nn.LayerNorm(channels, epsilon=1e-5)
        self.dropout3 = nn.Dropout(DROP_RATE)

    def forward(self, y_NSC: Tensor, memory_NTC: Tensor, mask_SS: Tensor) -> Tensor:
        y_NSC = self.norm1(y_NSC + self.dropout1(self.self_attn(y_NSC, mask_SS)))
        y_NSC = self.norm2(y_NSC + self.dropout2(self.cross_attn(y_NSC, memory_NTC)))
        return self.norm3(y_NSC + self.dropout3(self.mlp(y_NSC)))


class Embeddings(nn.Layer):  # type: ignore[misc]
    """symbols_NS -> y_NSC; padding is 0."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.factor = math.sqrt(channels)
        normal = paddle.ParamAttr(initializer=nn.initializer.Normal(0.0, channels**-0.5))
        self.embedding = nn.Embedding(size, channels, padding_idx=0, weight_attr=normal)

    def forward(self, symbols_NS: Tensor) -> Tensor:
        return self.embedding(symbols_NS) * self.factor


class PositionalEncoding(nn.Layer):  # type: ignore[misc]
    """Adds sines and cosines that tell the positions: y_NSC -> y_NSC."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(DROP_RATE)
        self.register_buffer("pe", paddle.to_tensor(waves(POSITIONS, channels)[:, None]))

    def forward(self, y_NSC: Tensor) -> Tensor:
        positions_SC = self.pe[: y_NSC.shape[1], 0].astype(y_NSC.dtype)
        # Dropped out with the symbols first, as in PaddleOCR, whose random numbers these are then.
        return self.dropout((y_NSC + positions_SC).transpose([1, 0, 2])).transpose([1, 0, 2])


def waves(positions: int, channels: int) -> NDArray[np.float32]:
    """Return [positions, channels]: sines in even, cosines in odd channels, of ever lower frequency."""
    frequency = np.exp(np.arange(0, channels, 2) * (-math.log(10000) / channels))
    angle = np.arange(positions)[:, None] * frequency
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(positions, channels).astype(np.float32)


class Transformer(ClassLayer):
    """memory_NTC, labels_NL -> logits_NSV: at each symbol what comes next."""

    def __init__(self, num_classes: int, options: schema.NRTRHead) -> None:
        super().__init__()
        channels, size = options.nrtr_dim, num_classes + EXTRA
        self.class_axes = {
            "embedding.embedding.weight": ClassAxis(0, OFFSET, EXTRA),
            "tgt_word_prj.weight": ClassAxis(1, OFFSET, EXTRA),
        }
        self.embedding = Embeddings(channels, size)
        self.positional_encoding = PositionalEncoding(channels)
        self.decoder = nn.LayerList(Block(channels) for _ in range(options.num_decoder_layers))
        normal = paddle.ParamAttr(initializer=nn.initializer.Normal(0.0, channels**-0.5))
        self.tgt_word_prj = nn.Linear(channels, size, weight_attr=normal, bias_attr=False)

    def forward(self, memory_NTC: Tensor, labels_NL: Tensor) -> Tensor:
        images, length = labels_NL.shape
        begin_N1 = paddle.full([images, 1], BEGIN, "int64")
        y_NSC = self.positional_encoding(self.embedding(paddle.concat([begin_N1, symbols(labels_NL)], axis=1)))
        mask_SS = paddle.triu(paddle.full([length + 1, length + 1], -math.inf, "float32"), diagonal=1)
        for block in self.decoder:
            y_NSC = block(y_NSC, memory_NTC, mask_SS)
        return self.tgt_word_prj(y_NSC)
