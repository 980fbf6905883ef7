"""The real image without a container engine's daemon: buildah in chroot isolation, on a base by debootstrap.

Needs root, buildah and debootstrap; `scripts/test` installs them where it can. What is made stays in
buildah's storage, so that a second run takes seconds.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

SUITE: Final = "bookworm"
BASE: Final = f"localhost/thaiocr-test-base:{SUITE}"
SETTINGS: Final = {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot"}
"""Environment of buildah: works as root in a container or a small virtual machine as well."""


def why_not() -> str:
    """Return why no image can be built here, or ""."""
    programs = ("buildah", "debootstrap")
    if os.geteuid():
        return "building images in a test needs root"
    if platform.machine() != "x86_64":
        return f"images are for amd64, this machine is {platform.machine()}"
    missing = [program for program in programs if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextmanager
def settings() -> Iterator[None]:
    """Run under the environment that buildah needs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield


def buildah(*words: str) -> str:
    """Run buildah, under `settings`, and return what it prints."""
    found = subprocess.run(["buildah", *words], capture_output=True, text=True)
    assert found.returncode == 0, f"buildah {shlex.join(words)}:\n{found.stdout}\n{found.stderr}"
    return found.stdout


def base_image() -> str:
    """Return the name of a Debian image with Python, made when it is not there."""
    if BASE.rpartition(":")[0] in buildah("images", "--format", "{{.Name}}"):
        return BASE
    with tempfile.TemporaryDirectory(prefix="thaiocr-base-") as name:
        folder = Path(name)
        packages = "ca-certificates,python3,python3-venv"
        command = ["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(folder / "root")]
        made = subprocess.run(command, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
        subprocess.run(["tar", "-C", str(folder / "root"), "-cf", str(folder / "root.tar"), "."], check=True)
        shutil.rmtree(folder / "root")
        (folder / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
        buildah("build", "--tag", BASE, str(folder))
    return BASE


def build_options(folder: Path) -> list[str]:
    """Return options of a build that give pip inside of it the index and certificates of pip outside.

    Args:
        folder: Takes a file that must stay until the build is done.
    """
    listed = subprocess.run(["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    pairs = [line.partition("=")[::2] for line in listed.stdout.splitlines()]
    found = {key.rpartition(".")[2]: value.strip("'") for key, value in pairs}
    names = ("index-url", "extra-index-url", "trusted-host", "cert", "default-timeout")
    known = {name: found[name] for name in names if name in found and "file:" not in found[name]}
    config = ConfigParser(interpolation=None)
    config["global"] = known
    with (folder / "pip.conf").open("w") as file:
        config.write(file)
    certificates = Path(known["cert"]).parent if "cert" in known else None
    mounts = [f"{folder}/pip.conf:/etc/pip.conf:ro", *([f"{certificates}:{certificates}:ro"] if certificates else [])]
    return [f"--volume={mount}" for mount in mounts]


def settings_of(image: str) -> dict[str, Any]:
    """Return entry point, environment and so on of an image."""
    found: dict[str, Any] = json.loads(buildah("inspect", "--type=image", image))
    return dict(found["OCIv1"]["config"])


@contextmanager
def container(image: str) -> Iterator[str]:
    """Make a container of an image."""
    name = buildah("from", image).strip()
    try:
        yield name
    finally:
        buildah("rm", name)


@contextmanager
def running(
    name: str, words: Sequence[str], *, volumes: Sequence[str] = (), options: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """Run the image's entry point in its container, as `docker run IMAGE WORDS` does."""
    entry_point = json.loads(buildah("inspect", name))["OCIv1"]["config"]["Entrypoint"]
    mounts = [f"--volume={volume}" for volume in volumes]
    command = ["buildah", "run", *mounts, *options, name, "--", *entry_point, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_process(process: subprocess.Popen[str], program: str) -> int:
    """Return what is process 1 in a real engine: the first below `buildah run` whose command has `program`."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        below = [process.pid]
        while below:
            pid = below.pop(0)
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                # Of every thread: a Go program starts processes from any.
                tasks = list(Path(f"/proc/{pid}/task").iterdir())
                children = [child for task in tasks for child in (task / "children").read_text().split()]
            except OSError:  # it has ended
                continue
            if words[0].endswith("python") and program in words:
                return pid
            below.extend(map(int, children))
        time.sleep(0.05)
    raise AssertionError(f"no process of {program} below {process.args!r}")
