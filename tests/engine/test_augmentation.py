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
SCALED = (
    *(change for change in tiny.RUNS if "transforms.2" not in change),
    *("Loss.parts_guide=null", "Global.max_text_length=2", "Train.dataset.name=MultiScaleDataSet"),
    "Train.dataset.transforms=[{DecodeImage: {img_mode: BGR}}, {RecConAug: {max_text_length: 2, ext_data_num: 2}}, "
    "{CTCLabelEncode: null}, {KeepKeys: null}]",
    "Train.sampler={name: MultiScaleSampler, scales: [[64, 32], [96, 32]], first_bs: 16, fix_bs: false}",
    "Eval.dataset.transforms.2.RecResizeImg.image_shape=[3, 32, 96]",
)


@pytest.mark.parametrize("changes", [AUGMENTED, SCALED], ids=["RecAug", "RecConAug in several sizes"])
def test_an_augmented_run_that_was_stopped_is_resumed_bit_for_bit(
    changes: tuple[str, ...], data: Path, reference: Path, tmp_path: Path
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
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
    assert tiny.outcome(whole) != tiny.outcome(reference)
