"""The sections of a file for text detection (`Architecture.model_type: det`).

Sections that differ from recognition's have their own class here, of the name that PaddleOCR's files use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from thaiocr.config.schema.data import DecodeImage, Loader
from thaiocr.config.schema.optimizer import Optimizer
from thaiocr.config.schema.run import Global, WandB

# -- Architecture ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class MobileNetV3:
    """Howard et al. 2019, arXiv:1905.02244."""

    model_name: Literal["large", "small"] = "large"
    scale: float = 0.5
    """Width of the network: 0.35, 0.5, 0.75, 1.0 or 1.25."""
    disable_se: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ResNet_vd:  # noqa: N801 - PaddleOCR's name
    """ResNet-D (He et al. 2019, arXiv:1812.01187)."""

    layers: Literal[18, 34, 50, 101, 152, 200] = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class PPLCNetV3:
    """PaddleOCR's mobile backbone of PP-OCRv4 and v5: parallel branches, which are one convolution once exported."""

    scale: float = 1.0
    conv_kxk_num: int = 4
    """Parallel convolutions of a layer while training."""
    lr_mult_list: tuple[float, float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    """What the learning rate is multiplied by, for the stem and the five stages."""
    lab_lr: float = 0.1
    """What it is multiplied by for the scale and the bias that follow an activation."""
    det: Literal[True]
    """Four maps for a neck, as detection needs them."""


Backbone: TypeAlias = MobileNetV3 | ResNet_vd | PPLCNetV3


@dataclass(frozen=True, kw_only=True, slots=True)
class DBFPN:
    """Feature pyramid (Lin et al. 2017, arXiv:1612.03144): maps of four resolutions become one."""

    out_channels: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RSEFPN:
    """DBFPN with a gate for every channel (PP-OCRv3, arXiv:2206.03001)."""

    out_channels: int
    shortcut: bool = True
    """Add what is gated to what was not."""


Neck: TypeAlias = DBFPN | RSEFPN


@dataclass(frozen=True, kw_only=True, slots=True)
class DBHead:
    """Probability, threshold, and their difference through a steep sigmoid (arXiv:1911.08947)."""

    k: float = 50.0
    """How steep."""
    fix_nan: bool = False
    """While training, count features that are NaN as 0."""


Head: TypeAlias = DBHead


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """The network: images to maps of text."""

    model_type: Literal["det"] = "det"
    algorithm: Literal["DB"] = "DB"
    backbone: Backbone = field(metadata={"key": "Backbone"})
    neck: Neck = field(metadata={"key": "Neck"})
    head: Head = field(metadata={"key": "Head"})


# -- Loss, PostProcess, Metric -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class DBLoss:
    """alpha times that of the probabilities, beta times that of the thresholds, and that of the binarised map."""

    balance_loss: bool = True
    """Of the pixels without text count the hardest only."""
    main_loss_type: Literal["DiceLoss", "BCELoss"] = "DiceLoss"
    """Of the probabilities; the paper's is BCELoss. `balance_loss` leaves DiceLoss, PaddleOCR's, nearly as it is."""
    alpha: float = 5.0
    beta: float = 10.0
    ohem_ratio: float = 3.0
    """Pixels without text that count, for each one with text."""
    eps: float = 1e-6


Loss: TypeAlias = DBLoss


@dataclass(frozen=True, kw_only=True, slots=True)
class DBPostProcess:
    """How a map becomes polygons."""

    thresh: float = 0.3
    """Pixels above it are text."""
    box_thresh: float = 0.7
    """Least mean probability of a polygon."""
    max_candidates: int = 1000
    unclip_ratio: float = 2.0
    """How far a region grows: area * ratio / perimeter."""
    use_dilation: bool = False
    """Let every pixel of text spread to its right and lower neighbours first."""
    score_mode: Literal["fast", "slow"] = "fast"
    """Mean over the region's smallest rectangle, or over its outline; `poly` scores its simplified outline."""
    box_type: Literal["quad", "poly"] = "quad"
    """Smallest rotated rectangles, or outlines."""


PostProcess: TypeAlias = DBPostProcess


@dataclass(frozen=True, kw_only=True, slots=True)
class DetMetric:
    """Precision, recall and their harmonic mean at an IoU of 0.5, as ICDAR 2015 counts them; mean IoU; mAP."""

    main_indicator: Literal["hmean", "precision", "recall", "mean_iou", "map"] = "hmean"


Metric: TypeAlias = DetMetric


# -- Train, Eval -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class DetLabelEncode:
    """JSON, or the legacy lists of corners, to polygons; those of `###` and `*` are ignored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmenterArgs:
    """What an augmenter does."""

    p: float | None = None
    """Fliplr, Flipud: the probability."""
    rotate: tuple[float, float] | None = None
    """Affine: least and largest angle in degrees."""
    size: tuple[float, float] | None = None
    """Resize: least and largest factor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmenter:
    """A random change of picture and polygons."""

    type: Literal["Fliplr", "Flipud", "Affine", "Resize"]
    args: AugmenterArgs = field(default_factory=AugmenterArgs)


@dataclass(frozen=True, kw_only=True, slots=True)
class IaaAugment:
    """Random changes, in this order."""

    augmenter_args: tuple[Augmenter, ...] = (
        Augmenter(type="Fliplr", args=AugmenterArgs(p=0.5)),
        Augmenter(type="Affine", args=AugmenterArgs(rotate=(-10.0, 10.0))),
        Augmenter(type="Resize", args=AugmenterArgs(size=(0.5, 3.0))),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class EastRandomCropData:
    """A random part of the page whose edges cut through no text, resized to `size` (Zhou et al. 2017, EAST)."""

    size: tuple[int, int] = (640, 640)
    """Width and height in pixels, multiples of 32."""
    max_tries: int = 10
    """Parts that are tried before the whole page is taken."""
    min_crop_side_ratio: float = 0.1
    """Least side of a part, of the page's."""
    keep_ratio: bool = True
    """Fill up with black instead of stretching."""
    multi_scale: tuple[int, ...] = ()
    """Ours. Sides in pixels of which every batch takes one instead of `size`; multiples of 32."""
    whole_text: bool = True
    """Ours. False: a window of `size` that is not resized and may cut lines. Text then keeps the size that the page and
    `Resize` give it, where a part as wide as a paragraph shrinks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MakeBorderMap:
    """Targets of the thresholds: highest on the polygons' edges."""

    shrink_ratio: float = 0.4
    thresh_min: float = 0.3
    thresh_max: float = 0.7


@dataclass(frozen=True, kw_only=True, slots=True)
class MakeShrinkMap:
    """Targets of the probabilities: polygons shrunk by area * (1 - shrink_ratio squared) / perimeter."""

    min_text_size: int = 8
    """Pixels; text that is narrower or lower is ignored."""
    shrink_ratio: float = 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class DetResizeForTest:
    """A page to the size that is evaluated; sides become multiples of 32. One of its ways; none: the default."""

    image_shape: tuple[int, int] | None = None
    """Height and width."""
    keep_ratio: bool = False
    """With image_shape: take its height only."""
    limit_side_len: int | None = None
    """Limit of a side; left out, and without the others: the shorter side has at least 736 pixels."""
    limit_type: Literal["min", "max", "resize_long"] = "min"
    """Enlarge so that the shorter side has it, shrink so that the longer has it, or resize the longer side to it."""
    resize_long: int | None = None
    """Length of the longer side; the sides become multiples of 128."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NormalizeImage:
    """Pixels times `scale`, less `mean`, by `std`."""

    scale: Literal["1./255."] = "1./255."
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    order: Literal["hwc"] = "hwc"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToCHWImage:
    """Channels first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepKeys:
    """What a batch carries."""

    keep_keys: tuple[str, ...]


TRAIN_KEYS = ("image", "threshold_map", "threshold_mask", "shrink_map", "shrink_mask")
EVAL_KEYS = ("image", "shape", "polys", "ignore_tags")

Transform: TypeAlias = (
    DecodeImage
    | DetLabelEncode
    | IaaAugment
    | EastRandomCropData
    | MakeBorderMap
    | MakeShrinkMap
    | DetResizeForTest
    | NormalizeImage
    | ToCHWImage
    | KeepKeys
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SimpleDataSet:
    """Images of a folder and label files with a line for each: its path, a tab, what is on it."""

    data_dir: str
    label_file_list: tuple[str, ...]
    """One path or a list of paths."""
    ratio_list: tuple[float, ...] = field(default=(1.0,), metadata={"single_is_plain": True})
    """Share of each label file that an epoch draws; one number holds for all files."""
    delimiter: str = "\t"
    transforms: tuple[Transform, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """`Train` or `Eval`: a data set and how it is served."""

    dataset: SimpleDataSet
    loader: Loader


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """A whole file."""

    run: Global = field(metadata={"key": "Global"})
    optimizer: Optimizer = field(metadata={"key": "Optimizer"})
    architecture: Architecture = field(metadata={"key": "Architecture"})
    loss: Loss = field(metadata={"key": "Loss"})
    postprocess: PostProcess = field(metadata={"key": "PostProcess"})
    metric: Metric = field(metadata={"key": "Metric"})
    train: Feed = field(metadata={"key": "Train"})
    eval: Feed = field(metadata={"key": "Eval"})
    wandb: WandB | None = None
