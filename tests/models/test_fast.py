"""The CPU kernels against paddle's own operations: the same output, running statistics and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray
from paddle import nn

from thaiocr.config import schema
from thaiocr.models import build_model, fast
from thaiocr.models.layers import ConvBNLayer, SEModule
from thaiocr.models.mobilenet_v3 import Block, ResidualUnit

pytest.importorskip("numba")
from thaiocr.models.fast import convolution, functions, parallel, winograd
from thaiocr.models.fast.depthwise import depthwise, depthwise_gradient
from thaiocr.models.fast.functions import Back, Gradients
from thaiocr.models.fast.inverted_residual import residual_unit
from thaiocr.models.fast.norm import norm_act

Arrays = dict[str, NDArray[np.float32]]
Operation = Callable[[NDArray[np.float32], Gradients], tuple[NDArray[np.float32], Back]]


def run(layer: nn.Layer, forward: Callable[[paddle.Tensor], paddle.Tensor], x: NDArray[np.float32]) -> Arrays:
    """Return output, gradients by input and parameters, and running statistics of one step of paddle's operations."""
    layer.clear_gradients()
    x_tensor = paddle.to_tensor(x, stop_gradient=False)
    y = forward(x_tensor)
    (y * paddle.to_tensor(weights(y.shape))).sum().backward()
    found = {"y": np.asarray(y), "dx": np.asarray(x_tensor.grad)}
    found |= {f"d{name}": np.asarray(p.grad) for name, p in layer.named_parameters() if p.grad is not None}
    return found | statistics(layer)


def run_fast(layer: nn.Layer, operation: Operation, x: NDArray[np.float32]) -> Arrays:
    """Do the same with one of our operations, which is channels last."""
    gradients: Gradients = {}
    y, back = operation(np.ascontiguousarray(x.transpose(0, 2, 3, 1)), gradients)
    y_NCHW = y.transpose(0, 3, 1, 2)
    dx = back(np.ascontiguousarray(weights(y_NCHW.shape).transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2)
    named = {f"d{name}": gradients[id(p)] for name, p in layer.named_parameters() if id(p) in gradients}
    return {"y": y_NCHW, "dx": dx, **named, **statistics(layer)}


def weights(shape: Sequence[int]) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=tuple(shape)).astype(np.float32)


def statistics(layer: nn.Layer) -> Arrays:
    return {name: np.array(p) for name, p in layer.named_parameters() if name.endswith(("_mean", "_variance"))}


def assert_same(ours: Arrays, paddles: Arrays, tolerance: float = 1e-5) -> None:
    assert ours.keys() == paddles.keys()
    for name, expected in paddles.items():
        scale = max(float(np.abs(expected).max()), 1e-3)
        np.testing.assert_allclose(ours[name] / scale, expected / scale, atol=tolerance, err_msg=name)


def clone(make: Callable[[], nn.Layer]) -> tuple[nn.Layer, nn.Layer]:
    first, second = make(), make()
    rng = np.random.default_rng(0)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        values = rng.uniform(0.2, 0.8, one.shape).astype(np.float32)
        one.set_value(values)
        other.set_value(values)
    return first, second


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, (2, 1), (2, 2), (1, 2), (3, 1)])
@pytest.mark.parametrize("shape", [(1, 7, 1, 1), (2, 5, 9, 2), (3, 8, 2, 13), (5, 19, 7, 6)])
def test_depthwise_convolution(kernel_size: int, stride: tuple[int, int] | int, shape: tuple[int, ...]) -> None:
    def make() -> nn.Conv2D:
        pad = (kernel_size - 1) // 2
        return nn.Conv2D(shape[1], shape[1], kernel_size, stride, pad, groups=shape[1], bias_attr=False)

    ours, paddles = clone(make)
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    expected = run(paddles, paddles, x)

    def operation(x: NDArray[np.float32], gradients: Gradients) -> tuple[NDArray[np.float32], Back]:
        filters = np.ascontiguousarray(functions.view(ours.weight)[:, 0].transpose(1, 2, 0))
        y = np.empty(np.take(expected["y"].shape, (0, 2, 3, 1)), np.float32)
        depthwise(x, filters, *ours._stride, y)

        def back(dy: NDArray[np.float32]) -> NDArray[np.float32]:
            dx, dfilters = np.empty_like(x), np.empty_like(filters)
            depthwise_gradient(x, filters, dy, *ours._stride, dx, dfilters)
            gradients[id(ours.weight)] = dfilters.transpose(2, 0, 1)[:, None]
            return dx

        return y, back

    assert_same(run_fast(ours, operation, x), expected)


