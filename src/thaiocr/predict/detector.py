"""Pages -> polygons around the lines of text, with an exported detection model.

Its folder is what PaddleOCR's clients read: the network, and `inference.yml` with preprocessing and post-processing.
PaddleOCR's own detection models have the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import yaml

from thaiocr.config.schema.detection import DBPostProcess
from thaiocr.data.detection_images import PagePreprocess, fit_page
from thaiocr.data.images import Pixels
from thaiocr.errors import DataError, did_you_mean
from thaiocr.predict.boxes import Polygon, find_polygons
from thaiocr.predict.runtime import load_network

SETTINGS: Final = "inference.yml"
STEPS: Final = ("DecodeImage", "DetLabelEncode", "DetResizeForTest", "NormalizeImage", "ToCHWImage", "KeepKeys")
"""Of the preprocessing; others are refused."""
RESIZING: Final = ("image_shape", "keep_ratio", "limit_side_len", "limit_type", "resize_long")
SCALES: Final = ("1./255.", 1 / 255, None)
"""Of NormalizeImage: all the same."""


class Detector:
    """Finds lines of text on pages.

    Args:
        folder: An exported detection model.
        engine: What runs the network, a name of `runtime.RUNTIMES`; by default what the folder has a file for.
        threads: Of the network.

    Raises:
        DataError: the folder holds no detection model, or a damaged one.
        EnvironmentProblem: what runs the network is not installed.
    """

    def __init__(self, folder: Path, *, engine: str | None = None, threads: int = 1) -> None:
        self.preprocess, self.postprocess = read_settings(folder)
        self.network = load_network(folder, engine, threads=threads)

    def detect(self, image_HWC: Pixels) -> list[Polygon]:
        """Return the polygons on a BGR page [H, W, 3], in no particular order; a page without pixels has none."""
        if not image_HWC.size:
            return []
        x_1Chw, (width, height) = fit_page(image_HWC, self.preprocess)
        map_11hw = self.network(x_1Chw)
        return find_polygons(map_11hw[0, 0], self.postprocess, width=width, height=height)


def read_settings(folder: Path) -> tuple[PagePreprocess, DBPostProcess]:
    """Return what `inference.yml` of a detection model says.

    Raises:
        DataError: there is none, it cannot be read, or it is of another kind of model.
    """
    path = folder / SETTINGS
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
        steps = _steps(content["PreProcess"]["transform_ops"])
        post = dict(content["PostProcess"])
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no detection model, there is no {SETTINGS}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: damaged, or not the settings of a model; export the model again") from error
    if post.pop("name", None) != "DBPostProcess":
        raise DataError(f"{path}: not a detection model, its PostProcess is not DBPostProcess; give it with --rec")
    problems = [
        f"{path}: PreProcess.transform_ops: {name} is not known{did_you_mean(name, STEPS)}"
        for name in steps
        if name not in STEPS
    ]
    if steps.get("NormalizeImage", {}).get("scale") not in SCALES:
        problems.append(f"{path}: NormalizeImage.scale: expected 1./255., got {steps['NormalizeImage']['scale']!r}")
    known = {field.name for field in fields(DBPostProcess)}
    problems += [
        f"{path}: PostProcess.{key} is not known{did_you_mean(key, known)}" for key in post if key not in known
    ]
    if problems:
        raise DataError(problems)
    return _preprocess(steps), DBPostProcess(**post)


def _steps(values: Any) -> dict[str, dict[str, Any]]:
    return {str(name): dict(options or {}) for step in values for name, options in step.items()}


def _preprocess(steps: Mapping[str, Mapping[str, Any]]) -> PagePreprocess:
    resize, normalize = steps.get("DetResizeForTest", {}), steps.get("NormalizeImage", {})
    options = {name: resize[name] for name in RESIZING if resize.get(name) is not None}
    if "limit_side_len" in options:
        options.pop("resize_long", None)  # as in PaddleOCR; exports give both, see `export.detection`
    options |= {name: tuple(normalize[name]) for name in ("mean", "std") if name in normalize}
    if "image_shape" in options:
        options["image_shape"] = tuple(options["image_shape"])
    return PagePreprocess(img_mode=steps.get("DecodeImage", {}).get("img_mode", "RGB"), **options)
