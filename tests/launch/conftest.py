"""Services on loopback: moto's server, the fake of SageMaker before it, and a proxy that can fail between them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud import PAGE, REGION, Cloud
from fake_job import container_runner
from fake_sagemaker import FakeSageMaker
from fault_proxy import FaultProxy

from thaiocr.launch import logs


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """A process of its own: what it warns of is not ours to answer for."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    variables = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE)}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/moto-api/").close()
                break
            except OSError:
                assert process.poll() is None, "moto's server ended"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def services(moto: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultProxy, FakeSageMaker]]:
    with pytest.MonkeyPatch.context() as patch:
        _sign_in(patch)
        fake = FakeSageMaker(moto, tmp_path_factory.mktemp("jobs"), container_runner)
    proxy = FaultProxy(moto, fake.url)
    yield proxy, fake
    proxy.close()
    fake.close()


@pytest.fixture
def empty_cloud(
    services: tuple[FaultProxy, FakeSageMaker], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Cloud]:
    """An account with nothing in it; the current directory is empty as well."""
    proxy, fake = services
    _sign_in(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(logs, "POLL_SECONDS", 0.2)
    urllib.request.urlopen(f"{proxy.moto}/moto-api/reset", data=b"").close()
    proxy.reset()
    fake.reset(container_runner)
    yield Cloud(proxy, fake)
    fake.reset()
    proxy.reset()


@pytest.fixture
def cloud(empty_cloud: Cloud) -> Cloud:
    empty_cloud.furnish()
    return empty_cloud


def _sign_in(patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "THAIOCR_")) and name != "THAIOCR_CACHE":
            patch.delenv(name)
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    patch.setenv("AWS_REGION", REGION)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