@pytest.mark.parametrize("shape", [(1, 7, 1, 1), (3, 8, 2, 13), (33, 19, 7, 6)])
def test_pointwise_convolution(shape: tuple[int, ...]) -> None:
    ours, paddles = clone(lambda: nn.Conv2D(shape[1], 11, 1, bias_attr=False))
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)

    found = run_fast(ours, lambda x, gradients: functions.pointwise(x, ours, gradients), x)

    assert_same(found, run(paddles, paddles, x))


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("stride", [1, (2, 1), (2, 2), (1, 2)])
@pytest.mark.parametrize("shape", [(1, 7, 1, 1), (3, 8, 2, 13), (33, 19, 7, 6)])
def test_convolution(
    kernel_size: int, stride: tuple[int, int] | int, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "CACHED", 200_000)  # of the largest shape, a few images at a time
    pad = (kernel_size - 1) // 2
    ours, paddles = clone(lambda: nn.Conv2D(shape[1], 11, kernel_size, stride, pad, bias_attr=False))
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)

    found = run_fast(ours, lambda x, gradients: convolution.convolution(x, ours, gradients), x)

    assert_same(found, run(paddles, paddles, x))


@pytest.mark.parametrize("shape", [(1, 7, 1, 1), (3, 8, 2, 13), (33, 19, 7, 6)])
def test_convolution_by_winograds_products(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "CACHED", 100_000)  # of the largest shape, a few images at a time
    ours, paddles = clone(lambda: nn.Conv2D(shape[1], 11, 3, 1, 1, bias_attr=False))
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)

    found = run_fast(ours, lambda x, gradients: winograd.convolution(x, ours, gradients), x)

    assert_same(found, run(paddles, paddles, x))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (9, 3, 8, 13)])
def test_the_stem_gives_output_and_the_gradient_of_its_filter(stride: int, shape: tuple[int, ...]) -> None:
    ours, paddles = clone(lambda: nn.Conv2D(3, 5, 3, stride, 1, bias_attr=False))
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    expected = run(paddles, paddles, x)
    gradients: Gradients = {}

    y, back = functions.stem(x, ours, gradients)
    back(np.ascontiguousarray(weights(expected["y"].shape).transpose(0, 2, 3, 1)))

    found = {"y": y.transpose(0, 3, 1, 2), "dweight": gradients[id(ours.weight)]}
    assert_same(found, {name: expected[name] for name in found})


@pytest.mark.parametrize("act", [None, "relu", "hardswish"])
@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("shape", [(1, 3, 1, 9), (4, 5, 3, 7), (64, 9, 4, 25)])
def test_norm_and_activation(act: str, is_training: bool, shape: tuple[int, ...]) -> None:
    ours, paddles = clone(lambda: ConvBNLayer(shape[1], shape[1], 1, act=act))  # type: ignore[arg-type]
    for layer in (ours, paddles):
        layer.train() if is_training else layer.eval()
        layer.conv.forward = lambda x: x
    x = np.random.default_rng(3).normal(4, 2, size=shape).astype(np.float32)

    found = run_fast(ours, lambda x, gradients: norm_act(x, ours.bn, act, gradients), x)

    expected = run(paddles, paddles, x)
    names = expected if is_training else ("y", "bn._mean", "bn._variance")
    assert_same({name: found[name] for name in names}, {name: expected[name] for name in names})


def test_squeeze_and_excite() -> None:
    ours, paddles = clone(lambda: SEModule(12))
    x = np.random.default_rng(4).normal(size=(3, 12, 2, 5)).astype(np.float32)

    found = run_fast(ours, lambda x, gradients: functions.squeeze_and_excite(x, ours, gradients), x)

    assert_same(found, run(paddles, paddles, x))


