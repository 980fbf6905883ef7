from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from thaiocr.errors import EnvironmentProblem
from thaiocr.launch import container_cluster
from thaiocr.launch.container_cluster import Cluster, check_machines, distributed_command

ONE = Cluster(hosts=("algo-1",), current_host="algo-1")
TWO = Cluster(hosts=("algo-2", "algo-1"), current_host="algo-2", network_interface="eth7")


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; the tests put an `nvidia-smi` there, or none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install_driver(folder: Path, *gpus: str) -> None:
    listed = "".join(f"GPU {number}: {name} (UUID: GPU-{number})\\n" for number, name in enumerate(gpus))
    program = folder / "nvidia-smi"
    program.write_text(
        f"#!/bin/sh\nif [ \"$1\" = --list-gpus ]; then printf '{listed}'; else echo Driver Version; fi\n"
    )
    program.chmod(0o755)


def check(*, use_gpu: bool, cluster: Cluster = ONE) -> list[str]:
    lines: list[str] = []
    check_machines(cluster, use_gpu=use_gpu, echo=lines.append)
    return lines


def refusal(*, use_gpu: bool, cluster: Cluster = ONE) -> str:
    with pytest.raises(EnvironmentProblem) as caught:
        check(use_gpu=use_gpu, cluster=cluster)
    return str(caught.value)


def test_a_gpu_that_is_asked_for_and_missing_is_refused_before_training(driver: Path) -> None:
    assert "nvidia-smi does not run here" in refusal(use_gpu=True)
    assert "such as ml.g4dn.xlarge" in refusal(use_gpu=True)
    install_driver(driver)
    assert "nvidia-smi lists no GPU" in refusal(use_gpu=True)


def test_a_driver_that_fails_is_no_gpu(driver: Path) -> None:
    install_driver(driver, "Tesla T4")
    (driver / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    assert "exit status 9" in refusal(use_gpu=True)
    assert check(use_gpu=False) == []


def test_a_gpu_with_paddle_for_the_cpu_is_refused(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_driver(driver, "Tesla T4")
    found: list[str] = []

    def missing(name: str) -> str:
        found.append(name)
        raise PackageNotFoundError(name)

    monkeypatch.setattr(container_cluster, "version", missing)
    assert "thaiocr docker build --gpu cu118" in refusal(use_gpu=True)
    assert found == ["paddlepaddle-gpu"]


def test_a_usable_gpu_is_logged(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_driver(driver, "Tesla T4")
    monkeypatch.setattr(container_cluster, "version", lambda _name: "3.3.1")
    assert check(use_gpu=True) == ["Driver Version"]


def test_an_idle_gpu_is_pointed_out_because_it_is_paid_for(driver: Path) -> None:
    install_driver(driver, "Tesla T4")
    (line,) = check(use_gpu=False)
    assert "this instance's GPU stays idle (GPU 0: Tesla T4" in line


def test_what_cannot_train_together_yet_is_refused(driver: Path) -> None:
    install_driver(driver, "Tesla T4", "Tesla T4")
    assert refusal(use_gpu=True).startswith("2 GPUs: training runs on one so far")
    assert refusal(use_gpu=False, cluster=TWO).startswith("2 instances: training runs on one so far")


def test_every_host_agrees_on_master_and_rank() -> None:
    hosts = ("algo-2", "algo-3", "algo-1")
    clusters = [Cluster(hosts=hosts, current_host=host) for host in sorted(hosts)]
    assert [cluster.rank for cluster in clusters] == [0, 1, 2]
    commands = [distributed_command(cluster, gpus=1, command=["x"])[0] for cluster in clusters]
    assert {command[command.index("--master") + 1] for command in commands} == {"algo-1:6170"}


def test_paddles_launcher_understands_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from paddle.distributed.launch.context.args_envs import parse_args

    training = [sys.executable, "-m", "thaiocr.cli.main", "train", "-c", "job.yml", "--resume"]
    command, variables = distributed_command(TWO, gpus=4, command=training)
    assert variables == {"NCCL_SOCKET_IFNAME": "eth7"}
    assert command[:3] == [sys.executable, "-m", "paddle.distributed.launch"]
    monkeypatch.setattr(sys, "argv", command[2:])
    monkeypatch.delenv("PADDLE_TRAINER_ID", raising=False)
    found, unknown = parse_args()
    assert unknown == []
    assert (found.master, found.nnodes, found.rank, found.nproc_per_node) == ("algo-1:6170", "2", 1, 4)
    assert (found.max_restart, [found.training_script, *found.training_script_args]) == (0, training)


@pytest.mark.slow
def test_paddles_launcher_runs_the_command_on_every_host(tmp_path: Path) -> None:
    """Two hosts on this machine: each starts its process, which learns its rank and the size of the whole."""
    hosts = ("127.0.0.1", "127.0.0.2")
    report = "import os; print('RANK', os.environ['PADDLE_TRAINER_ID'], 'OF', os.environ['PADDLE_TRAINERS_NUM'])"
    running = []
    for host in hosts:
        cluster = Cluster(hosts=hosts, current_host=host)
        command, variables = distributed_command(cluster, gpus=1, command=[sys.executable, "-c", report])
        folder = tmp_path / host
        folder.mkdir()
        environment = {**os.environ, **variables, "CUDA_VISIBLE_DEVICES": ""}
        running.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    logs = [(tmp_path / host / "log" / f"workerlog.{worker}") for host in hosts for worker in range(2)]
    said = "".join([*outputs, *(log.read_text("utf-8") for log in logs if log.exists())])
    assert "RANK 0 OF 2" in said
    assert "RANK 1 OF 2" in said
