"""Processes add up their arrays in memory that they share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from numpy.typing import NDArray

from thaiocr.engine import shared_sum
from thaiocr.engine.shared_sum import SharedSum, open_shared_sum

Arrays = list[NDArray[np.float32]]


def together(size: int, count: int) -> list[SharedSum | None]:
    """Open the memory as that many processes would, each in a thread."""
    words = [""] * size
    barrier = Barrier(size)

    def open_one(rank: int) -> SharedSum | None:
        def gather(word: str) -> list[str]:
            words[rank] = word
            barrier.wait()
            found = list(words)
            barrier.wait()
            return found

        return open_shared_sum(rank, size, count, gather)

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(open_one, range(size)))


def opened(size: int, count: int) -> list[SharedSum]:
    found = [each for each in together(size, count) if each is not None]
    if not found:
        pytest.skip("no /dev/shm here")
    return found


@pytest.mark.parametrize("size", [2, 3])
def test_all_processes_get_the_same_sum_step_after_step(size: int) -> None:
    members = opened(size, 7)
    rng = np.random.default_rng(0)
    for _ in range(5):
        arrays: list[Arrays] = [[rng.normal(size=(2, 3)).astype("f"), rng.normal(size=1).astype("f")] for _ in members]
        expected = [sum((one[at] * np.float32(0.25) for one in arrays), start=np.float32(0)) for at in range(2)]
        for member, one in zip(members, arrays, strict=True):
            member.write(one, 0.25)
        for member, one in zip(members, arrays, strict=True):
            member.read(one)
        for one in arrays:
            for found, wanted in zip(one, expected, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-6)
        assert all(np.array_equal(one[0], arrays[0][0]) for one in arrays)


def test_a_process_may_write_the_next_step_while_another_still_reads_this_one() -> None:
    fast, slow = opened(2, 1)
    ones: Arrays = [np.ones(1, np.float32)]
    for member in (fast, slow):
        member.write(ones, 1.0)
    fast.read([np.empty(1, np.float32)])
    fast.write([np.full(1, 50, np.float32)], 1.0)

    found = np.empty(1, np.float32)
    slow.read([found])

    assert found == 2


def test_the_file_is_gone_once_all_have_opened_it() -> None:
    before = set(shared_sum.MEMORY.glob("thaiocr-*")) if shared_sum.MEMORY.is_dir() else set()
    opened(2, 10)
    assert set(shared_sum.MEMORY.glob("thaiocr-*")) <= before


def test_without_shared_memory_nobody_uses_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared_sum, "MEMORY", tmp_path / "missing")
    assert together(2, 10) == [None, None]


def test_memory_that_is_too_small_is_not_used_and_not_left_behind() -> None:
    if not shared_sum.MEMORY.is_dir():
        pytest.skip("no /dev/shm here")
    before = set(shared_sum.MEMORY.glob("thaiocr-*"))
    assert together(2, 1 << 42) == [None, None]
    assert set(shared_sum.MEMORY.glob("thaiocr-*")) <= before


def test_a_file_that_only_the_first_process_sees_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def gather(word: str) -> list[str]:
        calls.append(word)
        return ["/nowhere/at/all", ""] if len(calls) == 1 else ["seen", word]

    assert open_shared_sum(1, 2, 10, gather) is None
