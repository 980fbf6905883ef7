"""What values must hold together.

Each check names the keys it needs and runs when all of them could be read: one wrong value hides no other problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from thaiocr.config import distillation, schema
from thaiocr.config.nodes import Place, Problems
from thaiocr.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class Check:
    """A rule between keys, reported for the first of `needs`; `problem` gets their values in order."""

    needs: tuple[str, ...]
    problem: Callable[..., str | None]


def validate(values: Mapping[str, object], places: Mapping[str, Place], problems: Problems) -> None:
    """Run every check whose keys could all be read; `values` and `places` are keyed by dotted path."""
    for check in CHECKS:
        if all(key in values for key in check.needs):
            what = check.problem(*(values[key] for key in check.needs))
            if what:
                problems.add(_blamed([places[key] for key in check.needs]), check.needs[0], what)


def _blamed(places: Sequence[Place]) -> Place:
    """The last override that takes part, for it changed a file that may have been right; else the first place."""
    return max([place for place in places if place.override], default=places[0])


def time_steps(model_name: str, large_stride: tuple[int, ...], width: int) -> int:
    """T of the network: a quarter of the width; an eighth when the large one's first stride, which is square, is 2."""
    columns = (width + 1) // 2  # the stem's padding rounds up
    if model_name == "large" and large_stride[0] == 2:
        columns = (columns + 1) // 2
    return columns // 2  # the pooling has no padding


def _warmup_ends(warmup: float, epochs: int) -> str | None:
    if warmup == 0 or warmup < epochs:
        return None
    return f"a warm-up of {warmup:g} epochs does not end before Global.epoch_num {epochs}; lower one or raise the other"


def _one_start(pretrained: str | None, checkpoints: str | None) -> str | None:
    if pretrained is None or checkpoints is None:
        return None
    return "given together with Global.checkpoints; pretrained_model starts a run, checkpoints continues one: keep one"


def _one_clip(clip_norm: float | None, clip_norm_global: float | None) -> str | None:
    if clip_norm is None or clip_norm_global is None:
        return None
    return "given together with Optimizer.clip_norm_global; keep one"


def _one_value_more(epochs: tuple[int, ...], values: tuple[float, ...]) -> str | None:
    if len(values) == len(epochs) + 1:
        return None
    wanted = len(epochs) + 1
    return f"{len(epochs)} epochs need {wanted} values, the first for what comes before them; got {len(values)}"


def _average_of_float32(ema: object, use_amp: bool, level: str) -> str | None:
    if ema is None or not use_amp or level == "O1":
        return None
    return "averages float32 weights, which amp_level O2 does not train; write amp_level: O1 or remove ema"


def _lowest_is_lower(learning_rate: float, min_lr: float) -> str | None:
    if min_lr <= learning_rate:
        return None
    return f"learning_rate {learning_rate:g} is below min_lr {min_lr:g}; lower min_lr"


def _keeps_of_something(keep: int | None, every: int) -> str | None:
    if keep is None or every:
        return None
    return (
        "chooses among iter_epoch_N, and Global.save_epoch_step 0 saves none; write save_epoch_step or remove this key"
    )


def _guide_reads_clusters(guide: object, max_text_length: int) -> str | None:
    if guide is None or max_text_length == 1:
        return None
    return (
        f"needs labels of one cluster, Global.max_text_length is {max_text_length}; write 1 there or remove parts_guide"
    )


def _one_guide_loss(label_smoothing: float | None, focal_gamma: float | None) -> str | None:
    if label_smoothing is None or focal_gamma is None:
        return None
    return "given together with Loss.parts_guide.focal_gamma; keep one"


def _one_row(
    shape: tuple[int, int, int],
    model_name: str,
    large_stride: tuple[int, ...],
    small_stride: tuple[int, ...],
) -> str | None:
    height = 2 * 2  # stem and pooling
    for stride in large_stride if model_name == "large" else small_stride:
        height *= stride
    if shape[1] == height:
        return None
    return (
        f"height {shape[1]} does not become one row of features: MobileNetV3 {model_name} divides it by {height}; "
        f"write [3, {height}, {shape[2]}]"
    )


def _text_fits(
    shape: tuple[int, int, int], model_name: str, large_stride: tuple[int, ...], max_text_length: int
) -> str | None:
    steps = time_steps(model_name, large_stride, shape[2])
    if steps >= max_text_length:
        return None
    return (
        f"width {shape[2]} gives {steps} time steps, fewer than Global.max_text_length {max_text_length}; "
        f"widen the image or lower max_text_length to at most {steps}"
    )


def _networks_fit(models: Mapping[str, schema.SubModel], shape: tuple[int, int, int], length: int) -> str | None:
    """The image must suit all networks, and all must give the same number of time steps."""
    steps: dict[int, str] = {}
    for name, options in models.items():
        backbone = options.backbone
        what = _one_row(shape, backbone.model_name, backbone.large_stride, backbone.small_stride) or _text_fits(
            shape, backbone.model_name, backbone.large_stride, length
        )
        if what:
            return f"{name}: {what}"
        steps[time_steps(backbone.model_name, backbone.large_stride, shape[2])] = name
    if len(steps) == 1:
        return None
    found = ", ".join(f"{name} {count}" for count, name in steps.items())
    return f"networks with different numbers of time steps ({found}) cannot learn from each other; change a stride"


