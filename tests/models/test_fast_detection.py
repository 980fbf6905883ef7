"""Neck and head of DB on the CPU kernels against paddle's own operations: the same maps, statistics and gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray
from paddle import Tensor, nn

from thaiocr.config.schema import detection as options
from thaiocr.models import fast
from thaiocr.models.db import DB, NECKS, DBHead, RSELayer

pytest.importorskip("numba")
from thaiocr.models.fast import detection
from thaiocr.models.fast.functions import Gradients

Array = NDArray[np.float32]
Arrays = dict[str, Array]

CHANNELS: Final = (5, 8, 12, 20)
"""Of the four maps."""
NECK_OPTIONS: Final = {
    "DBFPN": options.DBFPN(out_channels=16),
    "RSEFPN": options.RSEFPN(out_channels=16, shortcut=False),
    "RSEFPN with shortcut": options.RSEFPN(out_channels=16),
}


def normal(shape: Sequence[int], seed: int) -> Array:
    return np.random.default_rng(seed).normal(size=tuple(shape)).astype(np.float32)


def channels_last(x_NCHW: Array) -> Array:
    return np.ascontiguousarray(x_NCHW.transpose(0, 2, 3, 1))


def run(
    layers: Mapping[str, nn.Layer], forward: Callable[[list[Tensor]], Sequence[Tensor]], maps: list[Array]
) -> Arrays:
    """Return output, gradients by maps and parameters, and running statistics of one step."""
    inputs = [paddle.to_tensor(each, stop_gradient=False) for each in maps]
    outputs = forward(inputs)
    paddle.add_n([(y * paddle.to_tensor(normal(y.shape, seed))).sum() for seed, y in enumerate(outputs)]).backward()
    found = {f"y{index}": y.numpy() for index, y in enumerate(outputs)}
    found |= {f"dx{index}": x.grad.numpy() for index, x in enumerate(inputs)}
    return found | gradients_and_statistics(layers)


def gradients_and_statistics(layers: Mapping[str, nn.Layer]) -> Arrays:
    named = {f"{name}.{each}": p for name, layer in layers.items() for each, p in layer.named_parameters()}
    found = {f"d{name}": p.grad.numpy() for name, p in named.items() if p.grad is not None}
    return found | {name: p.numpy() for name, p in named.items() if name.endswith(("_mean", "_variance"))}


def assert_same(ours: Arrays, paddles: Arrays, tolerance: float = 1e-5) -> None:
    assert ours.keys() == paddles.keys()
    for name, expected in paddles.items():
        scale = max(float(np.abs(expected).max()), 1e-2)
        np.testing.assert_allclose(ours[name] / scale, expected / scale, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("shape", [(1, 8, 1, 1), (3, 8, 2, 13), (9, 8, 7, 6)])
@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2DTranspose(8, 5, 2, stride=2),
        lambda: nn.Conv2DTranspose(8, 1, 2, stride=2),
        lambda: RSELayer(8, 12, 1, shortcut=True),
        lambda: RSELayer(8, 4, 3, shortcut=False),
    ],
    ids=["doubling", "doubling to one", "gated with shortcut", "gated"],
)
def test_a_layer(make: Callable[[], nn.Layer], shape: tuple[int, ...]) -> None:
    paddle.seed(3)
    layer, x_NCHW = make(), normal(shape, 2)
    expected = run({"layer": layer}, lambda inputs: [layer(inputs[0])], [x_NCHW])
    gradients: Gradients = {}

    y_NHWC, back = detection.layer(channels_last(x_NCHW), layer, gradients)
    dx_NHWC = back(channels_last(normal(expected["y0"].shape, 0)))

    named = {f"dlayer.{name}": gradients[id(p)] for name, p in layer.named_parameters()}
    assert_same({"y0": y_NHWC.transpose(0, 3, 1, 2), "dx0": dx_NHWC.transpose(0, 3, 1, 2), **named}, expected)


@pytest.mark.parametrize("chosen", NECK_OPTIONS.values(), ids=NECK_OPTIONS)
def test_neck_and_head(chosen: options.Neck) -> None:
    maps = [normal((3, channels, 16 >> level, 24 >> level), level) for level, channels in enumerate(CHANNELS)]

    def step(way: Callable[[nn.Layer, DBHead, list[Tensor]], Sequence[Tensor]]) -> Arrays:
        paddle.seed(4)
        neck, head = NECKS[type(chosen)](CHANNELS, chosen), DBHead(16, options.DBHead())
        found = run({"neck": neck, "head": head}, lambda inputs: way(neck, head, inputs), maps)
        for branch in ("binarize", "thresh"):  # a bias before a normalisation has no gradient but rounding
            assert np.abs(found.pop(f"dhead.{branch}.conv2.bias")).max() < 0.1
        return found

    found = step(lambda neck, head, inputs: detection.logits(neck, head.branches, inputs))
    expected = step(lambda neck, head, inputs: [branch(neck(inputs)) for branch in head.branches])

    assert_same(found, expected, 3e-5)


def network(**head: Any) -> DB:
    paddle.seed(7)
    backbone = options.MobileNetV3(model_name="small", scale=0.35, disable_se=True)
    chosen = options.Architecture(backbone=backbone, neck=options.RSEFPN(out_channels=16), head=options.DBHead(**head))
    return DB(chosen)


def test_the_whole_network_while_training_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    x_N3HW = paddle.to_tensor(normal((4, 3, 64, 96), 3))

    def step() -> tuple[Arrays, Arrays]:
        model = network(k=5.0)  # 50 magnifies rounding
        maps_N3HW = model(x_N3HW)
        (maps_N3HW * paddle.to_tensor(normal(maps_N3HW.shape, 1))).sum().backward()
        model.eval()
        with paddle.no_grad():
            return {"maps": maps_N3HW.numpy(), "map": model(x_N3HW).numpy()}, gradients_and_statistics({"db": model})

    maps, gradients = step()
    monkeypatch.setattr(fast, "IS_WANTED", False)
    expected_maps, expected = step()

    assert_same(maps, expected_maps, 1e-4)
    assert gradients.keys() == expected.keys()
    # Rounding grows through some fifty normalisations; a bias before one of them has no gradient but rounding.
    largest = max(float(np.linalg.norm(each)) for each in expected.values())
    for name, each in expected.items():
        assert np.linalg.norm(gradients[name] - each) <= 5e-3 * np.linalg.norm(each) + 1e-5 * largest, name


@pytest.mark.parametrize("part", ["backbone", "neck", "head"])
def test_a_part_can_be_frozen(part: str) -> None:
    model = network()
    for parameter in getattr(model, part).parameters():
        parameter.stop_gradient = True

    model(paddle.rand([2, 3, 32, 32])).sum().backward()

    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    wanted = {name for name, parameter in model.named_parameters() if not parameter.stop_gradient}
    assert trained == wanted != set()
    assert not any(name.startswith(part) for name in trained)


def test_nan_that_is_to_be_hidden_goes_through_paddles_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(detection, "logits", lambda *arguments: calls.append(arguments))

    network(fix_nan=True)(paddle.rand([1, 3, 32, 32]))

    assert not calls
