"""Sums over the processes of one machine, through memory that all of them see.

gloo sends every value through a socket, twice; here each process writes its values once and reads those of the others.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - Linux's file system for shared memory; the file gets a name of its own
TURNS: Final = 2
"""While a process still reads what was written in one step, another may write that of the next."""


class SharedSum:
    """Adds the arrays of all processes.

    Args:
        values_TPG: Memory that the processes share: turn, process, values.
        rank: Of this process.
    """

    def __init__(self, values_TPG: NDArray[np.float32], rank: int) -> None:
        self.values_TPG = values_TPG
        self.rank = rank
        self.turn = 0

    def write(self, arrays: Sequence[NDArray[np.float32]], share: float) -> None:
        """Show this process's arrays, times its share, to the others."""
        at = 0
        for array in arrays:
            part_G = self.values_TPG[self.turn, self.rank, at : at + array.size]
            np.multiply(array.reshape(-1), np.float32(share), out=part_G)
            at += array.size

    def read(self, arrays: Sequence[NDArray[np.float32]]) -> None:
        """Replace the arrays by the sums; call it when all have written."""
        at = 0
        for array in arrays:
            sum_G, parts_PG = array.reshape(-1), self.values_TPG[self.turn, :, at : at + array.size]
            np.add(parts_PG[0], parts_PG[1], out=sum_G)
            for part_G in parts_PG[2:]:
                sum_G += part_G
            at += array.size
        self.turn = (self.turn + 1) % TURNS


def open_shared_sum(rank: int, size: int, count: int, gather: Callable[[str], list[str]]) -> SharedSum | None:
    """Return memory for the sums of `count` values, or None where the processes cannot share any. All must call.

    Args:
        rank: Of this process.
        size: Number of processes.
        count: Values of a process.
        gather: Takes a word of this process and returns those of all.
    """
    shape = (TURNS, size, count)
    path = gather(_new_file(4 * int(np.prod(shape))) if rank == 0 else "")[0]
    try:
        values_TPG = np.memmap(path, np.float32, "r+", shape=shape) if path else None
    except OSError:  # on another machine, or in another container
        values_TPG = None
    everyone_sees = all(gather("" if values_TPG is None else "seen"))
    if path and rank == 0:
        Path(path).unlink()
    return SharedSum(values_TPG, rank) if values_TPG is not None and everyone_sees else None


def _new_file(size: int) -> str:
    """Return the path of a new file of that many bytes in memory, or nothing where there is no room."""
    if not MEMORY.is_dir():
        return ""
    try:
        number, path = tempfile.mkstemp(prefix="thaiocr-", dir=MEMORY)
    except OSError:
        return ""
    try:
        os.posix_fallocate(number, 0, size)
    except OSError:
        Path(path).unlink()
        return ""
    finally:
        os.close(number)
    return path
