from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pytest
from aws_model import model_problems
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.errors import UsageError
from thaiocr.launch.plan import Job, hyperparameters, is_gpu, job_name, request, resume_basis

ROLE: Final = "arn:aws:iam::123456789012:role/training"
METRICS: Final = [{"Name": "eval:acc", "Regex": "acc ([0-9.]+)"}]
JOB: Final = Job(
    name="thaiocr-main-20261121-050000-ab12",
    role=ROLE,
    image="123456789012.dkr.ecr.us-east-1.amazonaws.com/thaiocr@sha256:" + "0" * 64,
    hyperparameters={"config": "main.yml", "Global.use_gpu": "true", "Global.epoch_num": "20"},
    channels={"train": "s3://b/thaiocr/data/thai", "config": "s3://b/thaiocr/jobs/j/config"},
    output_uri="s3://b/thaiocr/jobs",
    checkpoint_uri="s3://b/thaiocr/jobs/j/checkpoints",
    instance_type="ml.g4dn.xlarge",
    max_seconds=3600,
)


def test_the_request_says_all_that_was_asked_for_and_botocores_model_accepts_it() -> None:
    made = request(replace(JOB, tags={"team": "ocr ไทย"}), METRICS)
    assert model_problems("CreateTrainingJob", made) == []
    assert made == {
        "TrainingJobName": "thaiocr-main-20261121-050000-ab12",
        "AlgorithmSpecification": {
            "TrainingImage": JOB.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": METRICS,
        },
        "RoleArn": ROLE,
        "HyperParameters": {"config": "main.yml", "Global.use_gpu": "true", "Global.epoch_num": "20"},
        "InputDataConfig": [
            {
                "ChannelName": name,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://b/thaiocr/{folder}/",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "InputMode": "File",
            }
            for name, folder in (("train", "data/thai"), ("config", "jobs/j/config"))
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://b/thaiocr/jobs"},
        "CheckpointConfig": {"S3Uri": "s3://b/thaiocr/jobs/j/checkpoints", "LocalPath": "/opt/ml/checkpoints"},
        "ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableManagedSpotTraining": False,
        "Tags": [{"Key": "project", "Value": "thaiocr"}, {"Key": "team", "Value": "ocr ไทย"}],
    }


def test_spot_may_wait_longer_than_it_trains_and_keep_alive_is_asked_for() -> None:
    spot = request(replace(JOB, wait_seconds=7200), METRICS)
    assert spot["EnableManagedSpotTraining"]
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 10800}
    warm = request(replace(JOB, keep_alive_seconds=600, instances=2), METRICS)
    assert warm["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert warm["ResourceConfig"]["InstanceCount"] == 2
    assert model_problems("CreateTrainingJob", spot) + model_problems("CreateTrainingJob", warm) == []


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"name": "x_y"}, ["job name 'x_y'"]),
        ({"instances": 0, "volume_gb": 0}, ["--instances", "--volume-gb"]),
        ({"max_seconds": 0}, ["--max-hours: more than no time"]),
        ({"max_seconds": 28 * 86400, "wait_seconds": 1}, ["672 hours (28 days) together"]),
        ({"keep_alive_seconds": 21601}, ["--keep-alive: at most 6 hours"]),
        ({"keep_alive_seconds": 60, "wait_seconds": 60}, ["not together with --spot"]),
        ({"hyperparameters": {f"k{number}": "" for number in range(101)}}, ["-o: at most 98 settings"]),
        ({"hyperparameters": {"k" * 257: "", "v": "x" * 2501}}, ["-o: too long, put them into the file: kkkk"]),
        ({"tags": {"aws:x": "1", "a": "b*"}}, ["--tag aws:x: names that begin", "--tag a=b*: letters"]),
        ({"tags": {str(number): "" for number in range(50)}}, ["--tag: at most 49"]),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_before(changes: Mapping[str, Any], messages: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        request(replace(JOB, **changes), METRICS)
    assert len(caught.value.problems) == len(messages)
    for problem, message in zip(caught.value.problems, messages, strict=True):
        assert message in problem


@given(label=st.text(max_size=80), token=st.from_regex(r"[0-9a-f]{4}", fullmatch=True))
def test_any_label_gives_a_name_that_sagemaker_takes(label: str, token: str) -> None:
    name = job_name(label, datetime(2026, 11, 21, 5, 0, 0), token)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)
    assert name.startswith("thaiocr-")
    assert name.endswith(f"-20261121-050000-{token}")


def test_a_gpu_is_used_where_there_is_one_unless_told_otherwise() -> None:
    assert hyperparameters("a.yml", [], "ml.g4dn.xlarge") == {"config": "a.yml", "Global.use_gpu": "true"}
    assert hyperparameters("a.yml", [], "ml.m5.large")["Global.use_gpu"] == "false"
    changes = ["Global.use_gpu=false", "Global.epoch_num=1", "Global.epoch_num = 2", "Optimizer.lr={name: Const}"]
    assert hyperparameters("a.yml", changes, "ml.p3.2xlarge") == {
        "config": "a.yml",
        "Global.use_gpu": "false",
        "Global.epoch_num": "2",
        "Optimizer.lr": "{name: Const}",
    }
    assert [is_gpu(name) for name in ("ml.g5.xlarge", "ml.p4d.24xlarge", "ml.c5.xlarge", "ml.trn1.2xlarge")] == [
        True,
        True,
        False,
        False,
    ]


def described(status: str, **changes: Any) -> dict[str, Any]:
    """What DescribeTrainingJob answers for JOB."""
    return {**request(JOB, METRICS), "TrainingJobStatus": status, **changes}


@pytest.mark.parametrize("status", ["Completed", "Stopped", "Failed"])
def test_resuming_takes_everything_over_but_name_and_limits(status: str) -> None:
    basis = resume_basis(described(status))
    again = Job(name="thaiocr-again-1", max_seconds=60, **basis)
    first, second = request(JOB, METRICS), request(again, METRICS)
    same = set(first) - {"TrainingJobName", "StoppingCondition"}
    assert json.dumps({key: first[key] for key in sorted(same)}) == json.dumps(
        {key: second[key] for key in sorted(same)}
    )
    assert second["CheckpointConfig"]["S3Uri"] == JOB.checkpoint_uri


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (described("InProgress"), "is InProgress; two jobs must not write the same checkpoints"),
        (described("Stopping"), "is Stopping"),
        (described("Failed", CheckpointConfig={}), "kept no checkpoints"),
    ],
)
def test_a_job_that_runs_or_kept_nothing_is_not_resumed(job: Mapping[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resume_basis(job)
