"""A step that is not finite stops training or is left out as if its batch had never been there."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.data.loader import Batch, Batches
from thaiocr.engine.build import Run, build_run
from thaiocr.engine.loop import train_step
from thaiocr.engine.non_finite import MOST_IN_A_ROW
from thaiocr.errors import DataError
from thaiocr.models import fast
from thaiocr.progress import Advance, silent

pytestmark = pytest.mark.slow

SKIP = "Global.non_finite=skip"


@pytest.fixture
def build(data: Path, tmp_path: Path) -> Callable[..., Run]:
    """Build runs whose parameters have the same names."""

    def new(*changes: str) -> Run:
        config = tiny.config(data, tmp_path / "run", *tiny.RUNS, *changes)
        with paddle.utils.unique_name.guard():
            run = build_run(config, echo=lambda _line: None, progress=silent)
            train_step(run, next(run.train.epoch(9)))  # the optimizer makes its own tensors in the first step
        return run

    return new


def broken(batch: Batch) -> Batch:
    x_NChw = batch.x_NChw.copy()
    x_NChw[1] = np.nan
    return replace(batch, x_NChw=x_NChw)


def everything(run: Run) -> dict[str, Any]:
    """Return all that a step may change, arrays as bytes."""
    states = {"model": run.model, "guide": run.guide, "optimizer": run.optimizer, "schedule": run.schedule}
    found = {f"{kind}.{name}": value for kind, of in states.items() for name, value in of.state_dict().items()}
    return {name: np.asarray(value).tobytes() if hasattr(value, "shape") else value for name, value in found.items()}


def logged(run: Run, event: str) -> list[dict[str, Any]]:
    return [record for record in tiny.records(run.folder) if record["event"] == event]


def test_a_step_that_is_left_out_leaves_no_trace(build: Callable[..., Run]) -> None:
    with_break, without = build(SKIP), build()
    first, second = list(with_break.train.epoch(0))
    assert train_step(with_break, first)
    assert train_step(without, first)
    before = everything(with_break)

    assert train_step(with_break, broken(second)) == {}

    assert everything(with_break) == before
    assert (with_break.position.skipped, with_break.position.skipped_in_a_row) == (1, 1)
    assert train_step(with_break, second) == train_step(without, second)
    assert everything(with_break) == everything(without)
    assert (with_break.position.skipped, with_break.position.skipped_in_a_row) == (1, 0)


def test_a_step_that_is_left_out_is_logged_with_its_files(build: Callable[..., Run], data: Path) -> None:
    run = build(SKIP)
    batch = broken(next(run.train.epoch(0)))
    train_step(run, batch)

    (record,) = logged(run, "skip")
    assert record["images"] == [f"{sample.place}: {sample.image}" for sample in batch.samples]
    assert "grad_norm" in record["not_finite"]
    assert record["skipped"] == 1
    text = (run.folder / "train.log").read_text("utf-8")
    assert f"grad_norm not finite, batch left out: {data}/rec_gt_train.txt:" in text


def test_stop_names_the_files_and_says_how_to_go_on(build: Callable[..., Run], data: Path) -> None:
    run = build()
    with pytest.raises(DataError, match=r"not finite; lower the learning rate, .* Global\.non_finite=skip") as caught:
        train_step(run, broken(next(run.train.epoch(0))))
    assert all(line.startswith(f"{data}/rec_gt_train.txt:") for line in caught.value.problems[1:6])
    assert caught.value.problems[6] == "… and 11 more"


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_what_relu_hides_from_the_loss_is_found_in_the_gradient(
    build: Callable[..., Run], policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap: paddle's relu makes 0 of NaN, here behind the first layer of a squeeze-and-excitation block."""
    monkeypatch.setattr(fast, "IS_WANTED", False)  # our own kernels let NaN through to the loss
    assert paddle.nn.functional.relu(paddle.to_tensor([float("nan")])).item() == 0
    run = build(f"Global.non_finite={policy}")
    weight = dict(run.model.named_parameters())["backbone.blocks.0.mid_se.conv1.weight"]
    weight.set_value(paddle.full_like(weight, float("nan")))
    if policy == "skip":
        assert train_step(run, next(run.train.epoch(0))) == {}
        assert logged(run, "skip")[0]["not_finite"] == "grad_norm"
    else:
        with pytest.raises(DataError, match=r"^grad_norm not finite;"):
            train_step(run, next(run.train.epoch(0)))


