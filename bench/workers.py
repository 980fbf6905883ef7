"""Processes that each repeat one piece of work when told to, so that frameworks which share no environment take turns.

A worker is a program that says `ready`, then does its work for every line that it reads, and answers `done`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial


class Worker:
    """One process, on cores of its own."""

    def __init__(self, words: Sequence[str], cores: Sequence[int], environment: Mapping[str, str]) -> None:
        self.name = " ".join(words[1:])
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(len(cores)), **environment},
            preexec_fn=partial(os.sched_setaffinity, 0, cores),
        )

    def tell(self) -> None:
        """Start one piece of work."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def wait(self, word: str) -> None:
        """Wait for an answer."""
        assert self.process.stdout is not None
        while (line := self.process.stdout.readline()) and line.strip() != word:
            pass
        if not line:
            sys.exit(f"{self.name}: the process ended with exit code {self.process.wait()}")


@contextmanager
def side_by_side(
    words: Sequence[str], count: int = 1, environment: Mapping[str, str] | None = None
) -> Iterator[Callable[[], None]]:
    """Start so many workers, which share the cores, and yield what makes each of them work once, all at a time."""
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        workers = [Worker(words, cores[rank::count] or cores, environment or {}) for rank in range(count)]
        for worker in workers:
            stack.callback(worker.process.wait)
            stack.callback(worker.process.kill)
        for worker in workers:
            worker.wait("ready")

        def work() -> None:
            for worker in workers:
                worker.tell()
            for worker in workers:
                worker.wait("done")

        yield work


def serve(step: Callable[[], object]) -> None:
    """Be a worker."""
    print("ready", flush=True)
    for _ in sys.stdin:
        step()
        print("done", flush=True)
