"""Files with the structure of PaddleOCR's public CRNN configurations load, or say by name what is not supported."""

from __future__ import annotations

from dataclasses import fields

import pytest

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_text
from thaiocr.errors import ConfigError

# Our own file with the keys, the quoting and the comments that rec_icdar15_train.yml has.
ICDAR15_STYLE = """\
Global:
  use_gpu: true
  epoch_num: 72
  log_smooth_window: 20
  print_batch_step: 10
  save_model_dir: ./output/words/
  save_epoch_step: 3
  # evaluate every 2000 steps
  eval_batch_step: [0, 2000]
  cal_metric_during_train: True
  pretrained_model:
  checkpoints:
  save_inference_dir: ./
  use_visualdl: False
  infer_img: word.png
  character_dict_path: words_dict.txt
  max_text_length: 25
  infer_mode: False
  use_space_char: False
  save_res_path: ./output/words.txt

Optimizer:
  name: Adam
  beta1: 0.9
  beta2: 0.999
  lr:
    learning_rate: 0.0005
  regularizer:
    name: 'L2'
    factor: 0

Architecture:
  model_type: rec
  algorithm: CRNN
  Transform:
  Backbone:
    name: MobileNetV3
    scale: 0.5
    model_name: large
  Neck:
    name: SequenceEncoder
    encoder_type: rnn
    hidden_size: 96
  Head:
    name: CTCHead
    fc_decay: 0

Loss:
  name: CTCLoss

PostProcess:
  name: CTCLabelDecode

Metric:
  name: RecMetric
  main_indicator: acc

Train:
  dataset:
    name: SimpleDataSet
    data_dir: ./words/
    label_file_list: ["./words/train.txt"]
    transforms: &steps
      - DecodeImage: # read it
          img_mode: BGR
          channel_first: False
      - CTCLabelEncode: # text to classes
      - RecResizeImg:
          image_shape: [3, 32, 100]
      - KeepKeys:
          keep_keys: ['image', 'label', 'length'] # in this order
  loader:
    shuffle: True
    batch_size_per_card: 256
    drop_last: True
    num_workers: 8
    use_shared_memory: False

Eval:
  dataset:
    name: SimpleDataSet
    data_dir: ./words
    label_file_list: ["./words/test.txt"]
    transforms: *steps
  loader:
    shuffle: False
    drop_last: False
    batch_size_per_card: 256
    num_workers: 4
    use_shared_memory: False
"""


def test_a_file_of_the_icdar15_kind_loads_and_lists_what_is_unused() -> None:
    loaded = load_text(ICDAR15_STYLE, file="ic15.yml")
    config = loaded.config
    assert config.optimizer == schema.Adam(
        lr=schema.Const(learning_rate=0.0005), regularizer=schema.Regularizer(name="L2", factor=0.0)
    )
    assert isinstance(config.architecture, schema.Architecture)
    assert config.architecture.head == schema.CTCHead(fc_decay=0.0)
    assert config.run.eval_batch_step == (0, 2000)
    assert config.run.pretrained_model is None
    assert config.loss == schema.CTCLoss()
    assert config.metric.ignore_space
    assert config.train.loader.drop_last
    assert loaded.unused == (
        "Global.log_smooth_window",
        "Global.save_inference_dir",
        "Global.infer_img",
        "Global.infer_mode",
        "Global.save_res_path",
        "Architecture.Transform",
        "Train.loader.use_shared_memory",
        "Eval.loader.use_shared_memory",
    )


@pytest.mark.parametrize("steps", ["{RecAug: null}, {CTCLabelEncode: null}", "{CTCLabelEncode: null}, {RecAug: {}}"])
def test_recaug_stands_before_or_after_the_encoding_of_labels_and_has_paddleocrs_defaults(steps: str) -> None:
    resize = "{RecResizeImg: {image_shape: [3, 32, 100]}}, {KeepKeys: null}"
    change = f"Train.dataset.transforms=[{{DecodeImage: {{img_mode: BGR}}}}, {steps}, {resize}]"

    config = load_text(ICDAR15_STYLE, file="ic15.yml", overrides=[change]).config

    (found,) = (each for each in config.train.dataset.transforms if isinstance(each, schema.RecAug))
    assert {getattr(found, field.name) for field in fields(found)} == {0.4}
    assert load_text(to_yaml(config), file="written.yml").config == config


def lmdb_style() -> str:
    """Like rec_mv3_none_bilstm_ctc.yml: LMDB data sets without label files, PaddleOCR's built-in characters."""
    lines = ICDAR15_STYLE.replace("words_dict.txt", "").replace("SimpleDataSet", "LMDBDataSet").splitlines()
    return "\n".join(line for line in lines if "label_file_list" not in line) + "\n"


def test_a_file_of_the_lmdb_kind_says_what_is_not_supported() -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(lmdb_style(), file="mv3.yml")
    assert list(caught.value.problems) == [
        "mv3.yml:16: Global.character_dict_path: expected text, got nothing; write a value",
        "mv3.yml:60: Train.dataset.name: 'LMDBDataSet' is not supported; available: SimpleDataSet, MultiScaleDataSet",
        "mv3.yml:80: Eval.dataset.name: 'LMDBDataSet' is not supported; available: SimpleDataSet, MultiScaleDataSet",
    ]


def test_a_file_of_the_lmdb_kind_loads_with_a_dictionary_and_label_files() -> None:
    overrides = ["Global.character_dict_path=d.txt"]
    for feed in ("Train", "Eval"):
        overrides += [f"{feed}.dataset.name=SimpleDataSet", f"{feed}.dataset.label_file_list=labels.txt"]
    config = load_text(lmdb_style(), file="mv3.yml", overrides=overrides).config
    assert config.train.dataset.label_file_list == ("labels.txt",)


def test_a_file_for_another_network_names_every_part_that_is_not_supported() -> None:
    text = ICDAR15_STYLE.replace("CRNN", "SAR").replace("name: MobileNetV3", "name: ResNet31")
    text = text.replace("name: CTCHead", "name: SARHead").replace("name: CTCLoss", "name: SARLoss")
    text = text.replace("  Transform:\n", "  Transform:\n    name: STN_ON\n")
    with pytest.raises(ConfigError) as caught:
        load_text(text, file="sar.yml")
    paths = [problem.split(": ")[1] for problem in caught.value.problems]
    assert paths == [
        "Architecture.algorithm",
        "Architecture.Transform",
        "Architecture.Backbone.name",
        "Architecture.Head.name",
        "Loss.name",
    ]
    assert all("is not supported" in problem for problem in caught.value.problems)
