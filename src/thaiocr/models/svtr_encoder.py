"""PaddleOCR's `svtr` neck (PP-OCRv3, arXiv:2206.03001): two transformer blocks mix the columns of a line.

    N images  T time steps  D features of the backbone  C hidden_dims  E = dims

    f_ND1T -> narrow -> blocks -> widen to D, join with f_ND1T -> narrow -> s_NTE

Parameter names and shapes are PaddleOCR's.
"""

from __future__ import annotations

from typing import Final

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.models.layers import BatchNorm2D
from thaiocr.models.transformer import Mlp, attend, split_heads

STD: Final = 0.02
"""Of fresh weights of linear layers."""


class ConvNormSwish(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """Convolution without bias, batch norm, swish; keeps the size: x_NCHW -> y_NDHW."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            padding=[side // 2 for side in kernel_size],
            weight_attr=paddle.ParamAttr(initializer=nn.initializer.KaimingUniform()),
            bias_attr=False,
        )
        self.norm = BatchNorm2D(out_channels)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return F.silu(self.norm(self.conv(x_NCHW)))


class Mixer(nn.Layer):  # type: ignore[misc]
    """Self-attention over all columns: s_NTC -> s_NTC."""

    def __init__(self, channels: int, options: schema.SVTREncoder) -> None:
        super().__init__()
        self.heads = options.num_heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.attn_drop = nn.Dropout(options.attn_drop_rate)
        self.proj = nn.Linear(channels, channels)
        self.proj_drop = nn.Dropout(options.drop_rate)

    def forward(self, s_NTC: Tensor) -> Tensor:
        mixed_NTC = attend(*split_heads(self.qkv(s_NTC), 3, self.heads), drop=self.attn_drop)
        return self.proj_drop(self.proj(mixed_NTC))


class Block(nn.Layer):  # type: ignore[misc]
    """Columns are mixed, then channels, each normed before and added to its input: s_NTC -> s_NTC."""

    def __init__(self, options: schema.SVTREncoder) -> None:
        super().__init__()
        channels = options.hidden_dims
        self.norm1 = nn.LayerNorm(channels, epsilon=1e-5)
        self.mixer = Mixer(channels, options)
        self.norm2 = nn.LayerNorm(channels, epsilon=1e-5)
        self.mlp = Mlp(channels, int(channels * options.mlp_ratio), act=F.silu, drop_rate=options.drop_rate)

    def forward(self, s_NTC: Tensor) -> Tensor:
        s_NTC = s_NTC + self.mixer(self.norm1(s_NTC))
        return s_NTC + self.mlp(self.norm2(s_NTC))


class EncoderWithSVTR(nn.Layer):  # type: ignore[misc]
    """f_ND1T -> s_NTE. With `use_guide` no gradient goes back into the backbone: another head trains that."""

    def __init__(self, in_channels: int, options: schema.SVTREncoder) -> None:
        super().__init__()
        kernel_size, hidden, narrow = options.kernel_size, options.hidden_dims, in_channels // 8
        self.is_guided = options.use_guide
        self.conv1 = ConvNormSwish(in_channels, narrow, kernel_size)
        self.conv2 = ConvNormSwish(narrow, hidden)
        self.svtr_block = nn.LayerList(Block(options) for _ in range(options.depth))
        self.norm = nn.LayerNorm(hidden, epsilon=1e-6)
        self.conv3 = ConvNormSwish(hidden, in_channels)
        self.conv4 = ConvNormSwish(2 * in_channels, narrow, kernel_size)
        self.conv1x1 = ConvNormSwish(narrow, options.dims)
        self.out_channels = options.dims
        self.apply(_fresh)

    def forward(self, f_ND1T: Tensor) -> Tensor:
        if self.is_guided:
            f_ND1T = f_ND1T.detach()
        s_NTC = self.conv2(self.conv1(f_ND1T)).squeeze(2).transpose([0, 2, 1])
        for block in self.svtr_block:
            s_NTC = block(s_NTC)
        z_ND1T = self.conv3(self.norm(s_NTC).transpose([0, 2, 1]).unsqueeze(2))
        z_NE1T = self.conv1x1(self.conv4(paddle.concat([f_ND1T, z_ND1T], axis=1)))
        return z_NE1T.squeeze(2).transpose([0, 2, 1])


def _fresh(layer: nn.Layer) -> None:
    """Draw the weights of a linear layer."""
    if isinstance(layer, nn.Linear):
        nn.initializer.TruncatedNormal(std=STD)(layer.weight)
