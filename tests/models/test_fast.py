"""The CPU kernels against paddle's own operations: the same output, running statistics and gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray
from paddle import nn

from thaiocr.config import schema
from thaiocr.models import build_model, fast
from thaiocr.models.layers import ConvBNLayer, SEModule
from thaiocr.models.mobilenet_v3 import Block, ResidualUnit

Arrays = dict[str, NDArray[np.float32]]


def run(layer: nn.Layer, forward: Callable[[paddle.Tensor], paddle.Tensor], x: NDArray[np.float32]) -> Arrays:
    """Return output, gradients by input and parameters, and running statistics of one step."""
    layer.clear_gradients()
    x_tensor = paddle.to_tensor(x, stop_gradient=False)
    y = forward(x_tensor)
    weights = paddle.to_tensor(np.random.default_rng(1).normal(size=y.shape).astype(np.float32))
    (y * weights).sum().backward()
    found = {"y": np.asarray(y), "dx": np.asarray(x_tensor.grad)}
    found |= {f"d{name}": np.asarray(p.grad) for name, p in layer.named_parameters() if p.grad is not None}
    return found | {name: np.array(p) for name, p in layer.named_parameters() if name.endswith(("_mean", "_variance"))}


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


def channels_last(forward: Callable[[paddle.Tensor], paddle.Tensor]) -> Callable[[paddle.Tensor], paddle.Tensor]:
    return lambda x_NCHW: forward(x_NCHW.transpose([0, 2, 3, 1])).transpose([0, 3, 1, 2])


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("stride", [1, (2, 1), (2, 2), (1, 2)])
@pytest.mark.parametrize("shape", [(1, 7, 1, 1), (3, 8, 2, 13), (5, 19, 7, 6)])
def test_depthwise_convolution(kernel_size: int, stride: tuple[int, int] | int, shape: tuple[int, ...]) -> None:
    from thaiocr.models.fast.functions import Depthwise

    def make() -> nn.Conv2D:
        pad = (kernel_size - 1) // 2
        return nn.Conv2D(shape[1], shape[1], kernel_size, stride, pad, groups=shape[1], bias_attr=False)

    ours, paddles = clone(make)
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)

    found = run(ours, channels_last(lambda x: Depthwise.apply(x, ours.weight, tuple(ours._stride))), x)

    assert_same(found, run(paddles, paddles, x))


@pytest.mark.parametrize("act", [None, "relu", "hardswish"])
@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("shape", [(1, 3, 1, 9), (4, 5, 3, 7), (64, 9, 4, 25)])
def test_norm_and_activation(act: str, is_training: bool, shape: tuple[int, ...]) -> None:
    from thaiocr.models.fast.network import norm_act

    ours, paddles = clone(lambda: ConvBNLayer(shape[1], shape[1], 1, act=act))  # type: ignore[arg-type]
    for layer in (ours, paddles):
        layer.train() if is_training else layer.eval()
        layer.conv.forward = lambda x: x
    x = np.random.default_rng(3).normal(4, 2, size=shape).astype(np.float32)
    if not is_training:
        with paddle.no_grad():
            np.testing.assert_allclose(
                channels_last(lambda x: norm_act(ours, x))(paddle.to_tensor(x)), paddles(paddle.to_tensor(x)), atol=1e-5
            )
        return

    assert_same(run(ours, channels_last(lambda x: norm_act(ours, x)), x), run(paddles, paddles, x))


def test_squeeze_and_excite() -> None:
    from thaiocr.models.fast.network import squeeze_and_excite

    ours, paddles = clone(lambda: SEModule(12))
    x = np.random.default_rng(4).normal(size=(3, 12, 2, 5)).astype(np.float32)

    assert_same(run(ours, channels_last(lambda x: squeeze_and_excite(ours, x)), x), run(paddles, paddles, x))


def test_a_residual_unit() -> None:
    from thaiocr.models.fast.network import residual_unit

    ours, paddles = clone(lambda: ResidualUnit(8, 24, 8, Block(5, 24, 8, True, "hardswish"), 1))
    x = np.random.default_rng(5).normal(size=(6, 8, 4, 9)).astype(np.float32)

    assert_same(run(ours, channels_last(lambda x: residual_unit(ours, x)), x), run(paddles, paddles, x), 3e-5)


def test_the_whole_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    options = schema.MobileNetV3(model_name="large", scale=0.35)
    architecture = schema.Architecture(backbone=options, neck=schema.SequenceEncoder(), head=schema.CTCHead())

    def make() -> nn.Layer:
        paddle.seed(7)
        return build_model(architecture, 5).backbone

    x = np.random.default_rng(6).normal(size=(16, 3, 32, 40)).astype(np.float32)
    ours, paddles = make(), make()

    found = run(ours, ours, x)
    monkeypatch.setattr(fast, "IS_WANTED", False)

    assert_same({"y": found["y"]}, {"y": run(paddles, paddles, x)["y"]}, 1e-4)
