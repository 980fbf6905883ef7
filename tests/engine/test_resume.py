"""A run that was stopped or killed and then resumed equals the run that nothing interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.progress import Advance, Progress

LATEST = Path()
MID_EPOCH = "Global.eval_batch_step=[0, 3]"
"""Evaluates after step 3, the first one of the second epoch, and at the end."""


class Killed(BaseException):
    """Stands for a kill: nothing is saved on the way out."""


def at_tick(number: int, act: Callable[[], None]) -> Progress:
    """Return a progress that acts when training and evaluation have reported so many times.

    A run of `tiny.RUNS` reports five times an epoch: at its start, after each of two steps, and after each of two
    batches of its evaluation.
    """
    ticks = 0

    @contextmanager
    def progress(label: str, _total: int, /) -> Iterator[Advance]:
        def advance(count: int, note: str = "") -> None:
            nonlocal ticks
            ticks += label != "decoding images"
            if ticks == number:
                act()

        yield advance

    return progress


def kill() -> None:
    raise Killed


def resume_or_begin(data: Path, run: Path, *changes: str) -> None:
    tiny.fit(tiny.config(data, run, *changes), resume=LATEST if store.prefixes(run) else None)


@pytest.fixture(scope="module")
def mid_epoch_reference(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("mid")
    tiny.fit(tiny.config(data, run, *tiny.RUNS, MID_EPOCH))
    return run


@pytest.mark.parametrize("tick", [3, 9])
def test_a_killed_run_is_resumed_bit_for_bit(data: Path, reference: Path, tmp_path: Path, tick: int) -> None:
    with pytest.raises(Killed):
        tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS), progress=at_tick(tick, kill))
    resume_or_begin(data, tmp_path, *tiny.RUNS)
    assert tiny.outcome(tmp_path) == tiny.outcome(reference)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "tick"), [(signal.SIGTERM, 4), (signal.SIGINT, 7)])
def test_a_stopped_run_is_saved_and_resumed_bit_for_bit(
    data: Path, reference: Path, tmp_path: Path, number: signal.Signals, tick: int
) -> None:
    """Tick 7 is after a step, 4 is within an evaluation, which then is not counted."""
    with pytest.raises(KeyboardInterrupt):
        tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS), progress=at_tick(tick, lambda: os.kill(os.getpid(), number)))
    last = (tmp_path / "train.log").read_text("utf-8").splitlines()[-1]
    assert "stopped at step" in last
    assert last.endswith(f"saved {tmp_path / 'latest'}; go on with the same command and --resume")

    _, lines = tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS), resume=LATEST)

    assert any(line.startswith(f"resumed {tmp_path / 'latest'}: epoch ") for line in lines)
    assert tiny.outcome(tmp_path) == tiny.outcome(reference)


@pytest.mark.parametrize("tick", [pytest.param(5, marks=pytest.mark.slow), 6])
def test_a_stop_around_an_evaluation_within_an_epoch_neither_skips_nor_repeats_it(
    data: Path, mid_epoch_reference: Path, tmp_path: Path, tick: int
) -> None:
    """Tick 5 is after step 3, where an evaluation is due; 6 is within it."""
    with pytest.raises(KeyboardInterrupt):
        tiny.fit(
            tiny.config(data, tmp_path, *tiny.RUNS, MID_EPOCH),
            progress=at_tick(tick, lambda: os.kill(os.getpid(), signal.SIGTERM)),
        )
    resume_or_begin(data, tmp_path, *tiny.RUNS, MID_EPOCH)
    assert tiny.outcome(tmp_path) == tiny.outcome(mid_epoch_reference)


@pytest.mark.slow
def test_the_best_checkpoint_of_the_middle_of_an_epoch_can_be_resumed_too(
    data: Path, mid_epoch_reference: Path, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, MID_EPOCH), progress=at_tick(10, kill))
    _, lines = tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, MID_EPOCH), resume=tmp_path / "best_accuracy.pdparams")
    assert f"resumed {tmp_path / 'best_accuracy'}: epoch 2, step 3" in lines
    assert tiny.outcome(tmp_path) == tiny.outcome(mid_epoch_reference)


EVERYTHING = (
    *("Global.ema.decay=0.5", "Global.accumulation_steps=3", "Global.early_stop={patience: 2}"),
    *("Global.save_epoch_step=1", "Global.keep_last=1", "Optimizer.clip_norm_global=5.0"),
    "Optimizer.lr={name: ReduceOnPlateau, learning_rate: 0.003, patience: 0, warmup_epoch: 1}",
)


@pytest.mark.slow
def test_every_option_is_resumed_bit_for_bit(data: Path, tmp_path: Path) -> None:
    """Tick 9 is within the evaluation of the second epoch."""
    whole, run = tmp_path / "whole", tmp_path / "stopped"
    tiny.fit(tiny.config(data, whole, *tiny.RUNS, *EVERYTHING))
    with pytest.raises(KeyboardInterrupt):
        tiny.fit(
            tiny.config(data, run, *tiny.RUNS, *EVERYTHING),
            progress=at_tick(9, lambda: os.kill(os.getpid(), signal.SIGTERM)),
        )
    resume_or_begin(data, run, *tiny.RUNS, *EVERYTHING)
    assert tiny.outcome(run) == tiny.outcome(whole)


@pytest.mark.slow
def test_a_deterministic_run_is_the_same_on_any_number_of_threads_and_cores(data: Path, tmp_path: Path) -> None:
    """Threads are counted when a process starts."""
    weights = []
    for threads in ("1", "2"):
        run = tmp_path / threads
        file = tiny.write_config(data, run, *tiny.RUNS, "Global.deterministic=true")
        process = start(file, OMP_NUM_THREADS=threads)
        process.communicate()
        assert process.returncode == 0
        weights.append(tiny.content(run / "latest")["weights"])
    assert weights[0] == weights[1]


@pytest.mark.slow
def test_a_finished_run_says_so_and_stays_as_it_is(data: Path, reference: Path) -> None:
    before = tiny.outcome(reference)
    report, lines = tiny.fit(tiny.config(data, reference, *tiny.RUNS), resume=LATEST)
    assert "all 3 epochs are done; raise Global.epoch_num to train longer" in lines[-1]
    assert report["best"] == before["checkpoints"]["latest"]["states"]["best_model_dict"]
    assert tiny.outcome(reference) == before


# -- Processes ---------------------------------------------------------------------------------------------------------


def start(config_file: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-m", "thaiocr.cli.main", "train", "-c", str(config_file), *arguments]
    settings = {**os.environ, **environment}
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=settings)


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if text in line:
            return
    raise AssertionError(f"the process ended without saying '{text}':\n{''.join(said)}")


@pytest.mark.slow
def test_a_process_that_is_killed_is_resumed_bit_for_bit(data: Path, reference: Path, tmp_path: Path) -> None:
    """tests/engine/test_kill.py does it fifty times, in processes that are faster to start."""
    process = start(tiny.write_config(data, tmp_path, *tiny.RUNS))
    wait_for(process, "classes")
    time.sleep(0.3)
    process.kill()
    process.communicate()
    resume_or_begin(data, tmp_path, *tiny.RUNS)
    assert tiny.outcome(tmp_path) == tiny.outcome(reference)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_stop_saves_says_how_to_go_on_and_ends_with_130(
    data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    process = start(tiny.write_config(data, tmp_path, *tiny.RUNS, "Global.epoch_num=1000"))
    wait_for(process, "epoch 1 step 2")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "go on with the same command and --resume" in said
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS), resume=LATEST)
