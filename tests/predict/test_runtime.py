from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from thaiocr.data.images import Pixels, normalize
from thaiocr.errors import DataError, EnvironmentProblem
from thaiocr.predict.bundle import INT8, ONNX, PADDLE
from thaiocr.predict.runtime import FILES, RUNTIMES, load_network, load_onnx, load_paddle


def test_onnx_gives_probabilities(bundle: Path, draw: Callable[..., Pixels]) -> None:
    x_NChw = normalize(draw(0, 1, 2, 3, 4)[None], np.array([20]))

    p_NTK = load_onnx(bundle, threads=1)(x_NChw)

    assert p_NTK.shape == (1, 5, 5)
    np.testing.assert_allclose(p_NTK.sum(axis=2), 1, atol=1e-5)
    assert p_NTK.argmax(axis=2).tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("shape", [(1, 40), (5, 40), (2, 80)])
def test_batch_size_and_width_may_change_between_calls(bundle: Path, shape: tuple[int, int]) -> None:
    images, width = shape
    network = load_onnx(bundle, threads=1)
    network(np.zeros((3, 3, 8, 40), np.float32))

    assert network(np.zeros((images, 3, 8, width), np.float32)).shape == (images, width // 4, 5)


def test_the_engine_is_what_the_bundle_has_a_file_for_unless_one_is_named(bundle: Path) -> None:
    (bundle / ONNX).rename(bundle / INT8)
    x_NChw = np.zeros((1, 3, 8, 40), np.float32)

    assert load_network(bundle, threads=1)(x_NChw).shape == (1, 10, 5)
    with pytest.raises(
        DataError, match=r"inference\.onnx: .*no such model; export it with --onnx, or read with --engine int8$"
    ):
        load_network(bundle, "onnx", threads=1)


def test_a_bundle_without_any_network_is_refused(bundle: Path) -> None:
    (bundle / ONNX).unlink()

    with pytest.raises(DataError, match=r"bundle: the bundle holds no network; export it again$"):
        load_network(bundle, threads=1)


@pytest.mark.parametrize("content", [b"", b"damaged", b"\x08\x08"])
def test_a_model_that_onnx_runtime_cannot_load_is_a_message(bundle: Path, content: bytes) -> None:
    (bundle / ONNX).write_bytes(content)

    with pytest.raises(DataError, match=r"inference\.onnx: ONNX Runtime [0-9.]+ cannot load the model: "):
        load_onnx(bundle, threads=1)


def test_without_onnxruntime_the_message_says_what_to_install(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(EnvironmentProblem, match="--engine onnx needs onnxruntime; run: pip install onnxruntime"):
        load_onnx(bundle, threads=1)


def test_without_paddle_the_message_says_what_to_install(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paddle", None)

    with pytest.raises(EnvironmentProblem, match="--engine paddle needs paddlepaddle; run: pip install paddlepaddle"):
        load_paddle(bundle, threads=1)


def test_paddle_gives_what_the_saved_network_gives(tmp_path: Path) -> None:
    import paddle

    paddle.seed(0)
    network = paddle.nn.Sequential(paddle.nn.Conv2D(3, 5, (8, 4), stride=(8, 4)), paddle.nn.Flatten(2))
    network.eval()
    shape = paddle.static.InputSpec([None, 3, 8, None], "float32", name="x")
    paddle.jit.save(paddle.jit.to_static(network, input_spec=[shape], full_graph=True), str(tmp_path / PADDLE))
    random = np.random.default_rng(0)
    loaded = RUNTIMES["paddle"](tmp_path, threads=1)

    for images, width in ((1, 40), (3, 40), (2, 20)):
        x_NChw = random.normal(size=(images, 3, 8, width)).astype(np.float32)
        np.testing.assert_allclose(loaded(x_NChw), network(paddle.to_tensor(x_NChw)).numpy(), atol=1e-5)


def test_every_engine_has_its_file() -> None:
    assert list(FILES) == list(RUNTIMES)
