"""A bundle whose network reads grey stripes: a whole one, made in milliseconds and without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Final, TypeAlias

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from thaiocr.data.images import Pixels, Preprocess
from thaiocr.predict.bundle import DICTIONARY, ONNX, Bundle, seal
from thaiocr.text.dictionary import Dictionary

ENTRIES: Final = ("ก", "กี่", "น้ำ", "A")
LEVELS: Final = np.array([0, -0.9, -0.45, 0.45, 0.9], np.float32)
"""Class -> the grey, from -1 (black) to 1 (white), that shows it; blank is what images are padded with."""
PREPROCESS: Final = Preprocess(image_shape=(3, 8, 40))
STRIPE: Final = 4
"""Columns of a time step."""

Draw: TypeAlias = Callable[..., Pixels]


def _network() -> onnx.ModelProto:
    """x_N3hw -> probabilities_NTK: the mean grey of every four columns, compared with the level of each class."""
    constants = {
        "stripes": np.array([0, -1, STRIPE], np.int64),
        "levels": LEVELS,
        "sharpness": np.array(-60, np.float32),
    }
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["row"], axes=[1, 2], keepdims=0),
        helper.make_node("Reshape", ["row", "stripes"], ["columns"]),
        helper.make_node("ReduceMean", ["columns"], ["grey"], axes=[2], keepdims=1),
        helper.make_node("Sub", ["grey", "levels"], ["distance"]),
        helper.make_node("Mul", ["distance", "distance"], ["square"]),
        helper.make_node("Mul", ["square", "sharpness"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "stripes",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, PREPROCESS.image_shape[1], "W"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", "T", len(LEVELS)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    return model


@pytest.fixture(scope="session")
def _sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stripes") / "bundle"
    folder.mkdir()
    onnx.save(_network(), str(folder / ONNX))
    dictionary = Dictionary(ENTRIES)
    dictionary.save(folder / DICTIONARY)
    seal(
        Bundle(
            folder=folder,
            preprocess=PREPROCESS,
            dictionary=dictionary,
            use_space_char=False,
            details={"architecture": "stripes", "metrics": {"acc": 0.123456789}},
        )
    )
    return folder


@pytest.fixture
def bundle(_sealed: Path, tmp_path: Path) -> Path:
    """A sealed bundle of the test's own."""
    return Path(copytree(_sealed, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Return BGR pixels [8, W, 3] that show class ids, a stripe each; blank is a class like any other."""

    def stripes(*classes: int) -> Pixels:
        row_W: NDArray[np.float32] = np.repeat(LEVELS[list(classes)], STRIPE)
        return np.broadcast_to(((row_W + 1) * 127.5).round().astype(np.uint8)[None, :, None], (8, len(row_W), 3)).copy()

    return stripes
