"""The presets are the reference's single-cluster recogniser, and the files in configs/ are what the command writes."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from thaiocr.cli import main as main_module
from thaiocr.cli.config import PRESET_NAMES
from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_config, load_text
from thaiocr.config.presets import LINE_PRESETS, PRESETS, LinePresetName, PresetName, preset

ROOT = Path(__file__).parents[2]
WRITTEN_BY = "# Written by: thaiocr "
FILES: dict[PresetName, str] = {
    "dev": "thai_rec_dev",
    "main": "thai_rec",
    "prod": "thai_rec_prod",
    "compact": "thai_rec_compact",
}
LINE_FILES: dict[LinePresetName, str] = {
    "line-dev": "thai_line_dev",
    "line-main": "thai_line_main",
    "line-prod": "thai_line_prod",
}


@pytest.mark.parametrize(
    ("name", "epochs", "batch_size", "rate"),
    [("dev", 10, 128, 0.001), ("main", 100, 256, 0.001), ("prod", 200, 256, 0.0005)],
)
def test_a_preset_is_the_reference_configuration(name: PresetName, epochs: int, batch_size: int, rate: float) -> None:
    config = preset("rec", name)
    assert config.run.epoch_num == epochs
    assert (config.run.max_text_length, config.run.use_space_char) == (1, False)
    assert config.run.character_dict_path == "thai_letters/th_dict.txt"
    assert config.run.save_model_dir == f"./output/rec/{FILES[name]}"
    assert config.optimizer == schema.Adam(
        beta1=0.9,
        beta2=0.999,
        lr=schema.Cosine(learning_rate=rate, warmup_epoch=5),
        regularizer=schema.Regularizer(name="L2", factor=3e-5),
    )
    assert config.architecture == schema.Architecture(
        algorithm="CRNN",
        backbone=schema.MobileNetV3(model_name="large", scale=0.5),
        neck=schema.SequenceEncoder(encoder_type="rnn", hidden_size=96),
        head=schema.CTCHead(fc_decay=1e-5),
    )
    assert config.loss == schema.CTCLoss(parts_guide=schema.PartsGuide(weight=1.0))
    assert config.metric == schema.RecMetric(main_indicator="acc", ignore_space=False)
    assert config.train.loader.batch_size_per_card == config.eval.loader.batch_size_per_card == batch_size


def test_the_compact_preset_reads_48_pixels_of_the_same_data() -> None:
    compact, main = preset("rec", "compact"), preset("rec", "main")
    assert isinstance(compact.architecture, schema.Architecture)
    assert compact.architecture.backbone == schema.CompactResNet()
    assert compact.train.dataset.label_file_list == main.train.dataset.label_file_list
    shapes = [step.image_shape for step in compact.train.dataset.transforms if isinstance(step, schema.RecResizeImg)]
    assert shapes == [(3, 48, 48)]


@pytest.mark.parametrize(("name", "file"), LINE_FILES.items())
def test_a_preset_of_lines_reads_40_code_points_and_spaces(name: LinePresetName, file: str) -> None:
    config = preset("rec", name)
    assert (config.run.max_text_length, config.run.use_space_char) == (40, True)
    assert config.run.character_dict_path == "thai_letters/th_codepoints.txt"
    assert config.run.save_model_dir == f"./output/rec/{file}"
    assert config.train.dataset.data_dir == "./train_data/thai_lines"
    assert config.loss == schema.CTCLoss()


def test_training_is_shuffled_and_evaluation_is_complete() -> None:
    config = preset("rec", "main")
    assert config.train.loader.shuffle
    assert not config.eval.loader.shuffle
    assert not config.eval.loader.drop_last


def test_data_and_dictionary_are_where_the_caller_says() -> None:
    config = preset("rec", "dev", data_dir="data/x/", dictionary="d.txt")
    assert config.run.character_dict_path == "d.txt"
    assert config.train.dataset.data_dir == "data/x/"
    assert config.train.dataset.label_file_list == ("data/x/rec_gt_train.txt",)
    assert config.eval.dataset.label_file_list == ("data/x/rec_gt_val.txt",)


def test_the_command_offers_every_preset() -> None:
    assert (*PRESETS, *LINE_PRESETS) == PRESET_NAMES


@pytest.mark.parametrize(("name", "file"), [*FILES.items(), *LINE_FILES.items()])
def test_a_file_in_configs_is_what_the_command_writes(
    name: PresetName | LinePresetName, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ROOT / "configs" / "rec" / f"{file}.yml"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main_module, "VERBS", ("config",))
    path = f"configs/rec/{file}.yml"
    assert main_module.main(["config", "new", "rec", "--preset", name, "-o", path]) == 0
    assert Path(path).read_bytes() == kept.read_bytes()
    assert load_config(kept).config == preset("rec", name)


@pytest.mark.parametrize("name", [*FILES, *LINE_FILES])
def test_a_preset_is_valid_and_uses_no_key_in_vain(name: PresetName | LinePresetName) -> None:
    loaded = load_text(to_yaml(preset("rec", name)), file="preset")
    assert loaded.config == preset("rec", name)
    assert loaded.unused == ()


@pytest.mark.parametrize("file", ["thai_cluster_1", "thai_cluster_2", "thai_cluster", "thai_line"])
def test_the_files_of_the_model_that_is_shipped_are_what_the_command_in_them_writes(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ROOT / "configs" / "rec" / f"{file}.yml"
    command = next(line for line in kept.read_text("utf-8").splitlines() if line.startswith(WRITTEN_BY))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main_module, "VERBS", ("config",))

    assert main_module.main(shlex.split(command.removeprefix(WRITTEN_BY))) == 0

    assert Path(f"configs/rec/{file}.yml").read_bytes() == kept.read_bytes()
    assert load_config(kept).unused == ()
