"""The folders that SageMaker gives to a training container, filled as it fills them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import tiny

WRITTEN_DATA: Final = "train_data/thai"
"""Where the data is on the machine that the configuration was written on."""


def write_settings(
    root: Path,
    hyperparameters: Mapping[str, str],
    *,
    channels: tuple[str, ...] = ("train", "config"),
    hosts: tuple[str, ...] = ("algo-1",),
) -> None:
    """Write the three JSON files of `input/config`."""
    folder = root / "input" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    options = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    contents: dict[str, dict[str, Any]] = {
        "hyperparameters": dict(hyperparameters),
        "inputdataconfig": dict.fromkeys(channels, options),
        "resourceconfig": {"current_host": hosts[-1], "hosts": list(hosts), "network_interface_name": "eth0"},
    }
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")


def write_job(
    root: Path, *changes: str, images: int = 24, hyperparameters: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write a job of `tiny`'s data and configuration, whose paths are those of another machine.

    Args:
        root: Stands for /opt/ml.
        changes: `KEY=VALUE`, written into the configuration file.
        images: In the training set.
        hyperparameters: Of the job, besides `config`.
    """
    data = tiny.write_data(root / "input" / "data" / "train", images=images)
    file = tiny.write_config(data, Path("output/rec"), *changes)
    text = file.read_text("utf-8").replace(str(data), WRITTEN_DATA)
    config = root / "input" / "data" / "config" / "thai.yml"
    config.parent.mkdir(parents=True)
    config.write_text(text, "utf-8")
    file.unlink()
    write_settings(root, {"config": "thai.yml", **hyperparameters})


def copy_input(root: Path, other: Path) -> None:
    """Give another job the same input."""
    shutil.copytree(root / "input", other / "input")


def copy_checkpoints(root: Path, other: Path) -> None:
    """Give another job what S3 kept of a first one."""
    shutil.copytree(root / "checkpoints", other / "checkpoints")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill(pid: int) -> None:
    """End a process as the kernel does when memory is full."""
    os.kill(pid, signal.SIGKILL)
