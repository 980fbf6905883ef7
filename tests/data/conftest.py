from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own: an empty folder, set as THAIOCR_CACHE."""
    folder = tmp_path_factory.mktemp("own_cache")
    monkeypatch.setenv("THAIOCR_CACHE", str(folder))
    return folder
