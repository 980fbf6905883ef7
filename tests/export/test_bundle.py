from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
import paddle
import pytest
import tiny
from numpy.typing import NDArray
from paddle import nn

from thaiocr.engine.evaluate import of_model
from thaiocr.engine.trained import open_trained
from thaiocr.errors import EnvironmentProblem, GateError, UsageError
from thaiocr.export import bundle as bundle_module
from thaiocr.export.onnx_model import write_onnx_model
from thaiocr.export.paddle_model import write_paddle_model
from thaiocr.export.parity import Parity
from thaiocr.predict.bundle import Bundle, open_bundle
from thaiocr.predict.runtime import RUNTIMES, load_network

FILES = {"bundle.json", "dict.txt", "inference.json", "inference.onnx", "inference.pdiparams", "inference.yml"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_bundle_has_every_file_and_records_what_was_measured(trained: tiny.Trained, bundle: Path) -> None:
    assert names(bundle) == FILES
    assert not [path for path in bundle.parent.iterdir() if path.name.startswith(".")]
    opened = open_bundle(bundle)
    assert opened.dictionary.entries == tiny.ENTRIES
    assert opened.preprocess.image_shape == (3, 32, 8)
    assert opened.details["metrics"] == trained.report["best"]
    assert [(each["engine"], each["images"], each["same_text"]) for each in opened.details["parity"]] == [
        ("paddle", 24, 24),
        ("onnx", 24, 24),
    ]
    assert all(each["max_difference"] < 1e-4 for each in opened.details["parity"])
    sizes = [(bundle / "inference.json").stat().st_size + (bundle / "inference.pdiparams").stat().st_size]
    sizes.append((bundle / "inference.onnx").stat().st_size)
    assert [each["size"] for each in opened.details["parity"]] == sizes
    assert opened.temperature == opened.details["calibration"]["temperature"]
    assert opened.details["calibration"]["images"] == 24
    assert set(json.loads((bundle / "bundle.json").read_text("utf-8"))["files"]) == FILES - {"bundle.json"}


@pytest.mark.parametrize("engine", ["onnx", "paddle"])
def test_batch_and_width_are_free_and_the_numbers_those_of_the_trained_network(
    trained: tiny.Trained, bundle: Path, engine: str
) -> None:
    exported = RUNTIMES[engine](bundle, threads=1)
    network = of_model(open_trained(trained.config, None).model)
    for shape in ((1, 3, 32, 8), (5, 3, 32, 40), (2, 3, 32, 17)):
        x_NChw = np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)
        np.testing.assert_allclose(exported(x_NChw), network(x_NChw), atol=1e-5)


def test_the_exported_network_has_the_networks_parameters_and_none_of_the_guide(
    trained: tiny.Trained, bundle: Path
) -> None:
    exported = paddle.jit.load(str(bundle / "inference")).state_dict().values()
    model = open_trained(trained.config, None).model
    # Paddle counts the LSTM's weights twice, as the LSTM's and as its cells'; the export keeps each once.
    wanted = {id(value): tuple(value.shape) for value in model.state_dict().values()}
    found = [tuple(value.shape) for value in exported if value.shape]  # a lone number is a constant of the graph
    assert Counter(found) == Counter(wanted.values())


@pytest.mark.slow
def test_an_8_bit_model_is_smaller_reads_the_same_and_may_come_alone(trained: tiny.Trained, tmp_path: Path) -> None:
    (parity,) = tiny.export(trained, tmp_path / "small", engines=("int8",)).parities

    assert names(tmp_path / "small") == {"bundle.json", "dict.txt", "inference.int8.onnx", "inference.yml"}
    assert parity.engine == "int8"
    assert parity.same_text >= 0.99 * parity.images
    assert 0 < parity.max_difference < 0.1
    assert parity.size == (tmp_path / "small" / "inference.int8.onnx").stat().st_size
    operators = {node.op_type for node in onnx.load(tmp_path / "small" / "inference.int8.onnx").graph.node}
    assert {"DynamicQuantizeLSTM", "MatMulInteger", "Conv"} <= operators
    assert "QuantizeLinear" not in operators
    network = load_network(tmp_path / "small", threads=1)
    assert network(np.zeros((2, 3, 32, 8), np.float32)).shape == (2, 2, len(tiny.ENTRIES) + 1)


@pytest.mark.parametrize(
    ("same_text", "difference", "is_close"),
    [(256, 1.0, True), (244, 0.05, True), (243, 0.05, False), (256, float("nan"), False)],
)
def test_an_8_bit_model_may_differ_a_little(same_text: int, difference: float, is_close: bool) -> None:
    assert Parity("int8", 256, same_text, difference, 1).is_close is is_close
    assert not Parity("onnx", 256, same_text, difference, 1).is_close


# -- The gate ----------------------------------------------------------------------------------------------------------

