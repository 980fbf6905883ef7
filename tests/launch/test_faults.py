"""What happens when the network, a service or the credentials fail, in every call that the launcher makes."""

from __future__ import annotations

import json
from pathlib import Path

import folders
import pytest
from cloud import Cloud
from fake_job import script_runner
from fake_sagemaker import wait_until

from thaiocr.cli.main import main
from thaiocr.launch import logs

pytestmark = pytest.mark.slow

MADE = "import sys\nfrom pathlib import Path\nPath(sys.argv[1], 'model/made').write_text('x')\nprint('a line')\n"
WAITS = "import time\nprint('ready')\nwhile True: time.sleep(0.05)\n"
EXPECTED = {
    "GetCallerIdentity",
    "SageMaker.CreateTrainingJob",
    "SageMaker.DescribeTrainingJob",
    "SageMaker.ListTrainingJobs",
    "SageMaker.StopTrainingJob",
    "Logs_20140328.DescribeLogStreams",
    "Logs_20140328.GetLogEvents",
    "AmazonEC2ContainerRegistry_V20150921.DescribeImages",
    "ServiceQuotasV20190624.ListServiceQuotas",
    "GetRole",
    "s3.GET",
    "s3.GET.list-type",
    "s3.GET.location",
    "s3.HEAD",
    "s3.POST.delete",
    "s3.PUT",
}
"""Every kind of call that the commands below make."""


@pytest.fixture
def config(cloud: Cloud, tmp_path: Path) -> str:
    set_container(cloud, tmp_path, MADE)
    return folders.write_config(folders.write_data(tmp_path / "thai", train=2, val=1))


def set_container(cloud: Cloud, folder: Path, script: str) -> None:
    file = folder / "container.py"
    file.write_text(script, "utf-8")
    cloud.sagemaker.runner = script_runner(file)


def launch(cloud: Cloud, config: str, capfd: pytest.CaptureFixture[str], *words: str) -> str:
    image = cloud.image.partition("@")[0] + ":test"
    account = ["--bucket", cloud.bucket, "--role", cloud.role, "--image", image, "--instance-type", "ml.m5.large"]
    code = main(["sagemaker", "launch", "-c", config, *account, "-y", "--json", *words])
    printed = capfd.readouterr()
    assert code == 0, printed.err
    return str(json.loads(printed.out)["job"])


@pytest.mark.parametrize("fault", ["reset", "500", "throttle"])
def test_every_kind_of_call_survives_a_fault(
    cloud: Cloud, config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], fault: str
) -> None:
    cloud.proxy.fault = lambda _operation, count: fault if count == 0 else None
    job = launch(cloud, config, capfd)
    assert main(["sagemaker", "logs", job, "--follow"]) == 0
    assert "a line" in capfd.readouterr().out
    assert main(["sagemaker", "fetch", job, "-o", "out"]) == 3  # what it made is no bundle
    assert Path("out/made").read_text("utf-8") == "x"
    set_container(cloud, tmp_path, WAITS)
    running = launch(cloud, config, capfd)
    assert main(["sagemaker", "list"]) == 0
    assert main(["sagemaker", "stop", running]) == 0
    wait_until(lambda: cloud.sagemaker.jobs[running].ended is not None)
    account = ["--bucket", cloud.bucket, "--role", cloud.role]
    assert main(["sagemaker", "doctor", *account, "--image", cloud.image, "--instance-type", "ml.m5.large"]) == 0
    assert main(["sagemaker", "cleanup", running, "--bucket", cloud.bucket, "-y"]) == 0
    assert set(cloud.proxy.calls) == EXPECTED
    assert "Traceback" not in capfd.readouterr().err
    assert [each for each in cloud.sagemaker.jobs if each not in (job, running)] == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("reset", "no connection"),
        ("500", "the service does not answer"),
        ("throttle", "the service does not answer"),
        ("expired", "the credentials have expired; sign in again"),
        ("denied", "not allowed: made by the proxy; what the launcher needs is in docker/iam/launcher.json"),
    ],
)
def test_a_fault_that_lasts_is_one_message_and_exit_code_5(
    cloud: Cloud,
    config: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    message: str,
) -> None:
    job = launch(cloud, config, capfd)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    cloud.proxy.fault = lambda _operation, _count: fault
    account = [*cloud.arguments()[:4], "--image", cloud.image.partition("@")[0] + ":test"]
    for words in (
        ["launch", "-c", config, *account, "-y"],
        ["list"],
        ["status", job],
        ["logs", job],
        ["stop", job],
        ["fetch", job, "-o", "out"],
        ["cleanup", job, "--bucket", cloud.bucket, "-y"],
        ["bootstrap", "--bucket", "new-one", "-y"],
    ):
        assert main(["sagemaker", *words]) == 5
        err = capfd.readouterr().err
        assert message in err
        assert "Traceback" not in err
    assert not Path("out").exists()


