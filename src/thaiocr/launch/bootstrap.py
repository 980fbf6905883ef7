"""What an account needs before the first job, each thing looked for first: bucket, repository, role."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from thaiocr.errors import UsageError
from thaiocr.launch.aws import Aws, Refused, asking, bucket_region
from thaiocr.launch.policies import Place, policy

POLICY_NAME: Final = "thaiocr-training"
INCOMPLETE_DAYS: Final = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One thing to make or mend."""

    what: str
    details: dict[str, Any]
    """Exactly what is sent to AWS."""
    apply: Callable[[], object]


def needed_changes(aws: Aws, place: Place) -> list[Change]:
    """Look at an account and return what it lacks, in the order in which to make it; nothing is changed.

    Raises:
        UsageError: the bucket is somebody else's or in another region.
        EnvironmentProblem: see `asking`.
    """
    return [*_bucket(aws, place), *_repository(aws, place), *_role(aws, place)]


def _bucket(aws: Aws, place: Place) -> list[Change]:
    s3, name = aws.client("s3"), place.bucket
    try:
        region = bucket_region(aws, name)
    except Refused as error:
        if error.code in ("AccessDenied", "403"):
            raise UsageError(f"--bucket {name}: belongs to somebody else, or is closed to you; take another") from error
        if error.code != "NoSuchBucket":
            raise
    else:
        if region != place.region:
            raise UsageError(f"--bucket {name}: is in {region}, jobs would run in {place.region}; take another")
        return []
    where = {} if place.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
    closed = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    rule = {
        "ID": "forget uploads that were broken off",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": INCOMPLETE_DAYS},
    }
    details = {
        "CreateBucket": {"Bucket": name, **where},
        "PutPublicAccessBlock": {"Bucket": name, "PublicAccessBlockConfiguration": closed},
        "PutBucketLifecycleConfiguration": {"Bucket": name, "LifecycleConfiguration": {"Rules": [rule]}},
    }
    return [_change(f"make the bucket {name} in {place.region}, closed to the public", s3, details)]


def _repository(aws: Aws, place: Place) -> list[Change]:
    ecr, name = aws.client("ecr"), place.repository
    try:
        with asking(f"the repository {name}"):
            ecr.describe_repositories(repositoryNames=[name])
        return []
    except Refused as error:
        if error.code != "RepositoryNotFoundException":
            raise
    # A tag is a hash of what the image is made of: nothing may change under it.
    details = {"CreateRepository": {"repositoryName": name, "imageTagMutability": "IMMUTABLE"}}
    return [_change(f"make the repository {name} in ECR", ecr, details)]


def _role(aws: Aws, place: Place) -> list[Change]:
    iam, name = aws.client("iam"), place.role_name
    trust, rights = policy("training-role-trust", place), policy("training-role", place)
    put_rights = {
        "PutRolePolicy": {"RoleName": name, "PolicyName": POLICY_NAME, "PolicyDocument": json.dumps(rights)},
    }
    try:
        with asking(f"the role {name}"):
            found = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except Refused as error:
        if error.code != "NoSuchEntity":
            raise
        text = "Training jobs of thaiocr"
        made = {"RoleName": name, "AssumeRolePolicyDocument": json.dumps(trust), "Description": text}
        return [_change(f"make the role {name} for jobs", iam, {"CreateRole": made, **put_rights})]
    changes: list[Change] = []
    if found != trust:
        update = {"UpdateAssumeRolePolicy": {"RoleName": name, "PolicyDocument": json.dumps(trust)}}
        changes.append(_change(f"let SageMaker take the role {name}", iam, update))
    if _rights(aws, name) != rights:
        changes.append(_change(f"give the role {name} the rights that jobs need", iam, put_rights))
    return changes


def _rights(aws: Aws, role: str) -> object:
    try:
        with asking(f"the rights of {role}"):
            answer = aws.client("iam").get_role_policy(RoleName=role, PolicyName=POLICY_NAME)
            return answer["PolicyDocument"]
    except Refused as error:
        if error.code != "NoSuchEntity":
            raise
        return None


def _change(what: str, client: Any, details: dict[str, Any]) -> Change:
    from botocore import xform_name

    def apply() -> None:
        for operation, parameters in details.items():
            with asking(what):
                getattr(client, xform_name(operation))(**parameters)

    return Change(what=what, details=details, apply=apply)
