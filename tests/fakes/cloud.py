"""An account on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import boto3
from fake_sagemaker import FakeSageMaker
from fault_proxy import FaultProxy

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
PAGE: Final = 50
"""Objects that a listing of moto's S3 returns at once."""
MEDIA_TYPE: Final = "application/vnd.docker.distribution.manifest.v2+json"


def trust(service: str) -> str:
    """Return a policy that lets a service assume a role."""
    statement = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Cloud:
    """An account with a bucket, a role and an image."""

    proxy: FaultProxy
    sagemaker: FakeSageMaker
    role: str = f"arn:aws:iam::{ACCOUNT}:role/thaiocr-training"
    bucket: str = "thaiocr-test"
    image: str = ""

    def client(self, service: str) -> Any:
        """A client that passes by the proxy, so that looking does not count."""
        return boto3.client(service, endpoint_url=self.proxy.moto, region_name=REGION)

    def objects(self, prefix: str = "") -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def arguments(self) -> list[str]:
        return ["--bucket", self.bucket, "--role", self.role, "--image", self.image]

    def furnish(self) -> None:
        """Make what a launch needs."""
        self.client("s3").create_bucket(Bucket=self.bucket)
        self.client("iam").create_role(RoleName="thaiocr-training", AssumeRolePolicyDocument=trust("sagemaker"))
        self.client("ecr").create_repository(repositoryName="thaiocr")
        self.image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/thaiocr@{self.push('test')}"

    def push(self, tag: str) -> str:
        """Tell moto's ECR of an image; returns its digest."""
        manifest = {"schemaVersion": 2, "mediaType": MEDIA_TYPE, "config": {"digest": f"sha256:{0:064}"}, "layers": []}
        pushed = self.client("ecr").put_image(
            repositoryName="thaiocr", imageManifest=json.dumps(manifest), imageTag=tag
        )
        return str(pushed["image"]["imageId"]["imageDigest"])
