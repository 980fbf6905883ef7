"""The sections of a PaddleOCR YAML file as types. A key that has no field here is refused by name.

Fields carry PaddleOCR's key names and defaults; the few keys that are ours say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Global:
    """What concerns the run as a whole."""

    epoch_num: int
    use_gpu: bool = False
    save_model_dir: str = "./output"
    save_epoch_step: int = 0
    """Keep `iter_epoch_N` every so many epochs; 0 keeps none."""
    eval_batch_step: tuple[int, int] | None = None
    """(first step, every so many steps), or one number for both; left out: at the end of every epoch."""
    print_batch_step: int = 10
    cal_metric_during_train: bool = False
    pretrained_model: str | None = None
    checkpoints: str | None = None
    character_dict_path: str = "thai_letters/th_dict.txt"
    max_text_length: int = 25
    """In dictionary entries."""
    use_space_char: bool = False
    seed: int = 0


# -- Optimizer ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Const:
    learning_rate: float = 0.001
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Linear:
    learning_rate: float = 0.001
    end_lr: float = 0.0
    power: float = 1.0
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Cosine:
    learning_rate: float = 0.001
    warmup_epoch: float = 0
    """Epochs of linear warm-up; must end before `epoch_num`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OneCycle:
    max_lr: float
    warmup_epoch: float = 0


LearningRate: TypeAlias = Const | Linear | Cosine | OneCycle


@dataclass(frozen=True, kw_only=True, slots=True)
class Regularizer:
    name: Literal["L1", "L2"] = "L2"
    factor: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Adam:
    lr: LearningRate = field(default_factory=Const)
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    regularizer: Regularizer | None = None
    clip_norm: float | None = None
    """Limit of each parameter's own gradient norm, as in PaddleOCR."""
    clip_norm_global: float | None = None
    """Limit of the norm of all gradients together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdamW:
    lr: LearningRate = field(default_factory=Const)
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    clip_norm: float | None = None
    clip_norm_global: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Momentum:
    lr: LearningRate = field(default_factory=Const)
    momentum: float = 0.9
    regularizer: Regularizer | None = None
    clip_norm: float | None = None
    clip_norm_global: float | None = None


Optimizer: TypeAlias = Adam | AdamW | Momentum


# -- Architecture ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class MobileNetV3:
    model_name: Literal["large", "small"] = "small"
    scale: Literal[0.35, 0.5, 0.75, 1.0, 1.25] = 0.5
    large_stride: tuple[int, int, int, int] = (1, 2, 2, 2)
    small_stride: tuple[int, int, int, int] = (2, 2, 2, 2)
    disable_se: bool = False


Backbone: TypeAlias = MobileNetV3


@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceEncoder:
    encoder_type: Literal["reshape", "rnn"] = "rnn"
    hidden_size: int = 48


Neck: TypeAlias = SequenceEncoder


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCHead:
    fc_decay: float = 0.0004
    mid_channels: int | None = None


Head: TypeAlias = CTCHead


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    backbone: Backbone = field(metadata={"key": "Backbone"})
    neck: Neck = field(metadata={"key": "Neck"})
    head: Head = field(metadata={"key": "Head"})
    model_type: Literal["rec"] = "rec"
    algorithm: Literal["CRNN"] = "CRNN"


# -- Loss, PostProcess, Metric -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class PartsGuide:
    """Ours: auxiliary heads that name the parts of a single cluster (base, vowel, tone, SARA AM) while training."""

    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLoss:
    use_focal_loss: bool = False
    parts_guide: PartsGuide | None = None
    """Ours. For labels of one cluster; leaves the plateau of plain CTC early. Not part of the exported model."""


Loss: TypeAlias = CTCLoss


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLabelDecode:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class RecMetric:
    main_indicator: Literal["acc", "norm_edit_dis"] = "acc"
    ignore_space: bool = True


# -- Data --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeImage:
    img_mode: Literal["BGR", "RGB"] = "RGB"
    channel_first: Literal[False] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLabelEncode:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class RecResizeImg:
    image_shape: tuple[int, int, int]
    """Channels (3), height, width in pixels."""
    padding: bool = True
    """Keep the aspect ratio and fill the right side with grey; False stretches to the width."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepKeys:
    keep_keys: tuple[str, ...] = ("image", "label", "length")


Transform: TypeAlias = DecodeImage | CTCLabelEncode | RecResizeImg | KeepKeys


@dataclass(frozen=True, kw_only=True, slots=True)
class SimpleDataSet:
    data_dir: str
    label_file_list: tuple[str, ...]
    """One path or a list of paths."""
    transforms: tuple[Transform, ...]
    ratio_list: tuple[float, ...] = (1.0,)
    """Share of each label file that an epoch draws; one number holds for all files."""
    delimiter: str = "\t"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loader:
    batch_size_per_card: int
    shuffle: bool = False
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

DEFAULT_NAMES: Final[Mapping[str, str]] = {"Optimizer.lr": "Const"}
"""The variant that a section without `name` means."""

UNUSED_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"profiler_options"}),
    "Global": frozenset(
        """distributed log_smooth_window infer_img infer_mode save_inference_dir save_res_path character_type debug
        use_visualdl use_xpu use_npu use_mlu use_gcu use_metax_gpu use_tensorrt print_mem_info d2s_train_image_shape
        model_name uniform_output_enabled cal_flops_during_train""".split()
    ),
    "Architecture": frozenset({"Transform"}),
    "Train.loader": frozenset({"use_shared_memory", "collate_batch"}),
    "Eval.loader": frozenset({"use_shared_memory", "collate_batch"}),
}
"""Keys of public PaddleOCR files that change nothing here: accepted and listed as unused. `Transform` only while it is empty."""
