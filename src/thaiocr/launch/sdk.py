"""Jobs created through the SageMaker Python SDK v3, for those whose rules ask for it; the request is the same.

Its `TrainingJob.create` takes the whole request, sends no telemetry and asks nothing of IAM. `ModelTrainer`, above it,
appends the time to a job's name and so cannot make the job whose folders in S3 were planned.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from typing import Any

from thaiocr.errors import EnvironmentProblem
from thaiocr.launch.aws import Aws
from thaiocr.launch.jobs import Create


def load_sdk() -> Create:
    """Return what creates a job through the SDK.

    Raises:
        EnvironmentProblem: it is not installed.
    """
    # The SDK makes the root logger as talkative as this says, or else tells of every client and endpoint.
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    level = logging.getLogger().level
    try:
        from sagemaker.core.resources import TrainingJob
    except ImportError as error:
        raise EnvironmentProblem(
            f"--backend sdk needs the SageMaker Python SDK v3: {error}; run: pip install 'thaiocr[sagemaker-sdk]'"
        ) from error
    logging.getLogger().setLevel(level)

    def create(aws: Aws, request: Mapping[str, Any]) -> str:
        try:
            job = TrainingJob.create(session=aws.session, region=aws.region, **arguments(request))
        except ValueError as error:  # pydantic's
            raise EnvironmentProblem(f"the SageMaker SDK refuses the request: {error}; leave --backend out") from error
        return str(job.training_job_arn)

    return create


def arguments(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with the SDK's names: `TrainingJobName` is `training_job_name`; hyperparameters keep theirs."""
    return {_snake(name): value if name == "HyperParameters" else _renamed(value) for name, value in request.items()}


def _renamed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_snake(name): _renamed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    return value


def _snake(name: str) -> str:
    """`VolumeSizeInGB` -> `volume_size_in_gb`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
