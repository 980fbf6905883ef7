"""Bidirectional LSTM layers on the CPU, as one operation of paddle's autograd.

    N sequences  T time steps  D inputs  H hidden numbers  E = 2H outputs  R = T*N rows
    2 directions  4 gates: input, forget, cell, output  G = 4H numbers of the gates, F = 2G of both directions

Hochreiter and Schmidhuber 1997 (with forget gates), in both directions as Graves and Schmidhuber 2005. What does not
depend on the step before is one matrix product for all steps; the directions run at the same time, each on one core.
"""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.autograd import PyLayer

from thaiocr.models.fast import network
from thaiocr.models.fast.functions import Back, Gradients, view
from thaiocr.models.fast.kernels import Floats, compiled, inlined
from thaiocr.models.fast.parallel import in_halves, spread

INPUT, FORGET, CELL, OUTPUT = range(4)
DIRECTIONS = ("", "_reverse")
"""Ends of their parameters' names."""


def lstm(layers: nn.LSTM, s_NTD: Tensor) -> Tensor:
    """Return s_NTE, as the layers' `forward` does from states of zero."""
    parameters = network.trained([layers])
    if paddle.is_grad_enabled() and not (s_NTD.stop_gradient and not parameters):
        return Layers.apply(layers, s_NTD, *parameters)
    return network.tensor(forward(layers, view(s_NTD), {})[0])


class Layers(PyLayer):  # type: ignore[misc]  # paddle has no types
    """The layers, s_NTD, parameters -> s_NTE."""

    @staticmethod
    def forward(ctx: Any, layers: nn.LSTM, s_NTD: Tensor, *parameters: Tensor) -> Tensor:
        ctx.s_NTD, ctx.parameters, ctx.gradients = s_NTD, parameters, {}
        s_NTE, ctx.back = forward(layers, view(s_NTD), ctx.gradients)
        return network.tensor(s_NTE)

    @staticmethod
    def backward(ctx: Any, ds_NTE: Tensor) -> tuple[Tensor | None, ...]:
        ds_NTD, ctx.back = ctx.back(view(ds_NTE)), None
        ds = None if ctx.s_NTD.stop_gradient else network.tensor(ds_NTD)
        return ds, *(network.tensor(ctx.gradients[id(parameter)]) for parameter in ctx.parameters)


def forward(layers: nn.LSTM, s_NTD: Floats, gradients: Gradients) -> tuple[Floats, Back]:
    """Return s_NTE and the way back."""
    backs: list[Back] = [_other_axis_first]
    s_TNE = _other_axis_first(s_NTD)
    for index in range(layers.num_layers):
        s_TNE, back = bidirectional(s_TNE, layers, index, gradients)
        backs.append(back)
    return _other_axis_first(s_TNE), network.in_reverse([*backs, _other_axis_first])


def _other_axis_first(s: Floats) -> Floats:
    """Return s_TND of s_NTD, or the other way round."""
    swapped = s.swapaxes(0, 1)
    copy = np.empty(swapped.shape, np.float32)
    spread(lambda first, last: np.copyto(copy[first:last], swapped[first:last]), len(copy))
    return copy


