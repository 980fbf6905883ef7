from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.engine.optim import OPTIMIZERS, SCHEDULES, build_optimizer, build_schedule, observer

EPOCHS, STEPS = 10, 7
TOTAL = EPOCHS * STEPS


def rates(options: schema.LearningRate, *, epochs: int = EPOCHS, steps: int = STEPS) -> list[float]:
    """The rate of every step of a training."""
    schedule = build_schedule(options, epochs=epochs, steps_per_epoch=steps)
    found = []
    for _ in range(epochs * steps):
        found.append(float(schedule()))
        schedule.step()
    return found


def cosine(step: float) -> float:
    return 0.01 * (1 + math.cos(math.pi * step / TOTAL)) / 2


def linear(step: float) -> float:
    return 0.001 + (0.01 - 0.001) * (1 - step / TOTAL) ** 2


def stairs(*values: float) -> Callable[[float], float]:
    """One value for the first two epochs, the next one up to the sixth, then the third."""
    return lambda step: values[0] if step < 2 * STEPS else values[1] if step < 6 * STEPS else values[2]


def one_cycle(step: float) -> float:
    """Half a cosine from a 25th of the peak to the peak at 30 % of the steps, another one down to a 250,000th."""
    turn, last = 0.3 * TOTAL - 1, TOTAL - 1
    begin, end, share = (
        (0.01 / 25, 0.01, step / turn) if step <= turn else (0.01, 0.01 / 25e4, (step - turn) / (last - turn))
    )
    return end + (begin - end) * (1 + math.cos(math.pi * share)) / 2


def three_phases(step: float) -> float:
    """Straight up for 30 % of the steps, down as long, then to a 250,000th of the peak."""
    turn, back, last = 0.3 * TOTAL - 1, 0.6 * TOTAL - 2, TOTAL - 1
    corners = [0.01 / 25, 0.01, 0.01 / 25, 0.01 / 25e4]
    return float(np.interp(step, [0, turn, back, last], corners))


