"""Ready-made detectors: DB with PaddleOCR's mobile network, at three lengths of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from thaiocr.config import schema
from thaiocr.config.presets import PresetName
from thaiocr.config.schema import detection


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """How the presets differ."""

    epochs: int
    batch_size: int
    sides: tuple[int, ...]
    """Of the square that is cut out of a page for training, in pixels; with several, each batch has one of them."""
    learning_rate: float
    folder: str
    """Last part of `save_model_dir`."""


PRESETS: Final[Mapping[PresetName, Preset]] = {
    "dev": Preset(epochs=10, batch_size=4, sides=(320, 480), learning_rate=0.002, folder="thai_det_dev"),
    "main": Preset(epochs=100, batch_size=8, sides=(640,), learning_rate=0.001, folder="thai_det"),
    "prod": Preset(epochs=500, batch_size=16, sides=(640,), learning_rate=0.001, folder="thai_det_prod"),
}


DATA_DIR: Final = "./train_data/pages"
SHRINK: Final = 0.7
"""PaddleOCR's 0.4 makes 2 pixels of a long line of 15, and no single `unclip_ratio` grows both long lines and short
ones back from that. With the targets themselves as predictions hmean is at best 0.944, with 0.7 1 (docs/pages.md)."""
UNCLIP: Final = 0.7
"""0.5 finds more lines on val (docs/pages.md), but cuts through tone marks."""
RESIZE: Final = (0.45, 1.2)
"""Evaluation shrinks pages of 1,000 to 1,750 pixels to 960."""


def detection_preset(name: PresetName, *, data_dir: str = DATA_DIR) -> detection.Config:
    """Return a preset that reads `det_gt_train.txt` and `det_gt_val.txt` of `data_dir`.

    DB (Liao et al. 2020, arXiv:1911.08947) with the network of PP-OCRv3's mobile detector (arXiv:2206.03001).
    """
    chosen = PRESETS[name]
    return detection.Config(
        run=schema.Global(
            epoch_num=chosen.epochs,
            save_model_dir=f"./output/det/{chosen.folder}",
            save_epoch_step=10,
        ),
        optimizer=schema.Adam(
            lr=schema.Cosine(learning_rate=chosen.learning_rate, warmup_epoch=2),
            regularizer=schema.Regularizer(name="L2", factor=5e-5),
        ),
        architecture=detection.Architecture(
            backbone=detection.MobileNetV3(model_name="large", scale=0.5, disable_se=True),
            neck=detection.RSEFPN(out_channels=96, shortcut=True),
            head=detection.DBHead(k=50),
        ),
        loss=detection.DBLoss(),
        postprocess=detection.DBPostProcess(thresh=0.3, box_thresh=0.6, max_candidates=1000, unclip_ratio=UNCLIP),
        metric=detection.DetMetric(main_indicator="hmean"),
        train=_train(data_dir, chosen),
        eval=_eval(data_dir),
    )


def _train(data_dir: str, chosen: Preset) -> detection.Feed:
    # Text is not mirrored: a mirrored line is none that anyone has to find.
    augmenters = (
        detection.Augmenter(type="Affine", args=detection.AugmenterArgs(rotate=(-10.0, 10.0))),
        detection.Augmenter(type="Resize", args=detection.AugmenterArgs(size=RESIZE)),
    )
    steps = (
        detection.IaaAugment(augmenter_args=augmenters),
        detection.EastRandomCropData(
            size=(chosen.sides[-1], chosen.sides[-1]),
            max_tries=50,
            multi_scale=chosen.sides if len(chosen.sides) > 1 else (),
            whole_text=False,
        ),
        detection.MakeBorderMap(shrink_ratio=SHRINK),
        detection.MakeShrinkMap(shrink_ratio=SHRINK),
    )
    loader = schema.Loader(shuffle=True, batch_size_per_card=chosen.batch_size)
    return _feed(data_dir, "train", steps, detection.TRAIN_KEYS, loader)


def _eval(data_dir: str) -> detection.Feed:
    # The one way that an exported model can ask PaddleOCR 3.7's clients for, too: see `export.detection`.
    steps = (detection.DetResizeForTest(limit_side_len=960, limit_type="max"),)
    return _feed(data_dir, "val", steps, detection.EVAL_KEYS, schema.Loader(batch_size_per_card=1))


def _feed(
    data_dir: str, split: str, steps: tuple[detection.Transform, ...], keys: tuple[str, ...], loader: schema.Loader
) -> detection.Feed:
    dataset = detection.SimpleDataSet(
        data_dir=data_dir,
        label_file_list=(f"{data_dir.rstrip('/')}/det_gt_{split}.txt",),
        transforms=(
            schema.DecodeImage(img_mode="BGR"),
            detection.DetLabelEncode(),
            *steps,
            detection.NormalizeImage(),
            detection.ToCHWImage(),
            detection.KeepKeys(keep_keys=keys),
        ),
    )
    return detection.Feed(dataset=dataset, loader=loader)
