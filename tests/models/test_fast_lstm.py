"""The LSTM on the CPU kernels against paddle's own: the same sequences and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray
from paddle import Tensor, nn

from thaiocr.models import fast
from thaiocr.models.crnn import EncoderWithRNN

pytest.importorskip("numba")
from thaiocr.models.fast import lstm, parallel

Arrays = dict[str, NDArray[np.float32]]

SHAPES: Final = [
    (1, 1, 3, 1),
    (1, 7, 1, 2),
    (4, 1, 5, 4),
    (2, 2, 6, 1),
    (3, 5, 7, 6),
    (9, 13, 20, 17),
    (33, 6, 48, 96),
    (5, 60, 16, 33),
]
"""Sequences, steps, inputs, hidden numbers."""


@pytest.fixture(params=[1, 2], ids=["one core", "two cores"], autouse=True)
def _cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_in_use", request.param)


def make(inputs: int, hidden: int) -> nn.LSTM:
    """Return layers whose gates are open, closed and in between."""
    layers = nn.LSTM(inputs, hidden, num_layers=2, direction="bidirectional")
    rng = np.random.default_rng(0)
    for parameter in layers.parameters():
        parameter.set_value(rng.normal(0, 2 / np.sqrt(hidden), parameter.shape).astype(np.float32))
    return layers


def normal(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def run(layers: nn.Layer, forward: Callable[[Tensor], Tensor], s_NTD: Tensor) -> Arrays:
    """Return output and gradients, by input and parameters, of one step."""
    layers.clear_gradients()
    s_NTD.clear_gradient()
    s_NTE = forward(s_NTD)
    s_NTE.backward(paddle.to_tensor(normal(*s_NTE.shape)))
    named = {"ds": s_NTD} | dict(layers.named_parameters())
    return {"s": s_NTE.numpy()} | {name: each.grad.numpy() for name, each in named.items() if each.grad is not None}


def assert_same(ours: Arrays, paddles: Arrays) -> None:
    assert ours.keys() == paddles.keys()
    for name, expected in paddles.items():
        scale = max(float(np.abs(expected).max()), 1e-3)
        np.testing.assert_allclose(ours[name] / scale, expected / scale, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES)
def test_sequences_and_gradients_are_paddles(shape: tuple[int, int, int, int]) -> None:
    *of_input, hidden = shape
    layers, s_NTD = make(of_input[-1], hidden), paddle.to_tensor(normal(*of_input), stop_gradient=False)

    found = run(layers, lambda s: lstm.lstm(layers, s), s_NTD)

    assert len(found) == 18
    assert_same(found, run(layers, lambda s: layers(s)[0], s_NTD))


@pytest.mark.parametrize("wants_ds", [True, False])
@pytest.mark.parametrize("is_trained", [lambda _: True, lambda name: "hh_l0" in name, lambda _: False])
def test_what_is_frozen_gets_no_gradient(is_trained: Callable[[str], bool], wants_ds: bool) -> None:
    paddles, s_NTD = make(6, 5), paddle.to_tensor(normal(3, 4, 6), stop_gradient=False)
    expected = run(paddles, lambda s: paddles(s)[0], s_NTD)  # with frozen parameters paddle's own has no way back
    layers, s_NTD = make(6, 5), paddle.to_tensor(normal(3, 4, 6), stop_gradient=not wants_ds)
    for name, parameter in layers.named_parameters():
        parameter.stop_gradient = not is_trained(name)
    wanted = [name for name, _ in layers.named_parameters() if is_trained(name)] + ["ds"] * wants_ds

    found = run(layers, lambda s: lstm.lstm(layers, s), s_NTD) if wanted else {"s": lstm.lstm(layers, s_NTD).numpy()}

    assert_same(found, {name: expected[name] for name in ("s", *wanted)})


def test_without_gradients_the_sequences_are_the_same() -> None:
    layers, s_NTD = make(6, 5), paddle.to_tensor(normal(3, 4, 6), stop_gradient=False)

    with paddle.no_grad():
        found_NTE, expected_NTE = lstm.lstm(layers, s_NTD), layers(s_NTD)[0]

    assert found_NTE.stop_gradient
    assert_same({"s": found_NTE.numpy()}, {"s": expected_NTE.numpy()})


def test_a_transposed_input_is_read_as_it_is_seen() -> None:
    layers, s_NDT = make(6, 5), paddle.to_tensor(normal(3, 6, 4), stop_gradient=False)

    found = run(layers, lambda s: lstm.lstm(layers, s.transpose([0, 2, 1])), s_NDT)

    assert_same(found, run(layers, lambda s: layers(s.transpose([0, 2, 1]))[0], s_NDT))


def test_gates_far_from_zero_stay_open_or_closed() -> None:
    layers, s_NTD = make(6, 5), paddle.to_tensor(300 * normal(3, 4, 6), stop_gradient=False)

    found = run(layers, lambda s: lstm.lstm(layers, s), s_NTD)

    assert_same({"s": found["s"]}, {"s": layers(s_NTD)[0].numpy()})
    assert all(np.isfinite(each).all() for each in found.values())


@pytest.mark.parametrize("shape", SHAPES)
def test_bits_do_not_depend_on_the_cores(shape: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    *of_input, hidden = shape
    layers, s_NTD = make(of_input[-1], hidden), paddle.to_tensor(normal(*of_input), stop_gradient=False)
    found = run(layers, lambda s: lstm.lstm(layers, s), s_NTD)

    monkeypatch.setattr(parallel, "_in_use", 3)
    again = run(layers, lambda s: lstm.lstm(layers, s), s_NTD)

    assert {name: each.tobytes() for name, each in found.items()} == {
        name: each.tobytes() for name, each in again.items()
    }


def test_the_encoder_is_the_same_with_and_without_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, s_NTD = EncoderWithRNN(6, 5), paddle.to_tensor(normal(3, 4, 6), stop_gradient=False)
    found = run(encoder, encoder, s_NTD)

    monkeypatch.setattr(fast, "IS_WANTED", False)

    assert_same(found, run(encoder, encoder, s_NTD))


def test_gates_and_cells_are_exact_to_single_precision() -> None:
    x_H = np.concatenate([np.linspace(-80, 80, 4001), np.logspace(-30, 0, 1000)]).astype(np.float32)
    gates_N24H = np.tile(x_H, (1, 2, 4, 1))
    zeros_N4H, zeros_24H = np.zeros((1, 4, len(x_H)), np.float32), np.zeros((2, 4, len(x_H)), np.float32)
    before_N2H, cells_N2H, y_N2H = np.zeros((3, 1, 2, len(x_H)), np.float32)

    lstm.step(0, zeros_N4H, zeros_24H, before_N2H, cells_N2H, gates_N24H, y_N2H)

    sigmoid_H, tanh_H = 1 / (1 + np.exp(-x_H.astype(np.float64))), np.tanh(x_H.astype(np.float64))
    for gate, expected_H in enumerate((sigmoid_H, sigmoid_H, tanh_H, sigmoid_H)):
        np.testing.assert_allclose(gates_N24H[0, 0, gate], expected_H, rtol=1e-6)
    np.testing.assert_allclose(y_N2H[0, 0], sigmoid_H * np.tanh(sigmoid_H * tanh_H), rtol=2e-6, atol=1e-37)
