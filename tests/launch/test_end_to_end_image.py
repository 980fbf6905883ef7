"""From an empty account to a model that reads, with the real image in a real container and a real registry."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import container_image
import pytest
import registry
import tiny
from cloud import Cloud
from fake_sagemaker import wait_until

from thaiocr.cli.main import main
from thaiocr.launch.image import recipe

MISSING = container_image.why_not() or registry.why_not()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]


class InContainer:
    """The image's own program in a container of its own."""

    def __init__(self, image: str, root: Path) -> None:
        self._stack = ExitStack()
        name = self._stack.enter_context(container_image.container(image))
        started = container_image.running(name, ["train"], volumes=[f"{root}:/opt/ml"])
        self._process = self._stack.enter_context(started)
        self.stdout = self._process.stdout

    @property
    def returncode(self) -> int:
        return self._process.returncode

    def poll(self) -> int | None:
        return self._process.poll()

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(container_image.first_process(self._process, "thaiocr.launch.container"), signal.SIGTERM)

    def kill(self) -> None:
        """End it, and remove the container."""
        self._stack.close()


@pytest.fixture
def image(empty_cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The tag of the image that `thaiocr docker build` makes for the CPU; a registry stands in place of ECR's."""
    with container_image.settings():
        yield from _image(empty_cloud, tmp_path, monkeypatch)


def _image(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    base = container_image.base_image()
    (tmp_path / "pip").mkdir()
    options = container_image.build_options(tmp_path / "pip")
    assert main(["docker", "build", "--engine", "buildah", "--gpu", "cpu", "--base-image", base, "--", *options]) == 0
    token = cloud.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    username, _, password = base64.b64decode(token).decode().partition(":")
    monkeypatch.setenv("THAIOCR_BASE_IMAGE", base)
    (tmp_path / "registry").mkdir()
    chosen = recipe("cpu", base_image=base)
    with registry.running(tmp_path / "registry", username=username, password=password) as found:
        monkeypatch.setenv("THAIOCR_REGISTRY_HOST", found.url)
        cloud.sagemaker.reset(lambda root, _host: InContainer(chosen.image, root))
        cloud.sagemaker.registry = found
        yield chosen.tag
        cloud.sagemaker.reset()


def test_from_an_empty_account_to_a_model_that_reads(
    empty_cloud: Cloud, image: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud = empty_cloud
    data = tiny.write_data(tmp_path / "ข้อมูล ไทย", images=24)
    config = str(tiny.write_config(data, tmp_path / "run", *tiny.RUNS))
    kind = ["--instance-type", "ml.m5.large"]

    assert main(["sagemaker", "bootstrap", "--bucket", "ocr-bucket", "-y"]) == 0
    assert main(["sagemaker", "doctor", "-c", config, *kind]) == 5
    assert f"thaiocr:{image}: not in ECR" in capfd.readouterr().out

    launch = ["sagemaker", "launch", "-c", config, *kind, "--engine", "buildah", "--json", "-y"]
    assert main([*launch, "-o", "Global.epoch_num=400"]) == 0
    job = json.loads(capfd.readouterr().out)["job"]
    digest = cloud.sagemaker.jobs[job].wanted["AlgorithmSpecification"]["TrainingImage"].partition("@")[2]
    assert cloud.sagemaker.registry is not None
    assert cloud.sagemaker.registry.digest("thaiocr", image) == digest
    assert main(["sagemaker", "doctor", "-c", config, *kind]) == 0
    capfd.readouterr()

    command = [sys.executable, "-m", "thaiocr.cli.main", "sagemaker", "logs", job, "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as following:
        assert following.stdout is not None
        assert any("step 2: loss" in line for line in following.stdout)
        assert cloud.sagemaker.jobs[job].status == "InProgress", "the line came while the job ran"
        wait_until(lambda: any("latest.states" in key for key in _checkpoints(cloud, job)))
        assert main(["sagemaker", "stop", job]) == 0
        following.communicate(timeout=120)
    assert following.returncode == 130
    capfd.readouterr()

    resume = ["sagemaker", "launch", "--resume", job, "--follow", "--json", "-y"]
    assert main([*resume, "-o", "Global.epoch_num=2"]) == 0
    printed = capfd.readouterr()
    again = json.loads(printed.out)["job"]
    assert "/opt/ml/checkpoints: going on from there" in printed.err

    fetch = ["sagemaker", "fetch", again, "-o", "bundle", "--sample", str(data / "val"), "--json"]
    assert main(fetch) == 0
    fetched = json.loads(capfd.readouterr().out)
    assert main(["predict", "--bundle", "bundle", fetched["image"], "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["text"] == fetched["text"]
    assert main(["sagemaker", "cleanup", job, again, "--bucket", "ocr-bucket", "-y"]) == 0


def _checkpoints(cloud: Cloud, job: str) -> list[str]:
    bucket = cloud.client("s3")
    found = bucket.list_objects_v2(Bucket="ocr-bucket", Prefix=f"thaiocr/jobs/{job}/checkpoints/")
    return [each["Key"] for each in found.get("Contents", [])]
