"""`thaiocr data hard` on a bundle that reads grey stripes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest

from thaiocr.cli.main import main
from thaiocr.data.images import Pixels
from thaiocr.predict.bundle import DICTIONARY, open_bundle, seal
from thaiocr.predict.hard import write_hard
from thaiocr.predict.reader import Reader
from thaiocr.progress import Advance, silent
from thaiocr.text.dictionary import Dictionary

Draw: TypeAlias = Callable[..., Pixels]

SPLIT_AM = "น\u0e4d\u0e49\u0e32"
"""น้ำ as it is typed with NIKHAHIT and SARA AA."""


def unsure_ko_kai() -> Pixels:
    """Return a grey between those of the first two entries, nearer to that of ก: its score is 0.8."""
    return np.full((8, 8, 3), round((1 - 0.7) * 127.5), np.uint8)


@pytest.fixture
def here(bundle: Path, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a bundle, and folders `a` and `b` that hold the same pictures."""
    monkeypatch.chdir(tmp_path)
    pictures = {
        "1.png": draw(1),
        "2.png": draw(2),
        "3.png": draw(3),
        "12.png": draw(1, 2),
        "unsure.png": unsure_ko_kai(),
    }
    for folder in ("a/img", "b/img"):
        (tmp_path / folder).mkdir(parents=True)
        for name, pixels in pictures.items():
            cv2.imwrite(str(tmp_path / folder / name), pixels)
    return tmp_path


def write(file: str, *lines: str) -> str:
    Path(file).write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="\n")
    return file


def hard(*arguments: str) -> int:
    return main(["data", "hard", "--bundle", "bundle", *arguments])


def lines_of(file: str) -> list[str]:
    return Path(file).read_bytes().decode().splitlines()


def test_misread_unsure_and_right_are_told_apart_and_keep_their_order(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        "img/1.png\tก",
        "img/unsure.png\tก",
        "img/2.png\tก",
        "img/12.png\tกกี่",
        "img/unsure.png\tกี่",
        "img/1.png\tกก",
    ]
    write("a/labels.txt", *lines)
    assert hard("a/labels.txt", "-o", "a/hard.txt") == 0
    assert lines_of("a/hard.txt") == [lines[1], lines[2], lines[4], lines[5]]
    assert capsys.readouterr().out == "6 images: 3 misread, 1 right below 0.9; written to a/hard.txt\n"

    assert hard("a/labels.txt", "--below", "0.7", "-o", "a/hard.txt") == 0
    assert lines_of("a/hard.txt") == [lines[2], lines[4], lines[5]]
    assert capsys.readouterr().out == "6 images: 3 misread, 0 right below 0.7; written to a/hard.txt\n"

    assert hard("a/labels.txt", "--below", "1", "-o", "a/hard.txt") == 0
    assert lines_of("a/hard.txt") == lines


def test_below_0_takes_misread_images_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("a/labels.txt", "img/unsure.png\tก", "img/2.png\tก")
    assert hard("a/labels.txt", "--below", "0", "-o", "a/hard.txt") == 0
    assert lines_of("a/hard.txt") == ["img/2.png\tก"]
    assert capsys.readouterr().out == "2 images: 1 misread; written to a/hard.txt\n"


def test_another_spelling_of_what_is_read_is_right_and_a_misread_one_is_written_as_it_was(here: Path) -> None:
    write("a/labels.txt", f"img/3.png\t{SPLIT_AM}", f"img/1.png\t{SPLIT_AM}")
    assert hard("a/labels.txt", "-o", "a/hard.txt") == 0
    assert lines_of("a/hard.txt") == [f"img/1.png\t{SPLIT_AM}"]


