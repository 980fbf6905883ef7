"""The IAM policies of `docker/iam`, filled in for an account; docker/terraform fills in the same files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Final

import thaiocr
from thaiocr.errors import EnvironmentProblem

_PACKAGE: Final = Path(thaiocr.__file__).parent
FOLDERS: Final = (_PACKAGE.parents[1] / "docker" / "iam", _PACKAGE / "image" / "docker" / "iam")
"""In a source checkout, in an installed package."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What the policies are about."""

    account: str
    region: str
    bucket: str
    prefix: str
    repository: str
    role_name: str

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        starts = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
        return next((name for start, name in starts.items() if self.region.startswith(start)), "aws")

    @property
    def role(self) -> str:
        """ARN of the role that jobs run as."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role_name}"


def policy(name: str, place: Place) -> dict[str, Any]:
    """Return a policy: `training-role`, `training-role-trust` or `launcher`.

    Raises:
        EnvironmentProblem: the file did not come with the package.
    """
    file = next((folder / f"{name}.json" for folder in FOLDERS if (folder / f"{name}.json").is_file()), None)
    if file is None:
        raise EnvironmentProblem(f"{FOLDERS[-1] / name}.json: not there; install thaiocr again")
    values = {key: getattr(place, key) for key in ("account", "region", "bucket", "prefix", "repository")}
    text = Template(file.read_text("utf-8")).substitute(values, partition=place.partition, role=place.role)
    found: dict[str, Any] = json.loads(text)
    return found
