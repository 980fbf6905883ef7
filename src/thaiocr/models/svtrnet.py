"""SVTR (Du et al. 2022, arXiv:2205.00159): transformer blocks mix the patches of a line, and its height shrinks away.

    N images  H, W pixels  h, w patches of the stage  P = h w  C channels  A heads  T = out_char_num time steps

    x_N3HW -> patches_NPC -> three stages of blocks, h halved between them -> f_ND1T

Parameter names and shapes are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
import paddle
import paddle.nn.functional as F
from numpy.typing import NDArray
from paddle import Tensor, nn

from thaiocr.config import schema
from thaiocr.models.layers import BatchNorm2D

STD: Final = 0.02
"""Of fresh weights."""


class PatchConv(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """A strided convolution of the patch embedding: both sides halved, x_NCHW -> y_NDHW."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        uniform = paddle.ParamAttr(initializer=nn.initializer.KaimingUniform())
        self.conv = nn.Conv2D(in_channels, out_channels, 3, stride=2, padding=1, weight_attr=uniform)
        self.norm = BatchNorm2D(out_channels)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return F.gelu(self.norm(self.conv(x_NCHW)))


class PatchEmbed(nn.Layer):  # type: ignore[misc]
    """x_N3HW -> patches_NPC, each of 2^sub_num x 2^sub_num pixels."""

    def __init__(self, channels: int, sub_num: int) -> None:
        super().__init__()
        widths = [3, *(channels // 2 ** (sub_num - 1 - number) for number in range(sub_num))]
        self.proj = nn.Sequential(*(PatchConv(*pair) for pair in pairwise(widths)))

    def forward(self, x_N3HW: Tensor) -> Tensor:
        return self.proj(x_N3HW).flatten(2).transpose([0, 2, 1])


class Attention(nn.Layer):  # type: ignore[misc]
    """Multi-head self-attention over all patches, or over those of a window around each: x_NPC -> y_NPC."""

    def __init__(
        self, channels: int, heads: int, size: tuple[int, int], window: tuple[int, int] | None, options: schema.SVTRNet
    ) -> None:
        super().__init__()
        self.heads = heads
        self.head_channels = channels // heads
        self.scale = options.qk_scale or self.head_channels**-0.5
        self.qkv = nn.Linear(channels, 3 * channels, bias_attr=None if options.qkv_bias else False)
        self.attn_drop = nn.Dropout(options.attn_drop_rate)
        self.proj = nn.Linear(channels, channels)
        self.proj_drop = nn.Dropout(options.drop_rate)
        mask_PP = None if window is None else paddle.to_tensor(window_mask(size, window))
        self.register_buffer("mask_PP", mask_PP, persistable=False)  # no entry of a checkpoint, as in PaddleOCR

    def forward(self, x_NPC: Tensor) -> Tensor:
        heads = [0, -1, 3, self.heads, self.head_channels]
        q_NAPc, k_NAPc, v_NAPc = self.qkv(x_NPC).reshape(heads).transpose([2, 0, 3, 1, 4]).unbind(0)
        weights_NAPP = (q_NAPc * self.scale).matmul(k_NAPc, transpose_y=True)
        if self.mask_PP is not None:
            weights_NAPP = weights_NAPP + self.mask_PP.astype(weights_NAPP.dtype)
        weights_NAPP = self.attn_drop(F.softmax(weights_NAPP, axis=-1))
        y_NPAc = weights_NAPP.matmul(v_NAPc).transpose([0, 2, 1, 3])
        return self.proj_drop(self.proj(y_NPAc.flatten(2)))


def window_mask(size: tuple[int, int], window: tuple[int, int]) -> NDArray[np.float32]:
    """Return mask_PP to add to attention weights: 0 within the window centred on a patch, minus infinity outside."""
    y_P, x_P = (axis.ravel() for axis in np.indices(size))
    is_near_PP = [
        abs(axis_P[:, None] - axis_P) <= length // 2 for axis_P, length in zip((y_P, x_P), window, strict=True)
    ]
    return np.where(is_near_PP[0] & is_near_PP[1], 0, -np.inf).astype(np.float32)


class ConvMixer(nn.Layer):  # type: ignore[misc]
    """Patches mixed by a convolution of `heads` groups: x_NPC -> y_NPC."""

    def __init__(self, channels: int, heads: int, size: tuple[int, int], window: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.local_mixer = nn.Conv2D(
            channels,
            channels,
            window,
            padding=[window[0] // 2, window[1] // 2],
            groups=heads,
            weight_attr=paddle.ParamAttr(initializer=nn.initializer.KaimingNormal()),
        )

    def forward(self, x_NPC: Tensor) -> Tensor:
        return self.local_mixer(to_image(x_NPC, self.size)).flatten(2).transpose([0, 2, 1])


def to_image(x_NPC: Tensor, size: tuple[int, int]) -> Tensor:
    """x_NPC -> x_NChw."""
    return x_NPC.transpose([0, 2, 1]).reshape([0, x_NPC.shape[2], *size])


class Mlp(nn.Layer):  # type: ignore[misc]
    """Two linear layers over the channels: x_NPC -> y_NPC."""

    def __init__(self, channels: int, hidden: int, drop_rate: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.drop = nn.Dropout(drop_rate)

    def forward(self, x_NPC: Tensor) -> Tensor:
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(x_NPC)))))


class DropPath(nn.Layer):  # type: ignore[misc]
    """While training, a share of the images loses this branch, and the others have it scaled up (arXiv:1603.09382)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x_NPC: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x_NPC
        is_kept_N11 = paddle.floor(1 - self.rate + paddle.rand([x_NPC.shape[0], 1, 1], x_NPC.dtype))
        return x_NPC / (1 - self.rate) * is_kept_N11


class Block(nn.Layer):  # type: ignore[misc]
    """Mixing among patches, then among channels, each added to its input: x_NPC -> y_NPC."""

    def __init__(self, mixer: nn.Layer, channels: int, drop_path: float, options: schema.SVTRNet) -> None:
        super().__init__()
        self.is_normed_after = options.prenorm
        self.norm1 = nn.LayerNorm(channels, epsilon=options.epsilon)
        self.mixer = mixer
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(channels, epsilon=options.epsilon)
        self.mlp = Mlp(channels, int(channels * options.mlp_ratio), options.drop_rate)

    def forward(self, x_NPC: Tensor) -> Tensor:
        for norm, change in ((self.norm1, self.mixer), (self.norm2, self.mlp)):
            x_NPC = self._add(x_NPC, norm, change)
        return x_NPC

    def _add(self, x_NPC: Tensor, norm: nn.Layer, change: nn.Layer) -> Tensor:
        if self.is_normed_after:
            return norm(x_NPC + self.drop_path(change(x_NPC)))
        return x_NPC + self.drop_path(change(norm(x_NPC)))


class ConvMerging(nn.Layer):  # type: ignore[misc]
    """The height is halved by a strided convolution: x_NPC -> y_NQD."""

    def __init__(self, in_channels: int, out_channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        normal = paddle.ParamAttr(initializer=nn.initializer.KaimingNormal())
        self.conv = nn.Conv2D(in_channels, out_channels, 3, stride=[2, 1], padding=1, weight_attr=normal)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x_NPC: Tensor) -> Tensor:
        return self.norm(self.conv(to_image(x_NPC, self.size)).flatten(2).transpose([0, 2, 1]))


class PoolMerging(nn.Layer):  # type: ignore[misc]
    """The height is halved by pooling, the mean of its two kinds: x_NPC -> y_NQD."""

    def __init__(self, in_channels: int, out_channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.avgpool = nn.AvgPool2D([3, 5], stride=[2, 1], padding=[1, 2])
        self.maxpool = nn.MaxPool2D([3, 5], stride=[2, 1], padding=[1, 2])
        self.proj = nn.Linear(in_channels, out_channels)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x_NPC: Tensor) -> Tensor:
        x_NChw = to_image(x_NPC, self.size)
        y_NChw = (self.avgpool(x_NChw) + self.maxpool(x_NChw)) * 0.5
        return self.norm(self.proj(y_NChw.flatten(2).transpose([0, 2, 1])))


MERGINGS: Final[Mapping[str, Callable[..., nn.Layer]]] = {"Conv": ConvMerging, "Pool": PoolMerging}


class SVTRNet(nn.Layer):  # type: ignore[misc]
    """x_N3HW -> f_ND1T, for images of `img_size`.

    Others are resized: clients of an exported network send wide images for wide lines, and PaddleOCR's stops at them.
    """

    def __init__(self, options: schema.SVTRNet) -> None:
        super().__init__()
        height, width = (side // 2**options.sub_num for side in options.img_size)
        self.patch_embed = PatchEmbed(options.embed_dim[0], options.sub_num)
        self.pos_embed = self.create_parameter(
            [1, height * width, options.embed_dim[0]],
            default_initializer=nn.initializer.TruncatedNormal(std=STD),
        )
        self.pos_drop = nn.Dropout(options.drop_rate)
        drop_paths = np.linspace(0, options.drop_path_rate, sum(options.depth)).tolist()
        bounds = [0, *accumulate(options.depth)]
        self.stages: list[tuple[nn.Layer | None, nn.LayerList]] = []
        for stage, (first, last) in enumerate(pairwise(bounds)):
            merging = None
            if stage and options.patch_merging in MERGINGS:
                pair = options.embed_dim[stage - 1], options.embed_dim[stage]
                merging = self.add_sublayer(
                    f"sub_sample{stage}", MERGINGS[options.patch_merging](*pair, (height, width))
                )
                height //= 2
            blocks = nn.LayerList(
                _block(options, stage, options.mixer[index], (height, width), drop_paths[index])
                for index in range(first, last)
            )
            self.stages.append((merging, self.add_sublayer(f"blocks{stage + 1}", blocks)))
        self.size = height, width
        self.img_size = list(options.img_size)
        self.avg_pool = nn.AdaptiveAvgPool2D([1, options.out_char_num])
        self.out_channels = options.out_channels
        self.last_conv = nn.Conv2D(options.embed_dim[-1], options.out_channels, 1, bias_attr=False)
        # In evaluation the values shrink instead of growing while training: PaddleOCR's weights expect it.
        self.dropout = nn.Dropout(options.last_drop, mode="downscale_in_infer")
        self.norm = None if options.prenorm else nn.LayerNorm(options.embed_dim[-1], epsilon=options.epsilon)
        self.apply(_fresh)

    def forward(self, x_N3HW: Tensor) -> Tensor:
        if not paddle.in_dynamic_mode() or x_N3HW.shape[2:] != self.img_size:
            x_N3HW = F.interpolate(x_N3HW, self.img_size, mode="bilinear")
        x_NPC = self.pos_drop(self.patch_embed(x_N3HW) + self.pos_embed)
        for merging, blocks in self.stages:
            x_NPC = x_NPC if merging is None else merging(x_NPC)
            for block in blocks:
                x_NPC = block(x_NPC)
        x_NPC = x_NPC if self.norm is None else self.norm(x_NPC)
        f_NC1T = self.avg_pool(to_image(x_NPC, self.size))
        return self.dropout(F.hardswish(self.last_conv(f_NC1T)))


def _block(options: schema.SVTRNet, stage: int, mixer: schema.Mixer, size: tuple[int, int], drop_path: float) -> Block:
    channels, heads = options.embed_dim[stage], options.num_heads[stage]
    window = options.local_mixer[stage]
    if mixer == "Conv":
        return Block(ConvMixer(channels, heads, size, window), channels, drop_path, options)
    attention = Attention(channels, heads, size, window if mixer == "Local" else None, options)
    return Block(attention, channels, drop_path, options)


def _fresh(layer: nn.Layer) -> None:
    """Draw the weights of a linear layer, with no bias."""
    if isinstance(layer, nn.Linear):
        nn.initializer.TruncatedNormal(std=STD)(layer.weight)
        if layer.bias is not None:
            nn.initializer.Constant(0.0)(layer.bias)
