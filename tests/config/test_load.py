"""Reading: types come from the schema, anchors and merge keys work, a file is found or its neighbours are named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_config, load_text
from thaiocr.config.presets import preset
from thaiocr.errors import ConfigError

BASE = to_yaml(preset("rec", "dev"))


def load(text: str) -> schema.Config:
    return load_text(text, file="my.yml").config


def with_line(old: str, new: str) -> schema.Config:
    assert old in BASE
    return load(BASE.replace(old, new, 1))


@pytest.mark.parametrize(
    "text", ["no", "012", "1.5", "true", "2020-01-01", "1:30", "'no'", "a b", "ก/ข.txt", "7e-4", "C:\\data"]
)
def test_a_text_key_keeps_its_text_whatever_yaml_would_make_of_it(text: str) -> None:
    config = with_line("save_model_dir: ./output/rec/thai_rec_dev", f"save_model_dir: {text}")
    assert config.run.save_model_dir == text.strip("'")


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("1.0e-4", 1e-4), (".001", 1e-3), ("1_000.5", 1000.5), ("+2.5", 2.5)]
)
def test_a_number_key_takes_every_way_of_yaml_to_write_a_decimal_number(text: str, value: float) -> None:
    config = with_line("learning_rate: 0.001", f"learning_rate: {text}")
    assert isinstance(config.optimizer.lr, schema.Cosine)
    assert config.optimizer.lr.learning_rate == value
    assert isinstance(config.optimizer.lr.learning_rate, float)


@pytest.mark.parametrize(("word", "value"), [("true", True), ("False", False), ("yes", True), ("off", False)])
def test_a_boolean_key_takes_the_words_of_yaml(word: str, value: bool) -> None:
    assert with_line("use_gpu: false", f"use_gpu: {word}").run.use_gpu is value


@pytest.mark.parametrize(
    ("text", "value"), [("500", (0, 500)), ("[0, 2000]", (0, 2000)), ("[100, 50]", (100, 50)), ("", None)]
)
def test_eval_batch_step_is_an_interval_or_a_start_and_an_interval(text: str, value: object) -> None:
    config = with_line("print_batch_step: 10", f"print_batch_step: 10\n  eval_batch_step: {text}")
    assert config.run.eval_batch_step == value


def test_label_files_and_ratios_are_one_value_or_a_list() -> None:
    single = with_line("label_file_list: [./train_data/thai/rec_gt_train.txt]", "label_file_list: a.txt")
    several = with_line(
        "label_file_list: [./train_data/thai/rec_gt_train.txt]\n    ratio_list: 1.0",
        "label_file_list: [a.txt, b.txt]\n    ratio_list: [1, 0.5]",
    )
    assert single.train.dataset.label_file_list == ("a.txt",)
    assert several.train.dataset.label_file_list == ("a.txt", "b.txt")
    assert several.train.dataset.ratio_list == (1.0, 0.5)


def test_empty_optional_keys_and_sections_are_as_if_left_out() -> None:
    assert with_line("  epoch_num: 10", "  epoch_num: 10\n  pretrained_model:").run.pretrained_model is None
    config = with_line("  regularizer:\n    name: L2\n    factor: 3.0e-05", "  regularizer:")
    assert isinstance(config.optimizer, schema.Adam)
    assert config.optimizer.regularizer is None


def test_a_learning_rate_without_a_name_is_constant() -> None:
    config = with_line("    name: Cosine\n", "")
    assert config.optimizer.lr == schema.Const(learning_rate=0.001, warmup_epoch=5.0)


def test_a_section_with_defaults_may_leave_everything_out() -> None:
    config = with_line("KeepKeys:\n          keep_keys: [image, label, length]", "KeepKeys: {}")
    assert config.train.dataset.transforms[-1] == schema.KeepKeys()


def test_anchors_aliases_and_merge_keys_give_the_same_as_written_out() -> None:
    head, rest = BASE.split("Train:\n", 1)
    train, _ = rest.split("Eval:\n", 1)
    text = f"{head}Train: &train\n{train}Eval:\n  <<: *train\n  loader:\n    batch_size_per_card: 7\n"
    config = load(text)
    assert config.eval.dataset == config.train.dataset
    assert config.eval.loader == schema.Loader(batch_size_per_card=7)


def test_an_override_of_one_alias_leaves_the_other_as_it_was() -> None:
    head, rest = BASE.split("Train:\n", 1)
    text = f"{head}Train: &train\n{rest.split('Eval:')[0]}Eval: *train\n"
    config = load_text(text, file="my.yml", overrides=["Eval.loader.batch_size_per_card=7"]).config
    assert (config.train.loader.batch_size_per_card, config.eval.loader.batch_size_per_card) == (128, 7)


def test_unused_keys_of_paddleocr_are_accepted_and_listed() -> None:
    text = BASE.replace("  epoch_num: 10", "  epoch_num: 10\n  log_smooth_window: 20\n  use_xpu: false", 1)
    text = text.replace("  algorithm: CRNN", "  algorithm: CRNN\n  Transform:", 1)
    loaded = load_text(text, file="my.yml")
    assert loaded.config == preset("rec", "dev")
    assert loaded.unused == ("Global.log_smooth_window", "Global.use_xpu", "Architecture.Transform")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_reads_the_same_with_and_without_a_byte_order_mark_and_with_any_line_end(
    tmp_path: Path, encoding: str, line_end: str
) -> None:
    file = tmp_path / "my.yml"
    file.write_bytes(BASE.replace("\n", line_end).encode(encoding))
    assert load_config(file).config == preset("rec", "dev")


def test_a_missing_file_names_the_path_tried_a_neighbour_and_how_to_write_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    Path("configs/thai_rec_dev.yml").write_text(BASE, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config("configs/thai_rec_dv.yml")
    assert str(caught.value) == (
        f"configs/thai_rec_dv.yml: no such file (tried {Path.cwd()}/configs/thai_rec_dv.yml); "
        "did you mean 'configs/thai_rec_dev.yml'? "
        "write one with: thaiocr config new rec --preset dev -o configs/thai_rec_dv.yml"
    )


def test_a_missing_folder_is_a_missing_file(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "my.yml"
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert str(caught.value) == (f"{file}: no such file; write one with: thaiocr config new rec --preset dev -o {file}")


def test_a_folder_and_a_path_with_a_zero_byte_are_errors_of_the_configuration(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "a\0b"):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_config(path)


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "my.yml"
    file.write_bytes("Global:\n  save_model_dir: กา\n".encode("cp874"))
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert str(caught.value) == f"{file}:2: not UTF-8 text; save the file as UTF-8"


def test_reading_a_configuration_loads_no_heavy_package() -> None:
    program = (
        "import sys; import thaiocr.config.load, thaiocr.config.dump, thaiocr.config.presets; "
        "print(sorted({'numpy', 'paddle', 'cv2', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
