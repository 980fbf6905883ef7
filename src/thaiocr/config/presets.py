"""Ready-made recognisers, of single clusters as the reference's and of lines, each at three lengths of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from thaiocr.config import schema

Kind: TypeAlias = Literal["rec"]
PresetName: TypeAlias = Literal["dev", "main", "prod"]
LinePresetName: TypeAlias = Literal["line-dev", "line-main", "line-prod"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """How the presets of a kind differ."""

    epochs: int
    batch_size: int
    learning_rate: float
    folder: str
    """Last part of `save_model_dir`."""


PRESETS: Final[Mapping[str, Preset]] = {
    "dev": Preset(epochs=10, batch_size=128, learning_rate=0.001, folder="thai_rec_dev"),
    "main": Preset(epochs=100, batch_size=256, learning_rate=0.001, folder="thai_rec"),
    "prod": Preset(epochs=200, batch_size=256, learning_rate=0.0005, folder="thai_rec_prod"),
}

LINE_PRESETS: Final[Mapping[str, Preset]] = {
    "line-dev": Preset(epochs=10, batch_size=64, learning_rate=0.001, folder="thai_line_dev"),
    "line-main": Preset(epochs=40, batch_size=64, learning_rate=0.001, folder="thai_line_main"),
    "line-prod": Preset(epochs=100, batch_size=128, learning_rate=0.001, folder="thai_line_prod"),
}

DATA_DIR: Final = "./train_data/thai"
DICTIONARY: Final = "thai_letters/th_dict.txt"
LINE_DATA_DIR: Final = "./train_data/thai_lines"
LINE_DICTIONARY: Final = "thai_letters/th_codepoints.txt"
LONGEST_LINE: Final = 40
"""In code points: 25 clusters seldom have more."""


def preset(
    kind: Kind, name: PresetName | LinePresetName, *, data_dir: str | None = None, dictionary: str | None = None
) -> schema.Config:
    """Return a preset that reads `rec_gt_train.txt` and `rec_gt_val.txt` of `data_dir` and the given dictionary.

    CRNN (Shi et al. 2015, arXiv:1507.05717) on MobileNetV3. Left to itself it reads one cluster per image of 32 x 100
    pixels, as the reference trains it, and the loss also guides the network by the parts of a cluster; the presets of
    lines read code points, spaces among them, in images of 32 x 320 pixels.
    """
    assert kind == "rec"
    if name in PRESETS:
        return _preset(PRESETS[name], data_dir or DATA_DIR, dictionary or DICTIONARY, longest=1, width=100)
    data_dir, dictionary = data_dir or LINE_DATA_DIR, dictionary or LINE_DICTIONARY
    return _preset(LINE_PRESETS[name], data_dir, dictionary, longest=LONGEST_LINE, width=320)


def _preset(chosen: Preset, data_dir: str, dictionary: str, *, longest: int, width: int) -> schema.Config:
    is_line = longest > 1
    return schema.Config(
        run=schema.Global(
            epoch_num=chosen.epochs,
            save_model_dir=f"./output/rec/{chosen.folder}",
            save_epoch_step=10,
            cal_metric_during_train=True,
            character_dict_path=dictionary,
            max_text_length=longest,
            use_space_char=is_line,
        ),
        optimizer=schema.Adam(
            lr=schema.Cosine(learning_rate=chosen.learning_rate, warmup_epoch=5),
            regularizer=schema.Regularizer(name="L2", factor=3e-5),
        ),
        architecture=schema.Architecture(
            backbone=schema.MobileNetV3(model_name="large", scale=0.5),
            neck=schema.SequenceEncoder(encoder_type="rnn", hidden_size=96),
            head=schema.CTCHead(fc_decay=1e-5),
        ),
        loss=schema.CTCLoss(parts_guide=None if is_line else schema.PartsGuide(weight=1.0)),
        postprocess=schema.CTCLabelDecode(),
        metric=schema.RecMetric(main_indicator="acc", ignore_space=False),
        train=_feed(data_dir, "train", width, schema.Loader(shuffle=True, batch_size_per_card=chosen.batch_size)),
        eval=_feed(data_dir, "val", width, schema.Loader(batch_size_per_card=chosen.batch_size)),
    )


def _feed(data_dir: str, split: str, width: int, loader: schema.Loader) -> schema.Feed:
    dataset = schema.SimpleDataSet(
        data_dir=data_dir,
        label_file_list=(f"{data_dir.rstrip('/')}/rec_gt_{split}.txt",),
        transforms=(
            schema.DecodeImage(img_mode="BGR"),
            schema.CTCLabelEncode(),
            schema.RecResizeImg(image_shape=(3, 32, width)),
            schema.KeepKeys(),
        ),
    )
    return schema.Feed(dataset=dataset, loader=loader)
