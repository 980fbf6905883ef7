"""A run that is killed again and again, anywhere, ends as the run that nothing interrupted; a full disk costs nothing.

Everything that a checkpoint must carry takes part: a moving average, early stopping, a schedule that follows the
evaluations, accumulated gradients, kept and removed checkpoints, evaluations inside and at the end of epochs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import stage
import tiny

from thaiocr.checkpoint import store
from thaiocr.errors import INTERRUPTED, EnvironmentProblem

KILLS: Final = 50
KILLED: Final = (-signal.SIGKILL, -signal.SIGXFSZ)
STOPPED: Final = (INTERRUPTED, -signal.SIGTERM)
"""The second one before anything was done."""
CHANGES: Final = (
    *tiny.LEARNS,
    "Global.epoch_num=4",
    "Global.print_batch_step=1",
    "Global.eval_batch_step=[0,1]",
    "Global.save_epoch_step=1",
    "Global.keep_last=1",
    "Global.keep_best=1",
    "Global.early_stop={patience: 4, min_delta: 0.01}",
    "Global.ema.decay=0.8",
    "Global.accumulation_steps=2",
    "Train.loader.batch_size_per_card=12",
    "Optimizer.lr={name: ReduceOnPlateau, learning_rate: 0.003, patience: 0, factor: 0.5, warmup_epoch: 1}",
    "Optimizer.clip_norm_global=5.0",
)


class Stage:
    """The process that forks and kills the others."""

    def __init__(self) -> None:
        command = [sys.executable, "-W", "ignore", stage.__file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, arguments: list[str], **kill: float) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"arguments": arguments, "kill": kill}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def theatre() -> Iterator[Stage]:
    found = Stage()
    yield found
    found.process.communicate()


@pytest.fixture(scope="module")
def config_file(data: Path, trained: tiny.Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run that starts where accuracies are neither 0 nor 1, so that better and worse evaluations take turns."""
    folder = tmp_path_factory.mktemp("kill")
    start = f"Global.pretrained_model={trained.run / 'best_accuracy'}"
    return tiny.write_config(data, folder / "run", *CHANGES, start).rename(folder / "kill.yml")


def begin_or_resume(config_file: Path, run: Path) -> list[str]:
    return ["train", "-c", str(config_file), *(["--resume"] if store.prefixes(run) else [])]


def left(run: Path) -> dict[str, Any]:
    """Return all that a run leaves, but for times, hidden files included."""
    report = json.loads((run / "report.json").read_text("utf-8"))
    for time in ("seconds", "began", "finished"):
        del report[time]
    return {**tiny.outcome(run), "files": sorted(path.name for path in run.iterdir()), "report": report}


@pytest.fixture(scope="module")
def uninterrupted(config_file: Path, theatre: Stage) -> dict[str, Any]:
    run = config_file.parent / "run"
    answer = theatre.run(begin_or_resume(config_file, run), moment=0)
    assert answer["status"] == 0
    found = {**left(run), "moments": answer["moments"], "bytes": (run / "latest.pdopt").stat().st_size}
    shutil.rmtree(run)
    return found


