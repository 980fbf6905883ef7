from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from thaiocr.errors import EnvironmentProblem
from thaiocr.launch import container_cluster
from thaiocr.launch.container_cluster import Cluster, check_machines, training_options

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


def check(*, use_gpu: bool, cluster: Cluster = ONE) -> tuple[int, list[str]]:
    lines: list[str] = []
    return check_machines(cluster, use_gpu=use_gpu, echo=lines.append), lines


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
    assert check(use_gpu=False) == (1, [])


def test_a_gpu_with_paddle_for_the_cpu_is_refused(driver: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_driver(driver, "Tesla T4")
    found: list[str] = []

    def missing(name: str) -> str:
        found.append(name)
        raise PackageNotFoundError(name)

    monkeypatch.setattr(container_cluster, "version", missing)
    assert "thaiocr docker build --gpu cu118" in refusal(use_gpu=True)
    assert found == ["paddlepaddle-gpu"]


@pytest.mark.parametrize("gpus", [1, 4])
def test_every_usable_gpu_gets_a_process_and_is_logged(
    driver: Path, monkeypatch: pytest.MonkeyPatch, gpus: int
) -> None:
    install_driver(driver, *["Tesla T4"] * gpus)
    monkeypatch.setattr(container_cluster, "version", lambda _name: "3.3.1")
    assert check(use_gpu=True) == (gpus, ["Driver Version"])


def test_an_idle_gpu_is_pointed_out_because_it_is_paid_for(driver: Path) -> None:
    install_driver(driver, "Tesla T4")
    processes, (line,) = check(use_gpu=False)
    assert processes == 1
    assert "this instance's GPU stays idle (GPU 0: Tesla T4" in line


def test_a_machine_that_only_follows_says_where_to_look(driver: Path) -> None:
    assert check(use_gpu=False, cluster=TWO) == (1, ["machine 2 of 2: algo-1 logs and saves"])


def test_every_machine_agrees_on_master_and_rank() -> None:
    hosts = ("algo-2", "algo-3", "algo-1")
    clusters = [Cluster(hosts=hosts, current_host=host) for host in sorted(hosts)]
    assert [cluster.rank for cluster in clusters] == [0, 1, 2]
    options = [training_options(cluster, processes=1)[0] for cluster in clusters]
    assert {each[each.index("--master") + 1] for each in options} == {"algo-1:6170"}
    assert [each[each.index("--node-rank") + 1] for each in options] == ["0", "1", "2"]


def test_processes_talk_through_the_network_that_sagemaker_names() -> None:
    options, variables = training_options(TWO, processes=4)
    assert options[:4] == ["--nproc", "4", "--nnodes", "2"]
    assert variables == {"NCCL_SOCKET_IFNAME": "eth7", "GLOO_SOCKET_IFNAME": "eth7"}
    assert training_options(ONE, processes=4) == (["--nproc", "4"], {})
