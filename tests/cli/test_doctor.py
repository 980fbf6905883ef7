from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny

from thaiocr.cli.main import main
from thaiocr.predict import pretrained


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tiny.write_data(tmp_path / "data", images=24)


def write_config(data: Path, *changes: str) -> str:
    return str(tiny.write_config(data, data.parent / "run", *tiny.RUNS, *changes))


def add_line(data: Path, line: str, *, times: int = 1) -> None:
    with (data / "rec_gt_train.txt").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n" * times)


def test_checks_of_the_machine_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "python", "disk", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: check["is_good"] for name, check in found.items()} == {"python": True, "disk": True}


def test_the_models_that_come_with_thaiocr_are_named_absent_or_damaged(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def checked(*, code: int) -> str:
        assert main(["doctor", "models"]) == code
        return capsys.readouterr().out

    monkeypatch.setattr(pretrained, "PLACES", (tmp_path,))
    assert checked(code=0) == "ok      models         no trained model comes with this thaiocr\n"
    for name in ("thai_cluster", "thai_line"):
        shutil.copytree(bundle, tmp_path / name)
    assert checked(code=0) == "ok      models         thai_cluster, thai_line\n"
    (tmp_path / "thai_line" / "dict.txt").write_text("x\n")
    assert "thai_line/dict.txt: changed since it was exported\n" in checked(code=5)


def test_a_mistyped_check_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["doctor", "font"])
    assert "did you mean 'fonts'?" in capsys.readouterr().err


@pytest.mark.slow
def test_a_configuration_that_learns_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tiny.write_data(tmp_path / "data", images=24)
    config = str(tiny.write_config(data, tmp_path / "run", *tiny.LEARNS))
    assert main(["doctor", "-c", config]) == 0
    first, see, second = capsys.readouterr().out.splitlines()
    assert first == "ok      data           Train 24 lines, Eval 24 lines: 0 errors, 2 warnings, 0 notes"
    assert see.strip() == f"see the warnings: thaiocr data check -c {config}"
    assert second.startswith("ok      one batch      16 images, ")
    assert second.endswith("100% read")
    assert not (tmp_path / "run").exists()


def test_a_configuration_that_does_not_learn_is_exit_code_4_with_a_way_out(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(data, "Optimizer.lr.learning_rate=1e-9")
    assert main(["doctor", "-c", config, "--steps", "3"]) == 4
    printed = capsys.readouterr().out
    assert "BAD     one batch      16 images, 3 steps: loss " in printed
    assert "the loss does not fall at a learning rate of 1e-09; thaiocr train --find-lr suggests another" in printed

    assert main(["doctor", "-c", config, "--steps", "2", "--json", "-o", "Optimizer.lr.learning_rate=1e-8"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert found["data"]["is_good"] is True
    assert (found["data"]["errors"], found["data"]["warnings"]) == (0, 2)
    assert found["one batch"]["is_good"] is False
    assert found["one batch"]["advice"].startswith("the loss does not fall at a learning rate of 1e-08")
    assert len(found["one batch"]["losses"]) == found["one batch"]["steps"] == 2


def test_data_with_an_error_are_exit_code_3_and_the_batch_is_tried_all_the_same(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_line(data, "train/none.png\tก")
    config = write_config(data, "Global.max_reject_ratio=0.1")
    assert main(["doctor", "-c", config, "--steps", "1"]) == 3
    printed = capsys.readouterr().out
    assert "BAD     data           Train 25 lines, Eval 24 lines: 1 errors, 2 warnings, 0 notes" in printed
    assert f"see them, and write a clean copy: thaiocr data check -c {config} --fix DIR" in printed
    assert "one batch      16 images, 1 steps: loss " in printed


def test_data_that_no_training_would_start_with_are_exit_code_3(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_line(data, "train/0000.png\tฮ", times=9)
    assert main(["doctor", "-c", write_config(data), "--steps", "1"]) == 3
    printed = capsys.readouterr().out
    assert "BAD     one batch      not tried, training would not start" in printed
    assert "27.3% of the lines cannot be used, 1.0% are allowed" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "Global.seed=1"], "-o and --steps belong to -c FILE"),
        (["--steps", "3"], "-o and --steps belong to -c FILE"),
        (["-c", "my.yml", "fonts"], "-c checks a configuration; leave the machine's checks and --fonts out"),
        (["-c", "my.yml", "--fonts", "x"], "-c checks a configuration; leave the machine's checks and --fonts out"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *arguments]) == 2
    assert capsys.readouterr().err == f"{message}\n"


def test_a_missing_configuration_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "-c", "none.yml"]) == 2
    assert capsys.readouterr().err.startswith("none.yml: no such file")
