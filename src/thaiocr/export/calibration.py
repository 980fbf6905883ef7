"""The temperature: what makes a score of 0.9 mean nine right out of ten, found on the evaluation set.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, arXiv:1706.04599. They minimise
the negative log likelihood of the class; here it is that of a reading being right, which is what a score stands for, of
one entry or of several.

N images  M time steps, of all images, that an entry is read from  K classes
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thaiocr.data.loader import Batches
from thaiocr.metrics.calibration import calibrate
from thaiocr.predict.bundle import Bundle
from thaiocr.predict.decode import best_path, confidence
from thaiocr.predict.reader import BATCH
from thaiocr.predict.runtime import load_network
from thaiocr.progress import Progress

IMAGES: Final = 5_000
"""Of the evaluation set are enough for one number; they are taken at equal distances."""
VALUES: Final = 100_000_000
"""Probabilities that are kept in memory at most; long lines are calibrated on fewer images."""
COLDEST, HOTTEST = 0.25, 4.0


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A temperature and what it does to the expected calibration error."""

    temperature: float
    images: int
    ece_before: float
    ece_after: float


@dataclass(frozen=True, slots=True)
class Readings:
    """What scores are made of, for images in which something was read."""

    probabilities_MK: NDArray[np.float32]
    image_M: NDArray[np.intp]
    """Which image, from 0 to N - 1, a step belongs to; all of them occur."""
    right_N: NDArray[np.float64]
    """1 for a right reading, else 0."""

    def scores(self, temperature: float) -> NDArray[np.float64]:
        """Return the score of each image, shape [N], as `predict.decode` computes it."""
        score_M = confidence(self.probabilities_MK, temperature)
        return np.bincount(self.image_M, score_M) / np.bincount(self.image_M)


def calibrate_bundle(bundle: Bundle, batches: Batches, *, progress: Progress) -> Calibrated:
    """Find the temperature of a bundle whose network is on disk.

    Args:
        bundle: The bundle; its own temperature counts for nothing.
        batches: The evaluation set: what the network was not trained on.
        progress: Shows the reading.
    """
    readings = _read(bundle, batches, progress)
    temperature = round(fit_temperature(readings), 4)
    before, after = (calibrate(list(readings.scores(each)), readings.right_N)["ece"] for each in (1.0, temperature))
    return Calibrated(temperature, len(readings.right_N), round(before or 0.0, 6), round(after or 0.0, 6))


def fit_temperature(readings: Readings) -> float:
    """Return the temperature at which scores are the most likely for what was right; 1 when nothing was read.

    As Platt does ("Probabilistic Outputs for Support Vector Machines", 1999), each of n right readings counts as
    (n + 1) / (n + 2) instead of 1, each of n wrong ones as 1 / (n + 2): a few images, all of them read right, do not
    make every score 1.
    """
    if not readings.right_N.size:
        return 1.0
    right, wrong = readings.right_N.sum(), (1 - readings.right_N).sum()
    wanted_N = np.where(readings.right_N == 1, (right + 1) / (right + 2), 1 / (wrong + 2))

    def loss(temperature: float) -> float:
        score_N = readings.scores(temperature).clip(1e-6, 1 - 1e-6)
        return float(-(wanted_N * np.log(score_N) + (1 - wanted_N) * np.log(1 - score_N)).mean())

    low, high = COLDEST, HOTTEST
    for _ in range(5):  # each round looks at a quarter of the one before
        tried = np.geomspace(low, high, 9)
        best = int(np.argmin([loss(temperature) for temperature in tried]))
        low, high = tried[max(best - 1, 0)], tried[min(best + 1, 8)]
    return float(tried[best])


def _read(bundle: Bundle, batches: Batches, progress: Progress) -> Readings:
    codec = bundle.codec
    network = load_network(bundle.folder, threads=os.cpu_count() or 1)
    longest = max(len(sample.ids) for sample in batches.data.samples)
    count = min(len(batches.data.samples), IMAGES, max(1, VALUES // (codec.num_classes * max(1, longest))))
    rows_N = np.linspace(0, len(batches.data.samples) - 1, count).round().astype(np.intp)
    probabilities, images, right = [], [], []
    with progress("calibrating scores", count) as advance:
        for first in range(0, count, BATCH):
            batch = batches.batch(rows_N[first : first + BATCH])
            probabilities_NTK = network(batch.x_NChw)
            best_NT, is_read_NT = best_path(probabilities_NTK)
            probabilities.append(probabilities_NTK[is_read_NT])
            images.append(np.nonzero(is_read_NT)[0] + first)
            right += [
                codec.decode(best_T[is_read_T].tolist()) == codec.decode(sample.ids)
                for best_T, is_read_T, sample in zip(best_NT, is_read_NT, batch.samples, strict=True)
            ]
            advance(len(batch.samples))
    with_text, image_M = np.unique(np.concatenate(images), return_inverse=True)
    return Readings(np.concatenate(probabilities), image_M, np.array(right, np.float64)[with_text])
