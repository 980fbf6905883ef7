"""Spread the chunks of a kernel, or the rows of a matrix product, over the cores.

A pool of our own, because numba's and OpenBLAS's wait for work by spinning, each on the cores that the other needs.

    R rows  C, D columns
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

CHUNKS: Final = 16
"""Parts that a kernel's work is cut into."""
CORES: Final = min(CHUNKS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)

# Products of matrices are spread here; every part of one is computed by the thread that asks for it.
threadpool_limits(1, user_api="blas")
_pool: Final = ThreadPoolExecutor(CORES, thread_name_prefix="fast")
_in_use = CORES


def use_cores(count: int) -> None:
    """Spread over at most so many cores from now on."""
    global _in_use
    _in_use = min(count, CORES)


def in_use() -> int:
    """Return over how many cores work is spread."""
    return _in_use


def run(kernel: Callable[..., object], *arguments: Any) -> None:
    """Call kernel(first, last, *arguments) for ranges that cover all chunks."""
    spread(lambda first, last: kernel(first, last, *arguments), CHUNKS)


def each_chunk(work: Callable[[int, slice], object], count: int) -> None:
    """Call work(chunk, slice) for every chunk of a count; there are `chunks_of` it, none of them empty."""
    chunks = chunks_of(count)

    def several(first: int, last: int) -> None:
        for chunk in range(first, last):
            work(chunk, slice(chunk * count // chunks, (chunk + 1) * count // chunks))

    spread(several, chunks)


def chunks_of(count: int) -> int:
    """Return how many chunks so many images or rows are cut into."""
    return min(CHUNKS, count)


def multiply(left_RC: NDArray[np.float32], right_CD: NDArray[np.float32], out_RD: NDArray[np.float32]) -> None:
    """Matrix product, split by rows."""
    spread(lambda first, last: np.matmul(left_RC[first:last], right_CD, out=out_RD[first:last]), len(left_RC))


def multiply_transposed(left_RD: NDArray[np.float32], right_RC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return left.T @ right, [D, C]; the long sum over rows is split in a fixed number of parts."""
    parts_2DC = np.empty((2, left_RD.shape[1], right_RC.shape[1]), np.float32)

    def half(part: int, first: int, last: int) -> None:
        np.matmul(left_RD[first:last].T, right_RC[first:last], out=parts_2DC[part])

    in_halves(half, len(left_RD))
    total_DC: NDArray[np.float32] = parts_2DC[0] + parts_2DC[1]
    return total_DC


def in_halves(work: Callable[[int, int, int], None], count: int) -> None:
    """Call work(part, first, last) for the two halves of a count: sums do not depend on the cores."""

    def parts(first: int, last: int) -> None:
        for part in range(first, last):
            work(part, part * count // 2, (part + 1) * count // 2)

    spread(parts, 2)


def spread(work: Callable[[int, int], object], count: int) -> None:
    """Call work(first, last) for as many ranges as there are cores, the last one in this thread."""
    if _in_use == 1:
        work(0, count)
        return
    bounds = [core * count // _in_use for core in range(_in_use + 1)]
    others = [_pool.submit(work, *bounds[core : core + 2]) for core in range(_in_use - 1)]
    work(*bounds[-2:])
    wait(others)
    for other in others:
        other.result()
