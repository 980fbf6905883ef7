from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from thaiocr.data.labels import Reject
from thaiocr.engine.runlog import RECORDS, REJECTS, TEXT, RunLog, replace_text
from thaiocr.errors import EnvironmentProblem


def open_log(folder: Path) -> RunLog:
    return RunLog(folder, echo=lambda _: None)


def lines(folder: Path, name: str) -> list[str]:
    return (folder / name).read_text("utf-8").splitlines()


def test_a_line_is_on_disk_and_on_the_terminal_when_the_call_returns(tmp_path: Path) -> None:
    heard: list[str] = []
    log = RunLog(tmp_path / "new" / "run", echo=heard.append)

    log.text("epoch 1: กี่")

    assert heard == ["epoch 1: กี่"]
    (line,) = lines(log.folder, TEXT)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d epoch 1: กี่", line)


def test_a_record_is_one_json_object_a_line_with_readable_thai(tmp_path: Path) -> None:
    log = open_log(tmp_path)

    log.record("train", {"step": 1, "loss": 0.5})
    log.record("eval", {"worst": "กี่\n"})

    assert [json.loads(line) for line in lines(tmp_path, RECORDS)] == [
        {"event": "train", "step": 1, "loss": 0.5},
        {"event": "eval", "worst": "กี่\n"},
    ]
    assert "กี่" in lines(tmp_path, RECORDS)[1]


def test_both_files_are_there_from_the_start(tmp_path: Path) -> None:
    log = open_log(tmp_path)

    assert log.sizes() == {TEXT: 0, RECORDS: 0}


def test_a_second_log_of_the_folder_goes_on(tmp_path: Path) -> None:
    open_log(tmp_path).record("train", {"step": 1})
    open_log(tmp_path).record("train", {"step": 2})

    assert [json.loads(line)["step"] for line in lines(tmp_path, RECORDS)] == [1, 2]


def test_rejects_of_both_splits_are_listed_and_those_of_an_earlier_run_are_gone(tmp_path: Path) -> None:
    open_log(tmp_path).rejects([Reject("old.txt:1", "old.png", "old")])
    log = open_log(tmp_path)
    log.rejects([Reject("train.txt:3", "ก.png", "the label is empty"), Reject("train.txt:4", "", "no tab")])
    log.rejects([Reject("val.txt:1", "b.png", "the file is empty")])

    assert lines(tmp_path, REJECTS) == [
        "train.txt:3\tก.png\tthe label is empty",
        "train.txt:4\t\tno tab",
        "val.txt:1\tb.png\tthe file is empty",
    ]


def test_a_run_without_rejects_has_no_list(tmp_path: Path) -> None:
    open_log(tmp_path).rejects([])

    assert not (tmp_path / REJECTS).exists()


def test_what_was_written_after_a_checkpoint_is_forgotten(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.text("kept")
    log.record("train", {"step": 1})
    sizes = log.sizes()
    before = [(tmp_path / name).read_bytes() for name in (TEXT, RECORDS)]
    log.text("lost กี่")
    log.record("train", {"step": 2})

    log.truncate(sizes)

    assert [(tmp_path / name).read_bytes() for name in (TEXT, RECORDS)] == before
    log.record("train", {"step": 2})
    assert [json.loads(line)["step"] for line in lines(tmp_path, RECORDS)] == [1, 2]


def test_a_log_that_is_shorter_than_the_checkpoint_says_is_not_filled_up(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.text("kept")
    before = (tmp_path / TEXT).read_bytes()

    log.truncate({TEXT: 1000, RECORDS: 1000})

    assert (tmp_path / TEXT).read_bytes() == before
    assert (tmp_path / RECORDS).read_bytes() == b""


def test_clear_forgets_everything(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.text("old")
    log.record("train", {})

    log.clear()

    assert log.sizes() == {TEXT: 0, RECORDS: 0}


def test_a_folder_that_cannot_be_written_is_a_problem_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EnvironmentProblem, match="file/run: cannot write the run there: Not a directory"):
        open_log(tmp_path / "file" / "run")


def test_a_file_that_cannot_be_written_later_is_one_too(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    (tmp_path / TEXT).unlink()
    (tmp_path / TEXT).mkdir()

    with pytest.raises(EnvironmentProblem, match=r"train\.log: cannot write: Is a directory"):
        log.text("line")


def test_a_file_is_replaced_at_once_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    replace_text(path, "old")
    replace_text(path, "กี่")
    assert path.read_text("utf-8") == "กี่"
    assert list(tmp_path.iterdir()) == [path]
    path.unlink()
    path.mkdir()
    with pytest.raises(EnvironmentProblem, match=r"report\.json: cannot write: Is a directory"):
        replace_text(path, "text")
