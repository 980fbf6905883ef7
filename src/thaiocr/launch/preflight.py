"""Whether a launch would succeed, looked up one by one, each failure with what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from thaiocr.errors import ThaiOcrError, UsageError
from thaiocr.launch.aws import Aws, Refused, asking, bucket_region
from thaiocr.launch.plan import is_gpu
from thaiocr.launch.registry import find_digest, parse_image
from thaiocr.launch.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one look showed."""

    check: str
    is_good: bool
    text: str
    advice: str = ""


def preflight(aws: Aws, settings: Settings, instance_type: str, *, is_spot: bool, tag: str) -> Iterator[Finding]:
    """Look at credentials, bucket, role, image and quota; without credentials at nothing else.

    Args:
        aws: Clients.
        settings: What the launch would use.
        instance_type: Machine.
        is_spot: As spot capacity.
        tag: Of the image that this version of thaiocr would train with.
    """
    who = _look("credentials", lambda: f"account {aws.account()}, {aws.region}", "aws configure")
    yield who
    if who.is_good:
        yield _look("bucket", lambda: _bucket(aws, settings), "thaiocr sagemaker bootstrap")
        yield _look("role", lambda: _role(aws, settings), "thaiocr sagemaker bootstrap")
        kind = "cu118" if is_gpu(instance_type) else "cpu"
        yield _look(
            "image", lambda: _image(aws, settings, tag), f"thaiocr docker build --gpu {kind}, or launch builds it"
        )
        yield _look(
            "quota",
            lambda: _quota(aws, instance_type, is_spot=is_spot),
            "console: Service Quotas > AWS services > Amazon SageMaker > request an increase (takes hours to days)",
        )


def _look(check: str, look: Callable[[], str], advice: str) -> Finding:
    try:
        return Finding(check=check, is_good=True, text=look())
    except ThaiOcrError as error:
        return Finding(check=check, is_good=False, text="; ".join(error.problems), advice=advice)


def _bucket(aws: Aws, settings: Settings) -> str:
    settings.need("bucket")
    assert settings.bucket is not None
    region = bucket_region(aws, settings.bucket)
    if region != aws.region:
        raise UsageError(f"{settings.bucket} is in {region}, jobs would run in {aws.region}")
    return f"{settings.bucket}, in {region}"


def _role(aws: Aws, settings: Settings) -> str:
    settings.need("role")
    assert settings.role is not None
    with asking(f"the role {settings.role}"):
        found: Any = aws.client("iam").get_role(RoleName=settings.role.rpartition("/")[2])["Role"]
    if found["Arn"] != settings.role:
        raise UsageError(f"{settings.role}: the account has {found['Arn']}")
    if "sagemaker.amazonaws.com" not in json.dumps(found["AssumeRolePolicyDocument"]):
        raise UsageError(f"{settings.role}: does not let sagemaker.amazonaws.com assume it")
    return f"{settings.role}, for SageMaker"


def _image(aws: Aws, settings: Settings, tag: str) -> str:
    if settings.image is None:
        repository, wanted, name = settings.repository, tag, f"{settings.repository}:{tag}"
    else:
        parts = parse_image(settings.image)
        repository, wanted, name = parts.repository, parts.tag or "latest", settings.image
        if parts.digest:
            return _by_digest(aws, repository, parts.digest, name)
    digest = find_digest(aws, repository, wanted)
    if digest is None:
        raise UsageError(f"{name}: not in ECR")
    return f"{name}, {digest[:19]}…"


def _by_digest(aws: Aws, repository: str, digest: str, name: str) -> str:
    with asking(f"the image {name}"):
        aws.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    return name


def _quota(aws: Aws, instance_type: str, *, is_spot: bool) -> str:
    name = f"{instance_type} for {'spot training job' if is_spot else 'training job'} usage"
    try:
        with asking("the quotas of SageMaker"):
            pages = aws.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
            found = next(
                (each["Value"] for page in pages for each in page["Quotas"] if each["QuotaName"] == name), None
            )
    except Refused as error:
        raise UsageError(f"cannot be looked up ({error.code}); a launch would tell") from error
    if not found:
        raise UsageError(f"{name}: {'none' if found is None else 0}; no such instance may be started")
    return f"{name}: {found:g}"
