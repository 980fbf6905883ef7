"""Limits of single values and rules between several."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import distillation
import pytest

from thaiocr.config.dump import to_yaml
from thaiocr.config.limits import LIMITS
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset
from thaiocr.config.validate import CHECKS
from thaiocr.errors import ConfigError

BASE = to_yaml(preset("rec", "dev"))
SHAPE = "dataset.transforms.RecResizeImg.image_shape"
DECODE = "DecodeImage: {img_mode: BGR}"
ENCODE = "CTCLabelEncode: null"


def steps(*before: str) -> str:
    """Transforms that end as usual."""
    every = (*before, "RecResizeImg: {image_shape: [3, 32, 100]}", "KeepKeys: null")
    return f"[{', '.join(f'{{{step}}}' for step in every)}]"


def problems_of(*overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(BASE, file="my.yml", overrides=overrides)
    return list(caught.value.problems)


def both(key: str, value: str) -> list[str]:
    return [f"Eval.{key}={value}", f"Train.{key}={value}"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["Optimizer.lr.warmup_epoch=10"],
            "a warm-up of 10 epochs does not end before Global.epoch_num 10; lower one or raise the other",
        ),
        (
            ["Optimizer.lr={name: Piecewise, decay_epochs: [2, 5], values: [0.01, 0.001]}"],
            "Optimizer.lr.decay_epochs: 2 epochs need 3 values, the first for what comes before them; got 2",
        ),
        (
            ["Optimizer.lr={name: ReduceOnPlateau, learning_rate: 0.01, min_lr: 0.1}"],
            "Optimizer.lr.learning_rate: learning_rate 0.01 is below min_lr 0.1; lower min_lr",
        ),
        (
            ["Optimizer.lr={name: MultiStepDecay, milestones: [5, 2]}"],
            "Optimizer.lr.milestones: must be epochs from 1 on, each later than the one before, got [5, 2]",
        ),
        (
            ["Global.ema.decay=0.99", "Global.use_amp=true"],
            "Global.ema: averages float32 weights, which amp_level O2 does not train; "
            "write amp_level: O1 or remove ema",
        ),
        (
            ["Global.save_epoch_step=0", "Global.keep_last=3"],
            "chooses among iter_epoch_N, and Global.save_epoch_step 0 saves none; "
            "write save_epoch_step or remove this key",
        ),
        (
            ["Global.pretrained_model=a", "Global.checkpoints=b"],
            "Global.pretrained_model: given together with Global.checkpoints; pretrained_model starts a run, "
            "checkpoints continues one: keep one",
        ),
        (
            ["Optimizer.clip_norm=1", "Optimizer.clip_norm_global=1"],
            "Optimizer.clip_norm: given together with Optimizer.clip_norm_global; keep one",
        ),
        (
            ["Loss.parts_guide.label_smoothing=0.1", "Loss.parts_guide.focal_gamma=2"],
            "Loss.parts_guide.label_smoothing: given together with Loss.parts_guide.focal_gamma; keep one",
        ),
        (
            ["Global.max_text_length=2"],
            "Loss.parts_guide: needs labels of one cluster, Global.max_text_length is 2; "
            "write 1 there or remove parts_guide",
        ),
        (
            both(SHAPE, "3,49,100"),
            "height 49 does not become one row of features: MobileNetV3 large takes 17 to 48; write [3, 32, 100]",
        ),
        (
            ["Architecture.Backbone.model_name=small"],
            f"Train.{SHAPE}: height 32 does not become one row of features: MobileNetV3 small takes 33 to 96; "
            "write [3, 64, 100]",
        ),
        (
            ["Loss.parts_guide=", "Global.max_text_length=26"],
            f"Train.{SHAPE}: width 100 gives 25 time steps, fewer than Global.max_text_length 26; "
            "widen the image or lower max_text_length to at most 25",
        ),
        (
            [f"Eval.{SHAPE}=3,32,64"],
            "[3, 32, 64] differs from Train's [3, 32, 100]; what is evaluated must be prepared as what was trained on",
        ),
        (
            ["Eval.dataset.transforms.DecodeImage.img_mode=RGB"],
            "RGB differs from Train's BGR; what is evaluated must be prepared as what was trained on",
        ),
        (
            ["Train.dataset.ratio_list=1,0.5"],
            "2 ratios for 1 label files; give one for all, or one for each file",
        ),
        (
            ["Train.dataset.transforms.KeepKeys.keep_keys=[image, label]"],
            "must contain length; write [image, label, length]",
        ),
        (
            ["Train.dataset.transforms.KeepKeys.keep_keys=[image, label, length, polys]"],
            "'polys' is not supported; available: image, label, length",
        ),
        (
            ["Train.dataset.transforms=" + steps("RecAug: null", DECODE, "CTCLabelEncode: null")],
            "RecAug belongs there once, between DecodeImage and RecResizeImg; "
            "got RecAug, DecodeImage, CTCLabelEncode, RecResizeImg, KeepKeys",
        ),
        (
            ["Train.dataset.transforms=" + steps(DECODE, "RecAug: null", "CTCLabelEncode: null", "RecAug: null")],
            "RecAug belongs there once, between DecodeImage and RecResizeImg; "
            "got DecodeImage, RecAug, CTCLabelEncode, RecAug, RecResizeImg, KeepKeys",
        ),
        (
            ["Eval.dataset.transforms=" + steps(DECODE, "RecAug: null", "CTCLabelEncode: null")],
            "RecAug changes pictures by chance, and figures with them; "
            "evaluation needs them as they are: remove it here",
        ),
        (
            ["Train.dataset.transforms.1={RecResizeImg: {image_shape: [3, 32, 100]}}"],
            "Train.dataset.transforms: must be DecodeImage, CTCLabelEncode, RecResizeImg, KeepKeys, each once and in "
            "this order; got DecodeImage, RecResizeImg, RecResizeImg, KeepKeys",
        ),
        (["Train.dataset.ratio_list=1.5"], "each must be above 0 and at most 1, got [1.5]"),
        (["Train.loader.batch_size_per_card=0"], "must be at least 1, got 0"),
        (["Optimizer.lr.learning_rate=0"], "must be above 0, got 0"),
        (["Optimizer.beta2=1"], "must be at least 0 and below 1, got 1"),
        (["Architecture.Backbone.scale=0.6"], "must be one of 0.35, 0.5, 0.75, 1.0, 1.25, got 0.6"),
        (["Architecture.Backbone.large_stride=1,2,2,4"], "strides must be 1 or 2, got [1, 2, 2, 4]"),
        (["Train.dataset.label_file_list=[]"], "needs at least one file, got []"),
        (["Global.eval_batch_step=0"], "needs a start of at least 0 and an interval of at least 1, got [0, 0]"),
    ],
)
def test_rule(overrides: list[str], message: str) -> None:
    (found,) = problems_of(*overrides)
    assert found == f"-o {overrides[-1]}: {message}"


@pytest.mark.parametrize(
    ("width", "stride", "steps"), [(100, 1, 25), (99, 1, 25), (98, 1, 24), (32, 1, 8), (100, 2, 12), (98, 2, 12)]
)
def test_the_longest_text_is_what_the_time_steps_of_the_network_allow(width: int, stride: int, steps: int) -> None:
    def with_length(length: int) -> list[str]:
        height = 32 * stride
        size = both(SHAPE, f"3,{height},{width}")
        rest = (f"Architecture.Backbone.large_stride={stride},2,2,2", f"Global.max_text_length={length}")
        return ["Loss.parts_guide=", *size, *rest]

    assert load_text(BASE, file="my.yml", overrides=with_length(steps))
    assert f"gives {steps} time steps" in problems_of(*with_length(steps + 1))[0]


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (
            "{name: ResNet, layers: 35}",
            "Architecture.Backbone.layers: '35' is not supported; available: 18, 34, 50, 101, 152, 200",
        ),
        (
            "{name: SVTRNet, img_size: [64, 256]}",
            "Architecture.Backbone.img_size: the network reads images of [64, 256] only, RecResizeImg.image_shape "
            "[3, 32, 100] makes others; write [32, 100] here",
        ),
        (
            "{name: SVTRNet, sub_num: 3}",
            "Architecture.Backbone.img_size: must be multiples of 32 and 8, what the stages divide them by; "
            "got [32, 100]",
        ),
        (
            "{name: SVTRNet, mixer: [Local, Global]}",
            "Architecture.Backbone.mixer: 2 words for 12 blocks (depth [3, 6, 3]); give one for each",
        ),
        (
            "{name: SVTRNet, num_heads: [2, 4, 7]}",
            "Architecture.Backbone.num_heads: embed_dim [64, 128, 256] cannot be split among [2, 4, 7] heads; "
            "give divisors",
        ),
        (
            "{name: SVTRNet, patch_merging: None}",
            "Architecture.Backbone.patch_merging: without merging nothing changes the channels, embed_dim "
            "[64, 128, 256] does; give one number thrice",
        ),
        (
            "{name: SVTRNet, local_mixer: [[7, 10], [7, 11], [7, 11]]}",
            "Architecture.Backbone.local_mixer: must be three windows [height, width] of odd sides, "
            "got [[7, 10], [7, 11], [7, 11]]",
        ),
    ],
)
def test_what_a_backbone_of_lines_refuses(backbone: str, message: str) -> None:
    override = f"Architecture.Backbone={backbone}"
    assert problems_of(override) == [f"-o {override}: {message}"]


@pytest.mark.parametrize("backbone", ["{name: ResNet, layers: 34}", "{name: SVTRNet}"])
def test_the_backbones_of_lines_know_their_height_and_their_time_steps(backbone: str) -> None:
    def load(*overrides: str) -> object:
        changes = ["Loss.parts_guide=", f"Architecture.Backbone={backbone}", *overrides]
        return load_text(BASE, file="my.yml", overrides=changes)

    assert load("Global.max_text_length=25")
    with pytest.raises(ConfigError, match="gives 25 time steps, fewer than"):
        load("Global.max_text_length=26")
    with pytest.raises(ConfigError, match=r"does not become one row|reads images of \[32, 100\] only"):
        load(*both(SHAPE, "3,48,100"))


def test_a_small_network_with_a_first_stride_of_one_takes_32_pixels() -> None:
    load_text(
        BASE,
        file="my.yml",
        overrides=["Architecture.Backbone.model_name=small", "Architecture.Backbone.small_stride=1,2,2,2"],
    )


def test_no_warm_up_fits_any_number_of_epochs() -> None:
    load_text(BASE, file="my.yml", overrides=["Optimizer.lr.warmup_epoch=0", "Global.epoch_num=1"])


def test_every_limit_belongs_to_a_field_of_the_schema() -> None:
    for section, name in LIMITS:
        assert name in {field.name for field in fields(section)}


RATES = (
    "{name: Piecewise, decay_epochs: [2], values: [0.01, 0.001]}",
    "{name: ReduceOnPlateau, learning_rate: 0.01}",
)

JOINED = [
    f"Train.dataset.transforms={steps(DECODE, 'RecConAug: {max_text_length: 1, image_shape: [32, 100, 3]}', ENCODE)}"
]
SCALED = [
    "Train.dataset.name=MultiScaleDataSet",
    f"Train.dataset.transforms=[{{{DECODE}}}, {{{ENCODE}}}, {{KeepKeys: null}}]",
    "Train.sampler={name: MultiScaleSampler, scales: [[100, 32]]}",
]
LCNET = [
    "Architecture={algorithm: SVTR_LCNet, Backbone: {name: PPLCNetV3}, Head: {name: MultiHead, head_list: "
    "[{CTCHead: {Neck: {name: svtr}, Head: {}}}, {NRTRHead: {nrtr_dim: 384}}]}}",
    "Loss={name: MultiLoss, loss_config_list: [{CTCLoss: null}, {NRTRLoss: null}]}",
    *(
        f"{feed}.dataset.transforms=[{{{DECODE}}}, {{MultiLabelEncode: {{gtc_encode: NRTRLabelEncode}}}}, "
        "{RecResizeImg: {image_shape: [3, 48, 320]}}, {KeepKeys: {keep_keys: [image, label_ctc, label_gtc, length]}}]"
        for feed in ("Train", "Eval")
    ),
]


def test_every_check_runs_on_a_complete_configuration() -> None:
    from thaiocr.config.convert import Converter
    from thaiocr.config.nodes import Problems, read_tree

    values: set[str] = set()
    rates = (to_yaml(load_text(BASE, file="", overrides=[f"Optimizer.lr={lr}"]).config) for lr in RATES)
    alone = load_text(BASE, file="", overrides=["Loss.parts_guide=null"]).config
    svtr = to_yaml(load_text(BASE, file="", overrides=["Architecture.Backbone={name: SVTRNet}"]).config)
    others = (to_yaml(load_text(BASE, file="", overrides=changes).config) for changes in (JOINED, SCALED, LCNET))
    for text in (BASE, *rates, svtr, *others, distillation.text(alone, teacher=Path("best_accuracy"))):
        problems = Problems("my.yml")
        converter = Converter(problems)
        tree = read_tree(text, problems)
        assert tree is not None
        converter.config(tree)
        problems.raise_any()
        values |= set(converter.values)
    for check in CHECKS["rec"]:
        assert set(check.needs) <= values, check.needs
