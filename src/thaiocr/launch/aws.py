"""boto3 clients that retry, and their failures as messages that say what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from thaiocr import __version__
from thaiocr.errors import EnvironmentProblem

ATTEMPTS: Final = 6
"""Of each call, with growing pauses between them; AWS_MAX_ATTEMPTS overrides it."""
CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60

EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
REFUSED: Final = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"})
REFUSED_SIGNATURE: Final = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"})
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"})
BUSY: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown", "RequestTimeout"})


class CredentialsProblem(EnvironmentProblem):
    """Nobody is signed in, or no longer."""


class ConnectionProblem(EnvironmentProblem):
    """The service could not be reached or could not answer, however often it was asked; later it may."""


class Refused(EnvironmentProblem):
    """The service understood and said no.

    Args:
        code: The service's error code.
        reason: The service's message.
        problem: What the user reads.
    """

    def __init__(self, code: str, reason: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code
        self.reason = reason


class Aws:
    """Clients of one region, made when they are first needed.

    Args:
        region: None takes the one that boto3 finds in the user's own configuration.
    """

    def __init__(self, region: str | None) -> None:
        import boto3
        from botocore.exceptions import BotoCoreError

        try:
            self.session: Any = boto3.Session(region_name=region)
        except BotoCoreError as error:  # a profile that is not there
            raise CredentialsProblem(f"AWS: {error}; see AWS_PROFILE and `aws configure list-profiles`") from error
        self._clients: dict[str, Any] = {}

    @property
    def region(self) -> str:
        """Return the region.

        Raises:
            EnvironmentProblem: none is configured.
        """
        region = self.session.region_name
        if not region:
            raise EnvironmentProblem("AWS: no region; give --region, AWS_REGION or 'region:' in the settings file")
        return str(region)

    def client(self, service: str) -> Any:
        """Return the client of a service, such as `s3`."""
        if service not in self._clients:
            from botocore.config import Config

            attempts = int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": attempts},
                max_pool_connections=32,
                user_agent_extra=f"thaiocr/{__version__}",
            )
            with asking(f"a client for {service}"):
                self._clients[service] = self.session.client(service, region_name=self.region, config=config)
        return self._clients[service]

    def account(self) -> str:
        """Return the number of the account that the credentials belong to.

        Raises:
            EnvironmentProblem: see `asking`.
        """
        with asking("who the credentials belong to"):
            return str(self.client("sts").get_caller_identity()["Account"])


def bucket_region(aws: Aws, bucket: str) -> str:
    """Return where a bucket is.

    Raises:
        EnvironmentProblem: see `asking`.
    """
    with asking(f"the bucket {bucket}"):
        found = aws.client("s3").get_bucket_location(Bucket=bucket)["LocationConstraint"]
    # What S3 calls its first regions.
    return {None: "us-east-1", "EU": "eu-west-1"}.get(found, str(found))


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn what boto3 raises into messages.

    Args:
        what: What is asked of AWS, for the message: `the state of thaiocr-1`.

    Raises:
        CredentialsProblem: no credentials, or expired or unknown ones.
        ConnectionProblem: network faults, server errors and throttling that outlasted the retries.
        Refused: any other answer that is an error.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _explained(what, error.response) from error
    except Boto3Error as error:  # uploads wrap what went wrong
        cause = error.__context__
        if isinstance(cause, ClientError):
            raise _explained(what, cause.response) from error
        raise ConnectionProblem(f"AWS: {what}: {error}; nothing is lost, run it again") from error
    except BotoCoreError as error:
        raise _unsent(what, error) from error


def _unsent(what: str, error: Exception) -> EnvironmentProblem:
    """Explain a call that got no answer."""
    from botocore import exceptions

    no_login = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.CredentialRetrievalError)
    sso = (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.UnauthorizedSSOTokenError)
    network = (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError)
    if isinstance(error, no_login):
        return CredentialsProblem(
            f"AWS: {what}: {error}; sign in with `aws configure` or `aws sso login`, "
            "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if isinstance(error, sso):
        return CredentialsProblem(f"AWS: {what}: {error}; sign in again with `aws sso login`")
    if isinstance(error, network):
        return ConnectionProblem(f"AWS: {what}: no connection: {error}; look at the network and run it again")
    return EnvironmentProblem(f"AWS: {what}: {error}")


def _explained(what: str, answer: Mapping[str, Any]) -> EnvironmentProblem:
    """Explain an answer that is an error."""
    code = str(answer.get("Error", {}).get("Code", ""))
    reason = str(answer.get("Error", {}).get("Message", "")) or code
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in EXPIRED:
        return CredentialsProblem(f"AWS: {what}: the credentials have expired; sign in again, then run this again")
    if code in REFUSED or code in REFUSED_SIGNATURE:
        return CredentialsProblem(f"AWS: {what}: the credentials are not valid ({code}); sign in again")
    if code in BUSY or status >= 500:
        return ConnectionProblem(f"AWS: {what}: the service does not answer ({code}: {reason}); run it again later")
    if code in DENIED:
        return Refused(
            code, reason, f"AWS: {what}: not allowed: {reason}; what the launcher needs is in docker/iam/launcher.json"
        )
    return Refused(code, reason, f"AWS: {what}: {code}: {reason}")
