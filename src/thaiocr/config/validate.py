"""What values must hold together.

Each check names the keys it needs and runs when all of them could be read: one wrong value hides no other problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from thaiocr.config import detection, distillation, feeds, schema, svtr_lcnet
from thaiocr.config.geometry import AnyBackbone, input_height, input_heights, time_steps
from thaiocr.config.nodes import Place, Problems
from thaiocr.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class Check:
    """A rule between keys, reported for the first of `needs`; `problem` gets their values in order."""

    needs: tuple[str, ...]
    problem: Callable[..., str | None]


def validate(values: Mapping[str, object], places: Mapping[str, Place], problems: Problems) -> None:
    """Run every check whose keys could all be read; `values` and `places` are keyed by dotted path."""
    for check in CHECKS[str(values.get("Architecture.model_type", "rec"))]:
        if all(key in values for key in check.needs):
            what = check.problem(*(values[key] for key in check.needs))
            if what:
                problems.add(_blamed(check.needs, places), check.needs[0], what)


def _blamed(needs: Sequence[str], places: Mapping[str, Place]) -> Place:
    """The last override that takes part, for it changed a file that may have been right; else the first place."""
    taking_part = (place for key, place in places.items() if any(f"{key}.".startswith(f"{need}.") for need in needs))
    return max((place for place in taking_part if place.override), default=places[needs[0]])


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


def _one_row(shape: tuple[int, int, int], backbone: AnyBackbone) -> str | None:
    heights = input_heights(backbone)
    if shape[1] in heights or isinstance(backbone, schema.SVTRNet):
        return None
    model = f" {backbone.model_name}" if isinstance(backbone, schema.MobileNetV3) else ""
    span = f"{heights[0]} to {heights[-1]}" if len(heights) > 1 else f"{heights[0]}"
    return (
        f"height {shape[1]} does not become one row of features: {type(backbone).__name__}{model} takes {span}; "
        f"write [3, {input_height(backbone)}, {shape[2]}]"
    )


def _evaluated_row(shape: tuple[int, int, int], sampler: object, backbone: AnyBackbone) -> str | None:
    """Where Train shows one size, Eval's is the same."""
    return None if sampler is None else _one_row(shape, backbone)


def _text_fits(shape: tuple[int, int, int], backbone: AnyBackbone, max_text_length: int) -> str | None:
    steps = time_steps(backbone, shape[2])
    if steps >= max_text_length:
        return None
    wider = "raise out_char_num" if isinstance(backbone, schema.SVTRNet) else "widen the image"
    return (
        f"width {shape[2]} gives {steps} time steps, fewer than Global.max_text_length {max_text_length}; "
        f"{wider} or lower max_text_length to at most {steps}"
    )


def _one_size(img_size: tuple[int, int], shape: tuple[int, int, int]) -> str | None:
    if img_size == shape[1:]:
        return None
    return (
        f"the network reads images of {list(img_size)} only, RecResizeImg.image_shape {list(shape)} makes others; "
        f"write {list(shape[1:])} here"
    )


def _patches_fill(img_size: tuple[int, int], sub_num: int, patch_merging: str) -> str | None:
    parts = 2**sub_num, 2**sub_num
    height = parts[0] if patch_merging == "None" else 4 * parts[0]
    if img_size[0] % height == 0 and img_size[1] % parts[1] == 0:
        return None
    return f"must be multiples of {height} and {parts[1]}, what the stages divide them by; got {list(img_size)}"


def _mixer_for_each_block(mixer: tuple[str, ...], depth: tuple[int, ...]) -> str | None:
    if len(mixer) == sum(depth):
        return None
    return f"{len(mixer)} words for {sum(depth)} blocks (depth {list(depth)}); give one for each"


def _heads_divide(num_heads: tuple[int, ...], embed_dim: tuple[int, ...]) -> str | None:
    if all(channels % heads == 0 for heads, channels in zip(num_heads, embed_dim, strict=True)):
        return None
    return f"embed_dim {list(embed_dim)} cannot be split among {list(num_heads)} heads; give divisors"


