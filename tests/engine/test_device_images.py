"""A run whose training images lie on the device; here that is the CPU, where numbers can be compared bit for bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny
import tiny_pages

from thaiocr.data.device_cache import DeviceBatches
from thaiocr.engine.build import build_run
from thaiocr.engine.detection import build_detection_run
from thaiocr.engine.loop import train_step
from thaiocr.progress import Advance, silent

ON_DEVICE = "Global.images_on_device=true"
AUGMENTED = (
    "Train.dataset.transforms=[{DecodeImage: {img_mode: BGR}}, {RecAug: null}, {CTCLabelEncode: null}, "
    "{RecResizeImg: {image_shape: [3, 32, 8]}}, {KeepKeys: null}]"
)


def test_a_step_on_images_of_the_device_is_the_hosts(data: Path, tmp_path: Path) -> None:
    """Also one in parts."""
    steps = []
    for changes in ((), (ON_DEVICE,)):
        config = tiny.config(data, tmp_path, *tiny.RUNS, "Global.accumulation_steps=2", *changes)
        run = build_run(config, echo=lambda _line: None, progress=silent)
        steps.append(train_step(run, next(run.train.epoch(0))))
        assert isinstance(run.train, DeviceBatches) == bool(changes)
        assert not isinstance(run.eval, DeviceBatches)
    assert steps[0] == steps[1]


@pytest.mark.slow
def test_a_run_on_images_of_the_device_is_the_hosts_bit_for_bit(data: Path, reference: Path, tmp_path: Path) -> None:
    _, lines = tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, ON_DEVICE))
    assert tiny.outcome(tmp_path) == tiny.outcome(reference)
    assert "the training images lie in the memory of the device: 0.0 MB" in lines


@pytest.mark.slow
def test_a_run_that_changes_images_on_the_device_is_resumed_bit_for_bit(data: Path, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    changes = (*tiny.RUNS, AUGMENTED, ON_DEVICE)
    tiny.fit(tiny.config(data, whole, *changes))

    @contextmanager
    def stopping(label: str, _total: int, /) -> Iterator[Advance]:
        def advance(count: int, note: str = "") -> None:
            if label == "epoch 2/3" and note:  # after the first of its two steps
                os.kill(os.getpid(), signal.SIGTERM)

        yield advance

    with pytest.raises(KeyboardInterrupt):
        tiny.fit(tiny.config(data, stopped, *changes), progress=stopping)
    tiny.fit(tiny.config(data, stopped, *changes), resume=Path())
    assert tiny.outcome(stopped) == tiny.outcome(whole)


def test_a_detector_says_that_its_pages_stay_on_the_host(tmp_path: Path) -> None:
    pages = tiny_pages.write_pages(tmp_path, pages=4)
    for changes, lines in ((), 0), ((ON_DEVICE,), 1):
        config = tiny_pages.config(pages, tmp_path / "run", *tiny_pages.RUNS, *changes)
        run = build_detection_run(config, echo=lambda _line: None, progress=silent)
        assert len(run.remarks()) == lines
