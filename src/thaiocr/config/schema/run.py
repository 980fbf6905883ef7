"""`Global` and `wandb`: the run as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


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
    pretrained_dict_path: str | None = None
    """Ours. The dictionary that `pretrained_model`, or the checkpoint of --init-from, was trained with, where it is
    another one; left out: what the config.yml beside it names, or the one file *dict*.txt beside it."""
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
    images_on_device: bool | None = None
    """Ours. Keep the images of `Train` in the memory of the device, and change them there; left out: on a GPU."""
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
