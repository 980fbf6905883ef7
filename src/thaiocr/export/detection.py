"""A trained detector -> a folder that PaddleOCR's clients and `thaiocr predict --det` read.

    inference.json, inference.pdiparams   the network for Paddle and PaddleOCR
    inference.yml                         preprocessing and post-processing
    inference.onnx                        the network for ONNX Runtime
    bundle.json                           what was measured and proved

h, w pixels of the input
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import numpy as np
import paddle
import yaml
from numpy.typing import NDArray

from thaiocr import __version__
from thaiocr.config.schema import detection
from thaiocr.data.detection_images import PagePreprocess
from thaiocr.data.detection_loader import PageBatches
from thaiocr.errors import EnvironmentProblem, GateError
from thaiocr.export.bundle import check_free, put_in_place
from thaiocr.export.onnx_model import write_onnx_model
from thaiocr.models.db import DB
from thaiocr.predict.boxes import find_polygons
from thaiocr.predict.bundle import FORMAT, MANIFEST, PADDLE
from thaiocr.predict.runtime import FILES, RUNTIMES
from thaiocr.progress import Progress

CLIENT_MODEL_NAME: Final = "PP-OCRv5_mobile_det"
"""PaddleX accepts only names of its own list; the network is not checked."""
TOLERANCE: Final = 1e-3
"""Largest allowed difference of any probability."""
PAGES: Final = 8
"""On which an exported network is compared."""
RESIZING: Final = ("image_shape", "keep_ratio", "limit_side_len", "limit_type", "resize_long")


@dataclass(frozen=True, slots=True)
class MapParity:
    """How close an exported detector is to the trained one."""

    engine: str
    pages: int
    same_polygons: int
    """Pages on which every corner is the same."""
    max_difference: float
    """Of any probability."""


def export_detector(
    model: DB,
    folder: Path,
    batches: PageBatches,
    postprocess: detection.DBPostProcess,
    *,
    engines: Collection[str],
    details: Mapping[str, Any],
    progress: Progress,
) -> list[MapParity]:
    """Write a detector into its folder, which appears only after the parity gate and replaces an older one.

    Args:
        model: The trained network.
        folder: Where to.
        batches: The evaluation set, for the gate; its preprocessing is the exported one.
        postprocess: How a map becomes polygons.
        engines: `paddle`, `onnx` or both.
        details: What to record beside: metrics.
        progress: Shows the comparison.

    Raises:
        GateError: an exported model gives another map than the trained one.
        UsageError: something else than a bundle is in the folder.
        EnvironmentProblem: the folder cannot be written.
    """
    check_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            (staged / f"{PADDLE}.yml").write_text(client_yaml(batches.preprocess, postprocess), encoding="ascii")
            write_networks(model, staged, engines)
            parities = check_maps(model, staged, batches, postprocess, engines, progress=progress)
            manifest = {
                "format": FORMAT,
                "model_type": "det",
                "parity": [asdict(parity) for parity in parities],
                "made_by": {"thaiocr": __version__, "python": platform.python_version()},
                **details,
            }
            (staged / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            put_in_place(staged, folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    except OSError as error:
        raise EnvironmentProblem(f"{folder}: cannot write there: {error.strerror}; choose another -o") from error
    return parities


def client_yaml(preprocess: PagePreprocess, postprocess: detection.DBPostProcess) -> str:
    """Return `inference.yml` for PaddleOCR 3.x.

    Its clients take the value of resize_long for the largest longer side, and do not know limit_side_len; where both
    are given, PaddleOCR and `predict.detector` go by limit_side_len. So a limit is written under both names.
    """
    defaults = {field.name: field.default for field in fields(PagePreprocess)}
    resizing = {name: getattr(preprocess, name) for name in RESIZING}
    resizing = {name: value for name, value in resizing.items() if value != defaults[name]}
    if preprocess.limit_side_len is not None and preprocess.limit_type == "max":
        resizing["resize_long"] = preprocess.limit_side_len
    normalize = {
        "scale": "1./255.",
        "mean": list(preprocess.mean),
        "std": list(preprocess.std),
        "order": "hwc",
    }
    document = {
        "Global": {"model_name": CLIENT_MODEL_NAME},
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": preprocess.img_mode}},
                {"DetResizeForTest": {name: _plain(value) for name, value in resizing.items()} or None},
                {"NormalizeImage": normalize},
                {"ToCHWImage": None},
                {"KeepKeys": {"keep_keys": list(detection.EVAL_KEYS)}},
            ]
        },
        "PostProcess": {"name": "DBPostProcess", **asdict(postprocess)},
    }
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def write_networks(model: DB, folder: Path, engines: Collection[str]) -> None:
    """Write the network for Paddle, for ONNX Runtime or for both; size and number of the images stay free."""
    model.eval()
    shape = paddle.static.InputSpec([None, 3, None, None], "float32", name="x")
    paddle.jit.save(model.for_export(), str(folder / PADDLE), input_spec=[shape])
    if "onnx" in engines:
        write_onnx_model(folder)
    if "paddle" not in engines:
        for file in FILES["paddle"]:
            (folder / file).unlink()


def check_maps(
    model: DB,
    folder: Path,
    batches: PageBatches,
    postprocess: detection.DBPostProcess,
    engines: Iterable[str],
    *,
    progress: Progress,
) -> list[MapParity]:
    """Compare the trained network with the exported ones on the first pages of the evaluation set.

    Raises:
        GateError: a probability differs by more than `TOLERANCE`.
    """
    networks = {engine: RUNTIMES[engine](folder, threads=1) for engine in engines}
    count = min(PAGES, len(batches.data.samples))
    same, worst = dict.fromkeys(networks, 0), dict.fromkeys(networks, 0.0)
    model.eval()
    with progress("comparing the exported model", count) as advance:
        for row in range(count):
            page = batches.whole_page(row)
            with paddle.no_grad():
                wanted_hw = np.asarray(model(paddle.to_tensor(page.x_1Chw)))[0, 0]
            polygons = _polygons(wanted_hw, postprocess, page.shown)
            for engine, network in networks.items():
                found_hw = network(page.x_1Chw)[0, 0]
                # np.maximum keeps NaN, max would drop it.
                worst[engine] = float(np.maximum(worst[engine], np.abs(found_hw - wanted_hw).max()))
                same[engine] += _polygons(found_hw, postprocess, page.shown) == polygons
            advance(1)
    found = [MapParity(engine, count, same[engine], worst[engine]) for engine in networks]
    failed = [each for each in found if not each.max_difference <= TOLERANCE]
    if failed:
        raise GateError(
            f"nothing written: the probabilities of the {each.engine} model differ from those of the trained one by "
            f"up to {each.max_difference:.2g} (allowed {TOLERANCE:g})"
            for each in failed
        )
    return found


def _polygons(map_hw: NDArray[np.float32], options: detection.DBPostProcess, shown: tuple[int, int]) -> list[Any]:
    width, height = shown
    return [polygon.points_K2.tolist() for polygon in find_polygons(map_hw, options, width=width, height=height)]
