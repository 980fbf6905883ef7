from __future__ import annotations

import numpy as np
import pytest
import tiny
from numpy.typing import NDArray

from thaiocr.engine.evaluate import read_all
from thaiocr.engine.trained import evaluation_set
from thaiocr.export.calibration import Readings, calibrate_bundle, fit_temperature
from thaiocr.metrics.calibration import calibrate
from thaiocr.predict.bundle import open_bundle
from thaiocr.predict.runtime import load_network
from thaiocr.progress import silent

CLASSES = 20


def readings(seed: int, images: int, temperature: float, *, entries: int = 1) -> Readings:
    """Readings that are right as often as their scores say once the logits are divided by `temperature`."""
    random = np.random.default_rng(seed)
    logits_MK = random.normal(0, 2.5, (images * entries, CLASSES))
    image_M = np.repeat(np.arange(images), entries)

    def softmax(logits_MK: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = np.exp(logits_MK - logits_MK.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    chance_N = np.bincount(image_M, softmax(logits_MK / temperature).max(axis=1)) / entries
    right_N = (random.random(images) < chance_N).astype(np.float64)
    return Readings(softmax(logits_MK).astype(np.float32), image_M, right_N)


@pytest.mark.parametrize("temperature", [0.5, 0.9, 1.0, 1.4, 2.5])
@pytest.mark.parametrize("entries", [1, 4])
def test_the_temperature_that_made_the_readings_is_found(temperature: float, entries: int) -> None:
    made = readings(3, 4_000, temperature, entries=entries)

    found = fit_temperature(made)

    assert found == pytest.approx(temperature, rel=0.12)
    assert calibrate(list(made.scores(found)), made.right_N)["ece"] == pytest.approx(0, abs=0.03)


def test_no_other_temperature_is_more_likely() -> None:
    made = readings(5, 800, 1.7)

    def likelihood(temperature: float) -> float:
        score_N = made.scores(temperature)
        return float(np.where(made.right_N == 1, np.log(score_N), np.log(1 - score_N)).mean())

    found = fit_temperature(made)

    # The counts of right and wrong ones that are not quite 1 and 0 move the best place a little.
    assert likelihood(found) > max(likelihood(found * 0.9), likelihood(found * 1.1))


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_few_readings_of_one_kind_do_not_make_every_score_certain(right: float) -> None:
    made = readings(7, 10, 1.0)

    scores = made.scores(fit_temperature(Readings(made.probabilities_MK, made.image_M, np.full(10, right))))

    wanted = 11 / 12 if right else 1 / 12
    assert 0.01 < scores.mean() < 0.99
    assert abs(scores.mean() - wanted) < abs(made.scores(1.0).mean() - wanted)


def test_where_nothing_is_read_the_temperature_is_1() -> None:
    nothing = Readings(np.zeros((0, CLASSES), np.float32), np.zeros(0, np.intp), np.zeros(0))

    assert fit_temperature(nothing) == 1.0


def test_a_bundle_is_calibrated_on_the_scores_that_evaluation_finds(trained: tiny.Trained) -> None:
    bundle = open_bundle(tiny.exported(trained.data.parent))
    batches = evaluation_set(trained.config, bundle.codec, labels=None, progress=silent)

    found = calibrate_bundle(bundle, batches, progress=silent)

    network = load_network(bundle.folder, threads=1)
    for temperature, ece in ((1.0, found.ece_before), (found.temperature, found.ece_after)):
        read = read_all(network, batches, bundle.codec, progress=silent, is_single=True, temperature=temperature)
        with_text = [each for each in read if each.text]
        right_N = np.array([each.text == each.label for each in with_text], np.float64)
        wanted = calibrate([each.score for each in with_text], right_N)["ece"]
        assert ece == pytest.approx(wanted, abs=1e-4)
    assert found.images == len(with_text)
    assert found == calibrate_bundle(bundle, batches, progress=silent)
