"""What the sections of a detection file must hold together; each function returns what is wrong, as in `validate`."""

from __future__ import annotations

from typing import Final

from thaiocr.config.schema import detection
from thaiocr.errors import did_you_mean

SIDE: Final = 32
"""Images have sides of so many pixels or a multiple, for the network halves them five times."""
ARGUMENT: Final = {"Fliplr": "p", "Flipud": "p", "Affine": "rotate", "Resize": "size"}
"""What each augmenter needs, and all that it takes."""
TRAIN_STEPS: Final = (
    "DecodeImage",
    "DetLabelEncode",
    "EastRandomCropData",
    "MakeBorderMap",
    "MakeShrinkMap",
    "NormalizeImage",
    "ToCHWImage",
    "KeepKeys",
)
EVAL_STEPS: Final = (
    "DecodeImage",
    "DetLabelEncode",
    "DetResizeForTest",
    "NormalizeImage",
    "ToCHWImage",
    "KeepKeys",
)


def no_reading(cal_metric_during_train: bool) -> str | None:
    """Refuse a figure that detection has not."""
    if not cal_metric_during_train:
        return None
    return "counts texts that are read right, detection reads none; write false"


def train_steps(transforms: tuple[detection.Transform, ...]) -> str | None:
    """Refuse steps of training that are missing, too many or out of order."""
    names = [type(each).__name__ for each in transforms]
    found = [name for name in names if name != "IaaAugment"]
    # PaddleOCR's files have the maps in either order.
    maps = slice(TRAIN_STEPS.index("MakeBorderMap"), TRAIN_STEPS.index("NormalizeImage"))
    found[maps] = sorted(found[maps])
    if tuple(found) != TRAIN_STEPS:
        return f"must be {', '.join(TRAIN_STEPS)}, each once and in this order; got {', '.join(names) or 'none'}"
    if names.count("IaaAugment") > 1 or ("IaaAugment" in names and names[2] != "IaaAugment"):
        return f"IaaAugment belongs there once, between DetLabelEncode and EastRandomCropData; got {', '.join(names)}"
    return None


def eval_steps(transforms: tuple[detection.Transform, ...]) -> str | None:
    """Refuse steps of evaluation that are missing, too many or out of order."""
    found = tuple(type(each).__name__ for each in transforms)
    if found == EVAL_STEPS:
        return None
    return f"must be {', '.join(EVAL_STEPS)}, each once and in this order; got {', '.join(found) or 'none'}"


def train_keys(keys: tuple[str, ...]) -> str | None:
    """Refuse a batch without what the loss needs, or with something else."""
    return _same_keys(keys, detection.TRAIN_KEYS)


def eval_keys(keys: tuple[str, ...]) -> str | None:
    """Refuse a batch without what the metric needs, or with something else."""
    return _same_keys(keys, detection.EVAL_KEYS)


def _same_keys(keys: tuple[str, ...], known: tuple[str, ...]) -> str | None:
    for key in keys:
        if key not in known:
            return f"'{key}' is not supported{did_you_mean(key, known) or ';'} available: {', '.join(known)}"
    missing = [key for key in known if key not in keys]
    return f"must contain {', '.join(missing)}; write [{', '.join(known)}]" if missing else None


def augmenters_complete(augmenters: tuple[detection.Augmenter, ...]) -> str | None:
    """Refuse an augmenter without what it needs, or with what another one needs."""
    for each in augmenters:
        needed = ARGUMENT[each.type]
        given = {name for name in ("p", "rotate", "size") if getattr(each.args, name) is not None}
        if given != {needed}:
            found = ", ".join(sorted(given)) or "nothing"
            return f"{each.type} takes {needed} and nothing else, got {found}"
        what = _out_of_range(each.args)
        if what:
            return f"{each.type}: {what}"
    return None


def _out_of_range(args: detection.AugmenterArgs) -> str | None:
    if args.p is not None and not 0 <= args.p <= 1:
        return f"p must be between 0 and 1, got {args.p:g}"
    if args.rotate is not None and not -180 <= args.rotate[0] <= args.rotate[1] <= 180:
        return f"rotate must be [least, largest] between -180 and 180 degrees, got {list(args.rotate)}"
    if args.size is not None and not 0 < args.size[0] <= args.size[1] <= 10:
        return f"size must be [least, largest] above 0 and at most 10, got {list(args.size)}"
    return None


def one_way_to_resize(transforms: tuple[detection.Transform, ...]) -> str | None:
    """Refuse several ways at once."""
    resize = next((each for each in transforms if isinstance(each, detection.DetResizeForTest)), None)
    if resize is None:
        return None
    given = [name for name in ("image_shape", "limit_side_len", "resize_long") if getattr(resize, name) is not None]
    if len(given) > 1:
        return f"DetResizeForTest: {' and '.join(given)} are given together; keep one"
    if resize.keep_ratio and resize.image_shape is None:
        return "DetResizeForTest: keep_ratio belongs to image_shape, which is not given; remove it"
    return None


def same_shrinking(border: float, shrink: float) -> str | None:
    """Refuse targets that do not belong together."""
    if border == shrink:
        return None
    return (
        f"{border:g} differs from MakeShrinkMap's {shrink:g}; thresholds belong to the polygons that are shrunk there"
    )


def rising(thresh_min: float, thresh_max: float) -> str | None:
    """Refuse an empty range of thresholds."""
    return None if thresh_min < thresh_max else f"must be below thresh_max {thresh_max:g}, got {thresh_min:g}"
