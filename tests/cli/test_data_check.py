"""`data check`, and what other verbs say, for a configuration of detection; for recognition see test_data.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_pages

from thaiocr.cli.main import main
from thaiocr.config.dump import to_yaml
from thaiocr.data.findings import KINDS


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A configuration of detection for good pages in `pages`."""
    monkeypatch.chdir(tmp_path)
    data = tiny_pages.write_pages(Path("pages"), pages=2, val_pages=2)
    Path("det.yml").write_text(to_yaml(tiny_pages.config(data, Path("run"), *tiny_pages.RUNS)), "utf-8")
    return "det.yml"


def break_lines() -> None:
    with Path("pages/det_gt_train.txt").open("a", encoding="utf-8") as file:
        file.write("train/0.png\t[{\n" * 3 + "train/none.png\t[]\n")


def test_good_pages_end_with_0_and_the_number_of_texts(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "-c", config]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Train: pages/det_gt_train.txt: 2 lines, 0 with an error",
        "Eval: pages/det_gt_val.txt: 2 lines, 0 with an error",
        "Train: 5 texts, 1 ignored",
        "Eval: 6 texts, 0 ignored",
        "0 errors, 0 warnings, 0 notes",
    ]


def test_errors_end_with_3_a_table_and_the_first_examples(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    break_lines()
    assert main(["data", "check", "-c", config]) == 3
    printed = capsys.readouterr().out
    assert KINDS["bad_polygons"].title in printed
    assert printed.count("bad_polygons: pages/det_gt_train.txt:") == 2
    assert "missing: pages/det_gt_train.txt:6: train/none.png: " in printed
    assert "6 lines, 4 with an error (66.67%; Global.max_reject_ratio is 1.00%)" in printed


def test_json_and_the_report_file_hold_everything(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    break_lines()
    assert main(["data", "check", "-c", config, "--report", "out/check.json", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert json.loads(Path("out/check.json").read_text("utf-8")) == found
    assert (found["ok"], found["errors"], len(found["findings"])) == (False, 4, 4)


def test_doctor_looks_at_the_data_of_detection(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "-c", config]) == 0
    printed = capsys.readouterr().out
    assert "ok      data           Train 2 lines, Eval 2 lines: 0 errors, 0 warnings, 0 notes" in printed
    assert "thaiocr train -c det.yml -o Global.epoch_num=1" in printed
    break_lines()
    assert main(["doctor", "-c", config]) == 3
    assert "see them: thaiocr data check -c det.yml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["data", "check", "--fix", "clean"], "--fix writes data of recognition"),
        (["data", "pack"], "there is nothing to pack"),
        (["doctor", "--steps", "5"], "--steps is for recognition"),
        (["train", "--find-lr"], "try a rate in a short run: thaiocr train -c det.yml -o Optimizer"),
        (["sagemaker", "launch", "--dry-run"], "For detection there are: thaiocr train, eval, export, doctor and data"),
    ],
)
def test_what_is_for_recognition_only_says_what_there_is_for_detection(
    config: str, capsys: pytest.CaptureFixture[str], command: list[str], message: str
) -> None:
    assert main([*command, "-c", config]) == 2
    assert message in capsys.readouterr().err