def test_a_network_that_is_broken_for_good_is_not_trained_to_the_end(
    data: Path, reference: Path, tmp_path: Path
) -> None:
    saved, run = store.load(reference / "latest"), tmp_path / "run"
    weights = {**saved.weights, "head.fc.bias": np.full_like(saved.weights["head.fc.bias"], np.nan)}
    store.save(store.Checkpoint(weights=weights, optimizer={}, states={}), tmp_path / "nan")
    config = tiny.config(data, run, *tiny.RUNS, SKIP, "Train.loader.batch_size_per_card=2")
    with pytest.raises(DataError, match=rf"not finite in {MOST_IN_A_ROW} steps in a row; lower the learning rate"):
        tiny.fit(config, init_from=tmp_path / "nan")
    skips = [record for record in tiny.records(run) if record["event"] == "skip"]
    assert [record["skipped"] for record in skips] == list(range(1, MOST_IN_A_ROW + 1))


def break_batches(monkeypatch: pytest.MonkeyPatch, *places: tuple[int, int]) -> None:
    """Let training meet broken images at these (epoch, batch), both from 0."""
    whole = Batches.epoch

    def epoch(self: Batches, number: int, *, start: int = 0) -> Iterator[Batch]:
        for at, batch in enumerate(whole(self, number, start=start), start=start):
            yield broken(batch) if (number, at) in places else batch

    monkeypatch.setattr(Batches, "epoch", epoch)


def test_training_goes_on_past_a_broken_batch_and_counts_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three epochs with two steps each, one is left out: the schedule and the step number wait for it."""
    break_batches(monkeypatch, (1, 0))
    report, lines = tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, SKIP))

    events = [(record["event"], record["step"]) for record in tiny.records(tmp_path) if record["event"] != "epoch"]
    assert events == [
        *(("train", 1), ("train", 2), ("eval", 2)),
        *(("skip", 2), ("train", 3), ("eval", 3)),
        *(("train", 4), ("train", 5), ("eval", 5)),
    ]
    assert any(re.search(r"^epoch 2 step 2: .*batch left out", line) for line in lines)
    saved = store.load(tmp_path / "latest")
    assert (saved.states["position"]["skipped"], saved.states["global_step"]) == (1, 5)
    assert (report["skipped_steps"], report["steps"]) == (1, 5)
    assert all(np.isfinite(value).all() for value in saved.weights.values())


def test_an_epoch_of_broken_batches_has_no_loss_rather_than_0(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_batches(monkeypatch, (0, 0), (0, 1))
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, SKIP, "Global.epoch_num=2"))
    epochs = [record for record in tiny.records(tmp_path) if record["event"] == "epoch"]
    assert ["loss" in record for record in epochs] == [False, True]
    assert store.load(tmp_path / "latest").states["position"]["skipped"] == 2


@pytest.mark.slow
def test_a_run_that_is_stopped_right_after_a_broken_batch_goes_on_as_if_it_was_not(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_batches(monkeypatch, (0, 1), (1, 0))
    tiny.fit(tiny.config(data, tmp_path / "whole", *tiny.RUNS, SKIP))

    @contextmanager
    def press(label: str, _total: int, /) -> Iterator[Advance]:
        def advance(count: int, note: str = "") -> None:
            if label == "epoch 2/3" and count:
                os.kill(os.getpid(), signal.SIGINT)

        yield advance

    config = tiny.config(data, tmp_path / "parts", *tiny.RUNS, SKIP)
    with pytest.raises(KeyboardInterrupt):
        tiny.fit(config, progress=press)
    assert store.load(tmp_path / "parts" / "latest").states["position"]["skipped_in_a_row"] == 2
    tiny.fit(config, resume=Path())
    assert tiny.outcome(tmp_path / "parts") == tiny.outcome(tmp_path / "whole")
