from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import folders
import pytest
from cloud import Cloud
from fake_job import script_runner
from fake_sagemaker import wait_until

from thaiocr.cli.main import main
from thaiocr.launch.sdk import arguments

WITHOUT_SDK = importlib.util.find_spec("sagemaker") is None


def test_names_are_the_sdks_and_the_users_stay_as_they_are() -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 50}
    request = {
        "HyperParameters": {"Global.epoch_num": "2"},
        "ResourceConfig": resources,
        "Tags": [{"Key": "Team", "Value": "OCR"}],
        "EnableManagedSpotTraining": False,
    }
    assert arguments(request) == {
        "hyper_parameters": {"Global.epoch_num": "2"},
        "resource_config": {"instance_type": "ml.m5.large", "instance_count": 1, "volume_size_in_gb": 50},
        "tags": [{"key": "Team", "value": "OCR"}],
        "enable_managed_spot_training": False,
    }


def test_a_missing_sdk_is_said_before_anything_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sagemaker", None)
    assert main(["sagemaker", "launch", "-c", "none.yml", "--backend", "sdk"]) == 5
    assert "run: pip install 'thaiocr[sagemaker-sdk]'" in capsys.readouterr().err


needs_sdk = pytest.mark.skipif(
    WITHOUT_SDK, reason="needs the SageMaker Python SDK: pip install 'thaiocr[sagemaker-sdk]'"
)


@pytest.mark.slow
@needs_sdk
@pytest.mark.filterwarnings("ignore")  # the SDK's and its packages' own
@pytest.mark.parametrize("words", [[], ["--spot", "--instances", "2", "--tag", "team=ocr"], ["--keep-alive", "5"]])
def test_the_sdk_sends_the_request_of_the_plan(
    cloud: Cloud, tmp_path: Path, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    ends_at_once = tmp_path / "script.py"
    ends_at_once.write_text("print('done')", "utf-8")
    cloud.sagemaker.reset(script_runner(ends_at_once))
    config = folders.write_config(folders.write_data(tmp_path / "thai"))
    where = ["-c", config, "--instance-type", "ml.m5.large", *cloud.arguments(), "--json", "-y", *words]
    sent, said = {}, {}
    for backend in ("boto3", "sdk"):
        assert main(["sagemaker", "launch", *where, "--backend", backend]) == 0
        printed = capfd.readouterr()
        found = json.loads(printed.out)
        job = cloud.sagemaker.jobs[found["job"]]
        assert found["arn"] == job.arn
        assert job.wanted == found["request"]
        sent[backend] = json.dumps(job.wanted, sort_keys=True).replace(job.name, "JOB")
        said[backend] = [line.split()[0] for line in printed.err.splitlines()]
        wait_until(lambda running=job: running.status == "Completed", seconds=60)
    assert sent["sdk"] == sent["boto3"]
    assert said["sdk"] == said["boto3"], "the SDK's own log is in between"


@pytest.mark.slow
@needs_sdk
@pytest.mark.filterwarnings("ignore")  # as above
def test_what_sagemaker_refuses_comes_with_the_same_advice(
    cloud: Cloud, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = folders.write_config(folders.write_data(tmp_path / "thai"))
    where = ["-c", config, "--instance-type", "ml.m5.large", "--instances", "9", *cloud.arguments(), "-y"]
    refusals = []
    for backend in ("boto3", "sdk"):
        assert main(["sagemaker", "launch", *where, "--backend", backend]) == 5
        refusals.append(capfd.readouterr().err.splitlines()[-1])
    assert refusals[1] == refusals[0]
    assert "Service Quotas > Amazon SageMaker" in refusals[0]
