"""A run whose pictures are changed by chance is still one that can be resumed bit for bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny

from thaiocr.progress import Advance

pytestmark = pytest.mark.slow

AUGMENTED = (
    *tiny.RUNS,
    "Train.dataset.transforms=[{DecodeImage: {img_mode: BGR}}, {RecAug: null}, {CTCLabelEncode: null}, "
    "{RecResizeImg: {image_shape: [3, 32, 8]}}, {KeepKeys: null}]",
)


def test_an_augmented_run_that_was_stopped_is_resumed_bit_for_bit(data: Path, reference: Path, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    tiny.fit(tiny.config(data, whole, *AUGMENTED))

    @contextmanager
    def stopping(label: str, _total: int, /) -> Iterator[Advance]:
        def advance(count: int, note: str = "") -> None:
            if label == "epoch 2/3" and note:  # after the first of its two steps
                os.kill(os.getpid(), signal.SIGTERM)

        yield advance

    with pytest.raises(KeyboardInterrupt):
        tiny.fit(tiny.config(data, stopped, *AUGMENTED), progress=stopping)
    tiny.fit(tiny.config(data, stopped, *AUGMENTED), resume=Path())

    assert tiny.outcome(stopped) == tiny.outcome(whole)
    assert tiny.outcome(whole) != tiny.outcome(reference)
