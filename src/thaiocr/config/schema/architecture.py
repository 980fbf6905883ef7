"""`Architecture`: backbone, neck and head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class MobileNetV3:
    """Howard et al. 2019, arXiv:1905.02244, as PaddleOCR strides it for text."""

    scale: float = 0.5
    """Width of the network: 0.35, 0.5, 0.75, 1.0 or 1.25."""
    model_name: Literal["large", "small"] = "small"
    large_stride: tuple[int, int, int, int] = (1, 2, 2, 2)
    small_stride: tuple[int, int, int, int] = (2, 2, 2, 2)
    disable_se: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ResNet:
    """ResNet-D (He et al. 2019, arXiv:1812.01187), as PaddleOCR strides it for text."""

    layers: Literal[18, 34, 50, 101, 152, 200] = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class CompactResNet:
    """Few plain 3 x 3 convolutions, in four stages; ours, not PaddleOCR's. See `models.compact_resnet`."""

    channels: tuple[int, int, int, int] = (32, 64, 128, 256)
    """Of each stage."""
    blocks: tuple[int, int, int, int] = (1, 1, 1, 0)
    """Residuals of two convolutions that follow the first convolution of a stage."""


Mixer: TypeAlias = Literal["Local", "Global", "Conv"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SVTRNet:
    """Du et al. 2022, arXiv:2205.00159."""

    img_size: tuple[int, int] = (32, 100)
    """Height and width of the images; the network reads no others."""
    embed_dim: tuple[int, int, int] = (64, 128, 256)
    depth: tuple[int, int, int] = (3, 6, 3)
    """Blocks of the three stages."""
    num_heads: tuple[int, int, int] = (2, 4, 8)
    mixer: tuple[Mixer, ...] = ("Local",) * 6 + ("Global",) * 6
    """What each block looks at: a window, the whole image, or a window by convolution."""
    local_mixer: tuple[tuple[int, int], ...] = ((7, 11),) * 3
    """Windows of the stages."""
    patch_merging: Literal["Conv", "Pool", "None"] = "Conv"
    """What halves the height between stages; the word None leaves it."""
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    qk_scale: float | None = None
    """Left out: one over the root of a head's channels."""
    drop_rate: float = 0.0
    last_drop: float = 0.1
    attn_drop_rate: float = 0.0
    drop_path_rate: float = 0.1
    """With which probability the last block leaves an image as it is; from the first one on it rises evenly."""
    norm_layer: Literal["nn.LayerNorm"] = "nn.LayerNorm"
    sub_norm: Literal["nn.LayerNorm"] = "nn.LayerNorm"
    epsilon: float = 1e-6
    out_channels: int = 192
    out_char_num: int = 25
    """T, the number of time steps."""
    block_unit: Literal["Block"] = "Block"
    act: Literal["nn.GELU"] = "nn.GELU"
    last_stage: Literal[True] = True
    sub_num: Literal[2, 3] = 2
    """How often height and width are halved before the first stage."""
    prenorm: bool = True
    """Normalise after each sum. (PaddleOCR has the two words the other way round.)"""
    use_lenhead: Literal[False] = False


Backbone: TypeAlias = MobileNetV3 | ResNet | CompactResNet | SVTRNet


@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceEncoder:
    """Columns of features to a sequence; `rnn` reads it with two BiLSTM layers."""

    encoder_type: Literal["reshape", "rnn"] = "rnn"
    hidden_size: int = 48


Neck: TypeAlias = SequenceEncoder


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCHead:
    """One linear layer to the classes, or two when `mid_channels` is given."""

    fc_decay: float = 0.0004
    mid_channels: int | None = None


Head: TypeAlias = CTCHead

Algorithm: TypeAlias = Literal["CRNN", "SVTR", "SVTR_LCNet"]
"""SVTR_LCNet has an `Architecture` of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """The network: images to features to a sequence to classes."""

    model_type: Literal["rec"] = "rec"
    algorithm: Algorithm = "CRNN"
    backbone: Backbone = field(metadata={"key": "Backbone"})
    neck: Neck = field(metadata={"key": "Neck"})
    head: Head = field(metadata={"key": "Head"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SubModel:
    """One of the networks of a distillation."""

    pretrained: str | None = None
    """Checkpoint of a network alone whose weights it starts from."""
    freeze_params: bool = False
    """It teaches and does not learn: neither its weights nor its statistics change."""
    return_all_feats: Literal[True]
    """As in all of PaddleOCR's files: losses choose among the outputs with `key`."""
    model_type: Literal["rec"] = "rec"
    algorithm: Literal["CRNN", "SVTR"] = "CRNN"
    backbone: Backbone = field(metadata={"key": "Backbone"})
    neck: Neck = field(metadata={"key": "Neck"})
    head: Head = field(metadata={"key": "Head"})


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationModel:
    """Networks that see the same images; `Metric.key` names the one that is evaluated and exported."""

    model_type: Literal["rec"] = "rec"
    algorithm: Literal["Distillation"] = "Distillation"
    models: Mapping[str, SubModel] = field(metadata={"key": "Models"})
    """By names of one's own; PaddleOCR's are Teacher and Student."""
