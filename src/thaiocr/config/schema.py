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
class EMA:
    """Ours. An exponential moving average of the weights, which is what is evaluated, saved and exported."""

    decay: float = 0.9999
    """Share of the average that a step keeps; the first steps keep less: (1 + step) / (10 + step)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlyStop:
    """Ours. Training ends when `Metric.main_indicator` no longer rises; `best_accuracy` stays the best."""

    patience: int
    """Evaluations in a row without a gain."""
    min_delta: float = 0.0
    """What the indicator must rise by, above the best so far, to count as a gain."""


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
    use_visualdl: bool = False
    """The same as `visualdl` among `trackers`."""
    use_wandb: bool = False
    """The same as `wandb` among `trackers`; so is a section `wandb`."""
    trackers: tuple[Literal["tensorboard", "visualdl", "wandb"], ...] = ()
    """Ours. Where the run can be followed; each is an extra of that name: pip install 'thaiocr[tensorboard]'."""
    use_amp: bool = False
    """Mixed precision, on a GPU."""
    amp_level: Literal["O1", "O2"] = "O2"
    """O1 computes convolutions and products in `amp_dtype`, O2 nearly all; O2 keeps the weights in float32 as well."""
    amp_dtype: Literal["float16", "bfloat16"] = "float16"
    amp_custom_black_list: tuple[str, ...] = ()
    """Operations that stay in float32."""
    amp_custom_white_list: tuple[str, ...] = ()
    """Operations that are computed in `amp_dtype`."""
    scale_loss: float = 1.0
    """What the loss is multiplied by, so that small gradients do not become 0 in half precision."""
    use_dynamic_loss_scaling: bool = False
    """Halve `scale_loss` and skip the step when a gradient overflows, double it after 2,000 steps without."""
    seed: int = 0
    deterministic: bool = False
    """Ours. One thread on the CPU and no varying kernels on a GPU: the same run on any number of cores, but slower."""
    max_reject_ratio: float = 0.01
    """Ours. Training does not start when a larger share of the label lines cannot be used."""
    non_finite: Literal["stop", "skip"] = "stop"
    """Ours. Where loss or gradient of a step is NaN or infinite: stop and name its files, or leave the step out."""
    accumulation_steps: int = 1
    """Ours. A batch is computed in so many parts whose gradients add up: less memory, the same step.

    `batch_size_per_card` stays the batch of one step, so rates, schedules and epochs do not change with this number.
    Batch normalisation alone sees the parts.
    """
    ema: EMA | None = None
    early_stop: EarlyStop | None = None
    keep_last: int | None = None
    """Ours. Of the `iter_epoch_N` keep so many of the newest; left out: all, unless `keep_best` is given."""
    keep_best: int | None = None
    """Ours. Keep those `iter_epoch_N` as well whose last evaluation was among so many best ones."""


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
class Step:
    """Times `gamma` after every `step_size` epochs."""

    learning_rate: float = 0.001
    step_size: int
    gamma: float = 0.1
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiStepDecay:
    """Times `gamma` after each of the epochs in `milestones`; a warm-up comes before the first epoch is counted."""

    learning_rate: float = 0.001
    milestones: tuple[int, ...]
    gamma: float = 0.1
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Piecewise:
    """The first of `values`, and the next one after each of `decay_epochs`; one value more than epochs."""

    decay_epochs: tuple[int, ...]
    values: tuple[float, ...]
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class OneCycle:
    """Up to `max_lr` and down again (Smith and Topin 2018, arXiv:1708.07120)."""

    max_lr: float
    anneal_strategy: Literal["cos", "linear"] = "cos"
    three_phase: bool = False
    """Down as long as it went up, then on to next to nothing; False goes down in one piece."""
    warmup_epoch: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReduceOnPlateau:
    """Ours, after paddle's class of that name: times `factor` when `Metric.main_indicator` no longer rises."""

    learning_rate: float = 0.001
    factor: float = 0.1
    patience: int = 10
    """Evaluations without a gain that are put up with; the next one lowers the rate."""
    threshold: float = 1e-4
    """What the indicator must rise by, above the best so far, to count as a gain."""
    cooldown: int = 0
    """Evaluations after a reduction that are not counted."""
    min_lr: float = 0.0
    warmup_epoch: float = 0
    """Evaluations during the warm-up are not counted."""


