"""A data set, a configuration and a network so small that training takes seconds, for tests of all that surrounds them.

A picture shows a pattern of 4 x 4 squares, one pattern per dictionary entry, a little shifted and noisy: no fonts are
needed and a network tells the entries apart after some fifty steps.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset
from thaiocr.data.images import Preprocess
from thaiocr.engine.train import train
from thaiocr.engine.trained import evaluation_set, open_trained
from thaiocr.export.bundle import Exported, export_bundle
from thaiocr.predict.bundle import Bundle
from thaiocr.progress import Progress, silent

ENTRIES: Final = ("ก", "ที่", "น้ำ", "ปี", "ผู้", "กั้", "ญู่", "๕", "เ", "ฐ", "ร์", "A")

NETWORK: Final = (
    "Optimizer.regularizer=null",
    "Architecture.Backbone={name: MobileNetV3, model_name: small, scale: 0.35, small_stride: [1, 2, 2, 2]}",
    "Train.dataset.transforms.2.RecResizeImg.image_shape=[3, 32, 8]",
    "Eval.dataset.transforms.2.RecResizeImg.image_shape=[3, 32, 8]",
    "Train.loader.batch_size_per_card=16",
    "Eval.loader.batch_size_per_card=16",
    "Global.save_epoch_step=0",
)
LEARNS: Final = (
    *NETWORK,
    "Architecture.Neck.hidden_size=128",
    "Optimizer.lr={name: Const, learning_rate: 0.003}",
    "Global.epoch_num=6",
    "Global.print_batch_step=4",
)
"""Reads most pictures after its 72 steps on `write_data(images=192)`."""
RUNS: Final = (
    *NETWORK,
    "Architecture.Neck.hidden_size=8",
    "Optimizer.lr={name: Cosine, learning_rate: 0.003, warmup_epoch: 1}",
    "Global.epoch_num=3",
    "Global.print_batch_step=1",
)
"""Three epochs of two steps on `write_data(images=24)`; learns nothing."""

TIMES: Final = frozenset({"images_per_s", "data_wait", "eta_s"})
"""What a record says that depends on the machine."""


def picture(entry: int, seed: int) -> NDArray[np.uint8]:
    """Return one picture of an entry, BGR [40, 40, 3]."""
    squares = np.random.default_rng([7, entry]).random((4, 4)) < 0.5
    pattern = np.kron(np.where(squares, 20, 230), np.ones((8, 8)))
    random = np.random.default_rng([8, entry, seed])
    top, left = random.integers(3, 6, 2)
    canvas = np.full((40, 40), 230.0)
    canvas[top : top + 32, left : left + 32] = pattern
    canvas += random.normal(0, 12, canvas.shape)
    return np.repeat(canvas.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def write_data(folder: Path, *, images: int, val_images: int = 24, entries: tuple[str, ...] = ENTRIES) -> Path:
    """Write dict.txt, train/ and val/ with their label files; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dict.txt").write_text("".join(f"{entry}\n" for entry in entries), "utf-8")
    for split, count, seed in (("train", images, 0), ("val", val_images, 100_000)):
        (folder / split).mkdir(exist_ok=True)
        lines = []
        for number in range(count):
            entry = number % len(entries)
            name = f"{split}/{number:04}.png"
            cv2.imwrite(str(folder / name), picture(entry, seed + number))
            lines.append(f"{name}\t{entries[entry]}\n")
        (folder / f"rec_gt_{split}.txt").write_text("".join(lines), "utf-8")
    return folder


def config(data: Path, run: Path, *changes: str) -> schema.Config:
    """Return a configuration for a folder of `write_data`; `changes` are `KEY=VALUE`, as after `-o`."""
    text = to_yaml(preset("rec", "dev", data_dir=str(data), dictionary=str(data / "dict.txt")))
    return load_text(text, file="tiny.yml", overrides=(f"Global.save_model_dir={run}", *changes)).config


def write_config(data: Path, run: Path, *changes: str) -> Path:
    """Write `config` beside the data."""
    path = data / "tiny.yml"
    path.write_text(to_yaml(config(data, run, *changes)), "utf-8")
    return path


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left."""

    data: Path
    run: Path
    config_file: Path
    report: dict[str, Any]
    lines: list[str]
    """What it said while it ran."""

    @property
    def config(self) -> schema.Config:
        return load_text(self.config_file.read_text("utf-8"), file=str(self.config_file)).config


def fit(
    config: schema.Config,
    *,
    resume: Path | None = None,
    init_from: Path | None = None,
    is_forced: bool = False,
    progress: Progress = silent,
) -> tuple[dict[str, Any], list[str]]:
    """Train; returns report.json's content and the lines said."""
    lines: list[str] = []
    report = train(
        config, resume=resume, init_from=init_from, is_forced=is_forced, echo=lines.append, progress=progress
    )
    return report, lines


_trained: dict[Path, Trained] = {}


def trained(base: Path) -> Trained:
    """Return a training of `LEARNS` that one session makes once, in the session's temporary folder `base`."""
    if base not in _trained:
        data = write_data(base / "trained", images=192)
        file = write_config(data, data / "run", *LEARNS)
        report, lines = fit(load_text(file.read_text("utf-8"), file=str(file)).config)
        _trained[base] = Trained(data, data / "run", file, report, lines)
    return _trained[base]


def exported(base: Path) -> Path:
    """Return the bundle of `trained(base)`, made once as well."""
    model = trained(base)
    folder = model.data / "bundle"
    if not folder.exists():
        export(model, folder)
    return folder


def export(model: Trained, folder: Path, *, engines: tuple[str, ...] = ("paddle", "onnx")) -> Exported:
    """Export to a folder, as the verb does."""
    found = open_trained(model.config, None)
    bundle = Bundle(
        folder=folder,
        preprocess=Preprocess.of(model.config.eval.dataset.transforms),
        dictionary=found.dictionary,
        use_space_char=False,
        details={"metrics": found.metrics},
    )
    batches = evaluation_set(model.config, found.codec, labels=None, progress=silent)
    return export_bundle(found.model, bundle, batches, engines=engines, is_calibrated=True, progress=silent)


def records(run: Path) -> list[dict[str, Any]]:
    """Return metrics.jsonl without the figures that depend on the machine's speed."""
    lines = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]


def content(prefix: Path) -> dict[str, Any]:
    """Return all of a checkpoint but log sizes and the time spent, arrays as bytes: equal is the same bit for bit."""
    found = store.load(prefix)
    states = {key: value for key, value in found.states.items() if key != "log_sizes"}
    states["position"] = {key: value for key, value in states["position"].items() if key != "seconds"}
    return {"weights": _plain(found.weights), "optimizer": _plain(found.optimizer), "states": _plain(states)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


def outcome(run: Path) -> dict[str, Any]:
    """Return all that must be the same in a resumed and in an uninterrupted run."""
    checkpoints = {path.stem: content(path.with_suffix("")) for path in sorted(run.glob("*.states"))}
    return {"checkpoints": checkpoints, "records": records(run)}
