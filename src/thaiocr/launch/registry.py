"""Images in ECR: where one is, which digest its tag has, and the login for pushing one."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from thaiocr.errors import UsageError
from thaiocr.launch.aws import Aws, Refused, asking

_ECR: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class EcrImage:
    """The parts of an image's address in ECR."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """What a push needs, for about twelve hours."""

    registry: str
    """Host name."""
    username: str
    password: str


def parse_image(image: str) -> EcrImage:
    """Take an image's address apart.

    Raises:
        UsageError: not in ECR, the only registry that SageMaker pulls from.
    """
    found = _ECR.fullmatch(image)
    if found is None:
        raise UsageError(
            f"{image}: not an image in ECR, and SageMaker pulls from nowhere else; "
            "expected <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag> or …@sha256:<digest>"
        )
    parts = found.groupdict()
    return EcrImage(**{name: parts[name] for name in ("account", "region", "repository", "tag", "digest")})


def registry_host(account: str, region: str) -> str:
    """Return the host name of an account's registry."""
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"{account}.dkr.ecr.{region}.amazonaws.com{suffix}"


def find_digest(aws: Aws, repository: str, tag: str) -> str | None:
    """Return the digest that a tag has now; None when there is no such tag or repository.

    Raises:
        EnvironmentProblem: see `asking`.
    """
    try:
        with asking(f"the image {repository}:{tag}"):
            answer = aws.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except Refused as error:
        if error.code in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return None
        raise
    return str(answer["imageDetails"][0]["imageDigest"])


def pin(aws: Aws, image: str) -> str:
    """Return the image by its digest, so that the job runs what was meant even when the tag moves.

    Raises:
        UsageError: not in ECR, or there is no such tag.
        EnvironmentProblem: see `asking`.
    """
    parts = parse_image(image)
    if parts.digest:
        return image
    digest = find_digest(aws, parts.repository, parts.tag or "latest")
    if digest is None:
        raise UsageError(
            f"{image}: there is no such image; leave --image out to build and push one, or look at the tag"
        )
    return f"{registry_host(parts.account, parts.region)}/{parts.repository}@{digest}"


def login(aws: Aws) -> Login:
    """Return the user name and the password of the account's registry.

    Raises:
        EnvironmentProblem: see `asking`.
    """
    with asking("a login for ECR"):
        found = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    username, _, password = base64.b64decode(found["authorizationToken"]).decode().partition(":")
    return Login(registry=found["proxyEndpoint"].removeprefix("https://"), username=username, password=password)
