from __future__ import annotations

import numpy as np
import pytest

from thaiocr.metrics import bootstrap
from thaiocr.metrics.bootstrap import ClassHits, group_by_font, intervals, macro_interval

RANDOM = np.random.default_rng(7)
GROUPS = np.repeat(np.arange(6), [30, 10, 20, 5, 40, 15])
RIGHT = (RANDOM.random(GROUPS.size) < 0.5 + 0.08 * GROUPS).astype(np.int64)
LENGTH = RANDOM.integers(1, 5, GROUPS.size)
LABEL = np.concatenate([np.arange(4), RANDOM.integers(0, 4, GROUPS.size - 4)])


def resamples(times: int) -> list[list[int]]:
    """The readings of each resample, drawn group by group."""
    random = np.random.default_rng(0)
    drawn = random.integers(6, size=(times, 6))
    return [[at for group in row for at in np.flatnonzero(group == GROUPS).tolist()] for row in drawn]


def quantiles(values: list[float]) -> list[float]:
    return [float(edge) for edge in np.quantile(values, [0.025, 0.975])]


def test_the_interval_of_a_ratio_is_that_of_resampled_readings() -> None:
    slow = quantiles([RIGHT[at].sum() / LENGTH[at].sum() for at in resamples(300)])
    assert intervals(GROUPS, {"rate": (RIGHT, LENGTH)}, resamples=300)["rate"] == pytest.approx(slow, abs=1e-6)


def test_the_interval_of_macro_accuracy_is_that_of_resampled_readings() -> None:
    values = []
    for at in resamples(200):
        recalls = [RIGHT[at][LABEL[at] == label].mean() for label in range(4) if (LABEL[at] == label).any()]
        values.append(float(np.mean(recalls)))
    hits = ClassHits(reading=np.arange(GROUPS.size), label=LABEL, right=RIGHT)
    assert macro_interval(GROUPS, hits, resamples=200) == pytest.approx(quantiles(values), abs=1e-6)


def test_the_interval_of_a_weighted_mean_of_classes_is_that_of_resampled_readings() -> None:
    weights, values = np.array([5, 0, 1, 100]), []
    for at in resamples(200):
        held = [label for label in range(4) if (LABEL[at] == label).any()]
        recalls = [RIGHT[at][LABEL[at] == label].mean() for label in held]
        values.append(float(np.average(recalls, weights=weights[held])))
    hits = ClassHits(reading=np.arange(GROUPS.size), label=LABEL, right=RIGHT)
    found = macro_interval(GROUPS, hits, weights_C=weights, resamples=200)
    assert found == pytest.approx(quantiles(values), abs=1e-6)
    assert macro_interval(GROUPS, hits, weights_C=np.zeros(4, np.int64)) is None


def test_little_memory_gives_the_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    hits = ClassHits(reading=np.arange(GROUPS.size), label=LABEL, right=RIGHT)
    before = intervals(GROUPS, {"rate": (RIGHT, LENGTH)}), macro_interval(GROUPS, hits)
    monkeypatch.setattr(bootstrap, "CELLS", 50)
    assert (intervals(GROUPS, {"rate": (RIGHT, LENGTH)}), macro_interval(GROUPS, hits)) == before


def test_resampling_fonts_that_differ_is_wider_than_resampling_images() -> None:
    right, one = np.repeat([1, 1, 1, 0], 100), np.ones(400, np.int64)
    fonts = intervals(np.repeat(np.arange(4), 100), {"acc": (right, one)})["acc"]
    images = intervals(np.arange(400), {"acc": (right, one)})["acc"]
    assert fonts is not None
    assert images is not None
    assert fonts[0] <= 0.25
    assert fonts[1] == 1.0
    assert images[1] - images[0] < 0.1


@pytest.mark.parametrize(
    ("fonts", "by", "groups"),
    [
        ([], "image", []),
        (["Loma", "Loma"], "image", [0, 1]),
        (["Loma", ""], "image", [0, 1]),
        (["Waree", "Loma", "", "Waree", ""], "font", [1, 0, 2, 1, 3]),
    ],
)
def test_fonts_are_the_groups_when_two_are_known(fonts: list[str], by: str, groups: list[int]) -> None:
    found, of = group_by_font(fonts)
    assert (found, of.tolist()) == (by, groups)


@pytest.mark.parametrize("groups", [[], [0], [0, 0, 0]])
def test_fewer_than_two_groups_have_no_interval(groups: list[int]) -> None:
    one = np.ones(len(groups), np.int64)
    of = np.array(groups, np.int64)
    assert intervals(of, {"acc": (one, one)}) == {"acc": None}
    assert macro_interval(of, ClassHits(reading=of, label=of, right=one)) is None


def test_nothing_to_divide_by_has_no_interval() -> None:
    zero, of = np.zeros(3, np.int64), np.arange(3)
    assert intervals(of, {"cer": (zero, zero)}) == {"cer": None}
    nothing = np.zeros(0, np.int64)
    assert macro_interval(of, ClassHits(reading=nothing, label=nothing, right=nothing)) is None
