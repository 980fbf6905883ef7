from __future__ import annotations

import json
from pathlib import Path

import pytest

from thaiocr.cli.dict import TIER_NAMES
from thaiocr.cli.main import main
from thaiocr.text.dictionary import Dictionary, builtin
from thaiocr.text.tiers import TIERS, build_tier


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- build -------------------------------------------------------------------------------------------------------------


def test_the_command_line_knows_every_tier() -> None:
    assert set(TIER_NAMES) == set(TIERS)


@pytest.mark.parametrize("tier", TIER_NAMES)
def test_build_writes_a_tier_and_reports_it(folder: Path, capsys: pytest.CaptureFixture[str], tier: str) -> None:
    assert main(["dict", "build", "--tier", tier, "-o", "new/dict.txt", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    written = Dictionary.load("new/dict.txt")
    assert written == build_tier(tier)
    assert report["entries"] == len(written)
    assert report["classes"] == len(written) + 1
    assert report["fingerprint"] == written.fingerprint
    assert 0 < report["coverage"] <= 1
    assert (report["coverage"] == 1) == (tier == "codepoint")  # letters alone spell everything
    assert report["written"] is True
    assert printed.err == ""


def test_build_says_what_it_wrote(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dict", "build", "--tier", "compat", "-o", "dict.txt"]) == 0
    printed = capsys.readouterr().out
    assert "dict.txt: 880 entries, 881 classes with blank" in printed
    assert "99.98497 %" in printed
    assert build_tier("compat").fingerprint in printed
    assert printed.endswith("written\n")


def test_building_again_leaves_the_same_file_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["dict", "build", "--tier", "digits", "-o", "dict.txt"]
    assert main(command) == 0
    before = (folder / "dict.txt").stat().st_mtime_ns
    capsys.readouterr()
    assert main(command) == 0
    assert (folder / "dict.txt").stat().st_mtime_ns == before
    assert "already there, unchanged" in capsys.readouterr().out


def test_a_different_file_is_overwritten_with_force_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = folder / "dict.txt"
    own.write_text("ก\n", encoding="utf-8")
    command = ["dict", "build", "--tier", "digits", "-o", "dict.txt"]
    assert main(command) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "dict.txt: already there and different; add --force to overwrite it, or choose another -o\n"
    assert own.read_text(encoding="utf-8") == "ก\n"
    assert main([*command, "--force"]) == 0
    assert Dictionary.load(own) == build_tier("digits")


@pytest.mark.parametrize("path", [".", "file/dict.txt", "a\0b"])
def test_a_place_that_cannot_be_written_is_an_environment_problem(
    folder: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    (folder / "file").write_text("x")
    assert main(["dict", "build", "--tier", "digits", "-o", path]) == 5
    assert f"{path}: cannot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "--tier", "standrad", "-o", "x"], "'standard'"),
        (["build", "--tier", "full"], "-o/--output"),
        (["build", "-o", "x"], "--tier"),
        (["check"], "--dict"),
        (["chekc", "--dict", "x"], "'check'"),
        ([], "ACTION"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["dict", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


# -- check -------------------------------------------------------------------------------------------------------------


def write_labels(folder: Path, *lines: str, name: str = "labels.txt") -> str:
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return name


@pytest.mark.parametrize("tier", ["compat", "standard", "full", "digits"])
def test_every_entry_of_a_tier_comes_back_as_a_label(
    folder: Path, capsys: pytest.CaptureFixture[str], tier: str
) -> None:
    build_tier(tier).save("dict.txt")
    labels = write_labels(folder, *(f"{number}.jpg\t{entry}" for number, entry in enumerate(build_tier(tier).entries)))
    assert main(["dict", "check", "--dict", "dict.txt", "--labels", labels, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["labels"] == len(build_tier(tier))
    assert report["rejects"] == []
    assert report["classes_without_sample"] == []


def test_check_finds_a_dictionary_that_comes_with_the_package(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dict", "check", "--dict", "thai_letters/th_dict.txt", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["entries"] == 880
    assert report["fingerprint"] == Dictionary.load(builtin("th_dict.txt")).fingerprint
    assert "labels" not in report


def test_rejects_are_listed_with_their_lines_and_end_with_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "dict.txt").write_text("ก\nกี่\nา\n", encoding="utf-8")
    first = write_labels(folder, "a.jpg\tกี่กา", "b.jpg\tฃ", "c.jpg กา", "d.jpg\t", name="first.txt")
    second = write_labels(folder, "e.jpg\tก า", "f.jpg\tก\u0e48\u0e35", name="second.txt")
    command = ["dict", "check", "--dict", "dict.txt", "--labels", first, "--labels", second]
    assert main(command) == 3
    printed = capsys.readouterr()
    assert "first.txt:2: b.jpg: 'ฃ' (U+0E03 THAI CHARACTER KHO KHUAT) is not in the dictionary" in printed.out
    assert "first.txt:3: no tab" in printed.out
    assert "first.txt:4: d.jpg: the label is empty" in printed.out
    assert "second.txt:1: e.jpg: ' ' (U+0020 SPACE) is not in the dictionary; use_space_char: true" in printed.out
    assert "6 labels, 2 come back as they are" in printed.out
    assert printed.err == "4 of 6 labels cannot be used with dict.txt\n"
    assert main([*command, "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert [reject["place"] for reject in report["rejects"]] == [
        "first.txt:2",
        "first.txt:3",
        "first.txt:4",
        "second.txt:1",
    ]


def test_the_space_is_added_on_request(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "dict.txt").write_text("ก\n", encoding="utf-8")
    labels = write_labels(folder, "a.jpg\tก ก")
    assert main(["dict", "check", "--dict", "dict.txt", "--labels", labels, "--use-space-char", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == 3


def test_classes_without_a_sample_are_named_and_are_no_failure(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "dict.txt").write_text("ก\nข\nค\n \n", encoding="utf-8")
    labels = write_labels(folder, "a.jpg\tข")
    assert main(["dict", "check", "--dict", "dict.txt", "--labels", labels]) == 0
    assert "3 classes without a sample: ก ค ' '\n" in capsys.readouterr().out


def test_all_problems_of_a_dictionary_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "dict.txt").write_text("ก\nข\nก\nน\u0e4dา\n", encoding="utf-8")
    assert main(["dict", "check", "--dict", "dict.txt"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[0] == (
        "dict.txt:3: 'ก' (U+0E01 THAI CHARACTER KO KAI) is here twice; the other one: dict.txt:1"
    )
    assert printed.err.splitlines()[1].startswith("dict.txt:4: 'น\u0e4dา' (U+0E19 ")


def test_missing_files_are_data_errors_that_name_their_neighbours(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "dict.txt").write_text("ก\n", encoding="utf-8")
    write_labels(folder, "a.jpg\tก", name="rec_gt_train.txt")
    assert main(["dict", "check", "--dict", "dcit.txt"]) == 3
    assert "dcit.txt: no such dictionary file" in (printed := capsys.readouterr().err)
    assert "did you mean 'dict.txt'?" in printed
    assert main(["dict", "check", "--dict", "dict.txt", "--labels", "rec_gt_trian.txt", "nope.md"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("did you mean 'rec_gt_train.txt'?")
    assert lines[1].startswith("nope.md: no such label file")
