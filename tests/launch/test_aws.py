from __future__ import annotations

from pathlib import Path

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions

from thaiocr.errors import EnvironmentProblem
from thaiocr.launch.aws import Aws, ConnectionProblem, CredentialsProblem, Refused, asking


def client_error(code: str, message: str = "why", status: int = 400) -> exceptions.ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(answer, "Operation")


def upload_error(cause: Exception) -> Exception:
    """What boto3 raises when an upload fails: the cause is only its context."""
    try:
        try:
            raise cause
        except Exception as error:
            raise S3UploadFailedError(f"Failed to upload: {error}")  # noqa: B904 - as boto3 does it
    except S3UploadFailedError as error:
        failed: Exception = error
        return failed


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (client_error("ExpiredToken"), CredentialsProblem, "the credentials have expired; sign in again"),
        (client_error("UnrecognizedClientException"), CredentialsProblem, "the credentials are not valid"),
        (client_error("SignatureDoesNotMatch"), CredentialsProblem, "the credentials are not valid"),
        (client_error("ThrottlingException"), ConnectionProblem, "the service does not answer"),
        (client_error("Whatever", status=503), ConnectionProblem, "run it again later"),
        (client_error("AccessDenied", "no s3:PutObject"), Refused, "not allowed: no s3:PutObject; what the launcher"),
        (client_error("ValidationException", "bad"), Refused, "AWS: this: ValidationException: bad"),
        (client_error("404", ""), Refused, "AWS: this: 404: 404"),
        (upload_error(client_error("ExpiredToken")), CredentialsProblem, "have expired"),
        (upload_error(OSError("broken pipe")), ConnectionProblem, "nothing is lost, run it again"),
        (exceptions.NoCredentialsError(), CredentialsProblem, "sign in with `aws configure`"),
        (exceptions.UnauthorizedSSOTokenError(), CredentialsProblem, "`aws sso login`"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), ConnectionProblem, "no connection"),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), ConnectionProblem, "no connection"),
        (exceptions.ConnectionClosedError(endpoint_url="https://x"), ConnectionProblem, "no connection"),
        (exceptions.ParamValidationError(report="odd"), EnvironmentProblem, "AWS: this: Parameter validation failed"),
    ],
)
def test_each_failure_of_boto3_is_a_message_of_its_kind(
    error: Exception, kind: type[EnvironmentProblem], message: str
) -> None:
    with pytest.raises(EnvironmentProblem) as caught, asking("this"):
        raise error
    assert type(caught.value) is kind
    assert message in str(caught.value)


def test_a_profile_that_is_not_there_and_a_missing_region_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(EnvironmentProblem, match="no region; give --region"):
        Aws(None).client("s3")
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\n", "utf-8")
    assert Aws(None).region == "eu-west-1"
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CredentialsProblem, match=r"nobody.*aws configure list-profiles"):
        Aws("us-east-1")
