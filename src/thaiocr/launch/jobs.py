"""The jobs of an account: what there is, how one is doing, what it costs, stopping and removing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from thaiocr.errors import UsageError, did_you_mean
from thaiocr.launch.aws import Aws, Refused, asking
from thaiocr.launch.plan import JOB_PREFIX, job_folder
from thaiocr.launch.upload import split_uri

ENDED: Final = frozenset({"Completed", "Failed", "Stopped", "Deleting"})
DELETE_BATCH: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """How a job is doing."""

    job: str
    status: str
    """InProgress, Completed, Failed, Stopping, Stopped."""
    phase: str
    """Starting, Downloading, Training, Interrupted, Uploading, …"""
    started: str
    seconds: int
    """Since the launch, until now or the end."""
    instance: str
    instances: int
    is_spot: bool
    billed_seconds: int | None
    """Known at the end."""
    cost: float | None
    """US dollars; for spot the discount is in `billed_seconds`."""
    metrics: Mapping[str, float]
    model: str | None
    """S3 address of the trained model, once it is there."""
    failure: str | None

    @property
    def is_ended(self) -> bool:
        """Nothing will change any more."""
        return self.status in ENDED


Create = Callable[[Aws, Mapping[str, Any]], str]
"""Sends a request for a job; returns the job's ARN."""


def with_boto3(aws: Aws, request: Mapping[str, Any]) -> str:
    """Send a request for a job as it is; returns the job's ARN."""
    return str(aws.client("sagemaker").create_training_job(**request)["TrainingJobArn"])


def submit(aws: Aws, request: Mapping[str, Any], create: Create = with_boto3) -> str:
    """Create a job; returns its ARN.

    Args:
        aws: Clients.
        request: As `plan.request` makes it.
        create: What sends it.

    Raises:
        EnvironmentProblem: see `asking`; what SageMaker refuses comes with advice.
    """
    try:
        with asking("the new job"):
            return create(aws, request)
    except Refused as error:
        if error.code == "ResourceInUse":  # a retry after a lost answer: the job is there
            return str(describe(aws, request["TrainingJobName"])["TrainingJobArn"])
        advice = next((text for words, text in _ADVICE.items() if words in error.reason), "")
        raise Refused(error.code, error.reason, f"{error}{advice}") from error


_ADVICE: Final[Mapping[str, str]] = {
    "account-level service limit": "; ask for more in the console: Service Quotas > Amazon SageMaker",
    "Could not assume role": "; `thaiocr sagemaker bootstrap` makes such a role",
    "No S3 objects found": "; is the bucket in this region, and may the role read it?",
    "requested image": "; push it with `thaiocr docker build` and launch without --image",
}
"""Words in SageMaker's refusal -> what to do."""


def describe(aws: Aws, job: str) -> Mapping[str, Any]:
    """Return DescribeTrainingJob's answer.

    Raises:
        UsageError: there is no such job in this account and region.
        EnvironmentProblem: see `asking`.
    """
    try:
        with asking(f"the state of {job}"):
            found: Mapping[str, Any] = aws.client("sagemaker").describe_training_job(TrainingJobName=job)
            return found
    except Refused as error:
        if "not found" not in error.reason:
            raise
        names = [each["TrainingJobName"] for each in summaries(aws)]
        raise UsageError(
            f"{job}: no such job in {aws.region}{did_you_mean(job, names) or ';'} see `thaiocr sagemaker list`"
        ) from error


