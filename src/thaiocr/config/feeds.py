"""What `Train` and `Eval` of recognition must hold together; each function returns what is wrong, as in `validate`."""

from __future__ import annotations

from typing import Final

from thaiocr.config import schema
from thaiocr.config.geometry import AnyBackbone, input_heights, scale_sizes, time_steps

ORDER: Final = ("DecodeImage", "CTCLabelEncode", "RecResizeImg", "KeepKeys")
RANDOM: Final = ("RecConAug", "RecAug")


def steps_in_order(transforms: tuple[schema.Transform, ...], dataset: str) -> str | None:
    """Refuse steps that are missing, twice there or in another order."""
    order = [name for name in ORDER if name != "RecResizeImg" or dataset != "MultiScaleDataSet"]
    found = [type(transform).__name__ for transform in transforms]
    if [name.replace("Multi", "CTC") for name in found if name not in RANDOM] != order:
        return f"must be {', '.join(order)}, each once and in this order; got {', '.join(found) or 'none'}"
    if found.count("RecAug") > 1 or "RecAug" in (found[0], *found[-len(order[2:]) :]):
        return f"RecAug belongs there once, between DecodeImage and {order[2]}; got {', '.join(found)}"
    if "RecConAug" in found and (found.count("RecConAug") > 1 or found.index("RecConAug") != 1):
        return f"RecConAug belongs there once, right after DecodeImage; got {', '.join(found)}"
    return None


def as_they_are(transforms: tuple[schema.Transform, ...]) -> str | None:
    """Refuse random changes in evaluation."""
    for transform in transforms:
        if (name := type(transform).__name__) in RANDOM:
            return (
                f"{name} changes pictures by chance, and figures with them; evaluation needs them as they are: "
                "remove it here"
            )
    return None


def joined_fits(image_shape: tuple[int, int, int], shape: tuple[int, int, int], padding: bool) -> str | None:
    """Refuse joined pictures that the network's input has no room for."""
    if not padding:
        return "needs RecResizeImg.padding: true; stretched to the full width, pictures leave no room for others"
    height, width, _ = image_shape
    if width * shape[1] <= shape[2] * height:
        return None
    return (
        f"{list(image_shape)} is wider for its height than RecResizeImg.image_shape {list(shape)}; "
        f"write [{shape[1]}, {shape[2]}, 3]"
    )


def joined_is_short(joined: int, max_text_length: int) -> str | None:
    """Refuse joined texts that are longer than any text may be."""
    if joined <= max_text_length:
        return None
    return f"{joined} is above Global.max_text_length {max_text_length}; write at most that"


def sampler_has_dataset(sampler: object, dataset: str) -> str | None:
    """Refuse a sampler without images in several sizes, and the other way round."""
    if (sampler is not None) == (dataset == "MultiScaleDataSet"):
        return None
    if sampler is None:
        return "MultiScaleDataSet needs a sampler beside the dataset; add one, or use SimpleDataSet"
    return "goes with dataset.name MultiScaleDataSet only; write that, or remove the sampler"


def one_size_to_evaluate(sampler: object) -> str | None:
    """Refuse to evaluate in several sizes."""
    return None if sampler is None else "evaluation shows images in one size; remove the sampler here"


def one_batch_size(first_bs: int, batch_size: int) -> str | None:
    """Refuse two numbers for one thing."""
    if first_bs == batch_size:
        return None
    return f"{first_bs} differs from Train.loader.batch_size_per_card {batch_size}; write the same number in both"


def width_is_free(ds_width: bool, backbone: AnyBackbone) -> str | None:
    """Refuse pictures of different widths where the network reads one."""
    if not ds_width or isinstance(backbone, schema.MobileNetV3 | schema.ResNet | schema.CompactResNet):
        return None
    return f"{type(backbone).__name__} has its number of time steps for one width; write false"


def scales_fit(sampler: schema.MultiScaleSampler | None, backbone: AnyBackbone, max_text_length: int) -> str | None:
    """Refuse sizes that the network cannot read, or cannot read the longest text in."""
    for width, height in scale_sizes(sampler) if sampler is not None else ():
        is_any_height = isinstance(backbone, schema.PPLCNetV3)  # it pools whatever is left
        if not is_any_height and height not in input_heights(backbone):
            name = type(backbone).__name__
            heights = input_heights(backbone)
            span = f"{heights[0]} to {heights[-1]}" if len(heights) > 1 else f"{heights[0]}"
            return f"scale [{width}, {height}]: {name} reads images of {span} rows only"
        if isinstance(backbone, schema.SVTRNet) and width != backbone.img_size[1]:
            return f"scale [{width}, {height}]: SVTRNet reads images of its img_size {list(backbone.img_size)} only"
        steps = time_steps(backbone, width)
        if steps < max_text_length:
            return f"scale [{width}, {height}] gives {steps} time steps, Global.max_text_length is {max_text_length}"
    return None