def bidirectional(x_TND: Floats, layers: nn.LSTM, index: int, gradients: Gradients) -> tuple[Floats, Back]:
    """Return y_TNE of one layer. The way back can be gone once: the gates' memory takes their gradients."""
    (steps, sequences, width), hidden = x_TND.shape, layers.hidden_size
    into, across, *biases = (
        [getattr(layers, f"{name}_l{index}{end}") for end in DIRECTIONS]
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    into_FD = np.concatenate([view(weight_GD) for weight_GD in into])
    bias_24H = np.sum([[view(bias_G) for bias_G in both] for both in biases], axis=0).reshape(2, 4, hidden)
    gates_TN24H = np.empty((steps, sequences, 2, 4, hidden), np.float32)
    x_RD, gates_RF = x_TND.reshape(-1, width), gates_TN24H.reshape(-1, len(into_FD))
    _multiply(x_RD, into_FD.T, gates_RF)
    # S: a step of zeros, the time steps, a step of zeros; so every time step has one before it in both directions.
    cells_SN2H, y_SN2H = np.empty((2, steps + 2, sequences, 2, hidden), np.float32)
    for states_SN2H in (cells_SN2H, y_SN2H):
        states_SN2H[0] = states_SN2H[-1] = 0

    def read(direction: int, *_: int) -> None:
        _read(direction, view(across[direction]), bias_24H, gates_TN24H, cells_SN2H, y_SN2H)

    def back(dy_TNE: Floats) -> Floats:
        dy_TN2H = dy_TNE.reshape(steps, sequences, 2, hidden)

        def read_back(direction: int, *_: int) -> None:
            _read_back(direction, view(across[direction]), dy_TN2H, cells_SN2H, gates_TN24H)
            dgates_RG = gates_RF.reshape(len(x_RD), 2, -1)[:, direction]
            before_RH = y_SN2H[2 * direction :][:steps, :, direction].reshape(-1, hidden)
            gradients[id(into[direction])] = dgates_RG.T @ x_RD
            gradients[id(across[direction])] = dgates_RG.T @ before_RH
            for both in biases:
                gradients[id(both[direction])] = np.ones(len(x_RD), np.float32) @ dgates_RG

        in_halves(read_back, len(DIRECTIONS))
        dx_TND = np.empty_like(x_TND)
        _multiply(gates_RF, into_FD, dx_TND.reshape(-1, width))
        return dx_TND

    in_halves(read, len(DIRECTIONS))
    return y_SN2H[1:-1].reshape(steps, sequences, -1), back


def _multiply(left_RC: Floats, right_CD: Floats, out_RD: Floats) -> None:
    """Matrix product in two parts, whatever the cores: the bits of a row depend on how many are multiplied at once."""

    def half(_part: int, first: int, last: int) -> None:
        np.matmul(left_RC[first:last], right_CD, out=out_RD[first:last])

    in_halves(half, len(left_RC))


def _read(
    direction: int, weight_GH: Floats, bias_24H: Floats, gates_TN24H: Floats, cells_SN2H: Floats, y_SN2H: Floats
) -> None:
    """Read all steps in one direction: `gates`, so far what the inputs say, become the gates."""
    steps, sequences, _, _, hidden = gates_TN24H.shape
    way, weight_HG = 1 - 2 * direction, np.ascontiguousarray(weight_GH.T)
    recurrent_N4H = np.empty((sequences, 4, hidden), np.float32)
    recurrent_NG = recurrent_N4H.reshape(sequences, -1)
    for s in range(1, steps + 1)[::way]:
        np.matmul(y_SN2H[s - way, :, direction], weight_HG, out=recurrent_NG)
        cells = cells_SN2H[s - way], cells_SN2H[s]
        step(direction, recurrent_N4H, bias_24H, *cells, gates_TN24H[s - 1], y_SN2H[s])


def _read_back(direction: int, weight_GH: Floats, dy_TN2H: Floats, cells_SN2H: Floats, gates_TN24H: Floats) -> None:
    """Go back through all steps of one direction: the gates become their gradients."""
    steps, sequences, _, _, hidden = gates_TN24H.shape
    way, gates_TN2G = 1 - 2 * direction, gates_TN24H.reshape(steps, sequences, 2, -1)
    recurrent_NH, dcell_NH = np.zeros((2, sequences, hidden), np.float32)
    for s in range(1, steps + 1)[::-way]:
        cells = cells_SN2H[s - way], cells_SN2H[s]
        step_gradient(direction, dy_TN2H[s - 1], recurrent_NH, *cells, dcell_NH, gates_TN24H[s - 1])
        np.matmul(gates_TN2G[s - 1, :, direction], weight_GH, out=recurrent_NH)


@inlined
def _exp(x: float) -> Any:
    """Return 2^n and exp(r) - 1, which give exp(x) for x = n ln 2 + r and, near 0, exp(x) - 1 to the last bits.

    |r| <= ln 2 / 2, where Taylor's series up to r^7 is exact to 1e-8. Beyond 87 exp(x) is near the end of the floats.
    """
    clipped: Any = min(max(x, np.float32(-87)), np.float32(87))
    n = np.int32(clipped * np.float32(1 / np.log(2)) + np.float32(128.5)) - np.int32(128)
    r = clipped - np.float32(n) * np.float32(np.log(2))
    series = np.float32(1 / 5040) * r + np.float32(1 / 720)
    series = series * r + np.float32(1 / 120)
    series = series * r + np.float32(1 / 24)
    series = series * r + np.float32(1 / 6)
    series = series * r + np.float32(1 / 2)
    series = series * r + np.float32(1)
    power = np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)
    return power, series * r


