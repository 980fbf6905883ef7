"""The machines of a job and their GPUs, and what makes their processes train together."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
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


def training_options(cluster: Cluster, *, processes: int) -> tuple[list[str], Mapping[str, str]]:
    """Return the options with which `thaiocr train` runs on each machine, and the variables that it needs.

    Args:
        cluster: The job's machines.
        processes: On each machine.
    """
    options = ["--nproc", str(processes)]
    if len(cluster.hosts) == 1:
        return options, {}
    # Neither NCCL nor gloo must guess among the container's network interfaces.
    interface = dict.fromkeys(("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"), cluster.network_interface)
    where = ["--nnodes", str(len(cluster.hosts)), "--node-rank", str(cluster.rank)]
    return [*options, *where, "--master", f"{sorted(cluster.hosts)[0]}:{MASTER_PORT}"], interface


def check_machines(cluster: Cluster, *, use_gpu: bool, echo: Callable[[str], object]) -> int:
    """Say which machine this is and what GPUs it has, and refuse before anything is paid for what the job cannot use.

    Args:
        cluster: The job's machines.
        use_gpu: What the configuration asks for.
        echo: Gets the lines, also what `nvidia-smi` prints.

    Returns:
        How many processes train on this machine: one a GPU, or one on the CPU.

    Raises:
        EnvironmentProblem: no GPU where one is asked for, or a paddle that cannot use it.
    """
    names = _gpus()
    if cluster.rank:
        echo(f"machine {cluster.rank + 1} of {len(cluster.hosts)}: {sorted(cluster.hosts)[0]} logs and saves")
    if not use_gpu:
        if names:
            echo(f"Global.use_gpu is false: training on the CPU, and this instance's GPU stays idle ({names[0]})")
        return 1
    echo(_nvidia_smi())
    if not names:
        raise EnvironmentProblem(f"Global.use_gpu is true, but nvidia-smi lists no GPU; {NO_GPU}")
    if not _has_gpu_wheel():
        raise EnvironmentProblem(
            "Global.use_gpu is true, but this image holds paddle for the CPU; "
            "build one with: thaiocr docker build --gpu cu118"
        )
    return len(names)


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