def _one_width(patch_merging: str, embed_dim: tuple[int, ...]) -> str | None:
    if patch_merging != "None" or len(set(embed_dim)) == 1:
        return None
    return f"without merging nothing changes the channels, embed_dim {list(embed_dim)} does; give one number thrice"


def _networks_fit(models: Mapping[str, schema.SubModel], shape: tuple[int, int, int], length: int) -> str | None:
    """The image must suit all networks, and all must give the same number of time steps."""
    steps: dict[int, str] = {}
    for name, options in models.items():
        what = _one_row(shape, options.backbone) or _text_fits(shape, options.backbone, length)
        if what:
            return f"{name}: {what}"
        steps[time_steps(options.backbone, shape[2])] = name
    if len(steps) == 1:
        return None
    found = ", ".join(f"{name} {count}" for count, name in steps.items())
    return f"networks with different numbers of time steps ({found}) cannot learn from each other; change a stride"


def _ratios_match(ratios: tuple[float, ...], files: tuple[str, ...]) -> str | None:
    if len(ratios) in (1, len(files)):
        return None
    return f"{len(ratios)} ratios for {len(files)} label files; give one for all, or one for each file"


def _keys_complete(keys: tuple[str, ...]) -> str | None:
    known = svtr_lcnet.KEYS if any(key in keys for key in ("label_ctc", "label_gtc")) else schema.KeepKeys().keep_keys
    for key in keys:
        if key not in (*known, "valid_ratio"):  # which nothing here needs
            return f"'{key}' is not supported{did_you_mean(key, known) or ';'} available: {', '.join(known)}"
    missing = [key for key in known if key not in keys]
    return f"must contain {', '.join(missing)}; write [{', '.join(known)}]" if missing else None


def _same_as_train(evaluation: object, train: object) -> str | None:
    if evaluation == train:
        return None
    shown = [list(value) if isinstance(value, tuple) else value for value in (evaluation, train)]
    return f"{shown[0]} differs from Train's {shown[1]}; what is evaluated must be prepared as what was trained on"


_MODELS: Final = "Architecture.Models"
_BACKBONE: Final = "Architecture.Backbone"
_NECK: Final = "Architecture.Head.head_list.CTCHead.Neck"
_TRANSFORMS: Final = {feed: f"{feed}.dataset.transforms" for feed in ("Train", "Eval")}
_SHAPE: Final = f"{_TRANSFORMS['Train']}.RecResizeImg.image_shape"
_JOIN: Final = f"{_TRANSFORMS['Train']}.RecConAug"

GENERAL: Final[tuple[Check, ...]] = (
    Check(("Global.pretrained_model", "Global.checkpoints"), _one_start),
    Check(("Optimizer.clip_norm", "Optimizer.clip_norm_global"), _one_clip),
    Check(("Optimizer.lr.warmup_epoch", "Global.epoch_num"), _warmup_ends),
    Check(("Optimizer.lr.decay_epochs", "Optimizer.lr.values"), _one_value_more),
    Check(("Optimizer.lr.learning_rate", "Optimizer.lr.min_lr"), _lowest_is_lower),
    Check(("Global.ema", "Global.use_amp", "Global.amp_level"), _average_of_float32),
    *(Check((key, "Global.save_epoch_step"), _keeps_of_something) for key in ("Global.keep_last", "Global.keep_best")),
    *(Check((f"{feed}.dataset.ratio_list", f"{feed}.dataset.label_file_list"), _ratios_match) for feed in _TRANSFORMS),
)