LearningRate: TypeAlias = Const | Linear | Cosine | Step | MultiStepDecay | Piecewise | OneCycle | ReduceOnPlateau


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
    no_weight_decay_name: str | None = None
    """As in AdamW; PaddleOCR has both keys there only. They win over the head's `fc_decay` as well."""
    one_dim_param_no_weight_decay: bool = False


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
    no_weight_decay_name: str | None = None
    """Words, separated by spaces; parameters whose name contains one of them are not decayed."""
    one_dim_param_no_weight_decay: bool = False
    """Neither biases nor the parameters of normalisation are decayed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Momentum:
    """Stochastic gradient descent with momentum."""

    momentum: float = 0.9
    clip_norm: float | None = None
    clip_norm_global: float | None = None
    lr: LearningRate = field(default_factory=Const)
    regularizer: Regularizer | None = None
    no_weight_decay_name: str | None = None
    """As in AdamW; PaddleOCR has both keys there only. They win over the head's `fc_decay` as well."""
    one_dim_param_no_weight_decay: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RMSProp:
    """Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning."""

    momentum: float = 0.0
    rho: float = 0.95
    """Share of the mean square that a step keeps."""
    epsilon: float = 1e-6
    clip_norm: float | None = None
    clip_norm_global: float | None = None
    lr: LearningRate = field(default_factory=Const)
    regularizer: Regularizer | None = None
    no_weight_decay_name: str | None = None
    """As in AdamW; PaddleOCR has both keys there only. They win over the head's `fc_decay` as well."""
    one_dim_param_no_weight_decay: bool = False


Optimizer: TypeAlias = Adam | AdamW | Momentum | RMSProp


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
    algorithm: Literal["CRNN"] = "CRNN"
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


# -- Loss, PostProcess, Metric -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class PartsGuide:
    """Ours: auxiliary heads that name the parts of a single cluster (base, vowel, tone, SARA AM) while training."""

    weight: float = 1.0
    label_smoothing: float | None = None
    """Share of the target that all values of a part get alike."""
    focal_gamma: float | None = None
    """Focal loss: an image counts (1 - p) to this power, p the probability of its part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLoss:
    """Connectionist temporal classification (Graves et al. 2006)."""

    use_focal_loss: bool = False
    parts_guide: PartsGuide | None = None
    """Ours. For labels of one cluster; leaves the plateau of plain CTC early. Not part of the exported model."""


OutputName: TypeAlias = Literal["backbone_out", "neck_out", "head_out"]
"""Features, sequence, logits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationCTCLoss:
    """CTC of each of these networks."""

    weight: float
    model_name_list: tuple[str, ...]
    key: Literal["head_out"]
    name: str = "loss_ctc"


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationDMLLoss:
    """Deep mutual learning, arXiv:1706.00384: networks of a pair agree on the probabilities of every time step."""

    weight: float
    act: Literal["softmax"]
    use_log: Literal[True]
    model_name_pairs: tuple[tuple[str, str], ...]
    key: Literal["head_out"]
    name: str = "dml"


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationDistanceLoss:
    """Mean distance between an output of the networks of a pair, which must have the same shape."""

    weight: float
    mode: Literal["l1", "l2", "smooth_l1"] = "l2"
    model_name_pairs: tuple[tuple[str, str], ...]
    key: OutputName
    name: str = "loss_distance"


DistillationTerm: TypeAlias = DistillationCTCLoss | DistillationDMLLoss | DistillationDistanceLoss


@dataclass(frozen=True, kw_only=True, slots=True)
class CombinedLoss:
    """The weighted sum of the losses of a distillation."""

    loss_config_list: tuple[DistillationTerm, ...]
    parts_guide: PartsGuide | None = None
    """Ours. As in CTCLoss, on the evaluated network."""


