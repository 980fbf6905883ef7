"""Ready-made recognisers, of single clusters as the reference's and of lines, each at three lengths of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from thaiocr.config import schema

Kind: TypeAlias = Literal["rec"]
PresetName: TypeAlias = Literal["dev", "main", "prod", "compact"]
LinePresetName: TypeAlias = Literal["line-dev", "line-main", "line-prod"]


REFERENCE: Final = schema.MobileNetV3(model_name="large", scale=0.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """How the presets of a kind differ."""

    epochs: int
    batch_size: int
    learning_rate: float
    folder: str
    """Last part of `save_model_dir`."""
    height: int = 32
    width: int = 100
    warmup_epochs: float = 5
    guide_weight: float = 1
    backbone: schema.Backbone = REFERENCE


PRESETS: Final[Mapping[str, Preset]] = {
    "dev": Preset(epochs=10, batch_size=128, learning_rate=0.001, folder="thai_rec_dev"),
    "main": Preset(epochs=100, batch_size=256, learning_rate=0.001, folder="thai_rec"),
    "prod": Preset(epochs=200, batch_size=256, learning_rate=0.0005, folder="thai_rec_prod"),
    "compact": Preset(
        epochs=10,
        batch_size=128,
        learning_rate=0.003,
        folder="thai_rec_compact",
        height=48,
        width=48,
        warmup_epochs=0.5,
        guide_weight=2,
        backbone=schema.CompactResNet(),
    ),
}

LINE_PRESETS: Final[Mapping[str, Preset]] = {
    "line-dev": Preset(epochs=10, batch_size=64, learning_rate=0.001, folder="thai_line_dev", width=320),
    "line-main": Preset(epochs=40, batch_size=64, learning_rate=0.001, folder="thai_line_main", width=320),
    "line-prod": Preset(epochs=100, batch_size=128, learning_rate=0.001, folder="thai_line_prod", width=320),
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
    pixels, as the reference trains it, and the loss also guides the network by the parts of a cluster. `compact` reads
    images of 48 x 48 with CompactResNet and learns several times as fast. The presets of lines read code points, spaces
    among them, in images of 32 x 320 pixels.
    """
    assert kind == "rec"
    if name in PRESETS:
        return _preset(PRESETS[name], data_dir or DATA_DIR, dictionary or DICTIONARY, longest=1)
    data_dir, dictionary = data_dir or LINE_DATA_DIR, dictionary or LINE_DICTIONARY
    return _preset(LINE_PRESETS[name], data_dir, dictionary, longest=LONGEST_LINE)


def _preset(chosen: Preset, data_dir: str, dictionary: str, *, longest: int) -> schema.Config:
    is_line, image = longest > 1, (3, chosen.height, chosen.width)
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
            lr=schema.Cosine(learning_rate=chosen.learning_rate, warmup_epoch=chosen.warmup_epochs),
            regularizer=schema.Regularizer(name="L2", factor=3e-5),
        ),
        architecture=schema.Architecture(
            backbone=chosen.backbone,
            neck=schema.SequenceEncoder(encoder_type="rnn", hidden_size=96),
            head=schema.CTCHead(fc_decay=1e-5),
        ),
        loss=schema.CTCLoss(parts_guide=None if is_line else schema.PartsGuide(weight=chosen.guide_weight)),
        postprocess=schema.CTCLabelDecode(),
        metric=schema.RecMetric(main_indicator="acc", ignore_space=False),
        train=_feed(data_dir, "train", image, schema.Loader(shuffle=True, batch_size_per_card=chosen.batch_size)),
        eval=_feed(data_dir, "val", image, schema.Loader(batch_size_per_card=chosen.batch_size)),
    )


def _feed(data_dir: str, split: str, image: tuple[int, int, int], loader: schema.Loader) -> schema.Feed:
    dataset = schema.SimpleDataSet(
        data_dir=data_dir,
        label_file_list=(f"{data_dir.rstrip('/')}/rec_gt_{split}.txt",),
        transforms=(
            schema.DecodeImage(img_mode="BGR"),
            schema.CTCLabelEncode(),
            schema.RecResizeImg(image_shape=image),
            schema.KeepKeys(),
        ),
    )
    return schema.Feed(dataset=dataset, loader=loader)