RECOGNITION: Final[tuple[Check, ...]] = (
    Check(("Loss.parts_guide", "Global.max_text_length"), _guide_reads_clusters),
    Check(("Loss.parts_guide.label_smoothing", "Loss.parts_guide.focal_gamma"), _one_guide_loss),
    Check((_SHAPE, _BACKBONE), _one_row),
    Check((_SHAPE, _BACKBONE, "Global.max_text_length"), _text_fits),
    Check((f"{_BACKBONE}.img_size", _SHAPE), _one_size),
    Check((f"{_BACKBONE}.img_size", f"{_BACKBONE}.sub_num", f"{_BACKBONE}.patch_merging"), _patches_fill),
    Check((f"{_BACKBONE}.mixer", f"{_BACKBONE}.depth"), _mixer_for_each_block),
    Check((f"{_BACKBONE}.num_heads", f"{_BACKBONE}.embed_dim"), _heads_divide),
    Check((f"{_BACKBONE}.patch_merging", f"{_BACKBONE}.embed_dim"), _one_width),
    Check((_MODELS, _SHAPE, "Global.max_text_length"), _networks_fit),
    Check((f"{_NECK}.hidden_dims", f"{_NECK}.num_heads"), svtr_lcnet.heads_divide),
    Check((_MODELS,), distillation.teachers_know),
    *(Check((key, "Architecture"), distillation.is_of_architecture) for key in ("Loss", "PostProcess", "Metric")),
    Check(("Loss", _MODELS), distillation.loss_names_models),
    Check(("PostProcess.model_name", _MODELS), distillation.decoding_names_models),
    Check(("Metric.key", "PostProcess.model_name", _MODELS), distillation.metric_names_model),
    *(
        check
        for feed, transforms in _TRANSFORMS.items()
        for check in (
            Check((transforms, f"{feed}.dataset.name"), feeds.steps_in_order),
            Check((transforms,), svtr_lcnet.keys_are_of_encoder),
            Check((transforms, "Architecture"), svtr_lcnet.encoder_is_of_heads),
            Check((f"{transforms}.KeepKeys.keep_keys",), _keys_complete),
        )
    ),
    Check((_TRANSFORMS["Eval"],), feeds.as_they_are),
    Check((f"{_JOIN}.image_shape", _SHAPE, f"{_TRANSFORMS['Train']}.RecResizeImg.padding"), feeds.joined_fits),
    Check((f"{_JOIN}.max_text_length", "Global.max_text_length"), feeds.joined_is_short),
    Check(("Train.sampler", "Train.dataset.name"), feeds.sampler_has_dataset),
    Check(("Train.dataset.ds_width", _BACKBONE), feeds.width_is_free),
    Check(("Eval.sampler",), feeds.one_size_to_evaluate),
    Check(("Train.sampler.first_bs", "Train.loader.batch_size_per_card"), feeds.one_batch_size),
    Check(("Train.sampler", _BACKBONE, "Global.max_text_length"), feeds.scales_fit),
    Check((f"{_TRANSFORMS['Eval']}.RecResizeImg.image_shape", "Train.sampler", _BACKBONE), _evaluated_row),
    *(
        Check((f"{_TRANSFORMS['Eval']}.{key}", f"{_TRANSFORMS['Train']}.{key}"), _same_as_train)
        for key in ("DecodeImage.img_mode", "RecResizeImg.image_shape", "RecResizeImg.padding")
    ),
)

DETECTION: Final[tuple[Check, ...]] = (
    Check(("Global.cal_metric_during_train",), detection.no_reading),
    Check((_TRANSFORMS["Train"],), detection.train_steps),
    Check((_TRANSFORMS["Eval"],), detection.eval_steps),
    Check((_TRANSFORMS["Eval"],), detection.one_way_to_resize),
    Check((f"{_TRANSFORMS['Train']}.KeepKeys.keep_keys",), detection.train_keys),
    Check((f"{_TRANSFORMS['Eval']}.KeepKeys.keep_keys",), detection.eval_keys),
    Check((f"{_TRANSFORMS['Train']}.IaaAugment.augmenter_args",), detection.augmenters_complete),
    Check(
        (f"{_TRANSFORMS['Train']}.MakeBorderMap.shrink_ratio", f"{_TRANSFORMS['Train']}.MakeShrinkMap.shrink_ratio"),
        detection.same_shrinking,
    ),
    Check(
        (f"{_TRANSFORMS['Train']}.MakeBorderMap.thresh_min", f"{_TRANSFORMS['Train']}.MakeBorderMap.thresh_max"),
        detection.rising,
    ),
    *(
        Check((f"{_TRANSFORMS['Eval']}.{key}", f"{_TRANSFORMS['Train']}.{key}"), _same_as_train)
        for key in ("DecodeImage.img_mode", "NormalizeImage.mean", "NormalizeImage.std")
    ),
)

CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {"rec": GENERAL + RECOGNITION, "det": GENERAL + DETECTION}
"""By model type."""
