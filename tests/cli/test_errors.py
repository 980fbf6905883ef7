"""Every mistake is one clear message with a place and a way out, the documented exit code, and no traceback."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import tiny

from thaiocr.cli.main import main

TRAIN: Final = "train -c data/tiny.yml"


@dataclass(frozen=True, slots=True)
class Case:
    """What is broken and what it must lead to."""

    name: str
    break_it: Callable[[], object]
    """Called in a folder with `data/`, `bundle/`, `run/`, an image `image.png` and an ordinary file `file`."""
    command: str
    code: int
    message: str
    """Matches exactly one line of standard error."""


def nothing() -> None:
    pass


def add_line(line: str) -> Callable[[], object]:
    def act() -> None:
        with Path("data/rec_gt_train.txt").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return act


def replace(path: str, old: str, new: str) -> Callable[[], object]:
    def act() -> None:
        text = Path(path).read_text("utf-8")
        assert old in text
        Path(path).write_text(text.replace(old, new), "utf-8")

    return act


def cut(path: str, size: int = 300) -> Callable[[], object]:
    return lambda: Path(path).write_bytes(Path(path).read_bytes()[:size])


def write(path: str, text: str = "") -> Callable[[], object]:
    return lambda: Path(path).write_text(text, "utf-8")


LABELS = r"data/rec_gt_train\.txt"
DATA: Final = (
    Case("missing image", add_line("train/none.png\tก"), TRAIN, 3, rf"^{LABELS}:25: train/none\.png: no such file"),
    Case(
        "truncated image",
        cut("data/train/0003.png"),
        TRAIN,
        3,
        rf"^{LABELS}:4: train/0003\.png: .*the image is truncated; copy it again$",
    ),
    Case("no image", write("data/train/0003.png", "text"), TRAIN, 3, rf"^{LABELS}:4: .*not an image that can be read"),
    Case("empty image", write("data/train/0003.png"), TRAIN, 3, rf"^{LABELS}:4: .*the file is empty"),
    Case(
        "label without a tab",
        add_line("train/0000.png ก"),
        TRAIN,
        3,
        rf"^{LABELS}:25: .*no tab between image and text",
    ),
    Case("empty label", add_line("train/0000.png\t"), TRAIN, 3, rf"^{LABELS}:25: train/0000\.png: the label is empty"),
    Case(
        "label with an unknown character",
        add_line("train/0000.png\tฮ"),
        TRAIN,
        3,
        rf"^{LABELS}:25: train/0000\.png: .*'ฮ' .*U\+0E2E THAI CHARACTER HO NOKHUK",
    ),
    Case(
        "label that is too long",
        add_line("train/0000.png\tกก"),
        TRAIN,
        3,
        rf"^{LABELS}:25: .*2 dictionary entries, Global\.max_text_length is 1",
    ),
    Case(
        "too many rejects",
        add_line("train/0000.png\t"),
        TRAIN,
        3,
        rf"^{LABELS}: 4\.0% of the lines cannot be used, 1\.0% are allowed; correct them, or set -o Global\.max_reject",
    ),
    Case(
        "empty data set", write("data/rec_gt_train.txt"), TRAIN, 3, rf"^{LABELS}: no usable image; a line is an image"
    ),
    Case(
        "missing label file",
        lambda: Path("data/rec_gt_train.txt").rename("data/rec_gt_trian.txt"),
        TRAIN,
        3,
        rf"^{LABELS}: no such label file; did you mean 'rec_gt_trian\.txt'\?$",
    ),
    Case(
        "missing dictionary",
        nothing,
        f"{TRAIN} -o Global.character_dict_path=data/dct.txt",
        3,
        r"^data/dct\.txt: .*did you mean '(data/)?dict\.txt'\?",
    ),
    Case(
        "dictionary with a duplicate",
        write("data/dict.txt", "ก\nข\nก\n"),
        TRAIN,
        3,
        r"^data/dict\.txt:3: .* is here twice; the other one: data/dict\.txt:1$",
    ),
)
CONFIG: Final = (
    Case(
        "mistyped key",
        replace("data/tiny.yml", "epoch_num", "epoch_nums"),
        TRAIN,
        2,
        r"^data/tiny\.yml:3: Global\.epoch_nums: unknown key; did you mean 'epoch_num'\?",
    ),
    Case("broken YAML", replace("data/tiny.yml", "Global:", "Global: ["), TRAIN, 2, r"^data/tiny\.yml:\d+: "),
    Case("wrong type", nothing, f"{TRAIN} -o Global.epoch_num=ten", 2, r"^-o Global\.epoch_num=ten: .*whole number"),
    Case("missing config", nothing, "train -c data/tiny.yaml", 2, r"^data/tiny\.yaml: no such file .*'data/tiny\.yml'"),
    Case("no GPU", nothing, f"{TRAIN} -o Global.use_gpu=true", 5, r"no GPU here; add -o Global\.use_gpu=false"),
)
RUN: Final = (
    Case("a run is there", write("run/latest.states"), TRAIN, 2, r"^run: holds a run already; .*--resume.*--force$"),
    Case(
        "nothing to resume", nothing, f"{TRAIN} --resume", 3, r"^run: no whole checkpoint .*leave --resume out to start"
    ),
    Case("no such checkpoint", nothing, f"{TRAIN} --resume a/b", 3, r"^a/b\.pdparams: no such file$"),
    Case("no such weights", nothing, f"{TRAIN} --init-from a/b", 3, r"^a/b\.pdparams: no such file$"),
    Case(
        "damaged checkpoint",
        write("x.pdparams", "x"),
        f"{TRAIN} --init-from x",
        3,
        r"^x\.pdparams: refused, not a plain",
    ),
    Case(
        "nothing trained yet",
        nothing,
        "eval -c data/tiny.yml",
        3,
        r"^run/best_accuracy\.pdparams: no such.*; train first",
    ),
    Case(
        "nothing to export", nothing, "export -c data/tiny.yml -o b", 3, r"^run/best_accuracy\.pdparams: no such check"
    ),
)
BUNDLE: Final = (
    Case("no bundle", nothing, "predict --bundle data image.png", 3, r"^data: not a bundle, .*`thaiocr export`$"),
    Case(
        "dictionary of another bundle",
        write("bundle/dict.txt", "".join(f"{entry}\n" for entry in reversed(tiny.ENTRIES))),
        "predict --bundle bundle image.png",
        3,
        r"^bundle/dict\.txt: changed since it was exported$",
    ),
    Case(
        "bundle of another dictionary",
        write("data/dict.txt", "".join(f"{entry}\n" for entry in reversed(tiny.ENTRIES))),
        "eval -c data/tiny.yml --bundle bundle",
        3,
        r"^bundle: made with another dictionary than data/dict\.txt$",
    ),
    Case(
        "damaged bundle",
        cut("bundle/inference.onnx"),
        "predict --bundle bundle image.png",
        3,
        r"^bundle/inference\.onnx: ch",
    ),
    Case(
        "damaged manifest",
        cut("bundle/bundle.json"),
        "predict --bundle bundle image.png",
        3,
        r"^bundle/bundle\.json: dam",
    ),
    Case(
        "missing part",
        lambda: Path("bundle/inference.onnx").unlink(),
        "predict --bundle bundle image.png",
        3,
        r"onnx: missing$",
    ),
    Case(
        "no image named", nothing, "predict --bundle bundle", 2, r"^predict: give images, a folder, or --labels FILE$"
    ),
    Case("no such image", nothing, "predict --bundle bundle img.png", 3, r"^img\.png: no such file"),
    Case("folder without images", nothing, "predict --bundle bundle run", 3, r"^run: no image in this folder"),
    Case("no such labels", nothing, "predict --bundle bundle --labels x.txt", 3, r"^x\.txt: no such label file"),
    Case("no threads", nothing, "predict --bundle bundle image.png --threads -1", 2, r"--threads: .*at least 1"),
)
UNWRITABLE: Final = (
    Case("run", nothing, f"{TRAIN} -o Global.save_model_dir=file/run", 5, r"^file/run: cannot write the run there: "),
    Case(
        "eval report",
        nothing,
        "eval -c data/tiny.yml --bundle bundle --report file/r.json",
        5,
        r"^file/r\.json: cannot",
    ),
    Case("eval page", nothing, "eval -c data/tiny.yml --bundle bundle --report file/r", 5, r"^file/r: cannot"),
    Case("dictionary", nothing, "dict build --tier compat -o file/dict.txt", 5, r"^file/dict\.txt: cannot"),
    Case(
        "config", nothing, "config new rec -o file/x.yml", 5, r"^file/x\.yml: cannot be written: .*; choose another -o$"
    ),
    Case("data set", nothing, "synth rec -o file/d --dict data/dict.txt --count 10", 5, r"^file/d: cannot"),
)
MACHINE: Final = (
    Case(
        "no fonts",
        nothing,
        "synth rec -o new --dict data/dict.txt --count 10 --fonts run",
        5,
        r"apt-get install -y fonts-thai-tlwg-ttf",
    ),
)
TYPED: Final = (
    Case("no arguments", nothing, "", 2, r"^thaiocr: error: the following arguments are required: VERB$"),
    Case("mistyped verb", nothing, "trian -c data/tiny.yml", 2, r"'trian' .*; did you mean 'train'\?$"),
    Case(
        "mistyped option",
        nothing,
        f"{TRAIN} --resme",
        2,
        r"unrecognized arguments: --resme; did you mean '--resume'\?$",
    ),
    Case("mistyped action", nothing, "config shwo", 2, r"'shwo' .*; did you mean 'show'\?$"),
    Case("mistyped choice", nothing, "config new rec --preset man -o x", 2, r"'man' .*; did you mean 'main'\?$"),
    Case("missing option", nothing, "train", 2, r"^thaiocr train: error: .* required: -c/--config$"),
    Case("contradiction", nothing, f"{TRAIN} --resume --force", 2, r"--force: not allowed with argument --resume$"),
)


@pytest.fixture
def place(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own folder with data, a configuration, a bundle and no run."""
    monkeypatch.chdir(tmp_path)
    tiny.write_data(Path("data"), images=24, val_images=12)
    tiny.write_config(Path("data"), Path("run"), *tiny.RUNS)
    shutil.copytree(bundle, "bundle")
    shutil.copy("data/val/0000.png", "image.png")
    Path("run").mkdir()
    Path("file").touch()
    return tmp_path


@pytest.mark.parametrize(
    "case", [*DATA, *CONFIG, *RUN, *BUNDLE, *UNWRITABLE, *MACHINE, *TYPED], ids=lambda case: str(case.name)
)
def test_a_mistake_is_one_message_and_the_documented_exit_code(
    place: Path, capsys: pytest.CaptureFixture[str], case: Case
) -> None:
    case.break_it()
    try:
        code = main(case.command.split())
    except SystemExit as left:  # argparse's way
        code = int(str(left.code))
    printed = capsys.readouterr()
    assert code == case.code, printed.err
    assert len([line for line in printed.err.splitlines() if re.search(case.message, line)]) == 1, printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_a_cache_that_cannot_be_written_names_the_variable_to_set(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAIOCR_CACHE", "file/cache")
    assert main(TRAIN.split()) == 5
    assert "file/cache/packs: cannot keep the decoded images there: " in capsys.readouterr().err


def test_debug_shows_the_traceback(place: Path) -> None:
    with pytest.raises(Exception, match=r"data/none\.yml: no such file"):
        main(["--debug", "train", "-c", "data/none.yml"])
