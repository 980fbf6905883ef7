"""The lines that the hosts of a job print, as they come, until the job ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final

from thaiocr.launch.aws import Aws, ConnectionProblem, asking
from thaiocr.launch.jobs import ENDED, describe

GROUP: Final = "/aws/sagemaker/TrainingJobs"
POLL_SECONDS: Final = 3.0
PATIENCE_SECONDS: Final = 900
"""So long may the connection be gone before following gives up; the job does not notice."""
SETTLE_POLLS: Final = 3
"""Looks at the streams after the job's end that bring nothing new; the last lines come late."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one host."""

    host: str
    """algo-1, algo-2, …"""
    time: str
    """UTC."""
    text: str


@dataclass(slots=True)
class _Stream:
    name: str
    token: str | None = None
    lines: list[Line] = field(default_factory=list)

    @property
    def host(self) -> str:
        return "-".join(self.name.rpartition("/")[2].split("-")[:2])


class Logs:
    """Reads each line once, of all hosts and of the new hosts that follow a spot interruption.

    Args:
        aws: Clients.
        job: Name of the job.
    """

    def __init__(self, aws: Aws, job: str) -> None:
        self.aws, self.job = aws, job
        self._streams: dict[str, _Stream] = {}

    def new_lines(self) -> list[Line]:
        """Return what was printed since the last call, in order of time.

        Raises:
            EnvironmentProblem: see `asking`; what was read before the failure comes with the next call.
        """
        client = self.aws.client("logs")
        with asking(f"the log of {self.job}"):
            self._find_streams(client)
            for stream in self._streams.values():
                self._read(client, stream)
        lines = [line for stream in self._streams.values() for line in stream.lines]
        for stream in self._streams.values():
            stream.lines = []
        return sorted(lines, key=lambda line: line.time)

    def _find_streams(self, client: Any) -> None:
        pages = client.get_paginator("describe_log_streams")
        try:
            for page in pages.paginate(logGroupName=GROUP, logStreamNamePrefix=f"{self.job}/"):
                for each in page["logStreams"]:
                    self._streams.setdefault(each["logStreamName"], _Stream(each["logStreamName"]))
        except client.exceptions.ResourceNotFoundException:
            return  # the first job of an account makes the group when it starts

    def _read(self, client: Any, stream: _Stream) -> None:
        """Read to the present end, where the token stays the same."""
        while True:
            more = {"nextToken": stream.token} if stream.token else {}
            page = client.get_log_events(logGroupName=GROUP, logStreamName=stream.name, startFromHead=True, **more)
            stream.lines += [_line(stream.host, event) for event in page["events"]]
            is_end = page["nextForwardToken"] == stream.token
            stream.token = page["nextForwardToken"]
            if is_end:
                return


def follow(
    logs: Logs,
    *,
    show: Callable[[Line], object],
    say: Callable[[str], object],
    poll_seconds: float,
    patience_seconds: float,
) -> Mapping[str, Any]:
    """Show lines as they come, until the job has ended and its last line is read.

    Args:
        logs: The job's logs.
        show: Gets the lines.
        say: Gets what happens to the job and to the connection.
        poll_seconds: Pause between two looks.
        patience_seconds: How long the connection may be gone.

    Returns:
        DescribeTrainingJob's last answer.

    Raises:
        CredentialsProblem: they expired meanwhile; the job goes on.
        ConnectionProblem: the connection was gone for longer than `patience_seconds`.
        UsageError: there is no such job.
    """
    phase, silent_polls = "", 0
    lost_since: float | None = None
    while True:
        try:
            found = describe(logs.aws, logs.job)
            lines = logs.new_lines()
        except ConnectionProblem as error:
            if lost_since is None:
                lost_since = time.monotonic()
                say(f"{error.problems[0]} (trying again)")
            if time.monotonic() - lost_since > patience_seconds:
                raise
            time.sleep(poll_seconds)
            continue
        lost_since = None
        if (now := _phase(found)) != phase:
            phase = now
            say(f"{logs.job}: {phase}")
        for line in lines:
            show(line)
        is_silent = found["TrainingJobStatus"] in ENDED and not lines
        silent_polls = silent_polls + 1 if is_silent else 0
        if silent_polls == SETTLE_POLLS:
            return found
        time.sleep(poll_seconds)


def _phase(found: Mapping[str, Any]) -> str:
    status, phase = found["TrainingJobStatus"], found.get("SecondaryStatus", "")
    return status if phase in ("", status) else f"{status}, {phase}"


def _line(host: str, event: Mapping[str, Any]) -> Line:
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, timezone.utc)
    return Line(host=host, time=moment.isoformat(timespec="milliseconds"), text=event["message"].rstrip("\n"))
