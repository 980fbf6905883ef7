"""`Train` and `Eval`: a data set, its preparation, and how it is served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeImage:
    """File to pixels."""

    img_mode: Literal["BGR", "RGB"] = "RGB"
    channel_first: Literal[False] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLabelEncode:
    """Text to class ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiLabelEncode:
    """Text to class ids, for CTC and for a second head that guides the training."""

    gtc_encode: Literal["NRTRLabelEncode"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecResizeImg:
    """Pixels to the network's input size."""

    image_shape: tuple[int, int, int]
    """Channels (3), height, width in pixels."""
    padding: bool = True
    """Keep the aspect ratio and fill the right side with grey; False stretches to the width."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepKeys:
    """What a batch carries."""

    keep_keys: tuple[str, ...] = ("image", "label", "length")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecAug:
    """Random changes to what `Train` shows, each with its probability; how strong they are: `data.augment`."""

    tia_prob: float = 0.4
    """Bend, stretch and tilt."""
    crop_prob: float = 0.4
    """Cut blank rows off."""
    reverse_prob: float = 0.4
    """Light on dark."""
    noise_prob: float = 0.4
    jitter_prob: float = 0.4
    """Move by up to a pixel."""
    blur_prob: float = 0.4
    hsv_aug_prob: float = 0.4
    """Contrast and brightness."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecConAug:
    """Other images of the set attached to the right of what `Train` shows, and their texts to its text."""

    prob: float = 0.5
    image_shape: tuple[int, int, int] = (32, 320, 3)
    """Height, width, channels: a joined picture is not wider for its height than this."""
    max_text_length: int = 25
    """Of the joined text, in dictionary entries."""
    ext_data_num: int = 1
    """Images to attach, as long as they fit."""


Transform: TypeAlias = DecodeImage | RecConAug | RecAug | CTCLabelEncode | MultiLabelEncode | RecResizeImg | KeepKeys


@dataclass(frozen=True, kw_only=True, slots=True)
class SimpleDataSet:
    """Images of a folder and label files with `path<TAB>text` lines."""

    data_dir: str
    label_file_list: tuple[str, ...]
    """One path or a list of paths."""
    ratio_list: tuple[float, ...] = field(default=(1.0,), metadata={"single_is_plain": True})
    """Share of each label file that an epoch draws; one number holds for all files."""
    delimiter: str = "\t"
    transforms: tuple[Transform, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiScaleDataSet(SimpleDataSet):
    """A data set whose images `Train.sampler` resizes; it has no RecResizeImg of its own."""

    ds_width: bool = False
    """Pictures of like width share a batch, which is as wide as its widest one. (PaddleOCR rounds and squeezes.)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiScaleSampler:
    """Batches in several sizes, one size to a batch, in random order."""

    scales: tuple[tuple[int, int], ...]
    """Width and height."""
    first_bs: int = 128
    """Images in a batch of the first scale."""
    fix_bs: bool = True
    """Of the others as well; False gives all batches about as many pixels as the first scale has."""
    divided_factor: tuple[int, int] = (8, 16)
    """Width and height are lowered to multiples of these."""
    is_training: bool = True
    """False shows the first scale only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loader:
    """How samples become batches."""

    shuffle: bool = False
    batch_size_per_card: int
    drop_last: bool = False
    num_workers: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """`Train` or `Eval`: a data set and how it is served."""

    dataset: SimpleDataSet | MultiScaleDataSet
    sampler: MultiScaleSampler | None = None
    """Of `Train`, with MultiScaleDataSet."""
    loader: Loader
