"""Plans and states as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thaiocr.launch.cost import Cost
from thaiocr.launch.jobs import Status
from thaiocr.launch.local import LocalRun
from thaiocr.launch.submission import Prepared


def plan_lines(prepared: Prepared) -> list[str]:
    """Return what a job will do and cost."""
    request, cost = prepared.request, prepared.cost
    resources, stopping = request["ResourceConfig"], request["StoppingCondition"]
    settings = {key: value for key, value in request["HyperParameters"].items() if key != "config"}
    rows = {
        "job": request["TrainingJobName"],
        "image": request["AlgorithmSpecification"]["TrainingImage"],
        "role": request["RoleArn"],
        "instances": f"{resources['InstanceCount']} x {resources['InstanceType']}{_spot(request)}",
        "config": request["HyperParameters"].get("config", ""),
        "settings": ", ".join(f"{key}={value}" for key, value in settings.items()),
        **({} if prepared.run is None else _uploads(prepared.run)),
        **{
            f"channel {each['ChannelName']}": each["DataSource"]["S3DataSource"]["S3Uri"]
            for each in request["InputDataConfig"]
        },
        "checkpoints": request["CheckpointConfig"]["S3Uri"],
        "model": f"{request['OutputDataConfig']['S3OutputPath']}/{request['TrainingJobName']}/output/model.tar.gz",
        "stops after": duration(stopping["MaxRuntimeInSeconds"]),
        "costs at most": _money(cost.worst_case, f"{cost.price_per_hour} USD/h on demand ({cost.price_from})", cost),
        "costs probably": _money(cost.estimate, f"{cost.estimated_hours} h: {cost.estimate_from}", cost),
    }
    return [f"{name:15} {value}" for name, value in rows.items()]


def status_lines(status: Status) -> list[str]:
    """Return how a job is doing."""
    billed = None if status.billed_seconds is None else duration(status.billed_seconds)
    rows = {
        "job": status.job,
        "status": status.status if status.phase in ("", status.status) else f"{status.status}, {status.phase}",
        "launched": f"{status.started}, {duration(status.seconds)} {'in all' if status.is_ended else 'ago'}",
        "instances": f"{status.instances} x {status.instance}{' (spot)' if status.is_spot else ''}",
        "billed": billed and (billed if status.cost is None else f"{billed}, {status.cost:.2f} USD"),
        "metrics": ", ".join(f"{name} {value:g}" for name, value in status.metrics.items()),
        "model": status.model,
        "failure": status.failure,
    }
    return [f"{name:15} {value}" for name, value in rows.items() if value]


def duration(seconds: int) -> str:
    """Return `2 h 5 min`, or seconds where it is less than two minutes."""
    if seconds < 120:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def _uploads(run: LocalRun) -> dict[str, str]:
    rows = {}
    for channel, files in run.data_files.items():
        size = sum(path.stat().st_size for path in files.values()) / 1e6
        rows[f"data, {channel}"] = (
            f"{run.data[channel]}: {len(files)} files, {size:.1f} MB; what S3 has is not sent again"
        )
    return rows


def _spot(request: Mapping[str, Any]) -> str:
    wait = request["StoppingCondition"].get("MaxWaitTimeInSeconds")
    return "" if wait is None else f" (spot; waits for capacity, in all at most {duration(wait)})"


def _money(amount: float | None, basis: str, cost: Cost) -> str:
    if amount is not None:
        return f"{amount:.2f} {cost.currency}; {basis}"
    return cost.price_from if cost.price_per_hour is None else cost.estimate_from
