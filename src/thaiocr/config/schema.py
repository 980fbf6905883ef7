"""The sections of a PaddleOCR YAML file as types. A key that has no field here is refused by name.

Fields carry PaddleOCR's key names, defaults and order; the few keys that are ours say so. Metadata of a field: `key`
(where it differs from the field's name), `before_single` (what precedes a value that stands alone for a list of fixed
length), `single_is_plain` (a list of one is written as its value).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Global:
    """What concerns the run as a whole."""

    use_gpu: bool = False
    epoch_num: int
    print_batch_step: int = 10
    save_model_dir: str = "./output"
    save_epoch_step: int = 0
    """Keep `iter_epoch_N` every so many epochs; 0 keeps none."""
    eval_batch_step: tuple[int, int] | None = field(default=None, metadata={"before_single": (0,)})
    """(start, N): every N steps after step `start`; N alone means (0, N); left out: at the end of every epoch."""
    cal_metric_during_train: bool = False
    pretrained_model: str | None = None
    checkpoints: str | None = None
    character_dict_path: str = "thai_letters/th_dict.txt"
    max_text_length: int = 25
    """In dictionary entries."""
    use_space_char: bool = False
    seed: int = 0
    max_reject_ratio: float = 0.01
    """Ours. Training does not start when a larger share of the label lines cannot be used."""


# -- Optimizer ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Const:
    """The same rate throughout."""

    learning_rate: float = 0.001
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Linear:
    """From `learning_rate` to `end_lr`, as a polynomial of degree `power`."""

    learning_rate: float = 0.001
    end_lr: float = 0.0
    power: float = 1.0
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Cosine:
    """From `learning_rate` to 0 along half a cosine."""

    learning_rate: float = 0.001
    warmup_epoch: float = 0
    """Epochs of linear warm-up; must end before `epoch_num`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OneCycle:
    """Up to `max_lr` and down again (Smith and Topin 2018, arXiv:1708.07120)."""

    max_lr: float
    warmup_epoch: float = 0


LearningRate: TypeAlias = Const | Linear | Cosine | OneCycle


@dataclass(frozen=True, kw_only=True, slots=True)
class Regularizer:
    """A penalty on all weights, added to their gradients."""

    name: Literal["L1", "L2"] = "L2"
    factor: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Adam:
    """Kingma and Ba 2015, arXiv:1412.6980."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float | None = None
    """Limit of each parameter's own gradient norm, as in PaddleOCR."""
    clip_norm_global: float | None = None
    """Limit of the norm of all gradients together."""
    lr: LearningRate = field(default_factory=Const)
    regularizer: Regularizer | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AdamW:
    """Adam with decoupled weight decay: Loshchilov and Hutter 2019, arXiv:1711.05101."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float | None = None
    clip_norm_global: float | None = None
    lr: LearningRate = field(default_factory=Const)
    weight_decay: float = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Momentum:
    """Stochastic gradient descent with momentum."""

    momentum: float = 0.9
    clip_norm: float | None = None
    clip_norm_global: float | None = None
    lr: LearningRate = field(default_factory=Const)
    regularizer: Regularizer | None = None


Optimizer: TypeAlias = Adam | AdamW | Momentum


# -- Architecture ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class MobileNetV3:
    """Howard et al. 2019, arXiv:1905.02244, as PaddleOCR strides it for text."""

    scale: float = 0.5
    """Width of the network: 0.35, 0.5, 0.75, 1.0 or 1.25."""
    model_name: Literal["large", "small"] = "small"
    large_stride: tuple[int, int, int, int] = (1, 2, 2, 2)
    small_stride: tuple[int, int, int, int] = (2, 2, 2, 2)
    disable_se: bool = False


Backbone: TypeAlias = MobileNetV3


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """The network: images to features to a sequence to classes."""

    model_type: Literal["rec"] = "rec"
    algorithm: Literal["CRNN"] = "CRNN"
    backbone: Backbone = field(metadata={"key": "Backbone"})
    neck: Neck = field(metadata={"key": "Neck"})
    head: Head = field(metadata={"key": "Head"})


# -- Loss, PostProcess, Metric -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class PartsGuide:
    """Ours: auxiliary heads that name the parts of a single cluster (base, vowel, tone, SARA AM) while training."""

    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLoss:
    """Connectionist temporal classification (Graves et al. 2006)."""

    use_focal_loss: bool = False
    parts_guide: PartsGuide | None = None
    """Ours. For labels of one cluster; leaves the plateau of plain CTC early. Not part of the exported model."""


Loss: TypeAlias = CTCLoss


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLabelDecode:
    """Best class per time step, repeats and blanks removed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecMetric:
    """Share of texts that are right, and normalised edit distance."""

    main_indicator: Literal["acc", "norm_edit_dis"] = "acc"
    ignore_space: bool = True


# -- Data --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeImage:
    """File to pixels."""

    img_mode: Literal["BGR", "RGB"] = "RGB"
    channel_first: Literal[False] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLabelEncode:
    """Text to class ids."""


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


Transform: TypeAlias = DecodeImage | CTCLabelEncode | RecResizeImg | KeepKeys


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
class Loader:
    """How samples become batches."""

    shuffle: bool = False
    batch_size_per_card: int
    drop_last: bool = False
    num_workers: int = 0


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
    postprocess: CTCLabelDecode = field(metadata={"key": "PostProcess"})
    metric: RecMetric = field(metadata={"key": "Metric"})
    train: Feed = field(metadata={"key": "Train"})
    eval: Feed = field(metadata={"key": "Eval"})


# -- Tables ------------------------------------------------------------------------------------------------------------

NAMED: Final[frozenset[type]] = frozenset(
    {Adam, AdamW, Momentum, Const, Linear, Cosine, OneCycle, MobileNetV3, SequenceEncoder, CTCHead}
    | {CTCLoss, CTCLabelDecode, RecMetric, SimpleDataSet}
)
"""Sections that a file chooses with `name: <class>`."""

TRANSFORMS: Final[frozenset[type]] = frozenset({DecodeImage, CTCLabelEncode, RecResizeImg, KeepKeys})
"""Sections that a file chooses with their one key: `- <class>: {…}`."""

DEFAULT_NAMES: Final[Mapping[str, str]] = {"Optimizer.lr": "Const"}
"""The variant that a section without `name` means."""
