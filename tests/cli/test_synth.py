from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from thaiocr.cli.main import main
from thaiocr.synth.fonts import find_fonts

FAMILIES = ("Garuda", "Laksaman", "Loma", "Sawasdee", "Noto Sans Thai")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command that makes 30 images with five fonts."""
    monkeypatch.chdir(tmp_path)
    Path("dict.txt").write_text("ก\nที่\nน้ำ\nปี\nA\n", "utf-8")
    found = {font.family: str(font.path) for font in find_fonts() if font.style == "Regular"}
    assert set(FAMILIES) <= set(found), "install fonts-thai-tlwg-ttf and fonts-noto-core, as scripts/test does"
    fonts = [found[family] for family in FAMILIES]
    return ["synth", "rec", "-o", "data", "--dict", "dict.txt", "--count", "30", "--workers", "1", "--fonts", *fonts]


def test_it_prints_the_fonts_the_splits_and_where_to_look(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    printed = capsys.readouterr()
    for family in FAMILIES:
        assert family in printed.out
    assert "1 no glyph" in printed.out
    assert "train: 30 images" in printed.out
    assert "val: 3 images" in printed.out
    assert str(Path("data") / "contact_sheet.png") in printed.out


def test_json_is_one_document_and_nothing_else(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--json", "--val-count", "0", "--test-count", "4", "--test-sets"]) == 0
    report = json.loads(capsys.readouterr().out)
    tests = {f"test_{name}": 4 for name in "ABCD"}
    assert report["images"] == {"train": 30, "val": 0, "test": 4, **tests}
    assert report["made"] is True
    assert report["entries_without_image"]["train"] == []
    assert not set(report["families"]["train"]) & set(report["families"]["test"])
    assert report["images_per_s"] > 0


def test_the_same_command_again_has_nothing_to_do(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(command)
    capsys.readouterr()
    assert main(command) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "nothing to do" in printed.err
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["made"] is False


@pytest.mark.slow
def test_lines_report_their_lengths(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    dictionary = command.index("dict.txt")
    command[dictionary] = "thai_letters/th_dict.txt"
    assert main([*command, "--mode", "line", "--max-length", "12", "--no-spaces"]) == 0
    assert "entries per line: 1-5: " in capsys.readouterr().out
    texts = [line.split("\t")[1] for line in Path("data/rec_gt_train.txt").read_text("utf-8").splitlines()]
    assert len(texts) == 30
    assert not any(" " in text for text in texts)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (["--dict", "dic.txt"], 3, "did you mean 'dict.txt'"),
        (["--fonts", "nowhere"], 2, "--fonts nowhere: there is no such file or folder"),
        (["-o", "dict.txt"], 5, "dict.txt: cannot be written"),
        (["-o", "."], 2, "is not empty"),
        (["--mode", "line"], 3, "--mode cluster"),
    ],
)
def test_a_mistake_is_one_message_with_a_way_out(
    command: list[str], capsys: pytest.CaptureFixture[str], change: list[str], code: int, message: str
) -> None:
    assert main([*command, *change]) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_no_fonts_end_with_exit_code_5_and_how_to_get_some(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    assert main([*command[: command.index("--fonts")], "--fonts", "empty"]) == 5
    assert "apt-get install -y fonts-thai-tlwg-ttf" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--count", "0"], ["--count", "many"], ["--workers", "0"], ["--val-count", "-1"], ["--preset", "prnt"]],
)
def test_wrong_numbers_and_words_are_usage_errors(command: list[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command, *arguments])
    assert caught.value.code == 2


def test_help_stays_quick() -> None:
    """No drawing library is loaded before it is needed."""
    script = "import sys, thaiocr.cli.synth; print({'cv2', 'numpy', 'PIL', 'rich', 'pythainlp'} & sys.modules.keys())"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
