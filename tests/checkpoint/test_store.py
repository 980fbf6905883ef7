from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import killed_save
import numpy as np
import paddle
import pytest

from thaiocr.checkpoint import store
from thaiocr.checkpoint.unpickle import read_pickle
from thaiocr.errors import DataError, EnvironmentProblem


def checkpoint(value: float) -> store.Checkpoint:
    return store.Checkpoint(
        weights={"head.fc.weight": np.full((3, 4), value, np.float32)},
        optimizer={"linear_0.w_0_moment1_0": np.full(3, value), "LR_Scheduler": {"last_epoch": 7, "last_lr": 0.1}},
        states={"epoch": 2, "global_step": int(value), "best_model_dict": {"acc": 0.5}},
    )


def value_of(found: store.Checkpoint) -> tuple[float, float, int]:
    first = found.weights["head.fc.weight"].ravel()[0]
    return float(first), float(found.optimizer["linear_0.w_0_moment1_0"][0]), found.states["global_step"]


def test_a_saved_checkpoint_comes_back(tmp_path: Path) -> None:
    store.save(checkpoint(1), tmp_path / "run" / "latest")

    found = store.load(tmp_path / "run" / "latest.pdparams")

    assert value_of(found) == (1, 1, 1)
    assert found.optimizer["LR_Scheduler"] == {"last_epoch": 7, "last_lr": 0.1}
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "latest.pdopt",
        "latest.pdparams",
        "latest.states",
    ]


def test_paddle_reads_our_files_and_we_read_paddles(tmp_path: Path) -> None:
    layer = paddle.nn.Linear(3, 4)
    weights = {name: np.asarray(value) for name, value in layer.state_dict().items()}
    store.save(store.Checkpoint(weights=weights, optimizer={}, states={}), tmp_path / "ours")
    paddle.save(layer.state_dict(), str(tmp_path / "theirs.pdparams"))

    read_by_paddle = paddle.load(str(tmp_path / "ours.pdparams"))
    read_by_us = store.load_weights(tmp_path / "theirs")

    assert set(read_by_paddle) == set(read_by_us) == {"weight", "bias"}
    for name, value in weights.items():
        np.testing.assert_array_equal(np.asarray(read_by_paddle[name]), value)
        np.testing.assert_array_equal(read_by_us[name], value)


def test_a_save_that_was_killed_after_its_journal_is_among_the_checkpoints_of_its_folder(tmp_path: Path) -> None:
    """The kill test found it: as long as it lies hidden, a run that begins anew could be resumed from it later."""
    for name in ("latest", "best_accuracy"):
        store.save(checkpoint(1), tmp_path / name)
    killed_save.leave_unfinished(tmp_path / "best_accuracy")
    assert store.prefixes(tmp_path) == [tmp_path / "best_accuracy", tmp_path / "latest"]
    assert value_of(store.load(tmp_path / "best_accuracy")) == (1, 1, 1)
    assert not list(tmp_path.glob(".*"))
    assert store.prefixes(tmp_path / "missing") == []


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch stolen",)


def test_a_pickle_that_wants_to_run_something_is_refused_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pdparams").write_bytes(pickle.dumps({"head.fc.weight": Malicious()}))

    with pytest.raises(DataError, match=r"bad\.pdparams: refused.*system"):
        read_pickle(tmp_path / "bad.pdparams")

    assert not (tmp_path / "stolen").exists()


@pytest.mark.parametrize("suffix", store.SUFFIXES)
def test_a_missing_or_cut_file_is_named(tmp_path: Path, suffix: str) -> None:
    store.save(checkpoint(1), tmp_path / "latest")
    path = tmp_path / f"latest{suffix}"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match=rf"latest\{suffix}"):
        store.load(tmp_path / "latest")
    path.unlink()
    with pytest.raises(DataError, match=rf"latest\{suffix}: no such file"):
        store.load(tmp_path / "latest")


class Killed(BaseException):
    """Stands for a kill at one system call."""


