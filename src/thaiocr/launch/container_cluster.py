"""The machines of a job and their GPUs, and the command that makes several processes train together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from thaiocr.errors import EnvironmentProblem

MASTER_PORT: Final = 6170
"""Where the processes of a job find each other; SageMaker lets the hosts of a job reach each other on every port."""
NO_GPU: Final = "choose an instance with one, such as ml.g4dn.xlarge, or set Global.use_gpu=false"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """`resourceconfig.json`: what SageMaker says of the job's machines; one machine where it says nothing."""

    hosts: tuple[str, ...] = ("localhost",)
    current_host: str = "localhost"
    network_interface: str = "eth0"

    @property
    def rank(self) -> int:
        """Number of this machine, from 0; the same order on every machine."""
        return sorted(self.hosts).index(self.current_host)


def distributed_command(cluster: Cluster, *, gpus: int, command: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    """Return the command that runs `command` in one process a GPU on this and the other machines, and its variables.

    Args:
        cluster: The job's machines.
        gpus: Processes on each machine.
        command: A program and its arguments.
    """
    launch = [sys.executable, "-m", "paddle.distributed.launch"]
    master = f"{sorted(cluster.hosts)[0]}:{MASTER_PORT}"
    where = ["--master", master, "--nnodes", str(len(cluster.hosts)), "--rank", str(cluster.rank)]
    # A restart from within would hide a lost machine; SageMaker restarts the job from its checkpoint instead.
    how = ["--nproc_per_node", str(gpus), "--max_restart", "0"]
    # NCCL must not guess among the container's network interfaces.
    return [*launch, *where, *how, *command], {"NCCL_SOCKET_IFNAME": cluster.network_interface}


def check_machines(cluster: Cluster, *, use_gpu: bool, echo: Callable[[str], object]) -> None:
    """Say what GPUs are there, and refuse before anything is paid for what this job cannot use.

    Args:
        cluster: The job's machines.
        use_gpu: What the configuration asks for.
        echo: Gets what `nvidia-smi` prints.

    Raises:
        EnvironmentProblem: several machines or GPUs, no GPU where one is asked for, or a paddle that cannot use it.
    """
    names = _gpus()
    if len(cluster.hosts) > 1:
        raise EnvironmentProblem(
            f"{len(cluster.hosts)} instances: training runs on one so far; set the job's instance count to 1"
        )
    if not use_gpu:
        if names:
            echo(f"Global.use_gpu is false: training on the CPU, and this instance's GPU stays idle ({names[0]})")
        return
    echo(_nvidia_smi())
    if not names:
        raise EnvironmentProblem(f"Global.use_gpu is true, but nvidia-smi lists no GPU; {NO_GPU}")
    if len(names) > 1:
        raise EnvironmentProblem(
            f"{len(names)} GPUs: training runs on one so far; choose an instance with one GPU, such as ml.g4dn.xlarge"
        )
    if not _has_gpu_wheel():
        raise EnvironmentProblem(
            "Global.use_gpu is true, but this image holds paddle for the CPU; "
            "build one with: thaiocr docker build --gpu cu118"
        )


def _gpus() -> list[str]:
    try:
        return [line for line in _nvidia_smi("--list-gpus").splitlines() if line.startswith("GPU ")]
    except EnvironmentProblem:
        return []


def _nvidia_smi(*options: str) -> str:
    """Return what `nvidia-smi` prints.

    Raises:
        EnvironmentProblem: it is not there, or fails.
    """
    try:
        found = subprocess.run(["nvidia-smi", *options], capture_output=True, text=True, timeout=60, check=True)  # noqa: S607 - the driver puts it on PATH
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentProblem(
            f"Global.use_gpu is true, but nvidia-smi does not run here: {error}; {NO_GPU}"
        ) from None
    return found.stdout.rstrip()


def _has_gpu_wheel() -> bool:
    try:
        version("paddlepaddle-gpu")
    except PackageNotFoundError:
        return False
    return True
