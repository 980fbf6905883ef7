"""A bundle of the tiny network, and an environment in which PaddleOCR's own clients run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
import tiny

SCRIPTS: Final = Path(__file__).parent / "scripts"
VARIABLE: Final = "THAIOCR_CLIENTS_PYTHON"
"""Names the interpreter of an environment with the clients: they bring 1.5 GB that no other test needs."""
OFFLINE: Final = {"PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True", "HF_HUB_OFFLINE": "1", "no_proxy": "*"}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tiny.Trained:
    return tiny.trained(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.exported(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[dict[str, Any]]]:
    """Run a script of `scripts` in the clients' environment; returns the JSON lines that it prints."""
    home = tmp_path_factory.mktemp("home")

    def run(script: str, needs: str, arguments: Sequence[object]) -> list[dict[str, Any]]:
        python = os.environ.get(VARIABLE, sys.executable)
        if python == sys.executable and find_spec(needs) is None:
            pytest.skip(f"{needs} is not installed; pip install {needs}, or name an environment's python in {VARIABLE}")
        command = [python, str(SCRIPTS / script), *map(str, arguments)]
        # A home of its own: a model that a client downloaded and kept would not be found there.
        environment = {**os.environ, **OFFLINE, "HOME": str(home), "PYTHONWARNINGS": "ignore"}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    return run