def status_of(found: Mapping[str, Any], price_per_hour: float | None, now: datetime | None = None) -> Status:
    """Return what matters of DescribeTrainingJob's answer.

    Args:
        found: The answer.
        price_per_hour: Of one instance on demand, US dollars.
        now: Time for the duration of a running job.
    """
    created: datetime = found["CreationTime"]
    end: datetime = found.get("TrainingEndTime") or now or datetime.now(timezone.utc)
    billed = found.get("BillableTimeInSeconds")
    resources = found["ResourceConfig"]
    is_priced = price_per_hour is not None and billed is not None
    has_model = found["TrainingJobStatus"] in ("Completed", "Stopped")
    return Status(
        job=found["TrainingJobName"],
        status=found["TrainingJobStatus"],
        phase=found.get("SecondaryStatus", ""),
        started=created.astimezone(timezone.utc).isoformat(timespec="seconds"),
        seconds=max(0, round((end - created).total_seconds())),
        instance=resources["InstanceType"],
        instances=resources["InstanceCount"],
        is_spot=bool(found.get("EnableManagedSpotTraining")),
        billed_seconds=billed,
        cost=round(billed / 3600 * price_per_hour * resources["InstanceCount"], 2) if is_priced else None,  # type: ignore[operator]
        metrics={each["MetricName"]: round(each["Value"], 6) for each in found.get("FinalMetricDataList", [])},
        model=found.get("ModelArtifacts", {}).get("S3ModelArtifacts") if has_model else None,
        failure=found.get("FailureReason"),
    )


def summaries(aws: Aws, *, status: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield the jobs of thaiocr, the latest first, all pages.

    Args:
        aws: Clients.
        status: Only those in this state, such as InProgress.

    Raises:
        EnvironmentProblem: see `asking`.
    """
    wanted = {"NameContains": JOB_PREFIX, "SortBy": "CreationTime", "SortOrder": "Descending"}
    with asking("the list of jobs"):
        pages = aws.client("sagemaker").get_paginator("list_training_jobs")
        for page in pages.paginate(**wanted, **({"StatusEquals": status} if status else {})):
            yield from (each for each in page["TrainingJobSummaries"] if each["TrainingJobName"].startswith(JOB_PREFIX))


def stop(aws: Aws, job: str) -> bool:
    """Ask a job to save and stop; return False when it had ended already.

    Raises:
        UsageError: there is no such job.
        EnvironmentProblem: see `asking`.
    """
    if describe(aws, job)["TrainingJobStatus"] in ENDED:
        return False
    try:
        with asking(f"stopping {job}"):
            aws.client("sagemaker").stop_training_job(TrainingJobName=job)
    except Refused:
        if describe(aws, job)["TrainingJobStatus"] in ENDED:  # it ended in between
            return False
        raise
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftovers:
    """What a job keeps in S3."""

    job: str
    uri: str
    keys: Sequence[str]
    size_bytes: int


def leftovers(aws: Aws, job: str, *, bucket: str, prefix: str) -> Leftovers:
    """Return what a job keeps in S3.

    Raises:
        UsageError: the job still runs, or one that runs goes on from its checkpoints.
        EnvironmentProblem: see `asking`.
    """
    uri = job_folder(bucket, prefix, job)
    for running in summaries(aws, status="InProgress"):
        name = running["TrainingJobName"]
        used = describe(aws, name).get("CheckpointConfig", {}).get("S3Uri", "")
        if name == job or used.startswith(f"{uri}/"):
            raise UsageError(f"{job}: {name} is running on it; stop that first: thaiocr sagemaker stop {name}")
    where, start = split_uri(uri + "/")
    with asking(f"the objects of {uri}"):
        pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=where, Prefix=start)
        objects = [each for page in pages for each in page.get("Contents", [])]
    return Leftovers(
        job=job, uri=uri, keys=[each["Key"] for each in objects], size_bytes=sum(each["Size"] for each in objects)
    )


def remove(aws: Aws, found: Leftovers) -> None:
    """Delete what a job keeps in S3; the job stays in SageMaker's list.

    Raises:
        EnvironmentProblem: see `asking`; some objects may be gone already.
    """
    bucket, _ = split_uri(found.uri)
    for first in range(0, len(found.keys), DELETE_BATCH):
        batch = [{"Key": key} for key in found.keys[first : first + DELETE_BATCH]]
        with asking(f"deleting {found.uri}"):
            answer = aws.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        if errors := answer.get("Errors"):
            code, reason = errors[0]["Code"], errors[0]["Message"]
            raise Refused(code, reason, f"{found.uri}: {len(errors)} objects were not deleted: {code}: {reason}")
