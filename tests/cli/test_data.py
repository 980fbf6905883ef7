from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from folders import ENTRIES, add_lines, content, tree, write_config, write_data, write_image, write_labels

from thaiocr.cli.main import main
from thaiocr.data.findings import KINDS


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Good data in `data`, a configuration for it in `data/test.yml`, paths relative to the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THAIOCR_CACHE", str(tmp_path / "cache"))
    folder = write_data(Path("data"))
    write_config(folder)
    return folder


CHECK = ["data", "check", "-c", "data/test.yml"]
PACK = ["data", "pack", "-c", "data/test.yml"]


def json_of(capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> dict[str, Any]:
    assert main([*command, "--json"]) == code
    return dict(json.loads(capsys.readouterr().out))


# -- check -------------------------------------------------------------------------------------------------------------


def test_good_data_ends_with_0_and_its_balance(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(CHECK) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Train: data/rec_gt_train.txt: 20 lines, 0 with an error"
    assert "classes: 5; rarest in Train: ก 4 · ที่ 4" in "\n".join(lines)
    assert lines[-1] == "0 errors, 0 warnings, 0 notes"


def test_errors_end_with_3_a_table_and_the_first_examples(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_lines(data / "rec_gt_train.txt", *["rec/train/none.png\tก"] * 3, "no tab")
    assert main(CHECK) == 3
    printed = capsys.readouterr().out
    assert KINDS["missing"].title in printed
    assert printed.count("missing: data/rec_gt_train.txt:2") == 2
    assert "no_delimiter: data/rec_gt_train.txt:24: no tab between image and text" in printed
    assert "24 lines, 4 with an error (16.67%; Global.max_reject_ratio is 1.00%)" in printed
    assert printed.endswith("4 errors, 0 warnings, 0 notes\n")


def test_warnings_alone_end_with_0(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "rec/train/0000.png").rename(data / "rec/train/0000.jpg")
    labels = (data / "rec_gt_train.txt").read_text("utf-8").replace("0000.png", "0000.jpg")
    (data / "rec_gt_train.txt").write_text(labels, "utf-8")
    assert main(CHECK) == 0
    assert "the content is PNG, the suffix '.jpg' says otherwise" in capsys.readouterr().out


def test_json_and_the_report_file_hold_everything(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_lines(data / "rec_gt_val.txt", *["rec/val/none.png\tก"] * 30)
    found = json_of(capsys, *CHECK, "--report", "out/check.json", code=3)
    assert json.loads(Path("out/check.json").read_text("utf-8")) == found
    assert found["ok"] is False
    assert found["errors"] == len(found["findings"]) == 30
    assert found["kinds"] == {
        "missing": {"severity": "error", "title": KINDS["missing"].title, "count": 30, "Eval": 30}
    }
    assert found["findings"][0] == {
        "kind": "missing",
        "severity": "error",
        "split": "Eval",
        "place": "data/rec_gt_val.txt:6",
        "image": "rec/val/none.png",
        "reason": "no such file (looked for data/rec/val/none.png)",
    }
    assert found["splits"]["Train"]["time_steps"] == 25
    assert found["classes"]["counts"]["A"] == [4, 1]


def test_an_override_is_checked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_lines(data / "rec_gt_train.txt", "rec/train/0000.png\tกก")
    assert main(CHECK) == 3
    assert main([*CHECK, "-o", "Loss.parts_guide=null", "Global.max_text_length=2"]) == 0


def test_fix_writes_a_copy_that_training_can_use_and_leaves_the_original(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_lines(data / "rec_gt_train.txt", "rec/train/none.png\tก")
    before = tree(data)
    assert main([*CHECK, "--fix", "clean"]) == 3
    printed = capsys.readouterr().out
    assert tree(data) == before
    assert "clean/rec_gt_train.txt: 20 lines" in printed
    command = shlex.split(printed.splitlines()[-1])
    assert command[:2] == ["thaiocr", "train"]
    assert main(["data", "check", *command[2:]]) == 0


def test_fix_refuses_a_full_folder_before_the_work(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = content(data)
    assert main([*CHECK, "--fix", "data"]) == 2
    printed = capsys.readouterr()
    assert printed.err == "data: is there already and not an empty folder; choose another, or remove it first\n"
    assert printed.out == ""
    assert content(data) == before


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (
            [*CHECK, "-o", "Train.dataset.label_file_list=[data/rec_gt_trian.txt]"],
            3,
            "did you mean 'rec_gt_train.txt'?",
        ),
        ([*CHECK, "-o", "Global.character_dict_path=data/dcit.txt"], 3, "did you mean 'dict.txt'?"),
        ([*CHECK, "-o", "Global.max_text_lenght=2"], 2, "did you mean 'max_text_length'?"),
        ([*CHECK, "--report", "data/dict.txt/x.json"], 5, "data/dict.txt/x.json: cannot write the report"),
        ([*CHECK, "--fix", "data/dict.txt/x"], 5, "cannot be read or written"),
        (["data", "check", "-c", "none.yml"], 2, "none.yml: no such file"),
        (["data", "import", "folders", "none", "-o", "x"], 3, "none: no such folder"),
        (["data", "import", "folders", "data", "-o", "data"], 2, "data: is there already"),
        (["data", "import", "folders", "data", "-o", "x", "--dict", "dct.txt"], 3, "no such dictionary file"),
        (
            ["data", "import", "folders", "data", "-o", "x", "--val-fraction", "0.5", "--test-fraction", "0.5"],
            2,
            "together leave nothing for train",
        ),
    ],
)
def test_a_mistake_is_one_message_with_a_way_out(
    data: Path, capsys: pytest.CaptureFixture[str], command: list[str], code: int, message: str
) -> None:
    assert main(command) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check"], "-c/--config"),
        (["chekc", "-c", "x"], "'check'"),
        (["import", "folder", "a", "-o", "b"], "folders"),
        (["import", "folders", "a"], "-o/--output"),
        (["import", "folders", "a", "-o", "b", "--val-fraction", "1"], "must be at least 0 and below 1"),
        (["import", "folders", "a", "-o", "b", "--val-fraction", "x"], "--val-fraction"),
        (["pack", "-c", "x", "--clean", "some"], "--clean"),
        ([], "ACTION"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["data", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


# -- import ------------------------------------------------------------------------------------------------------------


def test_an_import_can_be_configured_and_checked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(60):
        write_image(Path(f"classes/{ENTRIES[number % 5]}/{number}.png"), number)
    Path("classes/A/notes.txt").write_text("x")
    assert main(["data", "import", "folders", "classes", "-o", "new", "--dict", "data/dict.txt", "--seed", "3"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "train: 48 images\nval: 6 images\ntest: 6 images\n"
    assert "classes/A/notes.txt: A/notes.txt: not an image by its suffix" in printed.err
    assert "1 not imported; new/manifest.json lists all of them" in printed.err
    assert "thaiocr config new rec --data new -o my.yml" in printed.err
    assert main(["config", "new", "rec", "--data", "new", "-o", "my.yml"]) == 0
    assert main(["data", "check", "-c", "my.yml"]) == 0


def test_import_json_counts_images_documents_and_rejects(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(Path("source/images/a.png"), 1)
    write_labels(Path("source/labels.txt"), ["a.png\tก", "b.png\tก"])
    report = json_of(capsys, "data", "import", "generator", "source", "-o", "new")
    assert report == {
        "directory": "new",
        "images": {"train": 1, "val": 0, "test": 0},
        "documents": {"train": 0, "val": 0, "test": 0},
        "rejects": [
            {
                "place": "source/labels.txt:2",
                "image": "b.png",
                "reason": "no such file (looked for source/images/b.png)",
            }
        ],
    }


def test_an_import_of_nothing_ends_with_3_and_leaves_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_labels(Path("source/labels.txt"), ["a.png\tก"])
    assert main(["data", "import", "generator", "source", "-o", "new"]) == 3
    assert "nothing there can be imported as generator" in capsys.readouterr().err
    assert not Path("new").exists()


# -- pack --------------------------------------------------------------------------------------------------------------


def test_pack_says_where_and_how_big_and_what_is_stale(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(PACK) == 0
    first = capsys.readouterr().out.splitlines()
    assert first[0].startswith("Train: 20 images, 0.2 MB, built: ")
    assert Path(first[0].rpartition(": ")[2]).stat().st_size == 20 * 32 * 100 * 3 + 128
    write_image(data / "rec/train/0000.png", 99)
    assert main(PACK) == 0
    assert "since; not used, --clean deletes it" in capsys.readouterr().out
    assert main([*PACK, "--clean"]) == 0
    assert "since; deleted" in capsys.readouterr().out
    report = json_of(capsys, *PACK)
    assert [each["is_new"] for each in report["packs"]] == [False, False]
    assert report["stale"] == []


def test_clean_all_builds_everything_anew(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(PACK) == 0
    capsys.readouterr()
    report = json_of(capsys, *PACK, "--clean", "all")
    assert report["cleared"] == 2
    assert [each["is_new"] for each in report["packs"]] == [True, True]


def test_a_cache_that_cannot_be_written_is_an_environment_problem(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAIOCR_CACHE", "data/dict.txt")
    assert main(PACK) == 5
    assert "set THAIOCR_CACHE to another folder" in capsys.readouterr().err


def test_help_stays_quick() -> None:
    """No image library is loaded before it is needed."""
    script = (
        "import sys, thaiocr.cli.data; print(sorted({'cv2', 'numpy', 'PIL', 'rich', 'paddle'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_check_import_and_pack_need_no_paddle() -> None:
    script = (
        "import sys, thaiocr.data.check, thaiocr.data.clean, thaiocr.data.importer, thaiocr.data.pack; "
        "print('paddle' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