def _ratios_match(ratios: tuple[float, ...], files: tuple[str, ...]) -> str | None:
    if len(ratios) in (1, len(files)):
        return None
    return f"{len(ratios)} ratios for {len(files)} label files; give one for all, or one for each file"


def _keys_complete(keys: tuple[str, ...]) -> str | None:
    known = schema.KeepKeys().keep_keys
    for key in keys:
        if key not in known:
            return f"'{key}' is not supported{did_you_mean(key, known) or ';'} available: {', '.join(known)}"
    missing = [key for key in known if key not in keys]
    return f"must contain {', '.join(missing)}; write [{', '.join(known)}]" if missing else None


def _steps_in_order(transforms: tuple[schema.Transform, ...]) -> str | None:
    order = ["DecodeImage", "CTCLabelEncode", "RecResizeImg", "KeepKeys"]
    found = [type(transform).__name__ for transform in transforms]
    if [name for name in found if name != "RecAug"] != order:
        return f"must be {', '.join(order)}, each once and in this order; got {', '.join(found) or 'none'}"
    if found.count("RecAug") > 1 or "RecAug" in (found[0], *found[-2:]):
        return f"RecAug belongs there once, between DecodeImage and RecResizeImg; got {', '.join(found)}"
    return None


def _as_they_are(transforms: tuple[schema.Transform, ...]) -> str | None:
    if not any(isinstance(transform, schema.RecAug) for transform in transforms):
        return None
    return "RecAug changes pictures by chance, and figures with them; evaluation needs them as they are: remove it here"


def _same_as_train(evaluation: object, train: object) -> str | None:
    if evaluation == train:
        return None
    shown = [list(value) if isinstance(value, tuple) else value for value in (evaluation, train)]
    return f"{shown[0]} differs from Train's {shown[1]}; what is evaluated must be prepared as what was trained on"


_MODELS: Final = "Architecture.Models"
_BACKBONE: Final = "Architecture.Backbone"
_TRANSFORMS: Final = {feed: f"{feed}.dataset.transforms" for feed in ("Train", "Eval")}

CHECKS: Final[tuple[Check, ...]] = (
    Check(("Global.pretrained_model", "Global.checkpoints"), _one_start),
    Check(("Optimizer.clip_norm", "Optimizer.clip_norm_global"), _one_clip),
    Check(("Optimizer.lr.warmup_epoch", "Global.epoch_num"), _warmup_ends),
    Check(("Optimizer.lr.decay_epochs", "Optimizer.lr.values"), _one_value_more),
    Check(("Optimizer.lr.learning_rate", "Optimizer.lr.min_lr"), _lowest_is_lower),
    Check(("Global.ema", "Global.use_amp", "Global.amp_level"), _average_of_float32),
    *(Check((key, "Global.save_epoch_step"), _keeps_of_something) for key in ("Global.keep_last", "Global.keep_best")),
    Check(("Loss.parts_guide", "Global.max_text_length"), _guide_reads_clusters),
    Check(("Loss.parts_guide.label_smoothing", "Loss.parts_guide.focal_gamma"), _one_guide_loss),
    Check(
        (
            f"{_TRANSFORMS['Train']}.RecResizeImg.image_shape",
            f"{_BACKBONE}.model_name",
            f"{_BACKBONE}.large_stride",
            f"{_BACKBONE}.small_stride",
        ),
        _one_row,
    ),
    Check(
        (
            f"{_TRANSFORMS['Train']}.RecResizeImg.image_shape",
            f"{_BACKBONE}.model_name",
            f"{_BACKBONE}.large_stride",
            "Global.max_text_length",
        ),
        _text_fits,
    ),
    Check(
        (_MODELS, f"{_TRANSFORMS['Train']}.RecResizeImg.image_shape", "Global.max_text_length"),
        _networks_fit,
    ),
    Check((_MODELS,), distillation.teachers_know),
    *(Check((key, "Architecture"), distillation.is_of_architecture) for key in ("Loss", "PostProcess", "Metric")),
    Check(("Loss", _MODELS), distillation.loss_names_models),
    Check(("PostProcess.model_name", _MODELS), distillation.decoding_names_models),
    Check(("Metric.key", "PostProcess.model_name", _MODELS), distillation.metric_names_model),
    *(
        check
        for feed, transforms in _TRANSFORMS.items()
        for check in (
            Check((f"{feed}.dataset.ratio_list", f"{feed}.dataset.label_file_list"), _ratios_match),
            Check((transforms,), _steps_in_order),
            Check((f"{transforms}.KeepKeys.keep_keys",), _keys_complete),
        )
    ),
    Check((_TRANSFORMS["Eval"],), _as_they_are),
    *(
        Check((f"{_TRANSFORMS['Eval']}.{key}", f"{_TRANSFORMS['Train']}.{key}"), _same_as_train)
        for key in ("DecodeImage.img_mode", "RecResizeImg.image_shape", "RecResizeImg.padding")
    ),
)
