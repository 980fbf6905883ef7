"""Several processes train as one does, with real processes that talk through gloo."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.config.dump import to_yaml
from thaiocr.engine.evaluate import of_model, read_all
from thaiocr.engine.trained import evaluation_set, open_trained
from thaiocr.engine.workers import Workers
from thaiocr.metrics.recognition import RecognitionMetric
from thaiocr.progress import silent

TWO = ("Train.loader.batch_size_per_card=8", "Eval.loader.batch_size_per_card=8")
"""As large a batch together as `tiny.NETWORK` has alone."""


def command(data: Path, run: Path, *words: str, changes: tuple[str, ...]) -> list[str]:
    file = run.with_suffix(".yml")
    file.write_text(to_yaml(tiny.config(data, run, *changes, *TWO)), "utf-8")
    return [sys.executable, "-m", "thaiocr", "train", "-c", str(file), "--nproc", "2", *words]


def train_in_two(data: Path, run: Path, *words: str, changes: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    words = (*command(data, run, *words, changes=changes),)
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)


def wait_for_step(run: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (run / "metrics.jsonl").exists() and any(each.get("step", 0) >= step for each in tiny.records(run)):
            return
        time.sleep(0.05)
    pytest.fail(f"{run}: step {step} was not reached")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_one_process_alone_asks_nobody() -> None:
    alone = Workers()
    assert alone.any(True)
    assert not alone.any(False)
    assert alone.gather([[1, 2], [3]]) == [1, 2, 3]


HALVES = """
from types import SimpleNamespace
import paddle
from thaiocr.engine.workers import join

workers = join()
workers.has_looked = True  # as on a GPU: what is averaged goes into a message, not into memory
half, whole, mean = paddle.zeros([2]).astype("bfloat16"), paddle.zeros([3]), paddle.full([2], float(workers.rank))
for parameter in (half, whole):
    parameter.stop_gradient = False
    parameter.grad = paddle.full(parameter.shape, 1 + 2.0 * workers.rank).astype(parameter.dtype)
share = SimpleNamespace(samples=[0], all_images=2)
values = workers.average([half, whole, mean], {"loss": 4.0 * workers.rank}, share)
print(half.grad.dtype, half.grad.astype("float32").tolist(), whole.grad.tolist(), mean.tolist(), values)
"""


@pytest.mark.slow
def test_gradients_of_half_precision_are_averaged_with_those_of_float32() -> None:
    """O2 on several GPUs has both; bfloat16 gradients can be had on a CPU, though nothing computes them there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        master = f"127.0.0.1:{free.getsockname()[1]}"
    common = {
        **os.environ,
        "PADDLE_TRAINERS_NUM": "2",
        "PADDLE_TRAINER_ENDPOINTS": "process:0,process:1",
        "PADDLE_MASTER": master,
        "PADDLE_DISTRI_BACKEND": "gloo",
    }
    words = [sys.executable, "-c", HALVES]
    processes = [
        subprocess.Popen(
            words,
            env={**common, "PADDLE_TRAINER_ID": str(rank), "PADDLE_CURRENT_ENDPOINT": f"process:{rank}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert said == ["paddle.bfloat16 [2.0, 2.0] [2.0, 2.0, 2.0] [0.5, 0.5] {'loss': 2.0}\n"] * 2


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    """Both see the same pictures, so that batch normalisation does the same, but not the same labels."""
    data = tiny.write_data(tmp_path / "data", images=16)
    lines = (data / "rec_gt_train.txt").read_text("utf-8").splitlines()
    labels = [line.split("\t")[1] for line in lines]
    pictures = [line.split("\t")[0] for line in lines[:8]] * 2
    both = [f"{picture}\t{label}\n" for picture, label in zip(pictures, labels, strict=True)]
    (data / "rec_gt_train.txt").write_text("".join(both), "utf-8")
    once = (
        *tiny.RUNS,
        "Global.epoch_num=1",
        "Train.loader.shuffle=false",
        "Optimizer={name: Momentum, momentum: 0.9, lr: {name: Const, learning_rate: 0.1}}",
    )

    assert train_in_two(data, tmp_path / "two", changes=once).returncode == 0
    tiny.fit(tiny.config(data, tmp_path / "one", *once))

    two, one = (store.load(tmp_path / name / "latest").optimizer for name in ("two", "one"))
    gradients = [name for name in one if "velocity" in name]
    assert len(gradients) > 100
    whole = np.sqrt(sum(float(np.square(one[name]).sum()) for name in gradients))
    for name in gradients:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, atol=1e-6 * whole)


@pytest.mark.slow
def test_two_processes_report_what_one_process_measures(tmp_path: Path) -> None:
    data = tiny.write_data(tmp_path / "data", images=192, val_images=25)

    done = train_in_two(data, tmp_path / "run", changes=tiny.LEARNS)

    assert done.returncode == 0, done.stderr
    config = tiny.config(data, tmp_path / "run", *tiny.LEARNS)
    found = open_trained(config, str(tmp_path / "run" / "latest"))
    batches = evaluation_set(config, found.codec, labels=None, progress=silent)
    metric = RecognitionMetric(ignore_space=False)
    metric.update(read_all(of_model(found.model), batches, found.codec, progress=silent, is_single=True))
    last = [record for record in tiny.records(tmp_path / "run") if record["event"] == "eval"][-1]
    assert last["images"] == 25
    assert last["acc"] > 0.3
    assert last["acc"] == pytest.approx(metric.brief()["acc"])
    assert sorted(path.name for path in (tmp_path / "run").glob("*.states")) == [
        "best_accuracy.states",
        "latest.states",
    ]


@pytest.mark.slow
def test_a_stopped_or_killed_run_of_two_processes_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    data = tiny.write_data(tmp_path / "data", images=32)
    longer = (*tiny.RUNS, "Global.epoch_num=40")
    reference, run = tmp_path / "reference", tmp_path / "run"
    assert train_in_two(data, reference, changes=longer).returncode == 0

    with subprocess.Popen(command(data, run, changes=longer), stderr=subprocess.PIPE, text=True) as first:
        wait_for_step(run, 5)
        first.send_signal(signal.SIGTERM)
        said = first.communicate(timeout=120)[1]
    assert first.returncode == 130
    assert "stopped at step" in said

    with subprocess.Popen(command(data, run, "--resume", changes=longer), stderr=subprocess.PIPE, text=True) as second:
        wait_for_step(run, 20)
        os.kill(children(second.pid)[1], signal.SIGKILL)
        said = second.communicate(timeout=120)[1]
    assert second.returncode == 5
    assert "process 2 of 2 ended by signal 9 (SIGKILL)" in said

    assert train_in_two(data, run, "--resume", changes=longer).returncode == 0
    assert tiny.outcome(run) == tiny.outcome(reference)


@pytest.mark.slow
def test_what_one_process_finds_wrong_is_said_once(tmp_path: Path) -> None:
    data = tiny.write_data(tmp_path / "data", images=24)
    (data / "rec_gt_train.txt").write_text("train/0000.png\tบ้าน\n", "utf-8")

    done = train_in_two(data, tmp_path / "run", changes=tiny.RUNS)

    assert done.returncode == 3
    assert done.stderr.count("no usable image") == 1
