"""One small data set and one run that nothing interrupted, for all tests of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp("data"), images=24)


@pytest.fixture(scope="session")
def reference(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run of `tiny.RUNS`."""
    run = tmp_path_factory.mktemp("reference")
    tiny.fit(tiny.config(data, run, *tiny.RUNS))
    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tiny.Trained:
    return tiny.trained(tmp_path_factory.getbasetemp())
