from __future__ import annotations

from pathlib import Path

import pytest
from folders import LINES, add_lines, config, content, tree, write_data, write_image, write_labels

from thaiocr.data.check import check
from thaiocr.data.clean import CleanCopy, write_clean
from thaiocr.errors import DataError, EnvironmentProblem, UsageError
from thaiocr.progress import silent


def clean(data: Path, target: Path, *changes: str) -> CleanCopy:
    return write_clean(check(config(data, *changes), progress=silent), target, progress=silent)


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """20 good and 4 bad lines in train, 5 good and 1 bad in val, and one picture of val in train."""
    data = write_data(tmp_path / "data")
    (data / "rec/train/empty.png").write_bytes(b"")
    (data / "rec/train/copy.png").write_bytes((data / "rec/val/0000.png").read_bytes())
    add_lines(data / "rec_gt_train.txt", "rec/train/empty.png\tก", "no tab", "rec/train/0000.png\tฃ")
    add_lines(data / "rec_gt_train.txt", "rec/train/none.png\tก", "rec/train/copy.png\tก")
    add_lines(data / "rec_gt_val.txt", "rec/val/0000.png\t")
    return data


def test_the_copy_has_the_good_lines_and_their_images_and_the_original_is_untouched(
    damaged: Path, tmp_path: Path
) -> None:
    before = tree(damaged)

    copy = clean(damaged, tmp_path / "clean")

    assert tree(damaged) == before
    assert copy.lines == {
        (tmp_path / "clean/rec_gt_train.txt").as_posix(): 20,
        (tmp_path / "clean/rec_gt_val.txt").as_posix(): 5,
    }
    for name in ("rec_gt_train.txt", "rec_gt_val.txt"):
        good = 20 if "train" in name else 5
        assert lines(tmp_path / "clean" / name) == lines(damaged / name)[:good]
    images = {name: data for name, data in content(tmp_path / "clean").items() if name.endswith(".png")}
    assert copy.images == len(images) == 25
    assert images == {name: content(damaged)[name] for name in images}


def test_the_copy_has_no_error_when_read_with_the_overrides_given(damaged: Path, tmp_path: Path) -> None:
    copy = clean(damaged, tmp_path / "clean")

    again = check(config(damaged, *copy.overrides), progress=silent)

    assert again.findings == []
    assert again.lines == {"Train": 20, "Eval": 5}


def test_labels_are_written_in_their_one_spelling(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    write_image(data / "rec/train/x.png", 77)
    add_lines(data / "rec_gt_train.txt", "rec/train/x.png\tน\u0e4d\u0e49า")

    clean(data, tmp_path / "clean")

    assert lines(tmp_path / "clean/rec_gt_train.txt")[-1] == "rec/train/x.png\tน้ำ"


def test_label_files_and_images_elsewhere_keep_their_layout(tmp_path: Path) -> None:
    data = write_data(tmp_path / "work/data")
    write_image(tmp_path / "work/more/x.png", 77)
    labels = tmp_path / "work/labels/train.txt"
    write_labels(labels, ["../more/x.png\tก", f"{data}/rec/train/0000.png\tที่", "rec/train/../train/0001.png\tก"])
    changes = (f"Train.dataset.label_file_list=[{labels}]", *LINES)

    copy = clean(data, tmp_path / "clean", *changes)

    assert lines(tmp_path / "clean/labels/train.txt") == [
        "../more/x.png\tก",
        "rec/train/0000.png\tที่",
        "rec/train/0001.png\tก",
    ]
    again = check(config(data, *changes, *copy.overrides), progress=silent)
    assert {finding.kind for finding in again.findings} == {"unseen_class"}
    assert again.lines == {"Train": 3, "Eval": 5}


def test_a_file_of_both_splits_gets_the_lines_that_are_good_in_both(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    add_lines(data / "rec_gt_train.txt", f"rec/train/0000.png\t{'ก' * 14}")  # too few time steps to train on
    both = f"Eval.dataset.label_file_list=[{data}/rec_gt_train.txt]"

    copy = clean(data, tmp_path / "clean", both, *LINES)

    assert copy.lines == {(tmp_path / "clean/rec_gt_train.txt").as_posix(): 20}


def test_a_file_that_is_listed_twice_is_copied_once(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    file = data / "rec_gt_train.txt"

    copy = clean(data, tmp_path / "clean", f"Train.dataset.label_file_list=[{file},{file}]")

    assert lines(tmp_path / "clean/rec_gt_train.txt") == lines(file)
    assert check(config(data, *copy.overrides), progress=silent).lines["Train"] == 40


def test_nothing_is_overwritten(damaged: Path, tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean/mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="is there already"):
        clean(damaged, tmp_path / "clean")

    assert content(tmp_path / "clean") == {"mine.txt": b"mine"}


def test_an_empty_folder_may_be_there_already(damaged: Path, tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()

    assert clean(damaged, tmp_path / "clean").images == 25


def test_a_copy_that_fails_leaves_nothing(damaged: Path, tmp_path: Path) -> None:
    checked = check(config(damaged), progress=silent)
    (damaged / "rec/train/0007.png").unlink()
    before = sorted(tmp_path.iterdir())

    with pytest.raises(EnvironmentProblem, match=r"0007\.png"):
        write_clean(checked, tmp_path / "clean", progress=silent)

    assert sorted(tmp_path.iterdir()) == before


def test_without_one_good_line_there_is_nothing_to_copy(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", val=0)

    with pytest.raises(DataError, match="not one usable line"):
        clean(data, tmp_path / "clean")


@pytest.mark.parametrize("name", ["a, b", "[x]", "ก ข"])
def test_the_overrides_hold_for_any_folder_name(tmp_path: Path, name: str) -> None:
    data = write_data(tmp_path / "data")

    copy = clean(data, tmp_path / name / "clean")

    assert check(config(data, *copy.overrides), progress=silent).lines == {"Train": 20, "Eval": 5}
