from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from thaiocr.config.det_presets import detection_preset
from thaiocr.config.schema.detection import DBPostProcess
from thaiocr.data.detection_images import PagePreprocess
from thaiocr.export.detection import client_yaml
from thaiocr.predict.detector import SETTINGS, read_settings


def resizing(preprocess: PagePreprocess) -> Any:
    """Return the options of DetResizeForTest in `inference.yml`."""
    steps = yaml.safe_load(client_yaml(preprocess, DBPostProcess()))["PreProcess"]["transform_ops"]
    return next(step["DetResizeForTest"] for step in steps if "DetResizeForTest" in step)


def test_a_limit_is_written_under_the_name_that_paddleocrs_clients_take_for_a_limit() -> None:
    """They ignore limit_side_len and limit_type, and take resize_long for the largest longer side."""
    preprocess = PagePreprocess(limit_side_len=960, limit_type="max")
    assert resizing(preprocess) == {"limit_side_len": 960, "limit_type": "max", "resize_long": 960}


def test_a_detector_configured_by_us_is_resized_by_clients_as_it_is_here() -> None:
    preprocess = PagePreprocess.of(detection_preset("main", data_dir="data").eval.dataset.transforms)
    assert (preprocess.limit_type, preprocess.limit_side_len) == ("max", resizing(preprocess)["resize_long"])


@pytest.mark.parametrize(
    "preprocess",
    [
        PagePreprocess(),
        PagePreprocess(resize_long=960),
        PagePreprocess(limit_side_len=960, limit_type="max"),
        PagePreprocess(limit_side_len=736),
        PagePreprocess(limit_side_len=640, limit_type="resize_long"),
        PagePreprocess(image_shape=(640, 480), keep_ratio=True, img_mode="RGB", mean=(0, 0, 0), std=(1, 1, 1)),
    ],
)
def test_what_is_exported_is_read_back(tmp_path: Path, preprocess: PagePreprocess) -> None:
    postprocess = DBPostProcess(box_thresh=0.7, unclip_ratio=1.8, use_dilation=True)
    (tmp_path / SETTINGS).write_text(client_yaml(preprocess, postprocess), "ascii")
    assert read_settings(tmp_path) == (preprocess, postprocess)
