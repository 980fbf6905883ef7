"""Runs in the tools that people have already: TensorBoard, VisualDL, Weights & Biases.

A tracker gets the figures of `metrics.jsonl` under the names `train/loss`, `eval/acc`, `epoch/loss` and, with every
evaluation, some pictures with what was read in them. It is asked for by `Global.trackers` (or PaddleOCR's
`use_visualdl`, `use_wandb` and `wandb`), and its package is an extra of that name. A run that loses a tracker goes on.

A run that is resumed goes on in the same files; what they hold beyond its checkpoint is forgotten first.

h, w pixels of the network's input  C channels, RGB
"""

from __future__ import annotations

import struct
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.config.dump import to_dict
from thaiocr.data.dataset import DataSet
from thaiocr.engine.runlog import RunLog
from thaiocr.errors import EnvironmentProblem
from thaiocr.metrics.recognition import Reading

PICTURES: Final = 8
"""Shown with every evaluation, the same ones every time."""

Picture = NDArray[np.uint8]


class Tracker(Protocol):
    """Where a run can be followed. Each of its calls may fail with anything."""

    def scalars(self, values: Mapping[str, float], step: int) -> object:
        """Add figures by name."""

    def pictures(self, pictures: Sequence[Picture], captions: Sequence[str], step: int) -> object:
        """Add pictures [h, w, C] of one size, and what is to be read beside them."""

    def close(self) -> object:
        """Write what is not written yet."""


class TensorBoard:
    """Event files in `save_model_dir/tensorboard`; a resumed run adds one, which hides what follows its checkpoint.

    Args:
        config: Of the run.
        step: What a resumed run goes on after, or None.
    """

    def __init__(self, config: schema.AnyConfig, step: int | None) -> None:
        from tensorboardX import summary
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        folder = _folder(config, "tensorboard", "events.out.tfevents.*", is_new=step is None)
        self._summary, self._event = summary, Event
        # Not SummaryWriter: its thread would meet a full disk in silence, and then block the run.
        self._writer = EventsWriter(str(folder / "events"), f".{step or 0:010}")
        if step is not None:
            start = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(step=step + 1, wall_time=time.time(), session_log=start))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add figures by name."""
        self._write((self._summary.scalar(name, value) for name, value in values.items()), step)

    def pictures(self, pictures: Sequence[Picture], captions: Sequence[str], step: int) -> None:
        """Add the pictures below each other, and the captions as a list."""
        column, lines = np.concatenate(pictures), "\n".join(f"1. {caption}" for caption in captions)
        picture = self._summary.image("eval/pictures", column, dataformats="HWC")
        self._write([picture, self._summary.text("eval/readings", lines)], step)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, summaries: Iterator[Any] | Sequence[Any], step: int) -> None:
        for summary in summaries:
            self._writer.write_event(self._event(summary=summary, step=step, wall_time=time.time()))
        self._writer.flush()


class VisualDL:
    """One record file in `save_model_dir/vdl`, where PaddleOCR wrote it.

    Args:
        config: Of the run.
        step: What a resumed run goes on after, or None.
    """

    def __init__(self, config: schema.AnyConfig, step: int | None) -> None:
        from visualdl.component import base_component
        from visualdl.proto.record_pb2 import Record
        from visualdl.writer.record_writer import RecordWriter

        path = _folder(config, "vdl", "vdlrecords.*", is_new=step is None) / "vdlrecords.thaiocr.log"
        old = path.read_bytes() if path.exists() else b""
        kept = [record for record in map(Record.FromString, _records(old)) if record.values[0].id <= (step or 0)]
        self._component = base_component
        # Not LogWriter: its thread would print what goes wrong, and nobody else would learn of it.
        self._writer = RecordWriter(path.open("wb"))
        self._write(kept or [base_component.meta_data(walltime=_milliseconds())])

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add figures by name."""
        now = _milliseconds()
        self._write([self._component.scalar(name, value, step, now) for name, value in values.items()])

    def pictures(self, pictures: Sequence[Picture], captions: Sequence[str], step: int) -> None:
        """Add the pictures below each other, and the captions line by line."""
        now = _milliseconds()
        picture = self._component.image("eval/pictures", np.concatenate(pictures), step, now)
        self._write([picture, self._component.text("eval/readings", "\n".join(captions), step, now)])

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, records: Sequence[Any]) -> None:
        for record in records:
            self._writer.write(record.SerializeToString())
        self._writer.flush()


def _records(content: bytes) -> Iterator[bytes]:
    """Yield VisualDL's records, each preceded by its length, up to one that a kill cut short."""
    start = 8
    while start <= len(content):
        end = start + struct.unpack("<Q", content[start - 8 : start])[0]
        if end > len(content):
            return
        yield content[start:end]
        start = end + 8