@inlined
def _sigmoid(x: float) -> Any:
    power, rest = _exp(-x)
    return np.float32(1) / (np.float32(1) + power * (np.float32(1) + rest))


@inlined
def _tanh(x: float) -> Any:
    power, rest = _exp(np.float32(2) * x)
    less_one = power * rest + (power - np.float32(1))
    return less_one / (less_one + np.float32(2))


@compiled
def step(
    direction: int,
    recurrent_N4H: Floats,
    bias_24H: Floats,
    before_N2H: Floats,
    cells_N2H: Floats,
    gates_N24H: Floats,
    y_N2H: Floats,
) -> None:
    """Read one time step: `gates`, so far what the inputs say, become the gates, `before` are the cells before it.

    Short loops over few arrays: of more, the compiler cannot tell that they lie apart.
    """
    sequences, _, _, hidden = gates_N24H.shape
    for n in range(sequences):
        gates_4H, y_H = gates_N24H[n, direction], y_N2H[n, direction]
        before_H, cell_H = before_N2H[n, direction], cells_N2H[n, direction]
        for g in range(4):
            gate_H, recurrent_H, bias_H = gates_4H[g], recurrent_N4H[n, g], bias_24H[direction, g]
            if g == CELL:
                for h in range(hidden):
                    gate_H[h] = _tanh(gate_H[h] + recurrent_H[h] + bias_H[h])
            else:
                for h in range(hidden):
                    gate_H[h] = _sigmoid(gate_H[h] + recurrent_H[h] + bias_H[h])
        for h in range(hidden):
            cell_H[h] = gates_4H[FORGET, h] * before_H[h] + gates_4H[INPUT, h] * gates_4H[CELL, h]
        for h in range(hidden):
            y_H[h] = gates_4H[OUTPUT, h] * _tanh(cell_H[h])


@compiled
def step_gradient(
    direction: int,
    dy_N2H: Floats,
    recurrent_NH: Floats,
    before_N2H: Floats,
    cells_N2H: Floats,
    dcell_NH: Floats,
    gates_N24H: Floats,
) -> None:
    """Go back through one time step: the gates become their gradients, `dcell` that by the cells before it."""
    sequences, _, _, hidden = gates_N24H.shape
    one = np.float32(1)
    for n in range(sequences):
        gates_4H, cell_H, before_H = gates_N24H[n, direction], cells_N2H[n, direction], before_N2H[n, direction]
        dy_H, recurrent_H, dcell_H = dy_N2H[n, direction], recurrent_NH[n], dcell_NH[n]
        for h in range(hidden):
            dy, output, squashed = dy_H[h] + recurrent_H[h], gates_4H[OUTPUT, h], _tanh(cell_H[h])
            dcell_H[h] += dy * output * (one - squashed * squashed)
            gates_4H[OUTPUT, h] = dy * squashed * output * (one - output)
        for h in range(hidden):
            opened, candidate = gates_4H[INPUT, h], gates_4H[CELL, h]
            gates_4H[INPUT, h] = dcell_H[h] * candidate * opened * (one - opened)
            gates_4H[CELL, h] = dcell_H[h] * opened * (one - candidate * candidate)
        for h in range(hidden):
            kept = gates_4H[FORGET, h]
            gates_4H[FORGET, h] = dcell_H[h] * before_H[h] * kept * (one - kept)
            dcell_H[h] *= kept
