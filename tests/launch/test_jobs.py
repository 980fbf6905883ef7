"""Launching, watching, stopping, fetching and removing jobs whose container is a small script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import folders
import pytest
from cloud import REGION, Cloud, trust
from fake_job import script_runner
from fake_sagemaker import wait_until

from thaiocr.cli.main import main
from thaiocr.launch.aws import Aws
from thaiocr.launch.logs import Logs

pytestmark = pytest.mark.slow

QUICK = "print('hello'); (root / 'model/made').write_text('x')"
WAITS = """
import signal, time
state = root / 'checkpoints/epoch'
epoch = int(state.read_text()) if state.exists() else 0
print(f'from epoch {epoch}')
def end(*_):
    state.write_text(str(epoch + 1))
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
print('ready')
while epoch < 1:
    time.sleep(0.05)
(root / 'model/made').write_text('x')
print('finished')
"""
Launch = Callable[..., str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `thaiocr sagemaker WORDS`; returns exit code, standard output, standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["sagemaker", *words])
        printed = capfd.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return call


@pytest.fixture
def launch(cloud: Cloud, tmp_path: Path, run: Run) -> Launch:
    """Launch a job whose container is the given script, and return its name."""
    config = folders.write_config(folders.write_data(tmp_path / "thai", train=2, val=1))

    def start(script: str, *words: str) -> str:
        file = tmp_path / "container.py"
        header = "import sys\nfrom pathlib import Path\nroot, host = Path(sys.argv[1]), sys.argv[2]\n"
        file.write_text(header + script, "utf-8")
        cloud.sagemaker.runner = script_runner(file)
        code, out, err = run(
            "launch", "-c", config, *cloud.arguments(), "--instance-type", "ml.m5.large", "-y", "--json", *words
        )
        assert code == 0, err
        return str(json.loads(out)["job"])

    return start


def test_the_log_has_every_line_of_every_host_once(cloud: Cloud, launch: Launch) -> None:
    job = launch(QUICK)
    wait_until(lambda: cloud.sagemaker.jobs[job].status == "Completed")
    wanted = {**cloud.sagemaker.jobs[job].wanted, "TrainingJobName": "thaiocr-two"}
    wanted["ResourceConfig"] = {**wanted["ResourceConfig"], "InstanceCount": 2}
    script = Path(cloud.sagemaker.work).parent / "many.py"
    script.write_text("import sys\nfor number in range(150): print(sys.argv[2], number)\n", "utf-8")
    cloud.sagemaker.runner = script_runner(script)
    Aws(REGION).client("sagemaker").create_training_job(**wanted)
    logs = Logs(Aws(REGION), "thaiocr-two")
    early = logs.new_lines()
    wait_until(lambda: cloud.sagemaker.jobs["thaiocr-two"].status == "Completed")
    lines = early + logs.new_lines()
    assert logs.new_lines() == []
    assert sorted(line.text for line in lines) == sorted(
        f"{host} {n}" for host in ("algo-1", "algo-2") for n in range(150)
    )
    assert all(line.text.startswith(line.host) for line in lines)
    assert [line.text for line in lines if line.host == "algo-2"] == [f"algo-2 {n}" for n in range(150)]


def test_status_and_list_tell_how_it_went_and_what_it_cost(cloud: Cloud, launch: Launch, run: Run) -> None:
    jobs = [launch("print('step 4: loss 1.5 lr 0.1 200 images/s')") for _ in range(3)]
    assert run("logs", jobs[-1], "--follow")[0] == 0
    code, out, _ = run("status", jobs[-1], "--json")
    status = json.loads(out)
    assert (code, status["status"], status["instance"], status["is_spot"]) == (0, "Completed", "ml.m5.large", False)
    assert status["metrics"]["train:loss"] == 1.5
    assert status["cost"] == round(status["billed_seconds"] / 3600 * 0.115, 2)
    assert "billed" in run("status", jobs[-1])[1]
    assert [json.loads(line)["job"] for line in run("list", "--json")[1].splitlines()] == jobs[::-1]
    assert run("list", "--limit", "1")[1].split()[-1] == jobs[-1]
    code, _, err = run("status", jobs[0][:-1])
    assert code == 2
    assert "no such job in us-east-1; did you mean 'thaiocr-test-" in err


def test_a_job_that_fails_gives_its_reason_and_the_containers_exit_code(launch: Launch, run: Run) -> None:
    job = launch("(root / 'output/failure').write_text('labels.txt:3: ไม่มีภาพ'); sys.exit(3)")
    code, _, err = run("logs", job, "--follow")
    assert code == 3
    assert "AlgorithmError: labels.txt:3: ไม่มีภาพ, exit code: 3" in err
    code, _, err = run("fetch", job, "-o", "bundle")
    assert code == 2
    assert "Failed without a model: AlgorithmError" in err
    killed = launch("import os; os.kill(os.getpid(), 9)")
    assert run("logs", killed, "--follow")[0] == 5


def test_spot_capacity_that_goes_away_comes_back_to_the_checkpoint(cloud: Cloud, launch: Launch, run: Run) -> None:
    job = launch(WAITS, "--spot")
    logs = Logs(Aws(REGION), job)
    wait_until(lambda: any(line.text == "ready" for line in logs.new_lines()))
    cloud.sagemaker.jobs[job].interrupt()
    code, out, _ = run("logs", job, "--follow")
    assert code == 0
    assert [line.split(maxsplit=2)[2] for line in out.splitlines()] == [
        "from epoch 0",
        "ready",
        "from epoch 1",
        "ready",
        "finished",
    ]
    phases = [each["Status"] for each in cloud.sagemaker.jobs[job].transitions]
    assert phases.count("Training") == 2
    assert "Interrupted" in phases
    status = json.loads(run("status", job, "--json")[1])
    assert status["is_spot"]
    assert status["billed_seconds"] <= status["seconds"] + 1


def test_a_stopped_job_goes_on_from_its_checkpoint_and_only_once_it_stands(
    cloud: Cloud, launch: Launch, run: Run
) -> None:
    job = launch(WAITS)
    logs = Logs(Aws(REGION), job)
    wait_until(lambda: any(line.text == "ready" for line in logs.new_lines()))
    code, _, err = run("launch", "--resume", job, "-y")
    assert code == 2
    assert "two jobs must not write the same checkpoints" in err
    code, out, err = run("stop", job)
    assert code == 0
    assert f"thaiocr sagemaker launch --resume {job}" in err
    assert run("logs", job, "--follow")[0] == 130
    assert json.loads(run("stop", job, "--json")[1]) == {"job": job, "stopping": False}
    code, out, _ = run("launch", "--resume", job, "-y", "--follow", "-o", "Global.epoch_num=7")
    assert code == 0
    assert "from epoch 1" in out
    again = cloud.sagemaker.jobs[out.splitlines()[0]]
    assert again.wanted["HyperParameters"]["Global.epoch_num"] == "7"


def test_the_time_limit_stops_a_job_which_can_then_go_on(cloud: Cloud, launch: Launch, run: Run) -> None:
    job = launch(WAITS, "--max-hours", "0.0003")
    assert run("logs", job, "--follow")[0] == 130
    assert cloud.sagemaker.jobs[job].transitions[-1]["Status"] == "MaxRuntimeExceeded"
    assert run("launch", "--resume", job, "-y", "--follow")[0] == 0


def test_ctrl_c_detaches_says_how_to_come_back_and_leaves_the_job_alone(cloud: Cloud, launch: Launch) -> None:
    job = launch(WAITS)
    command = [sys.executable, "-m", "thaiocr.cli.main", "sagemaker", "logs", job, "--follow"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 130
    assert f"watch: thaiocr sagemaker logs {job} --follow" in err
    assert f"stop:  thaiocr sagemaker stop {job}" in err
    assert "Traceback" not in err
    assert cloud.sagemaker.jobs[job].status == "InProgress"


def test_two_launches_at_the_same_moment_are_two_jobs(cloud: Cloud, launch: Launch, tmp_path: Path) -> None:
    launch(QUICK)
    config = str(tmp_path / "thai" / "test.yml")
    words = ["launch", "-c", config, *cloud.arguments(), "--instance-type", "ml.m5.large", "-y"]
    command = [sys.executable, "-m", "thaiocr.cli.main", "sagemaker", *words]
    two = [subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ, text=True) for _ in range(2)]
    names = [process.communicate(timeout=180)[0].strip() for process in two]
    assert [process.returncode for process in two] == [0, 0]
    assert len(set(names)) == 2
    assert set(names) < set(cloud.sagemaker.jobs)


@pytest.mark.parametrize(
    ("change", "words", "code", "message"),
    [
        ("role", [], 5, "`thaiocr sagemaker bootstrap` makes such a role"),
        ("trust", [], 5, "Could not assume role"),
        ("bucket", ["--bucket", "nobodys-bucket"], 5, "NoSuchBucket"),
        ("quota", [], 5, "ask for more in the console: Service Quotas > Amazon SageMaker"),
        ("image", [], 2, "there is no such image"),
        ("digest", [], 5, "push it with `thaiocr docker build`"),
    ],
)
def test_what_the_account_lacks_is_said_with_advice(
    cloud: Cloud, launch: Launch, run: Run, tmp_path: Path, change: str, words: list[str], code: int, message: str
) -> None:
    launch(QUICK)
    if change == "role":
        words = ["--role", "arn:aws:iam::123456789012:role/nobody"]
    elif change == "trust":
        cloud.client("iam").update_assume_role_policy(RoleName="thaiocr-training", PolicyDocument=trust("ec2"))
    elif change == "quota":
        cloud.sagemaker.quotas["ml.m5.large"] = 0
    elif change == "image":
        words = ["--image", cloud.image.partition("@")[0] + ":none"]
    elif change == "digest":
        words = ["--image", cloud.image.partition("@")[0] + "@sha256:" + "1" * 64]
    before = len(cloud.sagemaker.jobs)
    config = str(tmp_path / "thai" / "test.yml")
    given = ["launch", "-c", config, *cloud.arguments(), "--instance-type", "ml.m5.large", "-y", *words]
    found, _, err = run(*given)
    assert (found, message in err) == (code, True), err
    assert len(cloud.sagemaker.jobs) == before


def test_a_tag_is_pinned_to_its_digest_at_launch(cloud: Cloud, launch: Launch) -> None:
    job = launch(QUICK, "--image", cloud.image.partition("@")[0] + ":test")
    assert cloud.sagemaker.jobs[job].wanted["AlgorithmSpecification"]["TrainingImage"] == cloud.image


def test_a_model_that_cannot_be_trusted_is_not_unpacked(cloud: Cloud, launch: Launch, run: Run) -> None:
    job = launch("import os; os.symlink('/etc/passwd', root / 'model/bundle.json')")
    assert run("logs", job, "--follow")[0] == 0
    code, _, err = run("fetch", job, "-o", "out/bundle")
    assert code == 3
    assert "a link" in err
    assert not Path("out/bundle").exists()
    job = launch(QUICK)
    assert run("logs", job, "--follow")[0] == 0
    code, _, err = run("fetch", job, "-o", "out/bundle")
    assert code == 3
    assert "made no usable model; it is kept in out/bundle as it is" in err


def test_cleanup_spares_what_runs_and_what_was_not_named(cloud: Cloud, launch: Launch, run: Run) -> None:
    stopped = launch(WAITS)
    run("stop", stopped)
    run("logs", stopped, "--follow")
    kept = launch(QUICK)
    run("logs", kept, "--follow")
    running = launch(WAITS)
    basis: dict[str, Any] = {**cloud.sagemaker.jobs[stopped].wanted, "TrainingJobName": "thaiocr-heir"}
    (Path(cloud.sagemaker.work).parent / "endless.py").write_text("import time\nwhile True: time.sleep(0.1)\n", "utf-8")
    cloud.sagemaker.runner = script_runner(Path(cloud.sagemaker.work).parent / "endless.py")
    Aws(REGION).client("sagemaker").create_training_job(**basis)
    for job, user in ((running, running), (stopped, "thaiocr-heir")):
        code, _, err = run("cleanup", job, "--bucket", cloud.bucket, "-y")
        assert code == 2
        assert f"{job}: {user} is running on it" in err
    for job in (running, "thaiocr-heir"):
        cloud.sagemaker.jobs[job].kill()
    code, _, err = run("cleanup", stopped, running, "--bucket", cloud.bucket)
    assert code == 2
    assert "for good? Nobody is there to ask; add -y" in err
    before = cloud.objects()
    assert run("cleanup", stopped, running, "--bucket", cloud.bucket, "-y")[0] == 0
    gone = [key for key in before if stopped in key or running in key]
    assert gone
    assert cloud.objects() == [key for key in before if key not in gone]
    assert json.loads(run("cleanup", stopped, "--bucket", cloud.bucket, "--json")[1]) == {"deleted": 0}
