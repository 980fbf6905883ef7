from __future__ import annotations

import dataclasses
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.progress import Advance
from thaiocr.synth.folder import MANIFEST, PARTIAL, DataSet
from thaiocr.synth.heldout import HELD_OUT
from thaiocr.synth.plan import Options
from thaiocr.synth.recipes import EFFECTS
from thaiocr.synth.writer import generate
from thaiocr.text.dictionary import Dictionary


@pytest.fixture(scope="module")
def options(few: tuple[str, ...]) -> Options:
    return Options(count=60, val_count=10, test_count=10, seed=5, test_sets=True, fonts=few)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, dictionary: Dictionary, options: Options) -> tuple[Path, DataSet]:
    root = tmp_path_factory.mktemp("made") / "data"
    return root, generate(root, dictionary, options)


def content(root: Path) -> dict[str, str]:
    """Digest of every file."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


# -- layout ------------------------------------------------------------------------------------------------------------


def test_the_layout_is_paddleocrs(made: tuple[Path, DataSet], dictionary: Dictionary) -> None:
    root, _ = made
    assert Dictionary.load(root / "dict.txt") == dictionary
    for split, count in (("train", 60), ("val", 10), ("test", 10), ("test_A", 10), ("test_D", 10)):
        labels = (root / f"rec_gt_{split}.txt").read_bytes().decode()
        assert labels.endswith("\n")
        assert "\r" not in labels
        lines = [line.split("\t") for line in labels.splitlines()]
        assert [path for path, _ in lines] == [f"rec/{split}/{number:06}.jpg" for number in range(1, count + 1)]
        assert {text for _, text in lines} <= set(dictionary.entries)
        for path, _ in lines:
            image = cv2.imread(str(root / path))
            assert image is not None
            assert image.shape[2] == 3
            assert min(image.shape[:2]) >= 5


def test_train_shows_each_entry_as_often(made: tuple[Path, DataSet], dictionary: Dictionary) -> None:
    root, _ = made
    counts = Counter(line.split("\t")[1] for line in (root / "rec_gt_train.txt").read_text("utf-8").splitlines())
    assert counts.keys() == set(dictionary.entries)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_the_manifest_proves_that_no_font_and_no_held_out_damage_leaks(made: tuple[Path, DataSet]) -> None:
    root, data_set = made
    manifest = json.loads((root / MANIFEST).read_text("utf-8"))
    fonts, splits = manifest["fonts"], manifest["splits"]
    held_out = sum(1 << manifest["effects"].index(name) for name in HELD_OUT)
    assert tuple(manifest["effects"]) == EFFECTS
    used = {name: {fonts[number]["sha256"] for number in split["images"]["font"]} for name, split in splits.items()}
    assert not used["train"] & (used["val"] | used["test"])
    assert not used["val"] & used["test"]
    assert used["test_A"] <= used["train"] | {
        font["sha256"] for font in fonts if font["family"] in splits["train"]["families"]
    }
    for name, split in splits.items():
        assert len(split["images"]["font"]) == len(split["images"]["effects"]) == split["count"]
        seen = [bits & held_out for bits in split["images"]["effects"]]
        assert all(seen) if split["evaluation_set"] in ("C", "D") else not any(seen), name
    assert {name: split["evaluation_set"] for name, split in splits.items()} == {
        "train": "", "val": "B", "test": "B", "test_A": "A", "test_B": "B", "test_C": "C", "test_D": "D",
    }  # fmt: skip
    assert manifest["request"]["seed"] == 5
    assert json.loads(json.dumps(data_set.manifest)) == manifest


def test_the_manifest_names_nothing_of_this_machine(made: tuple[Path, DataSet]) -> None:
    root, _ = made
    manifest = json.loads((root / MANIFEST).read_text("utf-8"))
    assert all("/" not in font["file"] for font in manifest["fonts"])
    assert str(root) not in (root / MANIFEST).read_text("utf-8")


def test_the_font_report_names_what_was_refused_and_why(made: tuple[Path, DataSet]) -> None:
    root, data_set = made
    report = json.loads((root / "font_qa.json").read_text("utf-8"))
    assert report == data_set.fonts
    (noto,) = [font for font in report if font["family"] == "Noto Sans Thai"]
    assert noto["refused"] == {"missing": ["A", "."]}
    assert {font["split"] for font in report} == {"train", "val", "test"}


def test_the_contact_sheet_can_be_looked_at(made: tuple[Path, DataSet]) -> None:
    sheet = cv2.imread(str(made[0] / "contact_sheet.png"), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    assert sheet.shape[0] > 1000
    assert np.std(sheet.astype(float)) > 10


# -- the same again ----------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(
    made: tuple[Path, DataSet], dictionary: Dictionary, options: Options, tmp_path: Path
) -> None:
    generate(tmp_path / "again", dictionary, options, workers=2)
    assert content(tmp_path / "again") == content(made[0])


def test_another_seed_gives_other_images(
    made: tuple[Path, DataSet], dictionary: Dictionary, options: Options, tmp_path: Path
) -> None:
    generate(tmp_path / "other", dictionary, dataclasses.replace(options, seed=6))
    one, other = content(made[0]), content(tmp_path / "other")
    assert all(other[name] != digest for name, digest in one.items() if name.endswith(".jpg"))


def test_a_complete_data_set_is_left_as_it_is(
    made: tuple[Path, DataSet], dictionary: Dictionary, options: Options
) -> None:
    root, _ = made
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    again = generate(root, dictionary, options)
    assert not again.made
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize("damage", ["image", "labels", "manifest"])
def test_what_is_missing_is_made_again(
    made: tuple[Path, DataSet], dictionary: Dictionary, options: Options, tmp_path: Path, damage: str
) -> None:
    root, small = tmp_path / "data", dataclasses.replace(options, count=15, test_sets=False)
    generate(root, dictionary, small)
    before = content(root)
    if damage == "image":
        (root / "rec/train/000003.jpg").unlink()
    elif damage == "labels":
        (root / "rec_gt_val.txt").write_text("", "utf-8")
    else:
        (root / MANIFEST).rename(root / PARTIAL)
        (root / PARTIAL).write_text(json.dumps(json.loads((root / PARTIAL).read_text("utf-8"))["request"]), "utf-8")
    assert generate(root, dictionary, small).made
    assert content(root) == before


def test_other_options_are_refused_and_named_unless_forced(
    dictionary: Dictionary, options: Options, tmp_path: Path
) -> None:
    root, small = tmp_path / "data", dataclasses.replace(options, count=15, test_sets=False)
    generate(root, dictionary, small)
    before = content(root)
    with pytest.raises(
        UsageError, match=r"holds another data set \(count was 15, now 14, preset was 'photo', now 'clean'\)"
    ):
        generate(root, dictionary, dataclasses.replace(small, count=14, preset="clean"))
    assert content(root) == before
    generate(root, dictionary, dataclasses.replace(small, count=14), force=True)
    assert len(list((root / "rec/train").iterdir())) == 14


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_someone_else_is_not_touched(
    dictionary: Dictionary, options: Options, tmp_path: Path, force: bool
) -> None:
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "mine.jpg").write_bytes(b"mine")
    (tmp_path / MANIFEST).write_text('{"made_by": "someone"}', "utf-8")
    before = content(tmp_path)
    with pytest.raises(UsageError, match="not made by `thaiocr synth rec`"):
        generate(tmp_path, dictionary, options, force=force)
    assert content(tmp_path) == before


# -- what goes wrong ---------------------------------------------------------------------------------------------------


class _StopError(Exception):
    pass


@contextmanager
def _stop_in_the_middle(label: str, total: int) -> Iterator[Advance]:
    def advance(count: int, note: str = "") -> None:
        if label == "images":
            raise _StopError

    yield advance


def test_an_interrupted_run_leaves_no_manifest_and_the_next_one_finishes_it(
    made: tuple[Path, DataSet], dictionary: Dictionary, options: Options, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    with pytest.raises(_StopError):
        generate(root, dictionary, options, progress=_stop_in_the_middle)
    assert not (root / MANIFEST).exists()
    assert not list(root.glob("rec_gt_*"))
    assert list((root / "rec/train").iterdir())
    generate(root, dictionary, options)
    assert content(root) == content(made[0])


def test_an_interrupted_run_of_other_options_is_refused(
    dictionary: Dictionary, options: Options, tmp_path: Path
) -> None:
    with pytest.raises(_StopError):
        generate(tmp_path / "data", dictionary, options, progress=_stop_in_the_middle)
    with pytest.raises(UsageError, match="seed was 5, now 7"):
        generate(tmp_path / "data", dictionary, dataclasses.replace(options, seed=7))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_leaves_nothing_that_looks_whole_and_no_process(
    dictionary: Dictionary, options: Options, tmp_path: Path, few: tuple[str, ...], number: signal.Signals
) -> None:
    dictionary.save(tmp_path / "dict.txt")
    root = tmp_path / "data"
    command = (
        f"-m thaiocr.cli.main synth rec -o {root} --dict {tmp_path / 'dict.txt'} --count 20000 --workers 2 --fonts"
    )
    run = subprocess.Popen([sys.executable, *command.split(), *few], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(root.glob("rec/train/*.jpg")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = _children(run.pid)
    assert len(children) >= 2
    run.send_signal(number)
    _, message = run.communicate(timeout=30)
    assert "Traceback" not in message
    if number == signal.SIGINT:
        assert run.returncode == 130
    assert not (root / MANIFEST).exists()
    assert not list(root.glob("rec_gt_*"))
    while any(_is_running(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _children(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("root", ["file", "file/below", "/proc/data"])
def test_an_output_that_cannot_be_written_is_one_message(
    dictionary: Dictionary, options: Options, tmp_path: Path, root: str
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match="choose another folder with -o") as caught:
        generate(tmp_path / root, dictionary, options)
    assert len(caught.value.problems) == 1


def test_too_few_fonts_are_refused_before_anything_is_written(
    dictionary: Dictionary, options: Options, tmp_path: Path
) -> None:
    with pytest.raises(EnvironmentProblem, match="found 2 font families"):
        generate(tmp_path / "data", dictionary, dataclasses.replace(options, fonts=options.fonts[:2]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EnvironmentProblem, match=r"found 0 font families .*none.*apt-get"):
        generate(tmp_path / "data", dictionary, dataclasses.replace(options, fonts=(str(tmp_path / "empty"),)))
    assert not list((tmp_path / "data").iterdir())


def test_strict_refuses_a_dictionary_that_is_not_drawn(options: Options, tmp_path: Path) -> None:
    dictionary = Dictionary(("ก", "ข", "中"))
    with pytest.raises(EnvironmentProblem, match="no train image would show 1 of 3 dictionary entries: 中"):
        generate(tmp_path / "data", dictionary, options, strict=True)
    train = generate(tmp_path / "data", dictionary, options).manifest["splits"]["train"]
    assert list(train["without_image"]) == ["中"]


def test_a_worker_that_cannot_write_ends_the_run_with_its_message(
    dictionary: Dictionary, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"

    @contextmanager
    def remove_folder(label: str, total: int) -> Iterator[Advance]:
        if label == "images":
            (root / "rec").rename(tmp_path / "gone")
        yield lambda count, note="": None

    with pytest.raises(EnvironmentProblem, match=r"\d{6}\.jpg: cannot write the image"):
        generate(root, dictionary, options, progress=remove_folder)