def test_a_text_read_in_pieces_is_compared_in_its_one_spelling_as_eval_does(here: Path, draw: Draw) -> None:
    pieces = Dictionary(("น", "\u0e4d", "\u0e32", "นำ"))
    opened = open_bundle(here / "bundle")
    pieces.save(here / "bundle" / DICTIONARY)
    seal(replace(opened, dictionary=pieces))
    cv2.imwrite("a/img/pieces.png", draw(1, 2, 3))
    write("a/labels.txt", "img/pieces.png\tนำ", "img/pieces.png\tน")
    assert hard("a/labels.txt", "--below", "0", "-o", "a/hard.txt") == 0
    assert lines_of("a/hard.txt") == ["img/pieces.png\tน"]


def test_images_are_named_relative_to_the_output_wherever_the_label_files_lie(here: Path) -> None:
    absolute = (here / "a/img/2.png").as_posix()
    write("a/labels.txt", "img/2.png\tก", "./img/../img/3.png\tก", f"{absolute}\tก")
    write("b/img/labels.txt", "2.png\tก", "2.png\tก")
    assert hard("a/labels.txt", "b/img/labels.txt", "-o", "out/new/hard.txt") == 0
    in_a = ["../../a/img/2.png\tก", "../../a/img/3.png\tก", "../../a/img/2.png\tก"]
    assert lines_of("out/new/hard.txt") == [*in_a, *["../../b/img/2.png\tก"] * 2]

    # What was written is a label file like any other, and can be mined itself.
    assert hard("out/new/hard.txt", "-o", "a/again.txt") == 0
    in_a = ["img/2.png\tก", "img/3.png\tก", "img/2.png\tก"]
    assert lines_of("a/again.txt") == [*in_a, *["../b/img/2.png\tก"] * 2]


def test_names_lead_to_the_images_where_folders_are_links(here: Path) -> None:
    (here / "disk/deep/data").mkdir(parents=True)
    (here / "a").rename(here / "disk/a")
    (here / "a").symlink_to("disk/a")
    (here / "out").symlink_to("disk/deep/data")
    shutil.copy("b/img/2.png", "disk/beside.png")
    write("a/labels.txt", "img/2.png\tก", "../beside.png\tก")
    assert hard("a/labels.txt", "-o", "out/hard.txt") == 0
    assert lines_of("out/hard.txt") == ["../../a/img/2.png\tก", "../../beside.png\tก"]
    assert Path("out/../../beside.png").is_file()


def test_an_image_whose_folder_no_label_file_can_name_is_a_reject(here: Path) -> None:
    odd = os.fsdecode(b"\xff")
    (here / "a").rename(here / odd)
    write(f"{odd}/labels.txt", "img/2.png\tก")
    labels = [Path(odd, "labels.txt")]
    found = write_hard(Reader(Path("bundle")), labels, Path("hard.txt"), below=0.9, progress=silent)
    assert (found.images, found.rejected, lines_of("hard.txt")) == (0, 1, [])
    assert found.rejects[0].reason.startswith(f"cannot be named relative to {here}: ")

    write_hard(Reader(Path("bundle")), labels, Path(odd, "hard.txt"), below=0.9, progress=silent)
    assert lines_of(f"{odd}/hard.txt") == ["img/2.png\tก"]


def test_lines_that_cannot_be_used_are_named_with_their_reason_and_the_others_are_written(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a/img/text.png").write_text("hello")
    bad = ["no tab", "\tก", "img/1.png\t", "img/none.png\tก", "img/text.png\tก", "img/1.png\tกข"]
    write("a/labels.txt", "img/2.png\tก", *bad, "", "img/3.png\tก")
    assert hard("a/labels.txt", "-o", "a/hard.txt") == 3
    assert lines_of("a/hard.txt") == ["img/2.png\tก", "img/3.png\tก"]
    printed = capsys.readouterr()
    assert printed.out == "2 images: 2 misread, 0 right below 0.9, 6 rejected; written to a/hard.txt\n"
    assert printed.err.splitlines() == [
        "a/labels.txt:2: no tab between image and text",
        "a/labels.txt:3: no image before the tab",
        "a/labels.txt:4: img/1.png: the label is empty",
        f"a/labels.txt:5: img/none.png: no such file (looked for {here / 'a/img/none.png'})",
        "a/labels.txt:6: img/text.png: not an image that can be read (JPEG, PNG, BMP, TIFF and WebP can), or a "
        "damaged one",
        "a/labels.txt:7: img/1.png: 'ข' (U+0E02 THAI CHARACTER KHO KHAI) is not in the dictionary",
    ]


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_first_twenty_rejects_are_shown_in_the_order_of_the_lines(
    here: Path, capsys: pytest.CaptureFixture[str], threads: str
) -> None:
    # No tab is known at once, a missing image when its batch has been read.
    lines = ["img/none.png\tก" if number % 3 else "no tab" for number in range(200)]
    write("a/labels.txt", *lines, "img/2.png\tก")
    assert hard("a/labels.txt", "-o", "a/hard.txt", "--threads", threads) == 3
    shown = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0] for line in shown[:-1]] == [f"a/labels.txt:{number}" for number in range(1, 21)]
    assert shown[-1] == "… and 180 more"
    assert lines_of("a/hard.txt") == ["img/2.png\tก"]


