"""A SageMaker on loopback that takes jobs as the service does and really runs them; see `fake_job` for the running.

It speaks the service's JSON protocol, refuses what botocore's model or the service's own rules refuse (role, data,
spot, quota, names), and serves as ServiceQuotas as well. S3, ECR, IAM, STS and CloudWatch Logs are moto's.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from aws_model import model_problems
from botocore import xform_name
from fake_job import Runner, RunningJob, split_uri
from registry import Registry

PAGE = 2
"""Items of a page, few so that whoever forgets to ask for the next page is found out."""


class ServiceError(Exception):
    """An answer that is an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FakeSageMaker:
    """The service; `with FakeSageMaker(...)` or `close()` ends it and what runs.

    Args:
        moto: URL of the other services.
        work: Folder for the jobs' file systems.
        runner: Starts the container of a job.
    """

    def __init__(self, moto: str, work: Path, runner: Runner) -> None:
        self.work, self.runner = work, runner
        self.jobs: dict[str, RunningJob] = {}
        self.registry: Registry | None = None
        """Where images are really pushed to; None: what moto's ECR was told."""
        self.quotas: dict[str, float] = {"ml.g4dn.xlarge": 2, "ml.m5.large": 4}
        """Instance type -> how many may train at once; the same number for spot."""
        self._clients = {
            name: boto3.client(name, endpoint_url=moto, region_name="us-east-1")
            for name in ("s3", "logs", "iam", "ecr")
        }
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def reset(self, runner: Runner | None = None) -> None:
        """End all jobs and forget them."""
        for job in self.jobs.values():
            job.kill()
        self.jobs.clear()
        self.registry = None
        self.runner = runner or self.runner
        self.quotas = {"ml.g4dn.xlarge": 2, "ml.m5.large": 4}

    def close(self) -> None:
        self.reset()
        self._server.shutdown()
        self._server.server_close()

    # -- Operations of SageMaker ---------------------------------------------------------------------------------------

    def create_training_job(self, wanted: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._check(wanted)
            job = RunningJob(wanted, self.work, self.runner, self._clients)
            self.jobs[wanted["TrainingJobName"]] = job
        job.start()
        return {"TrainingJobArn": job.arn}

    def describe_training_job(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return self._job(wanted).description()

    def stop_training_job(self, wanted: dict[str, Any]) -> dict[str, Any]:
        job = self._job(wanted)
        if job.status not in ("InProgress", "Stopping"):
            raise ServiceError(
                "ValidationException", f"The request was rejected because the training job is {job.status}."
            )
        job.stop()
        return {}

    def list_training_jobs(self, wanted: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in reversed(self.jobs) if wanted.get("NameContains", "") in name]
        status = wanted.get("StatusEquals")
        names = [name for name in names if status in (None, self.jobs[name].status)]
        first = int(wanted.get("NextToken", 0))
        page = names[first : first + min(PAGE, wanted.get("MaxResults", PAGE))]
        found: dict[str, Any] = {"TrainingJobSummaries": [self.jobs[name].summary() for name in page]}
        if first + len(page) < len(names):
            found["NextToken"] = str(first + len(page))
        return found

    # -- Operations of ServiceQuotas -----------------------------------------------------------------------------------

    def list_service_quotas(self, wanted: dict[str, Any]) -> dict[str, Any]:
        found = [
            {
                "ServiceCode": "sagemaker",
                "QuotaCode": f"L-{number}",
                "QuotaName": f"{kind} for {use} usage",
                "Value": value,
            }
            for number, (kind, value) in enumerate(self.quotas.items())
            for use in ("training job", "spot training job")
        ]
        first = int(wanted.get("NextToken", 0))
        more = {"NextToken": str(first + PAGE)} if first + PAGE < len(found) else {}
        return {"Quotas": found[first : first + PAGE], **more}

    # -- Operations of ECR ---------------------------------------------------------------------------------------------

    def describe_images(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Moto's ECR knows nothing of what is pushed to a real registry."""
        (identity,) = wanted["imageIds"]
        digest = self._digest(wanted["repositoryName"], identity.get("imageDigest") or identity["imageTag"])
        if digest is None:
            raise ServiceError("ImageNotFoundException", "The image requested does not exist")
        return {"imageDetails": [{"imageDigest": digest}]}

    # -- Rules ---------------------------------------------------------------------------------------------------------

    def _job(self, wanted: dict[str, Any]) -> RunningJob:
        try:
            return self.jobs[wanted["TrainingJobName"]]
        except KeyError:
            raise ServiceError("ValidationException", "Requested resource not found.") from None

    def _check(self, wanted: dict[str, Any]) -> None:
        name, resources = wanted["TrainingJobName"], wanted["ResourceConfig"]
        if name in self.jobs:
            raise ServiceError("ResourceInUse", "Training job names must be unique within an AWS account and region")
        self._check_spot(wanted)
        self._check_role(wanted["RoleArn"])
        self._check_image(wanted["AlgorithmSpecification"]["TrainingImage"])
        for channel in wanted["InputDataConfig"]:
            self._check_data(channel["DataSource"]["S3DataSource"]["S3Uri"])
        kind, count = resources["InstanceType"], resources["InstanceCount"]
        used = sum(job.instances for job in self.jobs.values() if job.kind == kind and job.status == "InProgress")
        limit = self.quotas.get(kind, 0)
        if used + count > limit:
            raise ServiceError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{kind} for training job usage' is {limit:g} Instances, with current "
                f"utilization of {used} Instances and a request delta of {count} Instances. Please use AWS Service "
                "Quotas to request an increase for this quota.",
            )

    def _check_spot(self, wanted: dict[str, Any]) -> None:
        stopping, is_spot = wanted["StoppingCondition"], wanted.get("EnableManagedSpotTraining", False)
        wait = stopping.get("MaxWaitTimeInSeconds")
        if is_spot and (wait is None or wait < stopping["MaxRuntimeInSeconds"]):
            raise ServiceError("ValidationException", "MaxWaitTimeInSeconds must be at least MaxRuntimeInSeconds")
        if not is_spot and wait is not None:
            raise ServiceError("ValidationException", "MaxWaitTimeInSeconds needs managed spot training")
        if is_spot and "KeepAlivePeriodInSeconds" in wanted["ResourceConfig"]:
            raise ServiceError("ValidationException", "KeepAlivePeriodInSeconds is not supported with spot training")

    def _check_role(self, arn: str) -> None:
        name = arn.rpartition("/")[2]
        try:
            policy = self._clients["iam"].get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except self._clients["iam"].exceptions.NoSuchEntityException:
            policy = {}
        if "sagemaker.amazonaws.com" not in json.dumps(policy):
            raise ServiceError(
                "ValidationException",
                f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role.",
            )

    def _check_image(self, image: str) -> None:
        repository, _, digest = image.partition("/")[2].partition("@")
        if self._digest(repository, digest) is None:
            raise ServiceError("ValidationException", f"Cannot find requested image: {image}")

    def _digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of a tag or digest that is there: in the registry, without one in moto's ECR."""
        if self.registry is not None:
            return self.registry.digest(repository, reference)
        ecr = self._clients["ecr"]
        identity = {"imageDigest" if ":" in reference else "imageTag": reference}
        try:
            found = ecr.describe_images(repositoryName=repository, imageIds=[identity])
        except ecr.exceptions.ClientError:
            return None
        return str(found["imageDetails"][0]["imageDigest"])

    def _check_data(self, uri: str) -> None:
        bucket, prefix = split_uri(uri)
        s3 = self._clients["s3"]
        try:
            is_there = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"]
        except s3.exceptions.ClientError:
            is_there = 0
        if not is_there:
            raise ServiceError(
                "ValidationException", f'No S3 objects found under S3 URL "{uri}" given in input data source.'
            )

    def answer(self, target: str, wanted: dict[str, Any]) -> dict[str, Any]:
        service, _, operation = target.partition(".")
        if service == "SageMaker" and (problems := model_problems(operation, wanted)):
            raise ServiceError(
                "ValidationException", f"{len(problems)} validation errors detected: {'; '.join(problems)}"
            )
        found: dict[str, Any] = getattr(self, xform_name(operation))(wanted)
        return found


def _handler(fake: FakeSageMaker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status, found = 200, fake.answer(self.headers["X-Amz-Target"], wanted)
            except ServiceError as error:
                status, found = 400, {"__type": error.code, "message": str(error)}
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            del format, args

    return Handler


def wait_until(condition: Any, *, seconds: float = 180) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
