from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from thaiocr.bench.measure import FEWEST_TURNS, Figure, Result, latencies, machine, rates, take_turns, tidy, versions
from thaiocr.progress import Advance, silent


def test_ways_take_turns_and_the_first_turn_is_not_counted() -> None:
    calls: list[str] = []

    times = take_turns(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, seconds=1e-9, label="", progress=silent
    )

    assert calls == ["a", "b"] * (1 + FEWEST_TURNS)
    assert {name: len(found) for name, found in times.items()} == {"a": FEWEST_TURNS, "b": FEWEST_TURNS}


def test_turns_go_on_until_the_time_is_over_and_the_bar_ends_with_it() -> None:
    shown: list[int] = []

    @contextmanager
    def progress(label: str, total: int, /) -> Iterator[Advance]:
        assert (label, total) == ("sleeping", 1)
        yield lambda count, note="": shown.append(count)

    times = take_turns({"sleep": lambda: time.sleep(0.02)}, seconds=1.0, label="sleeping", progress=progress)

    assert FEWEST_TURNS < len(times["sleep"]) < 50
    assert sum(shown) == 1


@pytest.mark.parametrize("is_error_too", [False, True])
def test_ctrl_c_ends_the_turns_even_where_it_makes_the_call_fail(is_error_too: bool) -> None:
    calls = 0

    def interrupted() -> None:
        nonlocal calls
        calls += 1
        os.kill(os.getpid(), signal.SIGINT)
        if is_error_too:
            raise OSError("a process is gone")

    with pytest.raises(KeyboardInterrupt):
        take_turns({"way": interrupted}, seconds=60, label="", progress=silent)

    assert calls == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_error_of_a_way_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        take_turns({"way": lambda: 1 / 0}, seconds=60, label="", progress=silent)


def test_rates_and_latencies_are_the_seconds_turned_round() -> None:
    times = {"way": [0.5, 0.25, 1.0, 2.0, 0.125]}

    assert rates(times, 100) == [Figure(name="way", unit="images_per_s", values=[200, 400, 100, 50, 800])]
    assert latencies(times) == [Figure(name="way", unit="ms", values=[500, 250, 1000, 2000, 125])]


def test_a_result_tells_medians_by_unit_quartiles_and_repeats() -> None:
    result = Result(
        bench="x",
        figures=[
            Figure(name="fast", unit="images_per_s", values=[1, 2, 3, 4, 1000]),
            Figure(name="one", unit="ms", values=[1.23456, 1.23456, 1.23456]),
        ],
        options={"width": 100},
        ratios={"fast / slow": 2.71828},
        machine=machine(),
    )

    line = result.to_json()

    assert line["images_per_s"] == {"fast": 3}
    assert line["ms"] == {"one": 1.235}
    assert line["spread"] == {"fast": [2, 4], "one": [1.235, 1.235]}
    assert line["repeats"] == {"fast": 5, "one": 3}
    assert line["ratio"] == {"fast / slow": 2.718}
    assert line["options"] == {"width": 100}
    assert line["versions"] == versions()


def test_the_machine_has_cores_and_a_name() -> None:
    found = machine()

    assert found["cpu"]
    assert 1 <= found["cores"] <= (os.cpu_count() or 1)


def test_versions_name_what_does_the_work() -> None:
    found = versions()

    assert set(found) == {"python", "thaiocr", "paddle", "numpy", "onnxruntime", "numba"}
    assert all(found.values())


def test_figures_keep_four_digits() -> None:
    assert [tidy(value) for value in (123456.0, 1.23456, 0.000123456)] == [123500, 1.235, 0.0001235]
