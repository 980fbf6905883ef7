"""What a job costs: at most, and, where the speed is known, probably."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from thaiocr.errors import UsageError

PRICES_DATE: Final = "2026-11"
PRICES: Final[Mapping[str, Mapping[str, float]]] = {
    "us-east-1": {"ml.g4dn.xlarge": 0.7364, "ml.g5.xlarge": 1.408, "ml.m5.large": 0.115, "ml.c5.xlarge": 0.204},
    "ap-southeast-1": {"ml.g4dn.xlarge": 1.03},
}
"""US dollars per hour, on demand, from Amazon's public tables; Singapore's is rounded."""
SPOT_SHARE: Final = 0.3
"""What spot capacity typically costs, as a share of the price on demand; it varies by the hour."""
GRACE_SECONDS: Final = 120
"""Between the request to stop and the end of the container."""
SHORTEST_SECONDS: Final = 600
"""Starting, reading the data and the first checkpoint need about so long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """US dollars for the instances; storage and transfer (cents) come on top. None where something is not known."""

    currency: str = "USD"
    price_per_hour: float | None
    """Of one instance, on demand."""
    price_from: str
    instances: int
    max_hours: float
    """Of training, until SageMaker stops the job."""
    worst_case: float | None
    """The longest possible run at the price on demand, with the grace to stop and the time kept warm."""
    estimated_hours: float | None = None
    estimate: float | None = None
    """At the price on demand, or the typical spot price."""
    estimate_from: str = ""


def price(instance_type: str, region: str | None, own: Mapping[str, float]) -> tuple[float | None, str]:
    """Return (US dollars per hour, where the figure is from)."""
    if instance_type in own:
        return own[instance_type], "settings"
    known = PRICES.get(region or "", {}).get(instance_type)
    if known is not None:
        return known, f"{region}, {PRICES_DATE}"
    return None, f"not known for {instance_type} in {region or 'this region'}; add it to 'prices:' in the settings file"


def affordable_seconds(max_cost: float, price_per_hour: float | None, instances: int, keep_alive_seconds: int) -> int:
    """Return how long a job may run so that the worst case stays within `max_cost` US dollars.

    Raises:
        UsageError: the price is not known, or the sum is too small to train at all.
    """
    if price_per_hour is None:
        raise UsageError(
            "--max-cost: the price of this instance type is not known; add it to 'prices:' in the settings"
        )
    affordable = math.floor(max_cost / (price_per_hour * instances) * 3600) - GRACE_SECONDS - keep_alive_seconds
    if affordable < SHORTEST_SECONDS:
        needed = (SHORTEST_SECONDS + GRACE_SECONDS + keep_alive_seconds) / 3600 * price_per_hour * instances
        raise UsageError(
            f"--max-cost: {max_cost:g} USD pay for too little; at least {math.ceil(needed * 100) / 100} is needed"
        )
    return affordable


def cost(
    *,
    price_per_hour: float | None,
    price_from: str,
    instances: int,
    max_seconds: int,
    keep_alive_seconds: int = 0,
    is_spot: bool = False,
    images: int | None = None,
    images_per_s: float | None = None,
) -> Cost:
    """Return the cost of a job.

    Args:
        price_per_hour: Of one instance, US dollars.
        price_from: Where the price is from.
        instances: Number of machines; their speeds are taken to add up.
        max_seconds: Limit of the training time.
        keep_alive_seconds: Time that the instances stay warm, and are paid for, after the job.
        is_spot: Spot capacity is asked for.
        images: Pictures that all epochs together show to the network.
        images_per_s: Speed of one instance.
    """
    per_second = None if price_per_hour is None else price_per_hour * instances / 3600
    longest = max_seconds + GRACE_SECONDS + keep_alive_seconds
    hours: float | None = None
    source = "not known; 'speeds:' in the settings file has none for this machine (`sagemaker status` shows a job's)"
    if images is not None and images_per_s is not None:
        hours = images / images_per_s / instances / 3600
        source = f"{images} images at {images_per_s:g} images/s per instance"
    share = SPOT_SHARE if is_spot else 1.0
    return Cost(
        price_per_hour=price_per_hour,
        price_from=price_from,
        instances=instances,
        max_hours=round(max_seconds / 3600, 2),
        worst_case=None if per_second is None else _cents_up(longest * per_second),
        estimated_hours=None if hours is None else round(hours, 2),
        estimate=None if hours is None or per_second is None else round(hours * 3600 * per_second * share, 2),
        estimate_from=source,
    )


def _cents_up(amount: float) -> float:
    return math.ceil(round(amount * 100, 6)) / 100
