"""The range test's rates, losses, suggestion and picture; it leaves nothing else."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.checkpoint import store
from thaiocr.engine.lr_plot import HEIGHT, WIDTH, plot
from thaiocr.engine.lr_range import Point, RangeTest, _next_point, lr_range_test, write_range_test
from thaiocr.errors import EnvironmentProblem
from thaiocr.progress import silent

pytestmark = pytest.mark.slow

LOSSES = st.lists(st.floats(0.01, 100), min_size=1, max_size=30)


def points(losses: list[float], rates: list[float] | None = None, kept: float = 0.9) -> list[Point]:
    found: list[Point] = []
    for rate, loss in zip(rates or [10.0**-at for at in range(len(losses), 0, -1)], losses, strict=True):
        found.append(_next_point(found, rate, loss, kept))
    return found


@given(LOSSES, st.sampled_from([0.0, 0.5, 0.9, 0.99]))
def test_the_smoothed_loss_is_the_weighted_mean_of_those_so_far(losses: list[float], kept: float) -> None:
    for done, point in enumerate(points(losses, kept=kept), start=1):
        weights = kept ** np.arange(done)[::-1]
        assert point.smoothed == pytest.approx(float(np.average(losses[:done], weights=weights)))


def test_the_suggested_rate_is_a_tenth_of_the_one_with_the_lowest_loss() -> None:
    rates = np.geomspace(1e-6, 1, 61).tolist()
    losses = [3 + (np.log10(rate) + 2) ** 2 if rate < 0.1 else 50.0 for rate in rates]
    found = RangeTest(points=points(losses, rates), diverged=False)
    assert found.lowest is not None
    assert 0.01 < found.lowest.lr < 0.1
    assert found.suggested == pytest.approx(found.lowest.lr / 10, rel=0.05)


@pytest.mark.parametrize("losses", [[], [5.0], [5.0, 4.9, 4.8], [5.0, 6.0, 9.0]])
def test_a_loss_that_does_not_fall_suggests_nothing(losses: list[float]) -> None:
    assert RangeTest(points=points(losses), diverged=True).suggested is None


@pytest.mark.slow
def test_rates_rise_by_the_same_factor_and_the_loss_falls(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = tiny.config(data, run, *tiny.LEARNS, "Architecture.Neck.hidden_size=32")
    found = lr_range_test(config, steps=16, progress=silent)
    assert not run.exists()

    rates = [point.lr for point in found.points]
    np.testing.assert_allclose(rates, np.geomspace(1e-6, 1, 16)[: len(rates)], rtol=1e-6)
    assert found.suggested is not None
    assert 1e-5 < found.suggested < 0.05
    assert found.diverged == (len(found.points) < 16)
    assert lr_range_test(config, steps=16, progress=silent) == found, "the same seed, the same test"


def test_a_step_that_is_not_finite_ends_the_test(data: Path, reference: Path, tmp_path: Path) -> None:
    saved = store.load(reference / "latest")
    weights = {**saved.weights, "head.fc.bias": np.full_like(saved.weights["head.fc.bias"], np.nan)}
    store.save(store.Checkpoint(weights=weights, optimizer={}, states={}), tmp_path / "nan")
    config = tiny.config(data, tmp_path / "run", *tiny.RUNS)
    found = lr_range_test(config, steps=10, init_from=tmp_path / "nan", progress=silent)
    assert found == RangeTest(points=[], diverged=True)


def test_nothing_of_the_run_that_is_there_is_touched(
    data: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    before = {path: path.read_bytes() for path in reference.iterdir()}
    found = lr_range_test(tiny.config(data, reference, *tiny.RUNS), steps=10, progress=silent)
    picture, table = write_range_test(found, reference)
    try:
        assert {path: path.read_bytes() for path in reference.iterdir() if path not in (picture, table)} == before
        with table.open(encoding="utf-8", newline="") as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        assert rows == [{"lr": each.lr, "loss": each.loss, "smoothed": each.smoothed} for each in found.points]
    finally:
        picture.unlink()
        table.unlink()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match=r"file.run: cannot write the range test: Not a directory"):
        write_range_test(RangeTest(points=[], diverged=True), tmp_path / "file" / "run")


@pytest.mark.parametrize(
    ("losses", "suggested"),
    [([], None), ([2.0], None), ([2.0, 2.0], None), ([5.0, 4.0, 3.0, 1e30], 1e-3), ([0.0, 0.0], 0.05), ([1e-9], None)],
)
def test_the_picture_shows_the_suggestion_and_nothing_breaks_it(losses: list[float], suggested: float | None) -> None:
    found = points(losses)
    rates, smoothed = [point.lr for point in found], [point.smoothed for point in found]
    image = cv2.imdecode(np.frombuffer(plot(rates, losses, smoothed, suggested=suggested), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (HEIGHT, WIDTH, 3)
    blue, green, red = (image[:, :, channel].astype(int) for channel in range(3))
    assert bool(((red > 150) & (green < 120) & (blue < 120)).sum() > 300) == (suggested is not None)