@pytest.mark.parametrize("operation", ["s3.PUT", "s3.GET.list-type", "SageMaker.CreateTrainingJob"])
def test_a_launch_that_breaks_off_starts_nothing_and_the_next_one_sends_only_the_rest(
    cloud: Cloud, config: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    passes = 3 if operation == "s3.PUT" else 0
    cloud.proxy.fault = lambda called, count: "reset" if called == operation and count >= passes else None
    words = ["sagemaker", "launch", "-c", config, *cloud.arguments(), "--instance-type", "ml.m5.large", "-y"]
    assert main(words) == 5
    assert cloud.sagemaker.jobs == {}
    capfd.readouterr()
    there = cloud.objects("thaiocr/data")
    cloud.proxy.reset()
    assert main(words) == 0
    assert f"channel train: {7 - len(there)} of 7 files sent" in capfd.readouterr().err
    assert len(cloud.sagemaker.jobs) == 1


def test_an_answer_that_is_lost_makes_no_second_job(
    cloud: Cloud, config: str, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud.proxy.fault = lambda called, count: "lost" if "CreateTrainingJob" in called and count == 0 else None
    job = launch(cloud, config, capfd)
    assert list(cloud.sagemaker.jobs) == [job]
    assert cloud.proxy.calls["SageMaker.CreateTrainingJob"] == 2


def test_credentials_that_expire_while_waiting_leave_the_job_alone_and_say_how_to_come_back(
    cloud: Cloud, config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    set_container(cloud, tmp_path, WAITS)
    job = launch(cloud, config, capfd)
    cloud.proxy.reset()
    cloud.proxy.fault = lambda operation, count: "expired" if "Describe" in operation and count > 3 else None
    assert main(["sagemaker", "logs", job, "--follow"]) == 5
    err = capfd.readouterr().err
    assert "the credentials have expired; sign in again" in err
    assert f"{job} goes on; attach again: thaiocr sagemaker logs {job} --follow" in err
    assert cloud.sagemaker.jobs[job].status == "InProgress"


@pytest.mark.parametrize("operation", ["SageMaker.DescribeTrainingJob", "Logs_20140328.GetLogEvents"])
def test_following_outlasts_an_outage_and_shows_each_line_once(
    cloud: Cloud,
    config: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    set_container(cloud, tmp_path, "import time\nfor number in range(20): print(number); time.sleep(0.05)\n")
    job = launch(cloud, config, capfd)
    cloud.proxy.fault = lambda called, count: "reset" if called == operation and count % 3 == 1 else None
    assert main(["sagemaker", "logs", job, "--follow"]) == 0
    printed = capfd.readouterr()
    assert [line.split()[2] for line in printed.out.splitlines()] == [str(number) for number in range(20)]
    assert "(trying again)" in printed.err


def test_following_gives_up_on_an_outage_without_end(
    cloud: Cloud, config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(logs, "PATIENCE_SECONDS", 0.3)
    set_container(cloud, tmp_path, WAITS)
    job = launch(cloud, config, capfd)
    cloud.proxy.fault = lambda _operation, _count: "reset"
    assert main(["sagemaker", "logs", job, "--follow"]) == 5
    assert f"{job} goes on" in capfd.readouterr().err
