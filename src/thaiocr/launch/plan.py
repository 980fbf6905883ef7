"""What the user wants -> the exact request for SageMaker's CreateTrainingJob. Pure: no account, no network, no clock.

s3://BUCKET/PREFIX/data/NAME/…                 data folders, shared by jobs
s3://BUCKET/PREFIX/jobs/JOB/config/…           configuration and dictionary of a job
s3://BUCKET/PREFIX/jobs/JOB/checkpoints/…      its checkpoints; a job that resumes it goes on writing here
s3://BUCKET/PREFIX/jobs/JOB/output/model.tar.gz
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from thaiocr.errors import UsageError

JOB_PREFIX: Final = "thaiocr-"
"""Every job's name begins with it; `list` finds them by it."""
MAX_NAME: Final = 63
MAX_SECONDS: Final = 28 * 24 * 3600
MAX_KEEP_ALIVE: Final = 21_600
MAX_HYPERPARAMETERS: Final = 100
MAX_KEY: Final = 256
MAX_VALUE: Final = 2500
MAX_TAGS: Final = 50
CHECKPOINTS: Final = "/opt/ml/checkpoints"
PROJECT_TAG: Final = ("project", "thaiocr")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A training job as the user thinks of it."""

    name: str
    role: str
    """ARN."""
    image: str
    hyperparameters: Mapping[str, str]
    """`config`: file in the channel `config`; the others: dotted keys of the configuration, values as after `-o`."""
    channels: Mapping[str, str]
    """Name -> S3 folder."""
    output_uri: str
    """Folder below which SageMaker writes `<job>/output/model.tar.gz`."""
    checkpoint_uri: str
    instance_type: str
    instances: int = 1
    volume_gb: int = 50
    """Disk of each instance; those with disks of their own (g4dn, g5) ignore it."""
    max_seconds: int
    wait_seconds: int | None = None
    """Spot: how long to wait for capacity, on top of the training; None trains on demand."""
    keep_alive_seconds: int = 0
    """Keep the instances for a next job; they are paid for."""
    tags: Mapping[str, str] = field(default_factory=dict)


def job_name(label: str, now: datetime, token: str) -> str:
    """Return `thaiocr-<label>-<time>-<token>`, at most 63 letters, digits and '-'.

    Args:
        label: What the user calls it; other signs than ASCII letters and digits become '-'.
        now: Time of the launch.
        token: Some hex digits, so that two launches at the same moment differ.
    """
    tail = f"-{now:%Y%m%d-%H%M%S}-{token}"
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", label).strip("-")
    kept = plain.removeprefix(JOB_PREFIX)[: MAX_NAME - len(JOB_PREFIX) - len(tail)].strip("-") or "job"
    return f"{JOB_PREFIX}{kept}{tail}"


def is_gpu(instance_type: str) -> bool:
    """Tell whether an instance type has NVIDIA GPUs: the families g and p."""
    return re.match(r"ml\.[gp]\d", instance_type) is not None


def job_folder(bucket: str, prefix: str, name: str) -> str:
    """Return the S3 folder of a job."""
    return f"s3://{bucket}/{prefix}/jobs/{name}"


def data_folder(bucket: str, prefix: str, name: str) -> str:
    """Return the S3 folder of a data set."""
    return f"s3://{bucket}/{prefix}/data/{name}"


def hyperparameters(config_file: str, overrides: Sequence[str], instance_type: str) -> dict[str, str]:
    """Return what the container applies over its configuration file.

    Args:
        config_file: Name of the file in the channel `config`.
        overrides: Texts `KEY=VALUE`; a later one wins.
        instance_type: Decides `Global.use_gpu` unless an override does.
    """
    chosen = {"config": config_file, "Global.use_gpu": str(is_gpu(instance_type)).lower()}
    for text in overrides:
        key, _, value = text.partition("=")
        chosen[key.strip()] = value.strip()
    return chosen


def request(job: Job, metrics: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return the parameters of CreateTrainingJob.

    Args:
        job: What to run.
        metrics: `Name` and `Regex` of the figures that SageMaker reads from the log.

    Raises:
        UsageError: SageMaker would refuse it; all problems at once.
    """
    _check(job)
    resources: dict[str, Any] = {
        "InstanceType": job.instance_type,
        "InstanceCount": job.instances,
        "VolumeSizeInGB": job.volume_gb,
    }
    if job.keep_alive_seconds:
        resources["KeepAlivePeriodInSeconds"] = job.keep_alive_seconds
    stopping = {"MaxRuntimeInSeconds": job.max_seconds}
    if job.wait_seconds is not None:
        stopping["MaxWaitTimeInSeconds"] = job.max_seconds + job.wait_seconds
    return {
        "TrainingJobName": job.name,
        "AlgorithmSpecification": {
            "TrainingImage": job.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [dict(each) for each in metrics],
        },
        "RoleArn": job.role,
        "HyperParameters": dict(job.hyperparameters),
        "InputDataConfig": [_channel(name, uri) for name, uri in job.channels.items()],
        "OutputDataConfig": {"S3OutputPath": job.output_uri},
        "CheckpointConfig": {"S3Uri": job.checkpoint_uri, "LocalPath": CHECKPOINTS},
        "ResourceConfig": resources,
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": job.wait_seconds is not None,
        "Tags": [{"Key": key, "Value": value} for key, value in dict([PROJECT_TAG, *job.tags.items()]).items()],
    }


