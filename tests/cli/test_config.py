"""`thaiocr config new` and `config show`, run as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thaiocr.cli import main as main_module
from thaiocr.config.dump import to_dict, to_yaml
from thaiocr.config.load import load_config, load_text
from thaiocr.config.presets import preset


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main_module, "VERBS", ("config",))


def run(*arguments: str) -> int:
    return main_module.main(["config", *arguments])


def test_new_writes_a_file_that_loads_and_says_how_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("new", "rec", "--preset", "dev", "-o", "deep/my.yml") == 0
    assert load_config("deep/my.yml").config == preset("rec", "dev")
    header = Path("deep/my.yml").read_text(encoding="utf-8").splitlines()[:2]
    assert header == [
        "# Thai recogniser for single grapheme clusters, trained with CTC.",
        "# Written by: thaiocr config new rec --preset dev -o deep/my.yml",
    ]
    printed = capsys.readouterr()
    assert printed.out == "deep/my.yml: written\n"
    assert "thaiocr train -c deep/my.yml" in printed.err


def test_new_takes_the_data_folder_and_the_dictionary_that_synth_left_there() -> None:
    assert run("new", "rec", "--data", "data/th ai/", "-o", "my.yml") == 0
    config = load_config("my.yml").config
    assert config == preset("rec", "main", data_dir="data/th ai/", dictionary="data/th ai/dict.txt")
    assert "--preset main --data 'data/th ai/' -o my.yml" in Path("my.yml").read_text(encoding="utf-8")


def test_new_takes_another_dictionary_and_settings_that_add_up() -> None:
    changes = ["--set", "Global.epoch_num=20", "Global.seed=1", "--set", "Optimizer.lr.learning_rate=7e-4"]
    assert run("new", "rec", "--data", "d", "--dict", "x.txt", *changes, "-o", "my.yml") == 0
    config = load_config("my.yml").config
    assert (config.run.epoch_num, config.run.seed, config.run.character_dict_path) == (20, 1, "x.txt")
    assert "learning_rate: 0.0007" in Path("my.yml").read_text(encoding="utf-8")


def test_the_command_in_the_header_writes_the_same_file_again(capsys: pytest.CaptureFixture[str]) -> None:
    import shlex

    assert run("new", "rec", "--data", "a b", "--set", "Global.save_model_dir='x y'", "-o", "my.yml") == 0
    before = Path("my.yml").read_bytes()
    command = before.decode().splitlines()[1].removeprefix("# Written by: ")
    assert main_module.main(shlex.split(command)[1:]) == 0
    assert Path("my.yml").read_bytes() == before
    assert "my.yml: already there, unchanged" in capsys.readouterr().out


def test_new_reports_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("new", "rec", "-o", "my.yml", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"config": "my.yml", "preset": "main", "written": True}


def test_new_keeps_a_file_that_differs_unless_forced(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.yml").write_text("mine\n", encoding="utf-8")
    assert run("new", "rec", "-o", "my.yml") == 2
    assert Path("my.yml").read_text(encoding="utf-8") == "mine\n"
    assert capsys.readouterr().err == (
        "my.yml: already there and different; add --force to overwrite it, or choose another -o\n"
    )
    assert run("new", "rec", "-o", "my.yml", "--force") == 0
    assert load_config("my.yml").config == preset("rec", "main")


def test_new_with_a_wrong_setting_names_it_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("new", "rec", "-o", "my.yml", "--set", "Global.epoch_nums=3") == 2
    assert capsys.readouterr().err == "--set Global.epoch_nums=3: unknown key; did you mean 'epoch_num'?\n"
    assert not Path("my.yml").exists()


@pytest.mark.parametrize("path", ["file/my.yml", "folder", "a\0b"])
def test_new_that_cannot_write_ends_with_code_5_and_a_reason(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("", encoding="utf-8")
    Path("folder").mkdir()
    assert run("new", "rec", "-o", path, "--force") == 5
    assert "cannot be written" in capsys.readouterr().err


def test_new_writes_a_preset_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("new", "rec", "--preset", "line-dev", "--data", "lines/", "-o", "my.yml") == 0
    text = Path("my.yml").read_text("utf-8")
    assert text.startswith("# Thai recogniser for lines of text")
    assert "character_dict_path: lines/dict.txt" in text


def test_a_preset_of_lines_is_none_of_detection(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("new", "det", "--preset", "line-dev", "-o", "my.yml") == 2
    assert "--preset line-dev: reads lines; with det it is dev" in capsys.readouterr().err
    assert run("new", "det", "--preset", "compact", "-o", "my.yml") == 2
    assert "--preset compact: reads clusters; with det it is one of dev, main, prod" in capsys.readouterr().err


def test_show_prints_the_resolved_file_and_lists_unused_keys_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    text = to_yaml(preset("rec", "dev")).replace("  seed: 0\n", "  use_xpu: false\n")
    Path("my.yml").write_text(text, encoding="utf-8")
    assert run("show", "-c", "my.yml", "-o", "Global.epoch_num=20", "-o", "Optimizer.lr.learning_rate=7e-4") == 0
    printed = capsys.readouterr()
    config = load_text(printed.out, file="printed").config
    assert config.run.epoch_num == 20
    assert "seed: 0" in printed.out
    assert "learning_rate: 0.0007" in printed.out
    assert printed.err == "my.yml: keys that change nothing here: Global.use_xpu\n"


def test_show_prints_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.yml").write_text(to_yaml(preset("rec", "dev", data_dir="ข้อมูล")), encoding="utf-8")
    assert run("show", "-c", "my.yml", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"config": to_dict(preset("rec", "dev", data_dir="ข้อมูล")), "unused": []}
    assert "ข้อมูล" in printed.out


def test_show_reports_every_problem_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    text = to_yaml(preset("rec", "dev")).replace("epoch_num", "epoch_nums").replace("0.001", "7e-4")
    Path("my.yml").write_text(text, encoding="utf-8")
    assert run("show", "-c", "my.yml") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert lines[0] == "my.yml:3: Global.epoch_nums: unknown key; did you mean 'epoch_num'?"
    assert lines[1].endswith("Optimizer.lr.learning_rate: expected a number, got text '7e-4'; write 7.0e-4 or 0.0007")
    assert len(lines) == 2


@pytest.mark.parametrize("arguments", [["--help"], ["new", "--help"], ["show", "--help"]])
def test_help_ends_with_examples(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 0
    assert "examples:\n  thaiocr config" in capsys.readouterr().out