def kill(rng: random.Random, whole: dict[str, Any]) -> dict[str, float]:
    """Choose where to be killed next: mostly around the calls that write, but also anywhere, and inside a write.

    A stop now and then saves in the middle of an epoch.
    """
    kind = rng.choices(["moment", "seconds", "bytes", "stop"], [6, 3, 1, 2])[0]
    lowest, highest = {
        "moment": (1, whole["moments"] // 5),
        "seconds": (0.3, 1.5),
        "bytes": (10_000, whole["bytes"]),
        "stop": (0.5, 1.5),
    }[kind]
    number = rng.uniform(lowest, highest)
    return {kind: round(number) if kind in ("moment", "bytes") else number}


@pytest.mark.slow
def test_the_uninterrupted_run_exercises_what_it_is_meant_to(uninterrupted: dict[str, Any]) -> None:
    latest = uninterrupted["checkpoints"]["latest"]
    bests = [found["acc"] for found in uninterrupted["report"]["history"]]
    assert set(uninterrupted["checkpoints"]) > {"best_accuracy", "latest"}
    assert len(set(bests)) > 1
    assert latest["states"]["average"]["updates"] == latest["states"]["global_step"]
    assert latest["optimizer"]["LR_Scheduler"]["LinearWarmup_LR"]["rate"] < 0.003
    assert not [name for name in uninterrupted["files"] if name.startswith(".")]


@pytest.mark.slow
def test_fifty_kills_at_any_moment_change_nothing(
    config_file: Path, theatre: Stage, uninterrupted: dict[str, Any]
) -> None:
    """Each run is killed or stopped until one of its processes comes to its end; then the next one begins."""
    rng, run = random.Random(2026), config_file.parent / "run"
    expected = {key: uninterrupted[key] for key in ("checkpoints", "records", "files", "report")}
    seen: Counter[str] = Counter()
    while (kills := seen["moment"] + seen["seconds"] + seen["bytes"]) < KILLS or run.exists():
        plan = kill(rng, uninterrupted) if kills < KILLS else {}
        answer = theatre.run(begin_or_resume(config_file, run), **plan)
        if answer["status"] == 0:
            assert left(run) == expected
            shutil.rmtree(run)
            continue
        assert answer["status"] in (STOPPED if "stop" in plan else KILLED), answer["said"]
        seen.update(plan.keys())
        seen["in a save"] += any(path.name.startswith(".") for path in run.glob("*"))
    print(dict(seen))  # noqa: T201 - pytest shows it with -rP
    assert seen["in a save"] >= KILLS // 5


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Callable[[int], None]]:
    """Mount a file system of so many bytes; yields what changes its size."""

    def mount(options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "thaiocr-test", str(folder)], check=True)

    folder.mkdir()
    mount(f"size={size}")
    try:
        yield lambda larger: mount(f"remount,size={larger}")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def can_mount() -> bool:
    """Root may, but not in every container."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "thaiocr-test", folder]
        is_mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
        if is_mounted:
            subprocess.run(["umount", folder], check=True)
        return is_mounted


@pytest.mark.skipif(not can_mount(), reason="needs to be allowed to mount a disk")
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(
    data: Path, reference: Path, tmp_path: Path
) -> None:
    """Room for two checkpoints and half of the third, which is written before it takes the place of the second."""
    checkpoint = sum((reference / f"latest{suffix}").stat().st_size for suffix in store.SUFFIXES)
    with disk(tmp_path / "disk", 2 * checkpoint + checkpoint // 2) as resize:
        run = tmp_path / "disk" / "run"
        config = tiny.config(data, run, *tiny.RUNS)
        with pytest.raises(EnvironmentProblem) as caught:
            tiny.fit(config)
        assert str(caught.value) == (
            f"{run}: cannot save the checkpoint latest: No space left on device; "
            "the one saved before is untouched: make room or the folder writable, then go on with --resume"
        )
        assert store.load(run / "latest").states["epoch"] == 1
        assert not [path for path in run.iterdir() if path.name.startswith(".")]

        resize(4 * checkpoint)
        tiny.fit(config, resume=Path())
        assert tiny.outcome(run) == tiny.outcome(reference)


@pytest.mark.slow
def test_a_disk_that_is_full_in_the_middle_of_a_file_costs_nothing(
    config_file: Path, theatre: Stage, uninterrupted: dict[str, Any]
) -> None:
    run = config_file.parent / "run"
    assert theatre.run(begin_or_resume(config_file, run), moment=uninterrupted["moments"] // 2)["status"] in KILLED
    for part in (0.1, 0.5, 0.9):
        answer = theatre.run(begin_or_resume(config_file, run), room=round(part * uninterrupted["bytes"]))
        assert answer["status"] == EnvironmentProblem.exit_code
        assert f"{run}: cannot save the checkpoint" in answer["said"][-1]
        assert "File too large" in answer["said"][-1]
    assert theatre.run(begin_or_resume(config_file, run))["status"] == 0
    assert left(run) == {key: uninterrupted[key] for key in ("checkpoints", "records", "files", "report")}
    shutil.rmtree(run)
