"""Where the time of training goes: images per second, the share of waiting for data, the time to the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from thaiocr.data.loader import Batch


class Meter:
    """Measures the steps since it was last read.

    Args:
        clock: Seconds, from any point on.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()
        self.earlier = 0.0
        """Seconds that other processes spent on the run before."""
        self._steps = 0
        """All of them, for the time to the end."""
        self._images, self._waited, self._computed = 0, 0.0, 0.0

    def waiting(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches; what it takes to get them is waiting."""
        source = iter(batches)
        while True:
            began = self._clock()
            batch = next(source, None)
            self._waited += self._clock() - began
            if batch is None:
                return
            yield batch

    @contextmanager
    def step(self, images: int) -> Iterator[None]:
        """Measure one step."""
        began = self._clock()
        yield
        self._computed += self._clock() - began
        self._images += images
        self._steps += 1

    @property
    def images_per_s(self) -> float:
        """Of the steps since the last reset, waiting included, evaluations and saving not."""
        return self._images / max(1e-9, self._waited + self._computed)

    @property
    def data_wait(self) -> float:
        """Share of the time that was spent waiting for data."""
        return self._waited / max(1e-9, self._waited + self._computed)

    @property
    def total(self) -> float:
        """Seconds spent on the run so far."""
        return self.earlier + self._clock() - self._began

    def eta(self, steps_left: int) -> timedelta:
        """Return the time to the end, at the pace so far of everything, evaluations and saving included."""
        return timedelta(seconds=round((self._clock() - self._began) / max(1, self._steps) * steps_left))

    def reset(self) -> None:
        """Begin a new measurement; the pace is kept."""
        self._images, self._waited, self._computed = 0, 0.0, 0.0
