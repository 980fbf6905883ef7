from __future__ import annotations

import json
import string
from pathlib import Path

import folders
import pytest
from cloud import ACCOUNT, REGION, Cloud, trust

from thaiocr.cli.main import main
from thaiocr.launch.policies import FOLDERS, Place, policy
from thaiocr.launch.settings import load_settings

PLACE = Place(
    account=ACCOUNT, region=REGION, bucket="my-bucket", prefix="ocr", repository="thaiocr", role_name="training"
)
ALLOWED_EVERYWHERE = {
    "ecr:GetAuthorizationToken",
    "cloudwatch:PutMetricData",
    "sagemaker:ListTrainingJobs",
    "servicequotas:ListServiceQuotas",
}
"""Actions that know no resource."""


@pytest.mark.parametrize("name", ["training-role", "launcher"])
def test_a_policy_names_each_action_and_reaches_nothing_else(name: str) -> None:
    for statement in policy(name, PLACE)["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any("*" in action for action in actions)
        if statement["Resource"] == "*":
            assert set(actions) <= ALLOWED_EVERYWHERE
        else:
            assert "$" not in statement["Resource"]
            assert any(part in statement["Resource"] for part in ("my-bucket", ACCOUNT))


def test_a_job_cannot_delete_data_and_only_sagemaker_of_this_account_gets_its_role() -> None:
    assert "Delete" not in json.dumps(policy("training-role", PLACE))
    (statement,) = policy("training-role-trust", PLACE)["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    passing = [each for each in policy("launcher", PLACE)["Statement"] if each["Action"] == "iam:PassRole"]
    assert [each["Resource"] for each in passing] == [f"arn:aws:iam::{ACCOUNT}:role/training"]
    assert passing[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_terraform_fills_in_all_that_the_policies_leave_open() -> None:
    terraform = (FOLDERS[0].parent / "terraform" / "main.tf").read_text("utf-8")
    for file in FOLDERS[0].glob("*.json"):
        assert f"../iam/{file.name}" in terraform
        names = {found[1] or found[2] for found in string.Template.pattern.findall(file.read_text("utf-8"))}
        assert names <= {"account", "region", "bucket", "prefix", "repository", "partition", "role"}
        for name in names:
            assert f"    {name} " in terraform


def test_other_partitions_have_other_arns() -> None:
    china = Place(account=ACCOUNT, region="cn-north-1", bucket="b", prefix="p", repository="r", role_name="t")
    assert china.role == f"arn:aws-cn:iam::{ACCOUNT}:role/t"


@pytest.mark.slow
def test_an_empty_account_is_furnished_once_and_then_ready(
    empty_cloud: Cloud, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud = empty_cloud
    words = ["sagemaker", "bootstrap", "--bucket", "my-bucket"]
    assert main([*words, "--dry-run", "--json"]) == 0
    shown = json.loads(capfd.readouterr().out)
    assert [each["what"] for each in shown["changes"]] == [
        "make the bucket my-bucket in us-east-1, closed to the public",
        "make the repository thaiocr in ECR",
        "make the role thaiocr-training for jobs",
    ]
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    assert main(words) == 2
    assert "add -y" in capfd.readouterr().err
    assert main([*words, "-y"]) == 0
    assert "PutPublicAccessBlock" in capfd.readouterr().out
    assert cloud.client("s3").get_public_access_block(Bucket="my-bucket")["PublicAccessBlockConfiguration"]
    settings = load_settings(None, {})
    assert (settings.bucket, settings.region) == ("my-bucket", "us-east-1")
    assert settings.role == shown["role"]

    assert main([*words, "-y"]) == 0
    assert "nothing is missing" in capfd.readouterr().err

    data = folders.write_data(Path("thai"), train=2, val=1)
    config = folders.write_config(data)
    assert main(["sagemaker", "doctor", "-c", config, "--json"]) == 5
    findings = {each["check"]: each for each in map(json.loads, capfd.readouterr().out.splitlines())}
    assert [name for name, each in findings.items() if not each["is_good"]] == ["image"]
    assert "thaiocr docker build --gpu cu118" in findings["image"]["advice"]
    assert findings["quota"]["text"] == "ml.g4dn.xlarge for training job usage: 2"
    assert findings["data"]["text"] == "7 files, 20 images over all epochs"


@pytest.mark.slow
def test_a_role_that_lost_its_trust_or_its_rights_is_mended(cloud: Cloud, capfd: pytest.CaptureFixture[str]) -> None:
    cloud.client("iam").update_assume_role_policy(RoleName="thaiocr-training", PolicyDocument=trust("ec2"))
    words = ["sagemaker", "bootstrap", "--bucket", cloud.bucket, "-y"]
    assert main(words) == 0
    assert capfd.readouterr().err.splitlines()[:2] == [
        "done: let SageMaker take the role thaiocr-training",
        "done: give the role thaiocr-training the rights that jobs need",
    ]
    cloud.client("iam").delete_role_policy(RoleName="thaiocr-training", PolicyName="thaiocr-training")
    assert main(words) == 0
    assert "done: give the role" in capfd.readouterr().err


@pytest.mark.slow
def test_a_bucket_elsewhere_is_not_taken(empty_cloud: Cloud, capfd: pytest.CaptureFixture[str]) -> None:
    where = {"LocationConstraint": "eu-west-1"}
    empty_cloud.client("s3").create_bucket(Bucket="far-away", CreateBucketConfiguration=where)
    assert main(["sagemaker", "bootstrap", "--bucket", "far-away", "-y"]) == 2
    assert "is in eu-west-1, jobs would run in us-east-1" in capfd.readouterr().err
    assert main(["sagemaker", "doctor", "--bucket", "far-away"]) == 5
    assert "MISSING  bucket" in capfd.readouterr().out


@pytest.mark.slow
def test_doctor_says_what_to_do_about_each_thing_that_is_missing(
    cloud: Cloud, capfd: pytest.CaptureFixture[str]
) -> None:
    cloud.client("iam").update_assume_role_policy(RoleName="thaiocr-training", PolicyDocument=trust("ec2"))
    cloud.sagemaker.quotas = {"ml.m5.large": 0}
    given = ["--role", cloud.role, "--image", cloud.image.partition("@")[0] + ":none", "--config", "none.yml"]
    assert main(["sagemaker", "doctor", *given, "--instance-type", "ml.m5.large", "--spot", "--json"]) == 5
    findings = {each["check"]: each for each in map(json.loads, capfd.readouterr().out.splitlines())}
    bad = {name: each["text"] for name, each in findings.items() if not each["is_good"]}
    assert set(bad) == {"bucket", "role", "image", "quota", "data"}
    assert "bucket: not known; give --bucket" in bad["bucket"]
    assert "does not let sagemaker.amazonaws.com assume it" in bad["role"]
    assert "ml.m5.large for spot training job usage: 0" in bad["quota"]
    assert all(findings[name]["advice"] for name in bad)
    cloud.client("iam").update_assume_role_policy(RoleName="thaiocr-training", PolicyDocument=trust("sagemaker"))
    cloud.sagemaker.quotas = {"ml.g4dn.xlarge": 1}
    assert main(["sagemaker", "doctor", *given[:2], "--bucket", cloud.bucket, "--image", cloud.image]) == 0


@pytest.mark.slow
def test_without_credentials_nothing_else_is_looked_at(
    cloud: Cloud, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert main(["sagemaker", "doctor"]) == 5
    (first, advice) = capfd.readouterr().out.splitlines()
    assert "sign in with `aws configure` or `aws sso login`" in first
    assert "aws configure" in advice
    assert main(["sagemaker", "list"]) == 5
    assert "sign in" in capfd.readouterr().err
