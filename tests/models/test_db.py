"""DB's networks: shapes, what fix_nan hides, and that an exported network gives the same map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from thaiocr.config.schema import detection
from thaiocr.export.detection import write_networks
from thaiocr.models.db import DB
from thaiocr.predict.runtime import RUNTIMES

BACKBONES = {
    "mobilenet": detection.MobileNetV3(model_name="small", scale=0.35),
    "resnet": detection.ResNet_vd(layers=18),
    "lcnet": detection.PPLCNetV3(scale=0.35, det=True),
}


def network(backbone: Any, neck: Any = None, **head: Any) -> DB:
    paddle.seed(1)
    return DB(
        detection.Architecture(
            backbone=backbone, neck=neck or detection.RSEFPN(out_channels=16), head=detection.DBHead(**head)
        )
    )


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("neck", [detection.DBFPN(out_channels=16), detection.RSEFPN(out_channels=16, shortcut=False)])
def test_maps_have_the_size_of_the_image(backbone: str, neck: Any) -> None:
    model = network(BACKBONES[backbone], neck)
    x_N3HW = paddle.rand([2, 3, 64, 96])

    maps_N3HW = model(x_N3HW)
    model.eval()
    map_N1HW = model(x_N3HW)

    assert (maps_N3HW.shape, map_N1HW.shape) == ([2, 3, 64, 96], [2, 1, 64, 96])
    assert 0 <= float(maps_N3HW.min()) <= float(maps_N3HW.max()) <= 1


def test_fix_nan_counts_nan_as_nothing_while_training_only() -> None:
    """Not what a file should ask for: it hides the pictures that are wrong."""
    x_N3HW = paddle.full([1, 3, 32, 32], float("nan"))

    fixed, plain = (network(BACKBONES["resnet"], fix_nan=flag) for flag in (True, False))

    assert np.isfinite(fixed(x_N3HW).numpy()).all()
    fixed.eval()
    plain.eval()
    assert np.isnan(plain(x_N3HW).numpy()).all() == np.isnan(fixed(x_N3HW).numpy()).all()


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_an_exported_network_gives_the_same_map_at_any_size(backbone: str, tmp_path: Path) -> None:
    model = network(BACKBONES[backbone])
    model(paddle.rand([2, 3, 64, 64]))  # so that batch norm has statistics
    write_networks(model, tmp_path, ("paddle", "onnx"))

    model.eval()
    for shape in ([1, 3, 64, 96], [2, 3, 128, 32]):
        x_N3HW = np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)
        wanted_N1HW = model(paddle.to_tensor(x_N3HW)).numpy()
        for engine in ("paddle", "onnx"):
            found_N1HW = RUNTIMES[engine](tmp_path, threads=1)(x_N3HW)
            np.testing.assert_allclose(found_N1HW, wanted_N1HW, atol=1e-4, err_msg=engine)