Change: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def swap_classes(weight_EK: NDArray[np.float32]) -> NDArray[np.float32]:
    return weight_EK[:, [0, *range(2, weight_EK.shape[1]), 1]]


def tamper(model: nn.Layer, folder: Path, change: Change) -> None:
    """Change the weights of the head in an exported model's file."""
    weight = model.head.fc.weight.numpy()
    file = folder / "inference.pdiparams"
    before, found, after = file.read_bytes().partition(weight.tobytes())
    assert found
    file.write_bytes(before + np.ascontiguousarray(change(weight)).tobytes() + after)


def written_with(bundle: Path, change: Change) -> Callable[[nn.Layer, Bundle], None]:
    """Return a `write_paddle_model` that writes other weights than it gets."""

    def write(model: nn.Layer, staged: Bundle) -> None:
        for name in ("inference.json", "inference.pdiparams"):
            shutil.copy(bundle / name, staged.folder)
        tamper(model, staged.folder, change)

    return write


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda weight: weight * np.float32(1.02),
            r"reads 2\d of 24 .* probabilities differ by up to 0\.0",
            marks=pytest.mark.slow,
            id="a little off",
        ),
        pytest.param(
            lambda weight: weight * np.float32(np.nan), "probabilities differ by up to nan", id="not a number"
        ),
    ],
)
def test_other_probabilities_than_the_trained_networks_do_not_leave(
    trained: tiny.Trained, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change, message: str
) -> None:
    monkeypatch.setattr(bundle_module, "write_paddle_model", written_with(bundle, change))
    with pytest.raises(GateError, match=message):
        tiny.export(trained, tmp_path / "bundle", engines=("paddle",))


def test_what_reads_something_else_does_not_leave_and_an_older_bundle_stays_as_it_was(
    trained: tiny.Trained, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = Path(shutil.copytree(bundle, tmp_path / "older"))
    before = {path: path.read_bytes() for path in older.iterdir()}
    monkeypatch.setattr(bundle_module, "write_paddle_model", written_with(bundle, swap_classes))

    with pytest.raises(GateError, match=r"no bundle written: the paddle model reads \d of 24 images"):
        tiny.export(trained, older, engines=("paddle",))

    assert names(tmp_path) == {"older"}
    assert {path: path.read_bytes() for path in older.iterdir()} == before


def test_an_onnx_model_that_differs_from_the_paddle_model_does_not_leave(
    trained: tiny.Trained, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_other(folder: Path) -> None:
        right = (folder / "inference.pdiparams").read_bytes()
        tamper(open_trained(trained.config, None).model, folder, swap_classes)
        write_onnx_model(folder)
        (folder / "inference.pdiparams").write_bytes(right)

    monkeypatch.setattr(bundle_module, "write_paddle_model", written_with(bundle, lambda weight: weight))
    monkeypatch.setattr(bundle_module, "write_onnx_model", write_other)
    with pytest.raises(GateError) as caught:
        tiny.export(trained, tmp_path / "new")
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("no bundle written: the onnx model reads ")
    assert names(tmp_path) == set()


# -- The folder --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_exporting_again_gives_the_same_weights_in_place_of_the_whole_older_bundle(
    trained: tiny.Trained, bundle: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    (folder / "inference.pdiparams").write_bytes(b"older")
    tiny.export(trained, folder, engines=("paddle",))
    assert names(folder) == FILES - {"inference.onnx"}
    assert names(tmp_path) == {"bundle"}
    assert folder.stat().st_mode & 0o777 == 0o755
    for name in ("inference.pdiparams", "inference.yml", "dict.txt"):
        assert (folder / name).read_bytes() == (bundle / name).read_bytes()


@pytest.mark.slow
def test_writing_leaves_the_network_as_it_was(trained: tiny.Trained, bundle: Path, tmp_path: Path) -> None:
    """Otherwise the gate would compare the exported model with itself."""
    model = open_trained(trained.config, None).model
    forward = model.forward
    write_paddle_model(model, replace(open_bundle(bundle), folder=tmp_path))
    assert model.forward == forward


def test_a_folder_that_is_no_bundle_is_not_replaced(trained: tiny.Trained, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious.txt").write_text("x")
    with pytest.raises(UsageError, match="data: is not empty, and not a bundle"):
        tiny.export(trained, tmp_path / "data")
    assert names(tmp_path / "data") == {"precious.txt"}


@pytest.mark.parametrize("place", ["file", "file/bundle"])
def test_a_place_that_cannot_be_written_is_an_environment_problem(
    trained: tiny.Trained, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentProblem, match=rf"{place}: cannot write the bundle there: .*; choose another"):
        tiny.export(trained, tmp_path / place)
    assert names(tmp_path) == {"file"}
    assert (tmp_path / "file").read_text() == "x"