class WeightsAndBiases:
    """A run of W&B, whose id is kept in `save_model_dir/wandb`; W&B itself drops steps that it has already.

    Args:
        config: Of the run.
        step: What a resumed run goes on after, or None.
    """

    def __init__(self, config: schema.AnyConfig, step: int | None) -> None:
        import wandb

        options = config.wandb or schema.WandB()
        remembered = _folder(config, "wandb", "id", is_new=step is None) / "id"
        if not remembered.exists():
            remembered.write_text(options.id or uuid.uuid4().hex[:8], encoding="utf-8")
        self._picture = wandb.Image
        self._run = wandb.init(
            project=options.project,
            entity=options.entity,
            name=options.name,
            id=remembered.read_text(encoding="utf-8"),
            mode=options.mode,
            dir=config.run.save_model_dir,
            resume="allow",
            config=to_dict(config),
            settings=wandb.Settings(console="off", silent=True),
        )

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Add figures by name."""
        self._run.log(dict(values), step=step)

    def pictures(self, pictures: Sequence[Picture], captions: Sequence[str], step: int) -> None:
        """Add the pictures, each with its caption."""
        pairs = zip(pictures, captions, strict=True)
        self._run.log({"eval/pictures": [self._picture(picture, caption=text) for picture, text in pairs]}, step=step)

    def close(self) -> None:
        """Hand over what is not handed over yet."""
        self._run.finish()


TRACKERS: Final[Mapping[str, tuple[str, Callable[[schema.AnyConfig, int | None], Tracker]]]] = {
    "tensorboard": ("tensorboardX", TensorBoard),
    "visualdl": ("visualdl", VisualDL),
    "wandb": ("wandb", WeightsAndBiases),
}
"""Name -> package, and what follows a run with it."""


def _folder(config: schema.AnyConfig, name: str, files: str, *, is_new: bool) -> Path:
    """Return a tracker's folder; a new run finds none of an earlier one's files there."""
    folder = Path(config.run.save_model_dir) / name
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(files) if is_new else ():
        path.unlink()
    return folder


def _milliseconds() -> int:
    return round(time.time() * 1000)


def chosen(config: schema.AnyConfig) -> list[str]:
    """Return the names of the trackers that a configuration asks for, each once."""
    asked = {
        "tensorboard": False,
        "visualdl": config.run.use_visualdl,
        "wandb": config.run.use_wandb or config.wandb is not None,
    }
    return [name for name, is_asked in asked.items() if is_asked or name in config.run.trackers]


def check(config: schema.AnyConfig) -> None:
    """Tell what is missing before a run takes time.

    Raises:
        EnvironmentProblem: names the packages that are not installed.
    """
    missing = [name for name in chosen(config) if find_spec(TRACKERS[name][0]) is None]
    if missing:
        packages = ", ".join(TRACKERS[name][0] for name in missing)
        raise EnvironmentProblem(
            f"Global.trackers: {', '.join(missing)}: not installed: {packages}; "
            f"pip install 'thaiocr[{','.join(missing)}]', or take it out of the configuration"
        )


class Tracking:
    """Hands on to every tracker what a run records; one that fails is left out from then on.

    Args:
        log: Gets the trackers' problems, one line each; its records are what is handed on.
    """

    def __init__(self, log: RunLog) -> None:
        self.log = log
        self.trackers: dict[str, Tracker] = {}
        self.is_bgr = False

    @contextmanager
    def following(self, config: schema.AnyConfig, step: int | None) -> Iterator[None]:
        """Follow a run that begins, or goes on after a step, to its end.

        Raises:
            EnvironmentProblem: a tracker does not start.
        """
        decode = next(each for each in config.eval.dataset.transforms if isinstance(each, schema.DecodeImage))
        self.is_bgr = decode.img_mode == "BGR"
        try:
            for name in chosen(config):
                self.trackers[name] = _start(name, config, step)
            self.log.listeners.append(self.record)
            yield
        finally:
            self._each(lambda tracker: tracker.close())
            self.trackers.clear()

    def record(self, event: str, values: Mapping[str, Any]) -> None:
        """Hand on the figures of a record."""
        figures = {f"{event}/{name}": value for name, value in values.items() if name != "step"}
        self._each(lambda tracker: tracker.scalars(figures, values["step"]))

    def readings(self, data: DataSet, readings: Sequence[Reading], step: int) -> None:
        """Hand on some of what an evaluation has read, one reading per sample of its data."""
        if not self.trackers:
            return
        rows = np.linspace(0, len(readings) - 1, min(PICTURES, len(readings))).round().astype(int)
        packed = data.pack.images_NhwC[data.rows_S[rows]]
        pictures = list(packed[..., ::-1] if self.is_bgr else packed)
        captions = [_caption(readings[row]) for row in rows]
        self._each(lambda tracker: tracker.pictures(pictures, captions, step))

    def _each(self, act: Callable[[Tracker], object]) -> None:
        for name, tracker in list(self.trackers.items()):
            try:
                act(tracker)
            except Exception as error:  # a tracker can fail with anything, the run does not depend on it
                del self.trackers[name]
                with suppress(Exception):
                    tracker.close()
                self.log.text(f"warning: {name} failed and is left out from here on: {error or type(error).__name__}")


def _start(name: str, config: schema.AnyConfig, step: int | None) -> Tracker:
    try:
        return TRACKERS[name][1](config, step)
    except Exception as error:  # as with all that a tracker does
        raise EnvironmentProblem(f"Global.trackers: {name} does not start: {error or type(error).__name__}") from error


def _caption(reading: Reading) -> str:
    mark = "✓" if reading.text == reading.label else "✗"
    return f"{mark} {reading.label} read as {reading.text or '(nothing)'} ({reading.score:.2f})"
