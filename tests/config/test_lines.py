"""Configurations of lines: joined pictures, several sizes, and what does not go together."""

from __future__ import annotations

import pytest

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.geometry import scale_batches, scale_sizes
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset
from thaiocr.errors import ConfigError

# Our own file with the keys and the anchors that PaddleOCR's files for PP-OCRv4 and PP-OCRv5 have.
PP_OCR_STYLE = """\
Global:
  epoch_num: 75
  character_dict_path: dict.txt
  max_text_length: &max_text_length 25
  use_space_char: true
  distributed: true
Optimizer:
  name: Adam
  lr: {name: Cosine, learning_rate: 0.0005, warmup_epoch: 5}
Architecture:
  model_type: rec
  algorithm: CRNN
  Transform:
  Backbone: {name: ResNet, layers: 34}
  Neck: {name: SequenceEncoder, encoder_type: rnn, hidden_size: 256}
  Head: {name: CTCHead, fc_decay: 0.00001}
Loss: {name: CTCLoss}
PostProcess: {name: CTCLabelDecode}
Metric: {name: RecMetric}
Train:
  dataset:
    name: MultiScaleDataSet
    ds_width: false
    data_dir: ./train_data/
    ext_op_transform_idx: 1
    label_file_list: [./train_data/train_list.txt]
    transforms:
    - DecodeImage: {img_mode: BGR, channel_first: false}
    - RecConAug: {prob: 0.5, ext_data_num: 2, image_shape: [32, 320, 3], max_text_length: *max_text_length}
    - RecAug:
    - CTCLabelEncode:
    - KeepKeys: {keep_keys: [image, label, length, valid_ratio]}
  sampler:
    name: MultiScaleSampler
    scales: [[320, 32], [250, 40], [480, 32]]
    first_bs: &bs 96
    fix_bs: false
    divided_factor: [8, 16] # w, h
    is_training: True
  loader: {shuffle: true, batch_size_per_card: *bs, drop_last: true, num_workers: 8}
Eval:
  dataset:
    name: SimpleDataSet
    data_dir: ./train_data
    label_file_list: [./train_data/val_list.txt]
    transforms:
    - DecodeImage: {img_mode: BGR, channel_first: false}
    - CTCLabelEncode:
    - RecResizeImg: {image_shape: [3, 32, 320]}
    - KeepKeys: {keep_keys: [image, label, length, valid_ratio]}
  loader: {shuffle: false, drop_last: false, batch_size_per_card: 128, num_workers: 4}
"""
JOIN = "Train.dataset.transforms.RecConAug"
PLAIN = to_yaml(preset("rec", "dev"))


def load(*overrides: str) -> schema.Config:
    return load_text(PP_OCR_STYLE, file="lines.yml", overrides=overrides).config


def problem(*overrides: str, text: str = PP_OCR_STYLE) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, file="lines.yml", overrides=overrides)
    return "\n".join(caught.value.problems)


def test_a_file_of_the_pp_ocr_kind_loads_as_it_is() -> None:
    loaded = load_text(PP_OCR_STYLE, file="lines.yml")
    train = loaded.config.train
    assert isinstance(train.dataset, schema.MultiScaleDataSet)
    assert isinstance(train.dataset.transforms[1], schema.RecConAug)
    assert train.dataset.transforms[1] == schema.RecConAug(ext_data_num=2)
    assert train.dataset.transforms[2] == schema.RecAug()
    assert train.sampler is not None
    assert train.sampler.divided_factor == (8, 16)
    assert loaded.config.eval.sampler is None
    assert loaded.unused == ("Global.distributed", "Architecture.Transform", "Train.dataset.ext_op_transform_idx")


def test_what_is_written_loads_as_the_same() -> None:
    config = load()
    assert load_text(to_yaml(config), file="lines.yml").config == config


def test_sizes_are_multiples_and_batches_have_about_as_many_pixels_as_the_first() -> None:
    sampler = load().train.sampler
    assert sampler is not None
    assert scale_sizes(sampler) == ((320, 32), (248, 32), (480, 32))
    assert scale_batches(sampler) == (96, 123, 64)


