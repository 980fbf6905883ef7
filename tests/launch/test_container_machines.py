"""A job of two machines: two containers on this one, whose hosts are two names of the loopback."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import opt_ml
import pytest
import tiny

from thaiocr.launch.container import STOPPED
from thaiocr.predict.bundle import open_bundle

pytestmark = pytest.mark.slow

HOSTS = ("127.0.0.1", "localhost")


def write_machines(folder: Path, *changes: str) -> list[Path]:
    """Give both machines the same input."""
    roots = [folder / host for host in HOSTS]
    small = ("Train.loader.batch_size_per_card=8", "Eval.loader.batch_size_per_card=8")
    opt_ml.write_job(roots[0], *tiny.RUNS, *small, *changes)
    opt_ml.copy_input(roots[0], roots[1])
    for root, host in zip(roots, HOSTS, strict=True):
        content = {"current_host": host, "hosts": list(HOSTS), "network_interface_name": "lo"}
        (root / "input/config/resourceconfig.json").write_text(json.dumps(content), "utf-8")
    return roots


def start(root: Path) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "thaiocr.launch.container", "train", "--root", str(root)]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(roots: list[Path], *, stop_at: str | None = None) -> tuple[list[int], list[str]]:
    """Run both to their end, or stop them once the first has written something; returns exit codes and outputs."""
    first, second = (start(root) for root in roots)
    with first, second:
        assert first.stdout is not None
        before = ""
        if stop_at is not None:
            for line in first.stdout:
                before += line
                if stop_at in line:
                    break
            for process in (first, second):
                process.send_signal(signal.SIGTERM)
        outputs = [before + first.communicate(timeout=120)[0], second.communicate(timeout=120)[0]]
    return [first.returncode, second.returncode], outputs


def test_two_machines_train_stop_and_go_on_and_the_first_alone_saves(tmp_path: Path) -> None:
    roots = write_machines(tmp_path)
    codes, (told, quiet) = run(roots, stop_at="epoch 2 step 3: loss")
    assert codes == [STOPPED, STOPPED], told + quiet
    assert "go on with the same command and --resume" in told
    assert "machine 2 of 2: 127.0.0.1 logs and saves" in quiet
    assert "loss" not in quiet
    assert list((roots[1] / "checkpoints").iterdir()) == []
    assert open_bundle(roots[0] / "model").dictionary.entries == tiny.ENTRIES, "the best model so far"

    opt_ml.copy_checkpoints(roots[0], roots[1] / "s3")
    (roots[1] / "checkpoints").rmdir()
    (roots[1] / "s3" / "checkpoints").rename(roots[1] / "checkpoints")
    kept = {path.name: path.read_bytes() for path in (roots[1] / "checkpoints").iterdir()}
    codes, (told, quiet) = run(roots)
    assert codes == [0, 0], told + quiet
    assert re.search(r"resumed .*latest: epoch 2, step [34]\n", told)
    assert "epoch 3 step 6: acc" in told
    assert {path.name: path.read_bytes() for path in (roots[1] / "checkpoints").iterdir()} == kept
    assert list((roots[1] / "model").iterdir()) == []
    assert open_bundle(roots[0] / "model").dictionary.entries == tiny.ENTRIES

    for path in (roots[1] / "checkpoints").iterdir():
        path.unlink()
    codes, _ = run(roots)
    assert codes == [3, 3], "one machine lacks the checkpoint"
    for root in roots:
        reason = (root / "output" / "failure").read_text("utf-8")
        assert "the processes of this run begin at different points (steps 6, 0)" in reason


def test_a_machine_that_is_lost_ends_the_job_on_the_other(tmp_path: Path) -> None:
    roots = write_machines(tmp_path, "Global.epoch_num=200")
    first, second = (start(root) for root in roots)
    with first, second:
        assert first.stdout is not None
        assert any("step 1: loss" in line for line in first.stdout)
        (training,) = opt_ml.children(second.pid)
        (worker,) = opt_ml.children(training)
        opt_ml.kill(worker)
        told, quiet = first.communicate(timeout=120)[0], second.communicate(timeout=120)[0]
    assert (first.returncode, second.returncode) == (5, 5), told + quiet
    assert "another process of this run is gone" in (roots[0] / "output" / "failure").read_text("utf-8")
    assert "ended by signal 9 (SIGKILL)" in (roots[1] / "output" / "failure").read_text("utf-8")


@pytest.mark.parametrize(("wrong", "codes"), [(0, [3, 5]), (1, [5, 3])])
def test_data_that_one_machine_cannot_use_end_the_job_on_both(tmp_path: Path, wrong: int, codes: list[int]) -> None:
    """Neither waits for the other, although all wait for each other's data."""
    roots = write_machines(tmp_path)
    (roots[wrong] / "input/data/train/rec_gt_train.txt").write_text("train/0000.png\tไม่มี\n", "utf-8")
    found, outputs = run(roots)
    assert found == codes, outputs
    assert "no usable image" in (roots[wrong] / "output" / "failure").read_text("utf-8")
    other = (roots[1 - wrong] / "output" / "failure").read_text("utf-8")
    assert "another process of this run" in other
    assert "no usable image" not in other
