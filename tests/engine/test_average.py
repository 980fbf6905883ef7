from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import paddle
import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.engine.average import MovingAverage, NoAverage, build_average
from thaiocr.engine.evaluate import of_model, read_all
from thaiocr.engine.trained import evaluation_set, open_trained
from thaiocr.metrics.recognition import RecognitionMetric
from thaiocr.progress import silent

pytestmark = pytest.mark.slow

EMA = "Global.ema.decay=0.6"


@pytest.fixture
def layer() -> paddle.nn.Layer:
    return paddle.nn.Sequential(paddle.nn.Linear(2, 1), paddle.nn.BatchNorm1D(1))


def set_all(layer: paddle.nn.Layer, value: float) -> None:
    for tensor in layer.state_dict().values():
        tensor.set_value(paddle.full_like(tensor, value))


def values(layer: paddle.nn.Layer) -> set[float]:
    return {round(float(each), 5) for tensor in layer.state_dict().values() for each in tensor.numpy().ravel()}


def test_the_average_follows_the_formula_for_weights_and_running_statistics(layer: paddle.nn.Layer) -> None:
    set_all(layer, 1.0)
    average = MovingAverage(layer, decay=0.15)
    set_all(layer, 2.0)
    average.update()  # keeps (1 + 0) / (10 + 0), then decay, which is less than 2 / 11
    set_all(layer, 3.0)
    average.update()

    with average.applied():
        assert values(layer) == {round((0.1 * 1 + 0.9 * 2) * 0.15 + 0.85 * 3, 5)}
    assert values(layer) == {3.0}


def test_the_trained_weights_come_back_also_after_an_error(layer: paddle.nn.Layer) -> None:
    set_all(layer, 1.0)
    average = MovingAverage(layer, decay=0.5)
    set_all(layer, 2.0)
    with pytest.raises(KeyError), average.applied():
        values(layer).remove(2.0)  # not there now
    assert values(layer) == {2.0}


def test_an_average_goes_on_from_a_checkpoint_and_begins_where_there_was_none(layer: paddle.nn.Layer) -> None:
    average = MovingAverage(layer, decay=0.5)
    set_all(layer, 2.0)
    state = average.state()
    assert state is not None
    set_all(layer, 5.0)  # what the checkpoint's weights are
    average.resume({**state, "updates": 7})
    assert values(layer) == {2.0}
    assert average.updates == 7
    with average.applied():
        assert values(layer) == {5.0}

    set_all(layer, 9.0)
    average.resume(None)
    with average.applied():
        assert values(layer) == {9.0}


def test_without_the_key_nothing_is_averaged_and_nothing_saved(layer: paddle.nn.Layer) -> None:
    average = build_average(None, layer)
    assert isinstance(average, NoAverage)
    assert average.state() is None
    assert isinstance(build_average(schema.EMA(decay=0.5), layer), MovingAverage)


@pytest.fixture(scope="module")
def averaged(data: Path, trained: tiny.Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that starts from weights that read something."""
    run = tmp_path_factory.mktemp("averaged")
    config = tiny.config(data, run, *tiny.LEARNS, "Global.epoch_num=2", EMA)
    tiny.fit(config, init_from=trained.run / "best_accuracy")
    return run


def test_what_was_evaluated_is_what_the_checkpoint_gives(averaged: Path, data: Path) -> None:
    config = tiny.config(data, averaged, *tiny.LEARNS, EMA)
    found = open_trained(config, None)
    metric = RecognitionMetric(ignore_space=False)
    batches = evaluation_set(config, found.codec, labels=None, progress=silent)
    metric.update(read_all(of_model(found.model), batches, found.codec, progress=silent, is_single=True))

    best = store.load(averaged / "best_accuracy").states["best_model_dict"]
    assert best["acc"] > 0
    assert {key: value for key, value in best.items() if key not in ("epoch", "step")} == metric.brief()


def test_a_checkpoint_holds_the_averaged_and_the_trained_weights(averaged: Path) -> None:
    found = store.load(averaged / "latest")
    trained = found.states["average"]["trained"]
    assert trained.keys() == found.weights.keys()
    different = [name for name in trained if (trained[name] != found.weights[name]).any()]
    assert len(different) > len(trained) / 2
    assert found.states["average"]["updates"] == found.states["global_step"]
    assert np.isfinite(np.concatenate([value.ravel() for value in trained.values()])).all()


@pytest.mark.slow
def test_an_average_can_be_turned_off_and_on_when_a_run_is_resumed(
    averaged: Path, data: Path, tmp_path: Path, count_updates: Callable[[Path], object]
) -> None:
    off, on = tmp_path / "off", tmp_path / "on"
    tiny.fit(tiny.config(data, off, *tiny.LEARNS, "Global.epoch_num=3"), resume=averaged / "latest")
    assert count_updates(off) is None
    tiny.fit(tiny.config(data, on, *tiny.LEARNS, "Global.epoch_num=4", EMA), resume=off / "latest")
    assert count_updates(on) == 2


@pytest.fixture
def count_updates() -> Callable[[Path], object]:
    def count(run: Path) -> object:
        average = store.load(run / "latest").states["average"]
        return None if average is None else average["updates"]

    return count
