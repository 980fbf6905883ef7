"""Debian's docker-registry on loopback, with a password as ECR has one."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SALT: Final = "$2y$05$abcdefghijklmnopqrstuu"
MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
"""The only kind that SageMaker takes."""


@dataclass(frozen=True)
class Registry:
    """A registry that runs."""

    url: str
    username: str
    password: str

    def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of a tag or digest; None when it is not there."""
        request = urllib.request.Request(f"{self.url}/v2/{repository}/manifests/{reference}", method="HEAD")
        secret = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {secret}")
        request.add_header("Accept", MANIFEST)
        try:
            with urllib.request.urlopen(request) as answer:
                assert answer.headers["Content-Type"] == MANIFEST
                return str(answer.headers["Docker-Content-Digest"])
        except urllib.error.HTTPError as error:
            error.close()
            return None


def why_not() -> str:
    """Return why no registry can run here, or ""."""
    missing = [program for program in ("docker-registry", "perl") if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextmanager
def running(folder: Path, *, username: str, password: str) -> Iterator[Registry]:
    """Run a registry that keeps its images in a folder."""
    script = "print crypt($ARGV[0], $ARGV[1])"
    hashed = subprocess.run(["perl", "-e", script, password, SALT], capture_output=True, text=True, check=True).stdout
    (folder / "htpasswd").write_text(f"{username}:{hashed}\n", "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"localhost:{free.getsockname()[1]}"
    settings = folder / "registry.yml"
    settings.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/images}}}}\n"
        f"http: {{addr: '{host}'}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n",
        "utf-8",
    )
    command = ["docker-registry", "serve", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(f"http://{host}/", process)
            yield Registry(f"http://{host}", username, password)
        finally:
            process.terminate()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url).close()
            return
        except OSError:
            assert process.poll() is None, "the registry ended"
            time.sleep(0.05)
    raise AssertionError("the registry does not answer")
