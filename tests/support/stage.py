"""Runs `thaiocr` commands in forks of one process that has imported everything, and kills them where it is told to.

Started as a program; reads one JSON object per line, {"arguments": [...], "kill": {...}}, and answers with one:
{"status": what `os.waitstatus_to_exitcode` says, "said": lines on standard error, "moments": calls seen that write}.
Ways to be killed:

    {"seconds": s}  by SIGKILL, so long after the start
    {"moment": n}   by SIGKILL, at the n-th of the calls that write, rename, delete, flush or sync a file, counted
                    before and after each; the interpreter reports them to a profile function, nothing is replaced
    {"bytes": n}    by SIGXFSZ, when a file grows beyond so many bytes: in the middle of a write
    {"stop": s}     not killed, but told to stop by SIGTERM, so long after the start
    {"room": n}     not killed: beyond so many bytes a file gets no more, as on a full disk

The parent imports paddle but computes nothing, so that a fork finds no thread missing.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from types import FrameType
from typing import Any, Final

WRITES: Final = frozenset({"fsync", "replace", "rename", "unlink", "write", "flush", "truncate", "open", "write_text"})
WRITERS: Final = ("thaiocr/checkpoint/", "thaiocr/engine/")


class Moments:
    """Counts calls that change files, and kills its process at one of them.

    Args:
        last: The moment to be killed at; 0 only counts.
    """

    def __init__(self, last: int) -> None:
        self.last = last
        self.seen = 0

    def __call__(self, frame: FrameType, event: str, function: Any) -> None:
        if event not in ("c_call", "c_return") or function.__name__ not in WRITES or not _is_writer(frame):
            return
        self.seen += 1
        if self.seen == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def _is_writer(frame: FrameType | None) -> bool:
    """Tell whether the engine or the checkpoint store made the call, or asked pathlib to make it."""
    for _ in range(4):
        if frame is None:
            return False
        if any(part in frame.f_code.co_filename for part in WRITERS):
            return True
        if "pathlib" not in frame.f_code.co_filename:
            return False
        frame = frame.f_back
    return False


def child(arguments: list[str], kill: dict[str, float], report: int, said: int) -> int:
    """Run one command; returns its exit code."""
    from thaiocr.cli.main import main

    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(said, 2)
    size = int(kill.get("bytes", kill.get("room", 0)))
    if size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if "bytes" in kill else signal.SIG_IGN)
    moments = Moments(int(kill.get("moment", 0)))
    if "moment" in kill:
        sys.setprofile(moments)
    code = main(arguments)
    sys.setprofile(None)
    os.write(report, str(moments.seen).encode())
    return code


def run(arguments: list[str], kill: dict[str, float]) -> dict[str, Any]:
    """Fork, wait, kill when it is time."""
    receiver, sender = os.pipe()
    with tempfile.TemporaryFile("w+") as said:
        process = os.fork()
        if process == 0:
            code = 70
            try:
                code = child(arguments, kill, sender, said.fileno())
            finally:
                os._exit(code)
        os.close(sender)
        for kind, number in (("seconds", signal.SIGKILL), ("stop", signal.SIGTERM)):
            if kind in kill:
                time.sleep(kill[kind])
                os.kill(process, number)
        _, status = os.waitpid(process, 0)
        seen = os.read(receiver, 20)
        os.close(receiver)
        said.seek(0)
        return {"status": os.waitstatus_to_exitcode(status), "said": said.readlines(), "moments": int(seen or 0)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    # For the forks.
    for module in ("thaiocr.engine.train", "thaiocr.models.fast.network"):
        importlib.import_module(module)

    for line in sys.stdin:
        request = json.loads(line)
        answer = run(request["arguments"], request["kill"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
