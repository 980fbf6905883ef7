"""One training and its bundle, made once per session."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tiny.Trained:
    return tiny.trained(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.exported(tmp_path_factory.getbasetemp())