def kill_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, stop_at: int) -> bool:
    """Save over an existing checkpoint and stop at the n-th system call; tell whether the save got to its end."""
    store.save(checkpoint(1), tmp_path / "latest")
    calls = 0

    def guard(name: str) -> None:
        real = getattr(Path, name)

        def counted(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            if calls > stop_at:
                raise Killed
            return real(*args, **kwargs)

        monkeypatch.setattr(Path, name, counted)

    for name in ("open", "replace", "unlink", "write_text"):
        guard(name)
    try:
        store.save(checkpoint(2), tmp_path / "latest")
    except Killed:
        return False
    finally:
        monkeypatch.undo()
    return True


@pytest.mark.parametrize("stop_at", range(40))
def test_a_kill_at_any_point_of_a_save_leaves_the_old_or_the_new_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    is_complete = kill_points(tmp_path, monkeypatch, stop_at=stop_at)

    found = value_of(store.load(tmp_path / "latest"))

    assert found in ({(2, 2, 2)} if is_complete else {(1, 1, 1), (2, 2, 2)})


def test_a_full_disk_keeps_the_old_checkpoint_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(checkpoint(1), tmp_path / "latest")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        EnvironmentProblem,
        match=r"cannot save the checkpoint latest: No space left on device; the one saved before is untouched",
    ):
        store.save(checkpoint(2), tmp_path / "latest")
    monkeypatch.undo()

    assert value_of(store.load(tmp_path / "latest")) == (1, 1, 1)


def test_a_full_disk_leaves_nothing_of_the_save_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(checkpoint(1), tmp_path / "latest")
    before = sorted(path.name for path in tmp_path.iterdir())
    for stop_at in range(5):
        calls = 0

        def full(handle: int, *, stop_at: int = stop_at) -> None:
            nonlocal calls
            calls += 1
            if calls > stop_at:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(EnvironmentProblem, match="No space left on device"):
            store.save(checkpoint(2), tmp_path / "latest")
        monkeypatch.undo()
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        assert value_of(store.load(tmp_path / "latest")) == (1, 1, 1)


@pytest.mark.parametrize("suffix", [".pdparams", ".pdopt"])
def test_one_changed_byte_is_found_and_named(tmp_path: Path, suffix: str) -> None:
    store.save(checkpoint(1), tmp_path / "latest")
    path = tmp_path / f"latest{suffix}"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"latest\{suffix}: (damaged, or of another save|refused)"):
        store.load(tmp_path / "latest")


def test_files_of_two_saves_are_not_taken_for_one_checkpoint(tmp_path: Path) -> None:
    store.save(checkpoint(1), tmp_path / "one")
    store.save(checkpoint(2), tmp_path / "two")
    (tmp_path / "one.pdopt").replace(tmp_path / "two.pdopt")
    with pytest.raises(DataError, match=r"two\.pdopt: damaged, or of another save than two\.states"):
        store.load(tmp_path / "two")


def test_the_hashes_are_no_part_of_what_is_loaded(tmp_path: Path) -> None:
    store.save(checkpoint(1), tmp_path / "latest")
    assert store.load(tmp_path / "latest").states == checkpoint(1).states
    assert set(read_pickle(tmp_path / "latest.states")[store.HASHES]) == {".pdparams", ".pdopt"}


def test_a_removed_checkpoint_leaves_others_and_may_be_gone_already(tmp_path: Path) -> None:
    for name in ("old", "new"):
        store.save(checkpoint(1), tmp_path / name)
    (tmp_path / "old.pdopt").unlink()
    for _ in range(2):
        store.remove(tmp_path / "old")
    assert {path.stem for path in tmp_path.iterdir()} == {"new"}


@pytest.mark.slow
def test_a_process_killed_at_any_call_of_a_save_leaves_the_old_or_the_new_checkpoint(tmp_path: Path) -> None:
    """Before and after each write, flush, sync, rename and removal: old up to the journal, new from there on."""
    command = [sys.executable, killed_save.__file__, str(tmp_path)]
    results = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    steps = [step for step, _ in results]
    assert len(steps) > 40
    assert steps == sorted(steps)
    assert set(steps) == {1, 2}
    assert not any(left for _, left in results)
