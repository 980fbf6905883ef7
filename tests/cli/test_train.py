from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny

from thaiocr.cli import train as verb
from thaiocr.cli.main import main
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