def test_a_fixed_batch_size_holds_for_all_sizes() -> None:
    sampler = load("Train.sampler.fix_bs=true").train.sampler
    assert sampler is not None
    assert scale_batches(sampler) == (96, 96, 96)


def test_without_training_there_is_the_first_size_as_it_is_written() -> None:
    sampler = load("Train.sampler.is_training=false", "Train.sampler.scales=[[321, 32], [99, 99]]").train.sampler
    assert sampler is not None
    assert (scale_sizes(sampler), scale_batches(sampler)) == (((321, 32),), (96,))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("Train.sampler.first_bs=64", "64 differs from Train.loader.batch_size_per_card 96; write the same number"),
        ("Train.sampler.scales=[]", "needs at least one scale, with a width and a height of at least 1, got []"),
        ("Train.sampler.scales=[[320, 48]]", "scale [320, 48]: ResNet reads images of 32 rows only"),
        (
            "Train.sampler.scales=[[96, 32]]",
            "scale [96, 32] gives 24 time steps, Global.max_text_length is 25",
        ),
        ("Train.sampler=", "MultiScaleDataSet needs a sampler beside the dataset; add one, or use SimpleDataSet"),
        (f"{JOIN}.max_text_length=26", "26 is above Global.max_text_length 25; write at most that"),
        (f"{JOIN}.prob=1.5", "must be between 0 and 1, got 1.5"),
        (f"{JOIN}.image_shape=[3, 32, 320]", "must be [height, width, 3] with positive sides, got [3, 32, 320]"),
        (
            "Train.dataset.transforms.3={RecConAug: {}}",
            "must be DecodeImage, CTCLabelEncode, KeepKeys, each once and in this order; "
            "got DecodeImage, RecConAug, RecAug, RecConAug, KeepKeys",
        ),
        (
            "Train.dataset.transforms.2={RecConAug: {}}",
            "RecConAug belongs there once, right after DecodeImage; "
            "got DecodeImage, RecConAug, RecConAug, CTCLabelEncode, KeepKeys",
        ),
        (
            "Eval.sampler={name: MultiScaleSampler, scales: [[320, 32]]}",
            "evaluation shows images in one size; remove the sampler here",
        ),
    ],
)
def test_rule(override: str, message: str) -> None:
    assert problem(override).startswith((f"-o {override}: {message}", f"-o {override}: Train."))
    assert message in problem(override)


def test_a_sampler_needs_images_in_several_sizes() -> None:
    sampler = "Train.sampler={name: MultiScaleSampler, scales: [[100, 32]]}"
    assert "goes with dataset.name MultiScaleDataSet only" in problem(sampler, text=PLAIN)


def test_a_network_of_one_width_takes_no_pictures_of_different_ones() -> None:
    changes = ["Architecture.Backbone={name: SVTRNet, img_size: [32, 320]}", "Train.sampler.scales=[[320, 32]]"]
    assert "SVTRNet has its number of time steps for one width; write false" in problem(
        *changes, "Train.dataset.ds_width=true"
    )


def test_joined_pictures_must_find_room() -> None:
    join = (
        "Train.dataset.transforms=[{DecodeImage: {img_mode: BGR}}, {RecConAug: {max_text_length: 1}}, "
        "{CTCLabelEncode: null}, {RecResizeImg: {image_shape: [3, 32, 100]}}, {KeepKeys: null}]"
    )
    assert "[32, 320, 3] is wider for its height than RecResizeImg.image_shape [3, 32, 100]; write [32, 100, 3]" in (
        problem(join, text=PLAIN)
    )
    assert "needs RecResizeImg.padding: true" in problem(
        join, "Train.dataset.transforms.RecResizeImg.padding=false", text=PLAIN
    )


def test_evaluation_joins_nothing() -> None:
    assert "RecConAug changes pictures by chance, and figures with them" in problem(
        "Eval.dataset.transforms=[{DecodeImage: {img_mode: BGR}}, {RecConAug: {}}, {CTCLabelEncode: null}, "
        "{RecResizeImg: {image_shape: [3, 32, 320]}}, {KeepKeys: null}]"
    )