def resume_basis(earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Job` that a job resuming `earlier` takes over: all but its name and its limits.

    Args:
        earlier: DescribeTrainingJob's answer.

    Raises:
        UsageError: it still runs, or kept no checkpoints.
    """
    name, status = earlier["TrainingJobName"], earlier["TrainingJobStatus"]
    if status in ("InProgress", "Stopping"):
        raise UsageError(f"--resume: {name} is {status}; two jobs must not write the same checkpoints; stop it first")
    checkpoints = earlier.get("CheckpointConfig", {}).get("S3Uri")
    if not checkpoints:
        raise UsageError(f"--resume: {name} kept no checkpoints; launch it anew with -c")
    resources = earlier["ResourceConfig"]
    return {
        "role": earlier["RoleArn"],
        "image": earlier["AlgorithmSpecification"]["TrainingImage"],
        "hyperparameters": dict(earlier.get("HyperParameters", {})),
        "channels": {
            each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in earlier["InputDataConfig"]
        },
        "output_uri": earlier["OutputDataConfig"]["S3OutputPath"],
        "checkpoint_uri": checkpoints,
        "instance_type": resources["InstanceType"],
        "instances": resources["InstanceCount"],
        "volume_gb": resources["VolumeSizeInGB"],
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        # Without the slash `data/thai` would also take `data/thai2/…`.
        "S3Uri": uri.rstrip("/") + "/",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _check(job: Job) -> None:
    long_keys = [key for key in job.hyperparameters if len(key) > MAX_KEY]
    long_values = [key for key, value in job.hyperparameters.items() if len(value) > MAX_VALUE]
    total = job.max_seconds + (job.wait_seconds or 0)
    found = {
        f"job name '{job.name}': at most {MAX_NAME} letters, digits and single '-'": not re.fullmatch(
            r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", job.name
        ),
        "--instances: at least 1": job.instances < 1,
        "--volume-gb: at least 1": job.volume_gb < 1,
        "--max-hours: more than no time": job.max_seconds < 1,
        f"--max-hours and --max-wait-hours: at most {MAX_SECONDS // 3600} hours (28 days) together": total
        > MAX_SECONDS,
        "--keep-alive: at most 6 hours": not 0 <= job.keep_alive_seconds <= MAX_KEEP_ALIVE,
        "--keep-alive: not together with --spot; SageMaker keeps no spot instances warm": bool(
            job.keep_alive_seconds and job.wait_seconds is not None
        ),
        f"-o: at most {MAX_HYPERPARAMETERS - 2} settings; put them into the file": len(job.hyperparameters)
        > MAX_HYPERPARAMETERS,
        f"-o: too long, put them into the file: {', '.join(key[:40] for key in long_keys + long_values)}": bool(
            long_keys or long_values
        ),
        **_tag_problems(job.tags),
    }
    problems = [message for message, is_wrong in found.items() if is_wrong]
    if problems:
        raise UsageError(problems)


def _tag_problems(tags: Mapping[str, str]) -> dict[str, bool]:
    signs = re.compile(r"[\w\s.:/=+@-]*")
    problems = {f"--tag: at most {MAX_TAGS - 1}": len(tags) >= MAX_TAGS}
    for key, value in tags.items():
        is_bad = not (0 < len(key) <= 128 and len(value) <= 256 and signs.fullmatch(key) and signs.fullmatch(value))
        problems[f"--tag {key}={value}: letters, digits, spaces and _.:/=+-@ only; 128 and 256 at most"] = is_bad
        problems[f"--tag {key}: names that begin with 'aws:' are Amazon's"] = key.lower().startswith("aws:")
    return problems
