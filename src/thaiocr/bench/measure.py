"""What every bench shares: ways to do a thing take turns, figures are medians, and the machine is told with them.

Other work on a machine comes and goes. Ways that take turns all meet it, so that their ratio says more than either
figure alone; quartiles say how far a median can be trusted.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from thaiocr.engine.stop import StopRequest, stop_on_signals
from thaiocr.progress import Progress

Unit: TypeAlias = Literal["images_per_s", "ms"]

FEWEST_TURNS: Final = 3
"""Counted turns, however long they take."""
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "thaiocr": ("thaiocr",),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "numpy": ("numpy",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "numba": ("numba",),
}
"""Name in a result -> distributions that it may come from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One thing measured several times."""

    name: str
    unit: Unit
    values: Sequence[float]

    @property
    def median(self) -> float:
        """Of the values."""
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Return the values that a quarter is below, and a quarter above."""
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a bench found."""

    bench: str
    figures: Sequence[Figure]
    options: Mapping[str, Any]
    """What was measured."""
    ratios: Mapping[str, float] = field(default_factory=dict)
    """Of medians: "fast / paddle" -> 3.1."""
    machine: Mapping[str, Any]
    """As `machine` returned it before the measurement."""

    def to_json(self) -> dict[str, Any]:
        """Return the line that `--json` prints: medians by unit and name, quartiles and repeats by name."""
        units = sorted({figure.unit for figure in self.figures})
        return {
            "bench": self.bench,
            **{unit: {each.name: tidy(each.median) for each in self.figures if each.unit == unit} for unit in units},
            "spread": {each.name: [tidy(value) for value in each.quartiles] for each in self.figures},
            "repeats": {each.name: len(each.values) for each in self.figures},
            **({"ratio": {name: tidy(ratio) for name, ratio in self.ratios.items()}} if self.ratios else {}),
            "options": dict(self.options),
            "machine": dict(self.machine),
            "versions": versions(),
        }


def take_turns(
    ways: Mapping[str, Callable[[], object]], *, seconds: float, label: str, progress: Progress
) -> dict[str, list[float]]:
    """Call every way once a turn, turn after turn, and return the seconds of each call.

    The first turn, which compiles, loads and fills caches, does not count.

    Args:
        ways: Name -> what to measure.
        seconds: Until when a new turn is begun; `FEWEST_TURNS` are always made.
        label: What is measured, for the bar.
        progress: Shows the seconds.

    Raises:
        KeyboardInterrupt: stopped by a signal, once the call in progress is over: paddle would make an OSError of it.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    shown, turns = 0, 0
    with progress(label, round(seconds)) as advance, stop_on_signals() as stop:
        stop.is_awaited = True
        began = time.perf_counter()
        while turns <= FEWEST_TURNS or time.perf_counter() - began < seconds:
            for name, way in ways.items():
                took = _time(way, stop)
                if turns:
                    times[name].append(took)
            turns += 1
            now = min(round(seconds), int(time.perf_counter() - began))
            advance(now - shown)
            shown = now
    return times


def _time(way: Callable[[], object], stop: StopRequest) -> float:
    started = time.perf_counter()
    try:
        way()
    except Exception:  # a process that the way started got the signal as well, and is missed
        if not stop.is_requested:
            raise
    if stop.is_requested:
        raise KeyboardInterrupt
    return time.perf_counter() - started


def rates(times: Mapping[str, Sequence[float]], images: int) -> list[Figure]:
    """Return images per second of calls that each do so many images."""
    return [
        Figure(name=name, unit="images_per_s", values=[images / each for each in found])
        for name, found in times.items()
    ]


def latencies(times: Mapping[str, Sequence[float]]) -> list[Figure]:
    """Return the milliseconds of calls."""
    return [Figure(name=name, unit="ms", values=[1000 * each for each in found]) for name, found in times.items()]


def machine() -> dict[str, Any]:
    """Return what a figure depends on besides the program: processor, cores that may be used, load, memory in GB."""
    return {
        "cpu": _processor(),
        "cores": cores(),
        "load": _load(),
        **_memory(),
        "system": platform.platform(terse=True),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _load() -> float | None:
    """Return the average number of running processes of the last minute, where the system counts them."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _memory() -> dict[str, float]:
    info = Path("/proc/meminfo")
    if not info.exists():
        return {}
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in _fields(info)}
    wanted = {"memory_gb": "MemTotal", "memory_available_gb": "MemAvailable"}
    return {name: round(kilobytes[key] / 1e6, 1) for name, key in wanted.items() if key in kilobytes}


def _fields(path: Path) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in path.read_text("utf-8").splitlines()]


def versions() -> dict[str, str | None]:
    """Return the versions of what does the work; None where it is not installed."""
    return {"python": platform.python_version(), **{name: _version(names) for name, names in PACKAGES.items()}}


def _version(distributions: Sequence[str]) -> str | None:
    for name in distributions:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def tidy(value: float) -> float:
    """Return a figure without digits that mean nothing: four significant ones."""
    return float(f"{value:.4g}")
