"""Start the processes of one run that belong on this machine, and end all of them when one dies."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from thaiocr.errors import EnvironmentProblem

POLL_SECONDS: Final = 0.1
GRACE_SECONDS: Final = 15.0
"""How long the others may take to end after one has: most wait for a message of it."""
SHOWN_LINES: Final = 5
"""Of what a process that died wrote."""
PR_SET_PDEATHSIG: Final = 1
"""From Linux's sys/prctl.h."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Machines:
    """The machines of a run; this one alone by default."""

    count: int = 1
    rank: int = 0
    """Number of this machine, from 0."""
    master: str | None = None
    """`HOST:PORT` of machine 0, where all processes meet; None: a free port of this machine."""


def run_processes(arguments: Sequence[str], count: int, *, is_on_gpu: bool, machines: Machines) -> int:
    """Run `thaiocr ARGUMENTS` in processes that find each other through paddle.distributed.

    The first one writes to this process's stdout and stderr. On the CPU each gets its share of the cores, on GPUs its
    own card. Signals go on to all of them.

    Args:
        arguments: Of the command line, without the options that say how many processes there are.
        count: Processes on this machine; every machine runs as many.
        is_on_gpu: They train on GPUs.
        machines: Each runs this function.

    Returns:
        0, or the exit code of this machine's first process, which has told why.

    Raises:
        EnvironmentProblem: a process died; the others are stopped.
    """
    with tempfile.TemporaryDirectory(prefix="thaiocr-") as folder, contextlib.ExitStack() as stack:
        outputs = [Path(folder) / f"{rank}.log" for rank in range(count)]
        workers: list[subprocess.Popen[bytes]] = []
        stack.enter_context(_signals_go_on_to(workers))
        stack.callback(_kill, workers)
        for rank, environment in enumerate(_environments(count, machines, is_on_gpu=is_on_gpu)):
            output = stack.enter_context(outputs[rank].open("wb")) if rank else None
            worker = subprocess.Popen(  # noqa: S603 - this program with the user's arguments
                [sys.executable, "-m", "thaiocr", *arguments],
                env={**os.environ, **environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=None if is_on_gpu else _on_cores(rank, count),
            )
            workers.append(worker)
        died = _wait(workers)
        if died is None:
            return 0
        code = workers[0].poll()
        if code is not None and code > 0 and code == workers[died].returncode:
            return code
        raise EnvironmentProblem(_epitaph(died, count, workers[died].returncode, outputs[died]))


def _environments(count: int, machines: Machines, *, is_on_gpu: bool) -> list[dict[str, str]]:
    """Return what paddle.distributed reads, per process."""
    processes, first = count * machines.count, count * machines.rank
    # Names only: gloo and NCCL exchange their addresses through the master.
    endpoints = [f"process:{rank}" for rank in range(processes)]
    common = {
        "PADDLE_TRAINERS_NUM": str(processes),
        "PADDLE_TRAINER_ENDPOINTS": ",".join(endpoints),
        "PADDLE_MASTER": machines.master or f"127.0.0.1:{_free_port()}",
        "PADDLE_DISTRI_BACKEND": "nccl" if is_on_gpu else "gloo",
        "GLOG_minloglevel": "2",  # paddle logs every connection
    }
    return [
        {
            **common,
            "PADDLE_TRAINER_ID": str(first + place),
            "PADDLE_LOCAL_RANK": str(place),
            "PADDLE_CURRENT_ENDPOINT": endpoints[first + place],
            **({"FLAGS_selected_gpus": str(place)} if is_on_gpu else {}),
        }
        for place in range(count)
    ]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _on_cores(rank: int, count: int) -> Callable[[], None] | None:
    """Return what a new process does first: take its cores, and ask to be told when its parent is gone."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    own = cores[rank::count] or [cores[rank % len(cores)]]
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        os.sched_setaffinity(0, own)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


@contextlib.contextmanager
def _signals_go_on_to(workers: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Hand SIGINT and SIGTERM to the processes, which save and end."""

    def go_on(number: int, _frame: FrameType | None) -> None:
        for worker in workers:
            worker.send_signal(number)

    previous: Mapping[signal.Signals, object] = {
        number: signal.signal(number, go_on) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def _wait(workers: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Wait for all; after a first one has failed, for the others no longer than `GRACE_SECONDS`.

    Returns:
        The rank that failed first, one that a signal killed before others; None when none failed.
    """
    died, deadline = None, float("inf")
    while any(worker.poll() is None for worker in workers) and time.monotonic() < deadline:
        failed = [rank for rank, worker in enumerate(workers) if worker.poll()]
        if failed and died is None:
            died = min(failed, key=lambda rank: (workers[rank].returncode > 0, rank))
            deadline = time.monotonic() + GRACE_SECONDS
        time.sleep(POLL_SECONDS)
    if died is None:
        failed = [rank for rank, worker in enumerate(workers) if worker.poll()]
        died = min(failed, key=lambda rank: (workers[rank].returncode > 0, rank), default=None)
    return died


def _kill(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.kill()
        worker.wait()


def _epitaph(rank: int, count: int, code: int, output: Path) -> list[str]:
    how = f"by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"with exit code {code}"
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines() if output.exists() else []
    return [
        f"process {rank + 1} of {count} ended {how}; the others were stopped; go on with the same command and --resume",
        *(f"  {line}" for line in lines[-SHOWN_LINES:]),
    ]
