"""What trackers wrote, read with their own readers; W&B has none for what it keeps offline but its own messages."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import pytest
import tiny

from thaiocr.config import schema
from thaiocr.engine import tracking
from thaiocr.engine.build import build_run
from thaiocr.engine.tracking import Picture
from thaiocr.errors import EnvironmentProblem
from thaiocr.metrics.recognition import Reading
from thaiocr.progress import Advance, Progress, silent

pytestmark = pytest.mark.slow

LATEST = Path()
TENSORBOARD: Final = (*tiny.RUNS, "Global.trackers=tensorboard")
VISUALDL: Final = (*tiny.RUNS, "Global.use_visualdl=true")
WANDB: Final = (*tiny.RUNS, "wandb={project: thai, name: tiny, mode: offline}")

needs_visualdl = pytest.mark.skipif(
    find_spec("visualdl") is None, reason="VisualDL is not part of dev, for it brings 200 MB: pip install visualdl"
)


class Killed(BaseException):
    """Stands for a kill: nothing is saved on the way out."""


def at_step(number: int, act: Callable[[], None]) -> Progress:
    """Return a progress that acts after so many steps of an epoch have been reported."""
    steps = 0

    @contextmanager
    def progress(label: str, _total: int, /) -> Iterator[Advance]:
        def advance(count: int, note: str = "") -> None:
            nonlocal steps
            steps += label.startswith("epoch") and bool(note)
            if steps == number and note:
                act()

        yield advance

    return progress


def kill() -> None:
    raise Killed


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def recorded(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the series of metrics.jsonl as trackers name them: (step, value) each."""
    series: dict[str, list[tuple[int, float]]] = {}
    for line in (run / "metrics.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        event, step = record.pop("event"), record.pop("step")
        for name, value in record.items():
            series.setdefault(f"{event}/{name}", []).append((step, value))
    return series


def assert_same(found: Mapping[str, Sequence[tuple[int, float]]], expected: Mapping[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, series in expected.items():
        assert [step for step, _ in found[name]] == [step for step, _ in series], name
        assert [value for _, value in found[name]] == pytest.approx([value for _, value in series], rel=1e-6), name


# -- TensorBoard -------------------------------------------------------------------------------------------------------


def tensorboard(run: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / "tensorboard"))
    found.Reload()
    return found


def tensorboard_series(run: Path) -> dict[str, list[tuple[int, float]]]:
    found = tensorboard(run)
    return {name: [(each.step, each.value) for each in found.Scalars(name)] for name in found.Tags()["scalars"]}


def test_tensorboard_shows_every_figure_and_what_is_read_in_some_pictures(data: Path, tmp_path: Path) -> None:
    tiny.fit(tiny.config(data, tmp_path, *TENSORBOARD))

    assert_same(tensorboard_series(tmp_path), recorded(tmp_path))
    found = tensorboard(tmp_path)
    pictures, texts = found.Images("eval/pictures"), found.Tensors("eval/readings/text_summary")
    assert [each.step for each in pictures] == [each.step for each in texts] == [2, 4, 6]
    picture = cv2.imdecode(np.frombuffer(pictures[-1].encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (8 * 32, 8, 3)
    lines = texts[-1].tensor_proto.string_val[0].decode().splitlines()
    assert [line.split()[2] for line in lines] == [tiny.ENTRIES[row % 12] for row in (0, 3, 7, 10, 13, 16, 20, 23)]


def test_a_killed_run_goes_on_in_tensorboard_without_a_step_twice(data: Path, tmp_path: Path) -> None:
    """Killed in the second epoch, it goes on from the end of the first."""
    with pytest.raises(Killed):
        tiny.fit(tiny.config(data, tmp_path, *TENSORBOARD), progress=at_step(4, kill))
    tiny.fit(tiny.config(data, tmp_path, *TENSORBOARD), resume=LATEST)

    assert len(list((tmp_path / "tensorboard").iterdir())) == 2
    assert_same(tensorboard_series(tmp_path), recorded(tmp_path))


@pytest.mark.slow
def test_a_run_started_anew_shows_nothing_of_the_old_one(data: Path, tmp_path: Path) -> None:
    tiny.fit(tiny.config(data, tmp_path, *TENSORBOARD))
    tiny.fit(tiny.config(data, tmp_path, *TENSORBOARD, "Global.epoch_num=2"), is_forced=True)
    assert_same(tensorboard_series(tmp_path), recorded(tmp_path))


# -- VisualDL ----------------------------------------------------------------------------------------------------------


def visualdl(run: Path) -> Any:
    from visualdl import LogReader

    (file,) = (run / "vdl").iterdir()
    return LogReader(file_path=str(file))


def visualdl_series(run: Path) -> dict[str, list[tuple[int, float]]]:
    found = visualdl(run)
    return {
        name: [(each.id, each.value) for each in found.get_data("scalar", name)] for name in found.get_tags()["scalar"]
    }


@needs_visualdl
def test_visualdl_shows_every_figure_and_what_is_read_in_some_pictures(data: Path, tmp_path: Path) -> None:
    tiny.fit(tiny.config(data, tmp_path, *VISUALDL))

    assert_same(visualdl_series(tmp_path), recorded(tmp_path))
    found = visualdl(tmp_path)
    assert [each.id for each in found.get_data("image", "eval/pictures")] == [2, 4, 6]
    encoded = np.frombuffer(found.get_data("image", "eval/pictures")[0].image.encoded_image_string, np.uint8)
    picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (8 * 32, 8, 3)
    assert "read as" in found.get_data("text", "eval/readings")[0].text.encoded_text_string


@needs_visualdl
def test_a_killed_run_goes_on_in_visualdl_without_a_step_twice(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        tiny.fit(tiny.config(data, tmp_path, *VISUALDL), progress=at_step(4, kill))
    file = next((tmp_path / "vdl").iterdir())
    file.write_bytes(file.read_bytes()[:-5])
    tiny.fit(tiny.config(data, tmp_path, *VISUALDL), resume=LATEST)

    assert_same(visualdl_series(tmp_path), recorded(tmp_path))


# -- Weights & Biases --------------------------------------------------------------------------------------------------

BLOCK: Final = 32768
"""W&B keeps its messages in LevelDB's log format: blocks of parts, each with checksum, length and kind."""


@pytest.fixture(autouse=True)
def no_wandb_files_of_the_user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path_factory.getbasetemp() / "wandb"))


def wandb_messages(file: Path) -> Iterator[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if BLOCK - at % BLOCK < 7:
            at += BLOCK - at % BLOCK
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield Record.FromString(whole)
            whole = b""


def wandb_runs(run: Path) -> list[Path]:
    return sorted((run / "wandb").glob("offline-run-*/run-*.wandb"))


def wandb_history(file: Path) -> list[dict[tuple[str, ...], Any]]:
    """Return what was logged at each step; a picture's parts have keys of two names."""
    messages = [message.history for message in wandb_messages(file) if message.WhichOneof("record_type") == "history"]
    return [
        {tuple(item.nested_key) or (item.key,): json.loads(item.value_json) for item in history.item}
        for history in messages
    ]


@pytest.mark.slow
def test_wandb_keeps_every_figure_and_what_is_read_in_some_pictures(data: Path, tmp_path: Path) -> None:
    tiny.fit(tiny.config(data, tmp_path, *WANDB))

    (file,) = wandb_runs(tmp_path)
    (begun,) = (message.run for message in wandb_messages(file) if message.WhichOneof("record_type") == "run")
    assert (begun.project, begun.display_name) == ("thai", "tiny")
    assert begun.run_id == (tmp_path / "wandb" / "id").read_text("utf-8")
    history = wandb_history(file)
    expected = recorded(tmp_path)
    found = {
        name: [(step["_step",], step[name,]) for step in history if (name,) in step]
        for name in {key[0] for step in history for key in step if len(key) == 1}
        if not name.startswith("_")
    }
    assert_same(found, expected)
    shown = [step["eval/pictures", "captions"] for step in history if ("eval/pictures", "captions") in step]
    assert [len(captions) for captions in shown] == [8, 8, 8]
    assert all("read as" in caption for caption in shown[-1])


@pytest.mark.slow
def test_a_stopped_run_goes_on_in_wandb_under_its_id(data: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        tiny.fit(tiny.config(data, tmp_path, *WANDB), progress=at_step(3, interrupt))
    first = {path.name for path in wandb_runs(tmp_path)}
    for path in wandb_runs(tmp_path):
        shutil.move(path, tmp_path / "first.wandb")
    tiny.fit(tiny.config(data, tmp_path, *WANDB), resume=LATEST)

    (second,) = wandb_runs(tmp_path)
    assert {second.name} == first
    steps = [[step["_step",] for step in wandb_history(file)] for file in (tmp_path / "first.wandb", second)]
    assert steps == [[1, 2, 3], [4, 5, 6]]


# -- Whatever the tracker ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ([], []),
        (["Global.use_visualdl=true"], ["visualdl"]),
        (["Global.use_wandb=true"], ["wandb"]),
        (["wandb.project=thai"], ["wandb"]),
        (["Global.trackers=[wandb, tensorboard, wandb]", "Global.use_wandb=true"], ["tensorboard", "wandb"]),
        (["Global.trackers=visualdl"], ["visualdl"]),
    ],
)
def test_paddleocrs_keys_and_ours_choose_the_trackers(
    data: Path, tmp_path: Path, changes: list[str], names: list[str]
) -> None:
    assert tracking.chosen(tiny.config(data, tmp_path, *changes)) == names


def test_a_missing_package_is_named_before_anything_is_done(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    config = tiny.config(data, tmp_path / "run", *tiny.RUNS, "Global.trackers=[tensorboard, wandb]")
    with pytest.raises(EnvironmentProblem, match=r"not installed: tensorboardX, wandb; pip install 'thaiocr\[tens"):
        tiny.fit(config)
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_does_not_start_ends_the_run_at_once(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tensorboard").touch()
    with pytest.raises(EnvironmentProblem, match=r"tensorboard does not start: .*File exists"):
        tiny.fit(tiny.config(data, tmp_path, *TENSORBOARD))


class FullDisk(tracking.TensorBoard):
    """Writes until the disk is full."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        if step == 3:
            raise OSError(28, "No space left on device")
        super().scalars(values, step)

    def pictures(self, pictures: Sequence[Picture], captions: Sequence[str], step: int) -> None:
        assert step < 3, "it is left out after its first failure"


def test_a_run_that_loses_a_tracker_says_so_once_and_is_the_same_run(
    data: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tracking.TRACKERS, "tensorboard", ("tensorboardX", FullDisk))
    _, lines = tiny.fit(tiny.config(data, tmp_path, *TENSORBOARD))

    warnings = [line for line in lines if "warning" in line]
    assert warnings == ["warning: tensorboard failed and is left out from here on: [Errno 28] No space left on device"]
    assert warnings[0] in (tmp_path / "train.log").read_text("utf-8")
    assert tiny.outcome(tmp_path) == tiny.outcome(reference)


class Shown:
    """Remembers what it is shown."""

    def __init__(self, config: schema.Config, step: int | None) -> None:
        self.seen: list[Picture] = []

    def scalars(self, values: Mapping[str, float], step: int) -> None: ...

    def pictures(self, pictures: Sequence[Picture], captions: Sequence[str], step: int) -> None:
        self.seen.extend(pictures)

    def close(self) -> None: ...


@pytest.mark.parametrize("mode", ["BGR", "RGB"])
def test_red_is_shown_as_red_whatever_the_order_of_channels(data: Path, tmp_path: Path, mode: str) -> None:
    red = tiny.write_data(tmp_path / "red", images=24)
    for path in red.glob("val/*.png"):
        cv2.imwrite(str(path), np.full((32, 8, 3), (0, 0, 255), np.uint8))
    modes = [f"{feed}.dataset.transforms.0.DecodeImage.img_mode={mode}" for feed in ("Train", "Eval")]
    config = tiny.config(red, tmp_path / "run", *tiny.RUNS, *modes)
    run = build_run(config, echo=lambda _: None, progress=silent)
    shown = Shown(config, None)

    with run.tracking.following(config, None):
        run.tracking.trackers["shown"] = shown
        readings = [Reading(image="", label="ก", text="", score=0.0) for _ in run.eval.data.samples]
        run.tracking.readings(run.eval.data, readings, step=1)

    assert len(shown.seen) == 8
    assert shown.seen[0][16, 4].tolist() == [255, 0, 0]
