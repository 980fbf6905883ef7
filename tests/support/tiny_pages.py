"""Pages with dark bars for lines of text, and a detector so small that training takes seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from thaiocr.config.det_presets import detection_preset
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_any_text
from thaiocr.config.schema import detection
from thaiocr.engine.train import train
from thaiocr.progress import Progress, silent

SIZE: Final = (128, 96)
"""Height and width of a page."""
NETWORK: Final = (
    "Architecture.Backbone={name: MobileNetV3, model_name: small, scale: 0.35, disable_se: true}",
    "Architecture.Neck={name: DBFPN, out_channels: 16}",
    "Train.dataset.transforms.3.EastRandomCropData.size=[64, 64]",
    "Train.loader.batch_size_per_card=2",
    "Eval.dataset.transforms.2={DetResizeForTest: {image_shape: [128, 96]}}",
    "Global.print_batch_step=1",
    "Global.save_epoch_step=0",
)
RUNS: Final = (*NETWORK, "Global.epoch_num=3", "Optimizer.lr.warmup_epoch=1")
"""Three epochs of two steps on `write_pages(pages=4)`; learns nothing."""
LEARNS: Final = (
    *NETWORK,
    "Global.epoch_num=25",
    "Global.eval_batch_step=[0, 1000]",
    "Optimizer.lr={name: Const, learning_rate: 0.01}",
    "Train.dataset.transforms.2={IaaAugment: {augmenter_args: []}}",
    "Train.dataset.transforms.3.EastRandomCropData.size=[96, 96]",
    "Train.loader.batch_size_per_card=4",
)
"""Finds most bars after its 100 steps on `write_pages(pages=16)`."""


def page(seed: int) -> tuple[Any, list[dict[str, Any]]]:
    """Return a picture and its label: bars one below the other, the first of the second page ignored."""
    random = np.random.default_rng([3, seed])
    pixels = np.full((*SIZE, 3), 235.0) + random.normal(0, 4, (*SIZE, 3))
    boxes = []
    for row in range(3):
        left, width = int(random.integers(6, 20)), int(random.integers(45, 68))
        top, height = 10 + 38 * row + int(random.integers(0, 6)), int(random.integers(16, 22))
        pixels[top : top + height, left : left + width : 3] = 30
        right, bottom = left + width, top + height
        text = "###" if seed == 1 and row == 0 else "ก"
        boxes.append({"transcription": text, "points": [[left, top], [right, top], [right, bottom], [left, bottom]]})
    return pixels.clip(0, 255).astype(np.uint8), boxes


def write_pages(folder: Path, *, pages: int, val_pages: int = 3) -> Path:
    """Write train/ and val/ with their label files; returns the folder."""
    for split, count, seed in (("train", pages, 0), ("val", val_pages, 1000)):
        (folder / split).mkdir(parents=True, exist_ok=True)
        lines = []
        for number in range(count):
            pixels, boxes = page(seed + number)
            cv2.imwrite(str(folder / split / f"{number}.png"), pixels)
            lines.append(f"{split}/{number}.png\t{json.dumps(boxes, ensure_ascii=False)}\n")
        (folder / f"det_gt_{split}.txt").write_text("".join(lines), "utf-8")
    return folder


def config(data: Path, run: Path, *changes: str) -> detection.Config:
    """Return a configuration for a folder of `write_pages`; `changes` are `KEY=VALUE`, as after `-o`."""
    text = to_yaml(detection_preset("dev", data_dir=str(data)))
    found = load_any_text(text, file="tiny.yml", overrides=(f"Global.save_model_dir={run}", *changes)).config
    assert isinstance(found, detection.Config)
    return found


def fit(
    config: detection.Config,
    *,
    resume: Path | None = None,
    progress: Progress = silent,
    echo: Callable[[str], object] = lambda _line: None,
) -> dict[str, Any]:
    """Train, and return the report."""
    return train(config, resume=resume, init_from=None, is_forced=False, echo=echo, progress=progress)