def test_many_batches_keep_each_label_with_its_image(here: Path) -> None:
    lines = [f"img/{1 + number % 3}.png\t{('ก', 'กี่', 'น้ำ')[number // 7 % 3]}" for number in range(150)]
    write("a/labels.txt", *lines)
    assert hard("a/labels.txt", "-o", "a/hard.txt", "--threads", "3") == 0
    assert lines_of("a/hard.txt") == [line for number, line in enumerate(lines) if number % 3 != number // 7 % 3]


def test_where_nothing_is_hard_the_file_is_empty_and_the_line_says_so(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a/labels.txt", "img/1.png\tก")
    write("a/hard.txt", "of an earlier run\tก")
    assert hard("a/labels.txt", "-o", "a/hard.txt") == 0
    assert Path("a/hard.txt").read_bytes() == b""
    assert capsys.readouterr().out == "1 images: 0 misread, 0 right below 0.9; a/hard.txt is empty\n"


def test_json_is_one_document_with_the_counts(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("a/labels.txt", "img/1.png\tก", "img/2.png\tก", "img/unsure.png\tก", "no tab")
    assert hard("a/labels.txt", "-o", "a/hard.txt", "--below", "0.85", "--json") == 3
    counts = {"images": 3, "misread": 1, "unsure": 1, "rejected": 1}
    assert json.loads(capsys.readouterr().out) == {**counts, "output": "a/hard.txt", "below": 0.85}


@pytest.mark.parametrize("output", ["a/labels.txt", "b/../a/labels.txt", "link.txt"])
def test_an_output_that_is_a_label_file_is_refused_and_unchanged(
    here: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    write("a/labels.txt", "img/1.png\tก")
    write("b/labels.txt", "img/1.png\tก")
    Path("link.txt").symlink_to("a/labels.txt")
    assert hard("b/labels.txt", "a/labels.txt", "-o", output) == 2
    assert f"{output}: is one of the label files to read" in capsys.readouterr().err
    assert lines_of("a/labels.txt") == ["img/1.png\tก"]


@pytest.mark.parametrize(
    ("output", "code", "message"),
    [
        ("b", 2, "b: is there already and no file"),
        ("a/labels.txt/hard.txt", 5, "a/labels.txt/hard.txt: cannot write: "),
        (f"{'x' * 300}.txt", 5, "cannot write: File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_reading(
    here: Path, capsys: pytest.CaptureFixture[str], output: str, code: int, message: str
) -> None:
    write("a/labels.txt", "img/2.png\tก", "no tab")
    assert hard("a/labels.txt", "-o", output) == code
    printed = capsys.readouterr().err
    assert message in printed
    assert "no tab" not in printed


def test_a_full_disk_is_one_message_and_leaves_what_was_there(here: Path) -> None:
    write("a/labels.txt", *["img/2.png\tก"] * 200)
    write("a/hard.txt", "of an earlier run\tก")
    command = 'ulimit -f 1; exec "$0" -m thaiocr data hard --bundle bundle a/labels.txt -o a/hard.txt'
    ended = subprocess.run(["bash", "-c", command, sys.executable], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (5, "a/hard.txt: cannot write: File too large\n")
    assert lines_of("a/hard.txt") == ["of an earlier run\tก"]
    assert sorted(each.name for each in Path("a").iterdir()) == ["hard.txt", "img", "labels.txt"]


def test_all_label_files_that_cannot_be_read_are_named_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a/labels.txt", "img/2.png\tก")
    Path("b/thai.txt").write_bytes("img/1.png\tก\n".encode("tis-620"))
    assert hard("a/label.txt", "a/labels.txt", "b/thai.txt", "-o", "out/hard.txt") == 3
    assert capsys.readouterr().err.splitlines() == [
        "a/label.txt: no such label file; did you mean 'labels.txt'?",
        "b/thai.txt:1: not UTF-8 text; save the file as UTF-8",
    ]
    assert not Path("out").exists()


@pytest.mark.parametrize("below", ["-0.1", "1.01", "nan", "90%"])
def test_a_score_that_no_image_can_have_is_refused(here: Path, capsys: pytest.CaptureFixture[str], below: str) -> None:
    write("a/labels.txt", "img/2.png\tก")
    with pytest.raises(SystemExit) as ended:
        hard("a/labels.txt", f"--below={below}", "-o", "a/hard.txt")
    assert ended.value.code == 2
    assert "argument --below: " in capsys.readouterr().err


def test_ctrl_c_leaves_no_partial_file_and_the_old_one(here: Path) -> None:
    write("a/labels.txt", *["img/2.png\tก"] * 100)
    write("a/hard.txt", "of an earlier run\tก")
    before = sorted(here.rglob("*"))

    @contextmanager
    def interrupted(_label: str, total: int, /) -> Iterator[Advance]:
        assert total == 100
        done = 0

        def advance(count: int, note: str = "") -> None:
            nonlocal done
            done += count
            if done == 50:
                raise KeyboardInterrupt

        yield advance

    with pytest.raises(KeyboardInterrupt):
        write_hard(Reader(Path("bundle")), [Path("a/labels.txt")], Path("a/hard.txt"), below=0.9, progress=interrupted)
    assert sorted(here.rglob("*")) == before
    assert lines_of("a/hard.txt") == ["of an earlier run\tก"]


def test_the_bar_counts_every_line_once(here: Path) -> None:
    write("a/labels.txt", *["img/2.png\tก", "no tab", "", "img/none.png\tก"] * 20)
    seen: dict[str, Any] = {"done": 0}

    @contextmanager
    def counting(_label: str, total: int, /) -> Iterator[Advance]:
        seen["total"] = total

        def advance(count: int, note: str = "") -> None:
            seen["done"] += count

        yield advance

    write_hard(Reader(Path("bundle")), [Path("a/labels.txt")] * 2, Path("a/hard.txt"), below=0.9, progress=counting)
    assert seen == {"done": 120, "total": 120}


def test_neither_lines_nor_readings_nor_rejects_are_kept(here: Path) -> None:
    write("a/labels.txt", *["img/2.png\tก", *["no tab"] * 5] * 2000)
    reader = Reader(Path("bundle"), threads=1)
    tracemalloc.start()
    found = write_hard(reader, [Path("a/labels.txt")], Path("a/hard.txt"), below=0.9, progress=silent)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.misread, found.rejected) == (2000, 10_000)
    assert peak < 1_000_000  # 12,000 of any of them are more


def test_without_a_bundle_the_model_of_clusters_that_comes_with_thaiocr_reads(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thaiocr.predict import pretrained

    write("a/labels.txt", "img/2.png\tก", "img/1.png\tก")
    monkeypatch.setattr(pretrained, "pretrained_bundle", {"thai_cluster": here / "bundle"}.__getitem__)
    assert main(["data", "hard", "a/labels.txt", "-o", "a/hard.txt"]) == 0
    assert lines_of("a/hard.txt") == ["img/2.png\tก"]
