from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from thaiocr.launch import container_process
from thaiocr.launch.container_process import KEPT_LINES, Stop, run, stop_on_signals

POLITE = """
import signal, sys, time
told = []
def note(number, frame):
    told.append(number)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGTERM, note)
print("ready", flush=True)
while not told:
    time.sleep(0.01)
print("told", *told, flush=True)
time.sleep(1)
sys.exit(7)
"""
"""Dies of a second SIGTERM, as training does."""


def python(program: str, *arguments: str) -> Sequence[str]:
    return [sys.executable, "-c", program, *arguments]


def test_lines_of_both_streams_are_shown_and_the_last_kept(capsys: pytest.CaptureFixture[str]) -> None:
    program = "import sys\nfor n in range(99): print(n, file=(sys.stdout, sys.stderr)[n % 2])\nsys.exit(3)"
    ended = run(python(program))
    assert ended.code == 3
    assert ended.lines == tuple(str(number) for number in range(99))[-KEPT_LINES:]
    assert capsys.readouterr().out.splitlines() == [str(number) for number in range(99)]


def test_bytes_that_are_no_utf8_do_not_end_the_job() -> None:
    assert run(python("import sys; sys.stdout.buffer.write(b'\\xff\\n\\xe0\\xb8\\x81')")).lines == ("\ufffd", "ก")


def test_variables_are_added_to_the_environment() -> None:
    ended = run(python("import os; print(os.environ['A'], 'PATH' in os.environ)"), variables={"A": "1"})
    assert ended.lines == ("1 True",)


def test_a_command_is_killed_at_its_limit() -> None:
    ended = run(python("import time; time.sleep(600)"), limit_s=0.2)
    assert ended.code == -signal.SIGKILL


def leave_a_worker(*, start_new_session: bool) -> int:
    """Run a command that fails and leaves a worker, as when the kernel kills a training because memory is full."""
    worker = f"subprocess.Popen(['sleep', '100'], start_new_session={start_new_session})"
    ended = run(python(f"import subprocess, sys; print({worker}.pid); sys.exit(9)"))
    assert ended.code == 9
    return int(ended.lines[0])


def test_a_worker_does_not_outlive_its_command() -> None:
    with suppress(OSError):  # there is no such process any more
        status = Path(f"/proc/{leave_a_worker(start_new_session=False)}/status")
        assert "sleeping" not in status.read_text()


def test_a_worker_that_cannot_be_found_does_not_hold_up_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_process, "LAST_LINES_S", 1)
    os.kill(leave_a_worker(start_new_session=True), signal.SIGKILL)


def test_a_signal_is_passed_on_once_however_often_it_comes() -> None:
    """Ctrl-C held down, or SIGTERM after SIGINT: a second signal would kill training at its save."""
    program = f"""
from thaiocr.launch import container_process
from thaiocr.launch.container_process import run, stop_on_signals
with stop_on_signals() as stop:
    ended = run({python(POLITE)!r}, stop=stop)
print(ended.code, stop.at is not None)
"""
    with subprocess.Popen(python(program), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "told 15\n"
        for number in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
        assert process.stdout.read() == "7 True\n"


def test_a_signal_that_came_before_the_command_reaches_it() -> None:
    stop = Stop()
    stop.note(signal.SIGTERM, None)
    started = time.monotonic()
    assert run(python("import time; time.sleep(600)"), stop=stop).code == -signal.SIGTERM
    assert stop.at is not None
    assert stop.at <= started


def test_signals_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert stop.at is not None
    assert signal.getsignal(signal.SIGTERM) is before
