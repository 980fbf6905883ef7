from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.errors import UsageError
from thaiocr.launch.cost import GRACE_SECONDS, affordable_seconds, cost, price


def test_the_worst_case_is_the_longest_run_on_demand_with_grace_and_warm_time() -> None:
    found = cost(
        price_per_hour=0.7364,
        price_from="us-east-1, 2026-11",
        instances=2,
        max_seconds=36_000,
        keep_alive_seconds=3600,
        is_spot=True,
    )
    assert found.worst_case == pytest.approx(2 * 0.7364 * (36_000 + GRACE_SECONDS + 3600) / 3600, abs=0.01)
    assert found.max_hours == 10
    assert found.estimate is None
    assert "speeds:" in found.estimate_from


def test_the_estimate_needs_a_speed_and_spot_is_cheaper() -> None:
    known = {"price_per_hour": 1.0, "price_from": "settings", "max_seconds": 86_400, "images_per_s": 100.0}
    found = cost(instances=1, images=3_600_000, **known)  # type: ignore[arg-type]
    assert (found.estimated_hours, found.estimate) == (10, 10)
    assert cost(instances=2, images=3_600_000, **known).estimated_hours == 5  # type: ignore[arg-type]
    assert cost(instances=2, images=3_600_000, **known).estimate == 10  # type: ignore[arg-type]
    assert cost(instances=1, images=3_600_000, is_spot=True, **known).estimate == 3  # type: ignore[arg-type]


def test_own_prices_win_and_an_unknown_one_says_where_to_put_it() -> None:
    assert price("ml.g4dn.xlarge", "us-east-1", {}) == (0.7364, "us-east-1, 2026-11")
    assert price("ml.g4dn.xlarge", "us-east-1", {"ml.g4dn.xlarge": 0.5}) == (0.5, "settings")
    found, source = price("ml.p5.48xlarge", "eu-west-1", {})
    assert found is None
    assert source == "not known for ml.p5.48xlarge in eu-west-1; add it to 'prices:' in the settings file"
    unknown = cost(price_per_hour=None, price_from=source, instances=1, max_seconds=60, images=1, images_per_s=1)
    assert (unknown.worst_case, unknown.estimate) == (None, None)


@given(
    budget=st.floats(1, 10_000), price_per_hour=st.floats(0.01, 1), instances=st.integers(1, 4), keep=st.integers(0, 60)
)
def test_a_job_never_costs_more_than_max_cost(budget: float, price_per_hour: float, instances: int, keep: int) -> None:
    seconds = affordable_seconds(budget, price_per_hour, instances, keep)
    worst = cost(
        price_per_hour=price_per_hour, price_from="", instances=instances, max_seconds=seconds, keep_alive_seconds=keep
    ).worst_case
    assert worst is not None
    assert budget - price_per_hour * instances / 3600 - 0.01 <= worst <= budget + 0.01


def test_max_cost_needs_a_price() -> None:
    with pytest.raises(UsageError, match="price of this instance type is not known"):
        affordable_seconds(10, None, 1, 0)
    with pytest.raises(UsageError, match=r"--max-cost: 0.01 USD pay for too little; at least 0.15 is needed"):
        affordable_seconds(0.01, 0.7364, 1, 0)
