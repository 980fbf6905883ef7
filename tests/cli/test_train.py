from __future__ import annotations

import json
import os
import re
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tiny

from thaiocr.cli import train as verb
from thaiocr.cli.main import main
from thaiocr.config.load import load_config
from thaiocr.engine import lr_range
from thaiocr.engine.optim import peak
from thaiocr.errors import DataError
from thaiocr.progress import Advance


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration for one epoch of two steps."""
    data = tiny.write_data(tmp_path / "data", images=24)
    return str(tiny.write_config(data, tmp_path / "run", *tiny.RUNS[:-2], "Global.epoch_num=2"))


def test_a_run_prints_json_is_not_overwritten_and_goes_on(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", "-c", config, "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads((run / "report.json").read_text("utf-8"))
    assert "24 training images" in printed.err

    assert main(["train", "-c", config]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"{run}: holds a run already; go on with --resume, or start anew with --force\n"

    assert main(["train", "-c", config, "--resume", "-o", "Global.epoch_num=3", "-o", "Global.save_epoch_step=3"]) == 0
    printed = capsys.readouterr()
    assert f"resumed {run}/latest: epoch 3, step 4\n" in printed.err
    assert printed.out == f"best: accuracy 0.0000 at epoch 1, in {run}/best_accuracy\n"
    assert (run / "iter_epoch_3.pdparams").exists()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("checkpoints", "all 6 epochs are done; raise Global.epoch_num to train longer"),
        ("pretrained_model", "fresh: none"),
    ],
)
def test_paddleocrs_keys_resume_and_start_a_run(
    trained: tiny.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, message: str
) -> None:
    start = [f"Global.{key}={trained.run / 'latest'}", f"Global.save_model_dir={tmp_path}"]
    short = ["Train.dataset.ratio_list=0.1", "Optimizer.lr.learning_rate=1e-6"]
    epochs = ["Global.epoch_num=1"] if key == "pretrained_model" else []
    assert main(["train", "-c", str(trained.config_file), "-o", *start, *short, *epochs]) == 0
    assert message in capsys.readouterr().err


def test_keys_that_change_nothing_are_listed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = Path(config).read_text("utf-8")
    Path(config).write_text(text.replace("Global:\n", "Global:\n  log_smooth_window: 20\n"), "utf-8")
    assert main(["train", "-c", config, "--resume", "nowhere"]) == 3
    assert f"{config}: keys that change nothing here: Global.log_smooth_window" in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def press(label: str, _total: int, /) -> Iterator[Advance]:
        def advance(count: int, note: str = "") -> None:
            if label == "epoch 2/2" and count:
                monkeypatch.undo()
                os.kill(os.getpid(), signal.SIGINT)

        yield advance

    monkeypatch.setattr(verb, "bar", press)
    assert main(["train", "-c", config]) == 130
    *_, stopped, last = capsys.readouterr().err.splitlines()
    assert "go on with the same command and --resume" in stopped
    assert last == "interrupted"
    assert main(["train", "-c", config, "--resume"]) == 0


def test_find_lr_suggests_a_rate_and_starts_no_run(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "-c", config, "--find-lr", "16", "-o", "Architecture.Neck.hidden_size=64"]
    assert main(command) == 0
    plot, table = tmp_path / "run" / "find_lr.png", tmp_path / "run" / "find_lr.csv"
    said = capsys.readouterr().out
    rate = re.fullmatch(rf"suggested: -o (Optimizer\.lr\.learning_rate=[\de.-]+)\nplot: {plot}\n", said)
    assert rate is not None, said
    assert set((tmp_path / "run").iterdir()) == {plot, table}

    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["plot"] == str(plot)
    assert rate[1].endswith(f"={found['suggested']:g}")
    assert found["points"][0].keys() == {"lr", "loss", "smoothed"}
    with pytest.raises(DataError):
        main(["--debug", "train", "-c", config, "--init-from", "nowhere"])  # the folder is free for a run


@pytest.mark.parametrize(
    "schedule",
    ["{name: OneCycle, max_lr: 0.1}", "{name: Piecewise, decay_epochs: [1], values: [0.1, 0.01]}", "{name: Linear}"],
)
def test_the_suggestion_names_a_key_of_the_schedule(config: str, schedule: str) -> None:
    before = load_config(config, [f"Optimizer.lr={schedule}"]).config.optimizer.lr
    key = verb.RATE_KEYS.get(type(before).__name__, "learning_rate")
    after = load_config(config, [f"Optimizer.lr={schedule}", f"Optimizer.lr.{key}=0.005"]).config.optimizer.lr
    assert peak(after) == 0.005 != peak(before)


def test_find_lr_without_a_fall_is_exit_code_4(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lr_range, "HIGHEST_RATE", 2e-6)
    assert main(["train", "-c", config, "--find-lr", "10"]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        f"find_lr.png: the loss did not fall at any rate; see what is wrong with: thaiocr doctor -c {config}"
        in said.err
    )


@pytest.mark.parametrize("option", ["--resume", "--force"])
def test_find_lr_refuses_what_it_does_not_do(config: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "-c", config, "--find-lr", "10", option]) == 2
    assert capsys.readouterr().err == "--find-lr starts no run: leave --resume, --force and Global.checkpoints out\n"
    with pytest.raises(SystemExit):
        main(["train", "-c", config, "--find-lr", "3"])
    assert "must be at least 10, not 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ([], ["--node-rank", "--master"]),
        (["--node-rank", "2", "--master", "first:6170"], ["--node-rank"]),
        (["--node-rank", "1", "--master", "first"], ["--master"]),
    ],
)
def test_what_a_run_on_several_machines_needs_is_said_at_once(
    config: str, words: list[str], missing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "-c", config, "--nnodes", "2", *words]) == 2
    problems = capsys.readouterr().err.splitlines()
    assert [re.findall(r"needs (--[a-z-]+)", problem) for problem in problems] == [[name] for name in missing]


def test_ctrl_c_while_rates_are_tried_leaves_nothing(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def press(label: str, _total: int, /) -> Iterator[Advance]:
        def advance(count: int, note: str = "") -> None:
            if label == "learning rates":
                os.kill(os.getpid(), signal.SIGINT)

        yield advance

    monkeypatch.setattr(verb, "bar", press)
    assert main(["train", "-c", config, "--find-lr", "10"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_a_step_ends_without_a_traceback(
    config: str, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside of a backward pass paddle would make an OSError of the interrupt."""

    waits = iter(np.linspace(0.001, 0.2, 12))

    @contextmanager
    def send(label: str, _total: int, /) -> Iterator[Advance]:
        if label == "learning rates":
            threading.Timer(next(waits), os.kill, (os.getpid(), number)).start()
        yield lambda _count, note="": None

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(verb, "bar", send)
    for _ in range(12):
        assert main(["train", "-c", config, "--find-lr", "100000"]) == 130
        assert list((tmp_path / "temporary").iterdir()) == []
    assert not (tmp_path / "run").exists()