@pytest.mark.parametrize(
    "shape", [(1, 3, 2, 2), (5, 4, 3, 9), (20, 6, 2, 25), (3, 5, 1, 8), (2, 5, 4, 1), (2, 3, 1, 1)]
)
def test_max_pooling(shape: tuple[int, ...]) -> None:
    pool = nn.MaxPool2D(2, 2)
    x = np.random.default_rng(5).normal(size=shape).astype(np.float32)

    assert_same(run_fast(pool, lambda x, _: functions.max_pool(x), x), run(pool, pool, x))


@pytest.mark.parametrize("squeeze", [False, True])
@pytest.mark.parametrize("stride", [1, (2, 1)])
@pytest.mark.parametrize("images", [1, 6, 35])
def test_a_residual_unit(squeeze: bool, stride: tuple[int, int] | int, images: int) -> None:
    ours, paddles = clone(lambda: ResidualUnit(8, 24, 8, Block(5, 24, 8, squeeze, "hardswish"), stride))
    x = np.random.default_rng(5).normal(size=(images, 8, 4, 9)).astype(np.float32)

    found = run_fast(ours, lambda x, gradients: residual_unit(x, ours, gradients), x)

    assert_same(found, run(paddles, paddles, x), 3e-5)


def test_a_residual_unit_computes_the_same_bits_on_any_number_of_cores() -> None:
    x = np.random.default_rng(5).normal(size=(7, 8, 4, 9)).astype(np.float32)

    def step(cores: int) -> Arrays:
        unit, _ = clone(lambda: ResidualUnit(8, 24, 8, Block(3, 24, 8, True, "relu"), 1))
        parallel.use_cores(cores)
        try:
            return run_fast(unit, lambda x, gradients: residual_unit(x, unit, gradients), x)
        finally:
            parallel.use_cores(parallel.CORES)

    one, all_of_them = step(1), step(parallel.CORES)

    for name, found in one.items():
        np.testing.assert_array_equal(found, all_of_them[name], err_msg=name)


@pytest.mark.parametrize(
    "backbone",
    [
        schema.MobileNetV3(model_name="large", scale=0.35),
        schema.MobileNetV3(model_name="small", disable_se=True),
        schema.CompactResNet(channels=(8, 12, 16, 20), blocks=(1, 2, 0, 1)),
    ],
    ids=["large", "small", "compact"],
)
def test_the_whole_backbone(backbone: schema.Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = schema.Architecture(backbone=backbone, neck=schema.SequenceEncoder(), head=schema.CTCHead())

    def step() -> Arrays:
        paddle.seed(7)
        layer = build_model(architecture, 5).backbone
        y = layer(paddle.to_tensor(x))
        (y * paddle.to_tensor(weights(y.shape))).sum().backward()
        gradients = {f"d{name}": np.asarray(p.grad) for name, p in layer.named_parameters() if p.grad is not None}
        return {"y": np.asarray(y), **gradients, **statistics(layer)}

    x = np.random.default_rng(3).normal(size=(16, 3, 32, 40)).astype(np.float32)
    found = step()
    monkeypatch.setattr(fast, "IS_WANTED", False)
    expected = step()

    assert found.keys() == expected.keys()
    assert_same({"y": found["y"]}, {"y": expected["y"]}, 1e-4)
    # Rounding grows through some fifty normalisations; a bias before one of them has no gradient but rounding.
    largest = max(float(np.linalg.norm(each)) for name, each in expected.items() if name.startswith("d"))
    for name, gradient in expected.items():
        assert np.linalg.norm(found[name] - gradient) <= 5e-3 * np.linalg.norm(gradient) + 1e-5 * largest, name


def test_images_that_want_a_gradient_go_through_paddles_operations() -> None:
    architecture = schema.Architecture(
        backbone=schema.MobileNetV3(model_name="small"), neck=schema.SequenceEncoder(), head=schema.CTCHead()
    )
    x = paddle.to_tensor(np.random.default_rng(6).normal(size=(2, 3, 32, 40)).astype(np.float32), stop_gradient=False)

    build_model(architecture, 5).backbone(x).sum().backward()

    assert float(x.grad.abs().sum()) > 0
