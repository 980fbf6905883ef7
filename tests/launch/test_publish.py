from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cloud import ACCOUNT, REGION, Cloud

from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.launch.aws import Aws
from thaiocr.launch.publish import gpu_of, look_up, publish
from thaiocr.launch.registry import EcrImage, login, parse_image

DIGEST = "sha256:" + "a" * 64
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


def test_an_image_of_ecr_is_taken_apart_and_any_other_refused() -> None:
    assert parse_image(f"{HOST}/team/ocr:v1@{DIGEST}") == EcrImage(
        account=ACCOUNT, region=REGION, repository="team/ocr", tag="v1", digest=DIGEST
    )
    china = parse_image(f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/ocr")
    assert (china.region, china.tag, china.digest) == ("cn-north-1", None, None)
    for image in ("python:3.11", "public.ecr.aws/x/y:1", f"{HOST}/", f"{HOST}/x@sha256:short"):
        with pytest.raises(UsageError, match="SageMaker pulls from nowhere else"):
            parse_image(image)


def test_gpus_get_the_wheel_for_gpus() -> None:
    assert (gpu_of("ml.g4dn.xlarge"), gpu_of("ml.m5.large")) == ("cu118", "cpu")


@pytest.mark.slow
def test_an_image_is_pushed_once_and_somebody_elses_push_of_the_same_is_as_good(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    log, shell = tmp_path / "log", shutil.which("sh")
    (folder / "docker").write_text(
        f'#!{shell}\necho "$*" >>{log}\n'
        f'case "$1" in login) read secret; echo "$secret" >>{log}.secret;; push) echo "digest: {DIGEST}";; esac\n',
        "utf-8",
    )
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    aws = Aws(REGION)
    wanted = look_up(aws, "thaiocr", "ml.m5.large", None)
    tag = wanted.recipe.tag
    assert wanted.image == f"{HOST}/thaiocr:{tag}"
    lines: list[str] = []
    assert publish(aws, wanted, engine="docker", echo=lines.append) == f"{HOST}/thaiocr@{DIGEST}"
    assert f"push {HOST}/thaiocr:{tag}" in log.read_text("utf-8")
    secret = Path(f"{log}.secret").read_text("utf-8").strip()
    assert secret == login(aws).password
    assert secret not in log.read_text("utf-8") + "".join(lines)

    (folder / "docker").write_text(f'#!{shell}\n[ "$1" != push ]\n', "utf-8")
    with pytest.raises(EnvironmentProblem, match="docker push"):
        publish(aws, wanted, engine="docker", echo=lines.append)
    cloud.push(tag)
    theirs = publish(aws, wanted, engine="docker", echo=lines.append)
    assert theirs == look_up(aws, "thaiocr", "ml.m5.large", None).image
    assert "@sha256:" in theirs
