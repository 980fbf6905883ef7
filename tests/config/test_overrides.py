"""`-o KEY=VALUE`: adds up, is typed by the schema, reaches every key, and its errors name it."""

from __future__ import annotations

from typing import get_args

import pytest

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.keys import keys_of, sections_of
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset
from thaiocr.errors import ConfigError

BASE = to_yaml(preset("rec", "dev"))

ALGORITHMS = ", ".join(get_args(keys_of(schema.Architecture)["algorithm"].kind))
BACKBONES = ", ".join(sections_of(keys_of(schema.Architecture)["Backbone"].kind))


def load(*overrides: str, text: str = BASE) -> schema.Config:
    return load_text(text, file="my.yml", overrides=overrides).config


def problems_of(*overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(*overrides)
    return list(caught.value.problems)


def rate(config: schema.Config) -> float:
    assert isinstance(config.optimizer.lr, schema.Cosine)
    return config.optimizer.lr.learning_rate


@pytest.mark.parametrize("text", ["7e-4", "7.0e-4", "0.0007", "7E-4", " 7e-4 ", ".7e-3"])
def test_a_learning_rate_in_any_notation_is_a_number(text: str) -> None:
    assert rate(load(f"Optimizer.lr.learning_rate={text}")) == 0.0007


@pytest.mark.parametrize(
    "text",
    ["no", "012", "a=b", "7e-4", "#1", "a: b", "a #b", "3,5", "*x", "@x", "50%", "C:\\data", "- x", "[open", "ก า"],
)
def test_a_text_key_takes_the_text_as_typed(text: str) -> None:
    assert load(f"Global.save_model_dir={text}").run.save_model_dir == text


def test_quotes_around_a_text_are_yaml_quotes() -> None:
    assert load("Global.save_model_dir='012'").run.save_model_dir == "012"


def test_overrides_add_up_and_the_later_of_two_wins() -> None:
    config = load("Global.epoch_num=20", "Global.seed=1", "Global.epoch_num=30")
    assert (config.run.epoch_num, config.run.seed) == (30, 1)


@pytest.mark.parametrize("shape", ["[3,32,64]", "[3, 32, 64]", "3,32,64", "3, 32, 64"])
@pytest.mark.parametrize("step", ["2.RecResizeImg", "RecResizeImg"])
def test_a_transform_is_reached_by_index_or_name_and_a_list_needs_no_brackets(step: str, shape: str) -> None:
    config = load(*(f"{feed}.dataset.transforms.{step}.image_shape={shape}" for feed in ("Train", "Eval")))
    assert config.train.dataset.transforms == config.eval.dataset.transforms
    assert config.train.dataset.transforms[2] == schema.RecResizeImg(image_shape=(3, 32, 64))


def test_an_item_of_a_list_is_reached_by_index() -> None:
    config = load("Train.dataset.label_file_list=[a.txt, b.txt]", "Train.dataset.label_file_list.1=c.txt")
    assert config.train.dataset.label_file_list == ("a.txt", "c.txt")


def test_several_label_files_need_no_brackets_and_quotes_keep_a_comma() -> None:
    assert load("Train.dataset.label_file_list=a.txt,b.txt").train.dataset.label_file_list == ("a.txt", "b.txt")
    assert load("Train.dataset.label_file_list='a,b.txt'").train.dataset.label_file_list == ("a,b.txt",)


@pytest.mark.parametrize(("text", "value"), [("500", (0, 500)), ("0,500", (0, 500)), ("null", None)])
def test_eval_batch_step_is_an_interval_or_a_start_and_an_interval(text: str, value: object) -> None:
    assert load("Global.eval_batch_step=1,2", f"Global.eval_batch_step={text}").run.eval_batch_step == value


@pytest.mark.parametrize("null", ["", "null", "~"])
def test_null_clears_a_key_back_to_its_default(null: str) -> None:
    config = load(f"Optimizer.regularizer={null}", f"Train.loader.shuffle={null}", f"Loss.parts_guide={null}")
    assert isinstance(config.optimizer, schema.Adam)
    assert config.optimizer.regularizer is None
    assert config.train.loader.shuffle is False
    assert config.loss.parts_guide is None


def test_null_for_a_key_that_is_at_its_default_already_changes_nothing() -> None:
    text = BASE.replace("  seed: 0\n", "")
    assert load("Global.seed=null", "Global.checkpoints=", text=text) == preset("rec", "dev")


def test_a_key_of_the_old_variant_can_be_cleared_when_the_variant_changes() -> None:
    config = load("Optimizer.lr.name=OneCycle", "Optimizer.lr.learning_rate=", "Optimizer.lr.max_lr=1e-2")
    assert config.optimizer.lr == schema.OneCycle(max_lr=0.01, warmup_epoch=5.0)


def test_a_section_that_is_absent_or_empty_is_made() -> None:
    text = BASE.replace("  parts_guide:\n    weight: 1.0\n", "")
    assert load("Loss.parts_guide.weight=0.5", text=text).loss == schema.CTCLoss(
        parts_guide=schema.PartsGuide(weight=0.5)
    )
    text = BASE.replace("  parts_guide:\n    weight: 1.0\n", "  parts_guide:\n")
    assert load("Loss.parts_guide={weight: 5e-1}", text=text).loss.parts_guide == schema.PartsGuide(weight=0.5)


def test_an_override_replaces_a_wrong_value_of_the_file() -> None:
    text = BASE.replace("learning_rate: 0.001", "learning_rate: 7e-4")
    assert rate(load("Optimizer.lr.learning_rate=7e-4", text=text)) == 0.0007


def test_an_unused_key_of_paddleocr_is_listed_when_it_is_an_override() -> None:
    assert load_text(BASE, file="my.yml", overrides=["Global.print_mem_info=true"]).unused == ("Global.print_mem_info",)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("Global.epoch_nums=3", "unknown key; did you mean 'epoch_num'?"),
        ("Globl.epoch_num=3", "Globl: unknown key; did you mean 'Global'?"),
        ("Global.epoch_num", "expected KEY=VALUE, for example Global.epoch_num=20"),
        ("=3", "expected KEY=VALUE, for example Global.epoch_num=20"),
        ("Global..epoch_num=3", "expected KEY=VALUE, for example Global.epoch_num=20"),
        ("Global.epoch_num=1e-1", "expected a whole number, got 1e-1"),
        ("Global.epoch_num=", "missing; write it, it has no default"),
        ("Global.epoch_num.x=3", "Global.epoch_num is a value (10), not a section"),
        (
            "Architecture.Backbone.name=ResNet31",
            f"'ResNet31' is not supported; did you mean 'ResNet'? available: {BACKBONES}",
        ),
        ("Architecture.algorithm=SAR", f"'SAR' is not supported; available: {ALGORITHMS}"),
        ("Loss.parts_guide={weigth: 1}", "Loss.parts_guide.weigth: unknown key; did you mean 'weight'?"),
        ("Train.dataset.transforms.9.RecAug=", "Train.dataset.transforms has 4 items, numbered from 0"),
        (
            "Train.dataset.transforms.RecResizeImage.padding=no",
            "Train.dataset.transforms has no item 'RecResizeImage'; did you mean 'RecResizeImg'?",
        ),
        (
            "Train.dataset.transforms.x=no",
            "Train.dataset.transforms has no item 'x'; use an index below 4, "
            "or one of: DecodeImage, CTCLabelEncode, RecResizeImg, KeepKeys",
        ),
        (
            "Train.dataset.transforms=!!python/object/apply:os.system [x]",
            "the tag '!!python/object/apply:os.system' is not allowed; write plain values only",
        ),
        (
            "Global.checkpoints=!!python/name:os.system",
            "the tag '!!python/name:os.system' is not allowed; write plain values only",
        ),
    ],
)
def test_an_error_names_the_override(override: str, message: str) -> None:
    assert problems_of(override)[0] == f"-o {override}: {message}"


def test_a_name_that_stands_twice_in_a_list_asks_for_an_index() -> None:
    steps = "Train.dataset.transforms"
    found = problems_of(
        f"{steps}.1={{RecResizeImg: {{image_shape: [3, 32, 100]}}}}", f"{steps}.RecResizeImg.padding=no"
    )
    assert (
        f"-o {steps}.RecResizeImg.padding=no: {steps} has several items named RecResizeImg; use an index: 1, 2" in found
    )


def test_a_conflict_with_the_file_names_the_override_that_made_it() -> None:
    assert problems_of("Global.epoch_num=3") == [
        "-o Global.epoch_num=3: Optimizer.lr.warmup_epoch: a warm-up of 5 epochs does not end before "
        "Global.epoch_num 3; lower one or raise the other"
    ]