def halved(step: float) -> float:
    return float(0.01 * 0.5 ** (step // (3 * STEPS)))


KINDS: Mapping[str, tuple[Callable[..., schema.LearningRate], dict[str, Any], Callable[[float], float]]] = {
    "Const": (schema.Const, {"learning_rate": 0.01}, lambda _: 0.01),
    "Cosine": (schema.Cosine, {"learning_rate": 0.01}, cosine),
    "Linear": (schema.Linear, {"learning_rate": 0.01, "end_lr": 0.001, "power": 2.0}, linear),
    "OneCycle": (schema.OneCycle, {"max_lr": 0.01}, one_cycle),
    "OneCycle of three": (
        schema.OneCycle,
        {"max_lr": 0.01, "three_phase": True, "anneal_strategy": "linear"},
        three_phases,
    ),
    "Step": (schema.Step, {"learning_rate": 0.01, "step_size": 3, "gamma": 0.5}, halved),
    "MultiStepDecay": (
        schema.MultiStepDecay,
        {"learning_rate": 0.01, "milestones": (2, 6), "gamma": 0.1},
        stairs(0.01, 0.001, 0.0001),
    ),
    "Piecewise": (
        schema.Piecewise,
        {"decay_epochs": (2, 6), "values": (0.01, 0.002, 0.005)},
        stairs(0.01, 0.002, 0.005),
    ),
    "ReduceOnPlateau": (schema.ReduceOnPlateau, {"learning_rate": 0.01}, lambda _: 0.01),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_rate_of_every_step_follows_the_formula(kind: str) -> None:
    section, options, formula = KINDS[kind]

    assert rates(section(**options)) == pytest.approx([formula(step) for step in range(TOTAL)], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("warmup", [0.5, 2, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_up_rises_from_zero_step_by_step_and_the_schedule_begins_after_it(kind: str, warmup: float) -> None:
    section, options, formula = KINDS[kind]
    first = round(warmup * STEPS)

    found = rates(section(**options, warmup_epoch=warmup))

    assert found[:first] == pytest.approx([0.01 * step / first for step in range(first)])
    assert found[first:] == pytest.approx([formula(step - first) for step in range(first, TOTAL)], rel=1e-6, abs=1e-12)


def test_a_cosine_ends_next_to_zero() -> None:
    assert rates(schema.Cosine(learning_rate=0.01))[-1] < 1e-5


@pytest.mark.parametrize("total", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("kind", KINDS)
def test_a_short_training_has_finite_rates(kind: str, total: int) -> None:
    section, options, _ = KINDS[kind]

    assert all(0 <= rate <= 0.01 * (1 + 1e-9) for rate in rates(section(**options), epochs=1, steps=total))


def test_every_schedule_and_optimizer_of_the_schema_is_there() -> None:
    assert set(SCHEDULES) == set(schema.LearningRate.__args__)
    assert set(OPTIMIZERS) == set(schema.Optimizer.__args__)


PLATEAU: Mapping[str, Any] = {"learning_rate": 0.1, "factor": 0.5, "patience": 1, "threshold": 0.02, "min_lr": 0.03}


def observed(values: Sequence[float], **options: Any) -> list[float]:
    """The rate after each evaluation, one step apart."""
    schedule = build_schedule(schema.ReduceOnPlateau(**PLATEAU, **options), epochs=10, steps_per_epoch=2)
    observe, found = observer(schedule), []
    for value in values:
        schedule.step()
        observe(value)
        schedule.step()
        found.append(float(schedule()))
    return found


def test_a_plateau_lowers_the_rate_after_patience_evaluations_without_a_gain_and_never_below_its_least() -> None:
    values = [0.5, 0.51, 0.53, 0.53, 0.54, 0.54, 0.54, 0.54, 0.54]
    assert observed(values) == [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03]


def test_evaluations_after_a_reduction_are_not_counted_while_it_cools_down() -> None:
    assert observed([0.5] * 8, cooldown=2) == [0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.03, 0.03]


def test_evaluations_during_a_warm_up_are_not_counted() -> None:
    found = observed([0.9, 0.9, 0.9, 0.1, 0.1, 0.1], warmup_epoch=3)
    assert found == pytest.approx([0.1 * 2 / 6, 0.1 * 4 / 6, 0.1, 0.1, 0.1, 0.05])


def test_a_plateau_goes_on_exactly_from_its_state_also_behind_a_warm_up() -> None:
    options = schema.ReduceOnPlateau(**PLATEAU, warmup_epoch=1)
    values = [0.5, 0.6, 0.5, 0.5, 0.7, 0.6, 0.6, 0.6]

    def after(schedule: Any, values: Sequence[float]) -> list[float]:
        found = []
        for value in values:
            schedule.step()
            observer(schedule)(value)
            found.append(float(schedule()))
        return found

    whole, first, second = (build_schedule(options, epochs=10, steps_per_epoch=2) for _ in range(3))
    expected = after(whole, values)
    after(first, values[:5])
    with pytest.warns(UserWarning, match="unused values"):  # paddle says it of every warm-up
        second.set_state_dict(first.state_dict())
    assert after(second, values[5:]) == expected[5:]


# -- optimizers --------------------------------------------------------------------------------------------------------

RATE = 0.1
WEIGHTS, GRADIENT = np.array([1.0, -2.0, 0.5]), np.array([3.0, 0.5, -4.0])


def stepped(
    options: schema.Optimizer, gradients: Sequence[NDArray[np.float64]] = (GRADIENT,), own_decay: float | None = None
) -> list[NDArray[np.float64]]:
    """Return what one step makes of a parameter of the values WEIGHTS, for each of the gradients."""
    own = paddle.regularizer.L2Decay(own_decay) if own_decay is not None else None
    attribute = paddle.ParamAttr(initializer=paddle.nn.initializer.Assign(WEIGHTS), regularizer=own)
    parameters = [paddle.create_parameter([3], "float32", attr=attribute) for _ in gradients]
    schedule = build_schedule(schema.Const(learning_rate=RATE), epochs=1, steps_per_epoch=1)
    optimizer = build_optimizer(options, schedule, ((f"layer.{at}", each) for at, each in enumerate(parameters)))
    loss = paddle.add_n(
        [
            (parameter * paddle.to_tensor(gradient, "float32")).sum()
            for parameter, gradient in zip(parameters, gradients, strict=True)
        ]
    )
    loss.backward()
    optimizer.step()
    return [np.asarray(parameter.numpy(), np.float64) for parameter in parameters]


def adam(gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first step of Adam: both moments are corrected to the gradient and its square."""
    return RATE * gradient / (np.abs(gradient) + 1e-8)


def test_momentum_goes_down_the_gradient() -> None:
    np.testing.assert_allclose(stepped(schema.Momentum())[0], WEIGHTS - RATE * GRADIENT, rtol=1e-5)


def test_adam_goes_down_the_gradient() -> None:
    np.testing.assert_allclose(stepped(schema.Adam())[0], WEIGHTS - adam(GRADIENT), rtol=1e-5)


def test_adamw_shrinks_the_weights_apart_from_the_gradient() -> None:
    found = stepped(schema.AdamW(weight_decay=0.2))[0]

    np.testing.assert_allclose(found, WEIGHTS * (1 - RATE * 0.2) - adam(GRADIENT), rtol=1e-5)


@pytest.mark.parametrize(("name", "penalty"), [("L2", 0.3 * WEIGHTS), ("L1", 0.3 * np.sign(WEIGHTS))], ids=["L2", "L1"])
def test_a_regularizer_adds_to_the_gradient(name: str, penalty: NDArray[np.float64]) -> None:
    regularizer = schema.Regularizer(name=name, factor=0.3)  # type: ignore[arg-type]
    gradient = np.array([-0.1, 0.2, -0.05])  # turned round by the penalty: Adam's first step knows signs only

    momentum = stepped(schema.Momentum(regularizer=regularizer), [gradient])[0]
    adapted = stepped(schema.Adam(regularizer=regularizer), [gradient])[0]

    np.testing.assert_allclose(momentum, WEIGHTS - RATE * (gradient + penalty), rtol=1e-5)
    np.testing.assert_allclose(adapted, WEIGHTS - adam(gradient + penalty), rtol=1e-5)


def test_the_decay_of_the_head_wins_over_that_of_the_optimizer() -> None:
    options = schema.Momentum(regularizer=schema.Regularizer(factor=0.3))

    found = stepped(options, own_decay=0.05)[0]

    np.testing.assert_allclose(found, WEIGHTS - RATE * (GRADIENT + 0.05 * WEIGHTS), rtol=1e-5)


def test_rmsprop_divides_by_the_root_of_the_mean_square() -> None:
    found = stepped(schema.RMSProp(rho=0.9, epsilon=1e-6))[0]

    expected = WEIGHTS - RATE * GRADIENT / np.sqrt(0.1 * GRADIENT**2 + 1e-6)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


DECAY = schema.Regularizer(factor=0.3)


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        (schema.Momentum(regularizer=DECAY, one_dim_param_no_weight_decay=True), schema.Momentum()),
        (schema.Adam(regularizer=DECAY, no_weight_decay_name="norm layer.0"), schema.Adam()),
        (schema.RMSProp(regularizer=DECAY, no_weight_decay_name="layer"), schema.RMSProp()),
        (schema.AdamW(weight_decay=0.2, one_dim_param_no_weight_decay=True), schema.AdamW(weight_decay=0.0)),
        (schema.AdamW(weight_decay=0.2, no_weight_decay_name="layer"), schema.AdamW(weight_decay=0.0)),
    ],
)
def test_norm_and_bias_are_not_decayed_where_the_keys_say_so(options: Any, plain: Any) -> None:
    np.testing.assert_array_equal(stepped(options, own_decay=0.05)[0], stepped(plain)[0])


@pytest.mark.parametrize("kind", [schema.Momentum, schema.Adam, schema.RMSProp])
def test_what_the_keys_do_not_name_is_decayed(kind: Any) -> None:
    gradient = [np.array([0.1, -0.1, 0.1])]
    keys = {"regularizer": DECAY, "no_weight_decay_name": "norm"}
    with_keys, without = stepped(kind(**keys), gradient)[0], stepped(kind(regularizer=DECAY), gradient)[0]
    np.testing.assert_array_equal(with_keys, without)
    assert (with_keys != stepped(kind(), gradient)[0]).any()


def test_one_dim_leaves_matrices_decayed() -> None:
    weights = paddle.create_parameter([2, 2], "float32", default_initializer=paddle.nn.initializer.Constant(1.0))
    schedule = build_schedule(schema.Const(learning_rate=RATE), epochs=1, steps_per_epoch=1)
    options = schema.AdamW(weight_decay=0.2, one_dim_param_no_weight_decay=True)
    optimizer = build_optimizer(options, schedule, [("w", weights)])
    (weights * 0).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(weights.numpy(), 1 - RATE * 0.2, rtol=1e-6)


SMALL = np.array([0.3, 0.0, -0.4])


def clipped(gradient: NDArray[np.float64], norm: float, limit: float) -> NDArray[np.float64]:
    return gradient * min(1, limit / norm)


def test_clip_norm_limits_each_parameter_on_its_own() -> None:
    found = stepped(schema.Momentum(clip_norm=1.0), [GRADIENT, SMALL])

    for values, gradient in zip(found, (GRADIENT, SMALL), strict=True):
        expected = clipped(gradient, float(np.linalg.norm(gradient)), 1.0)
        np.testing.assert_allclose(values, WEIGHTS - RATE * expected, rtol=1e-5)


def test_clip_norm_global_limits_all_together() -> None:
    found = stepped(schema.Momentum(clip_norm_global=1.0), [GRADIENT, SMALL])

    together = float(np.linalg.norm([GRADIENT, SMALL]))
    for values, gradient in zip(found, (GRADIENT, SMALL), strict=True):
        np.testing.assert_allclose(values, WEIGHTS - RATE * clipped(gradient, together, 1.0), rtol=1e-5)


@pytest.mark.parametrize("options", [schema.Momentum(clip_norm=100.0), schema.Momentum(clip_norm_global=100.0)])
def test_a_gradient_below_the_limit_is_left_alone(options: schema.Momentum) -> None:
    np.testing.assert_allclose(stepped(options)[0], WEIGHTS - RATE * GRADIENT, rtol=1e-5)


def test_the_penalty_is_added_after_clipping() -> None:
    options = schema.Momentum(clip_norm_global=1.0, regularizer=schema.Regularizer(factor=0.3))

    expected = clipped(GRADIENT, float(np.linalg.norm(GRADIENT)), 1.0) + 0.3 * WEIGHTS
    np.testing.assert_allclose(stepped(options)[0], WEIGHTS - RATE * expected, rtol=1e-5)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer_approaches_a_minimum_and_follows_its_schedule(kind: type) -> None:
    target = paddle.to_tensor([0.3, -0.2, 0.1])
    weights = paddle.create_parameter([3], "float32", default_initializer=paddle.nn.initializer.Constant(1.0))
    schedule = build_schedule(schema.Cosine(learning_rate=0.05), epochs=10, steps_per_epoch=20)
    optimizer = build_optimizer(kind(), schedule, [("w", weights)])
    distances = []
    for step in range(200):
        loss = (weights - target).square().sum()
        distances.append(float(loss))
        loss.backward()
        assert float(optimizer.get_lr()) == pytest.approx(0.025 * (1 + math.cos(math.pi * step / 200)), abs=1e-9)
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()

    assert distances[-1] < 1e-3 * distances[0]


def test_the_options_of_adam_reach_paddle() -> None:
    gradient = np.array([1e-3, -1e-3, 0.0])

    found = stepped(schema.Adam(epsilon=1e-3), [gradient])[0]

    np.testing.assert_allclose(found, WEIGHTS - RATE * gradient / (np.abs(gradient) + 1e-3), rtol=1e-3)


def test_building_an_optimizer_leaves_logging_on_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        stepped(schema.Momentum(regularizer=schema.Regularizer(factor=0.3)), own_decay=0.05)
        logging.getLogger("after").info("heard")

    assert [record.getMessage() for record in caplog.records] == ["heard"]