Loss: TypeAlias = CTCLoss | CombinedLoss


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLabelDecode:
    """Best class per time step, repeats and blanks removed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationCTCLabelDecode:
    """CTCLabelDecode of an output of these networks; here only that of `Metric.key` is read."""

    model_name: tuple[str, ...] = ("Student",)
    key: Literal["head_out"]


PostProcess: TypeAlias = CTCLabelDecode | DistillationCTCLabelDecode


@dataclass(frozen=True, kw_only=True, slots=True)
class RecMetric:
    """Share of texts that are right, and normalised edit distance."""

    main_indicator: Literal["acc", "norm_edit_dis"] = "acc"
    ignore_space: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationMetric:
    """RecMetric of one of the networks."""

    base_metric_name: Literal["RecMetric"] = "RecMetric"
    main_indicator: Literal["acc", "norm_edit_dis"] = "acc"
    key: str
    """The network that is evaluated, whose best state is kept, and that is exported."""
    ignore_space: bool = True


Metric: TypeAlias = RecMetric | DistillationMetric


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


Transform: TypeAlias = DecodeImage | RecAug | CTCLabelEncode | RecResizeImg | KeepKeys


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
class WandB:
    """What Weights & Biases is told of a run."""

    project: str = "thaiocr"
    entity: str | None = None
    """User or team; left out: the default one of the account."""
    name: str | None = None
    id: str | None = None
    """Of the run; left out: made up, and kept with the run."""
    mode: Literal["online", "offline"] | None = None
    """offline keeps all in `save_model_dir/wandb`, for `wandb sync`; left out: as WANDB_MODE says, or online."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """A whole file."""

    run: Global = field(metadata={"key": "Global"})
    optimizer: Optimizer = field(metadata={"key": "Optimizer"})
    architecture: Architecture | DistillationModel = field(metadata={"key": "Architecture"})
    loss: Loss = field(metadata={"key": "Loss"})
    postprocess: PostProcess = field(metadata={"key": "PostProcess"})
    metric: Metric = field(metadata={"key": "Metric"})
    train: Feed = field(metadata={"key": "Train"})
    eval: Feed = field(metadata={"key": "Eval"})
    wandb: WandB | None = None

    @property
    def key(self) -> str | None:
        """Name of the network that is evaluated, where several are trained together."""
        return self.metric.key if isinstance(self.metric, DistillationMetric) else None

    @property
    def reader(self) -> Architecture | SubModel:
        """The network that is evaluated."""
        if isinstance(self.architecture, DistillationModel):
            return self.architecture.models[str(self.key)]
        return self.architecture


# -- Tables ------------------------------------------------------------------------------------------------------------

NAMED: Final[frozenset[type]] = frozenset(
    {Adam, AdamW, Momentum, RMSProp, MobileNetV3, SequenceEncoder, CTCHead}
    | {Const, Linear, Cosine, Step, MultiStepDecay, Piecewise, OneCycle, ReduceOnPlateau}
    | {CTCLoss, CTCLabelDecode, RecMetric, SimpleDataSet}
    | {Architecture, DistillationModel, CombinedLoss, DistillationCTCLabelDecode, DistillationMetric}
)
"""Sections that a file chooses with `name: <class>`."""

KEYED: Final[Mapping[str, frozenset[type]]] = {
    "transform": frozenset({DecodeImage, RecAug, CTCLabelEncode, RecResizeImg, KeepKeys}),
    "loss": frozenset({DistillationCTCLoss, DistillationDMLLoss, DistillationDistanceLoss}),
}
"""Sections that a file chooses with their one key: `- <class>: {…}`."""

EXAMPLES: Final[Mapping[str, str]] = {"transform": "RecResizeImg", "loss": "DistillationCTCLoss"}
"""One of KEYED each."""

DEFAULT_NAMES: Final[Mapping[str, str]] = {"Optimizer.lr": "Const", "Architecture": "Architecture"}
"""The variant that a section without `name` means."""

UNNAMED: Final[frozenset[type]] = frozenset({Architecture})
"""Variants that PaddleOCR's files have no `name` for."""
