from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest

from thaiocr.launch.describe import duration, status_lines
from thaiocr.launch.jobs import status_of

START: Final = datetime(2026, 11, 21, 5, 0, tzinfo=timezone.utc)
RUNNING: Final[dict[str, Any]] = {
    "TrainingJobName": "thaiocr-1",
    "TrainingJobStatus": "InProgress",
    "SecondaryStatus": "Training",
    "CreationTime": START,
    "ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 50},
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
}
ENDED: Final = {
    **RUNNING,
    "TrainingJobStatus": "Completed",
    "SecondaryStatus": "Completed",
    "TrainingEndTime": START + timedelta(hours=2, minutes=5),
    "BillableTimeInSeconds": 3600,
    "EnableManagedSpotTraining": True,
    "FinalMetricDataList": [{"MetricName": "eval:acc", "Value": 0.98765432}],
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (3600, "1 h"), (7529, "2 h 5 min"), (7199, "2 h"), (86_400, "24 h")],
)
def test_durations_are_said_as_people_do(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_a_running_job_has_no_bill_and_no_model_yet() -> None:
    status = status_of(RUNNING, 0.7364, START + timedelta(minutes=3))
    assert not status.is_ended
    assert status_lines(status) == [
        "job             thaiocr-1",
        "status          InProgress, Training",
        "launched        2026-11-21T05:00:00+00:00, 3 min ago",
        "instances       2 x ml.g4dn.xlarge",
    ]


def test_a_job_that_ended_shows_the_bill_of_all_its_instances_with_the_discount() -> None:
    status = status_of(ENDED, 0.7364)
    assert status.cost == 1.47
    assert status_lines(status) == [
        "job             thaiocr-1",
        "status          Completed",
        "launched        2026-11-21T05:00:00+00:00, 2 h 5 min in all",
        "instances       2 x ml.g4dn.xlarge (spot)",
        "billed          1 h, 1.47 USD",
        "metrics         eval:acc 0.987654",
        "model           s3://b/model.tar.gz",
    ]
    assert "billed          1 h" in status_lines(status_of(ENDED, None))


def test_a_failed_job_has_a_reason_and_no_model() -> None:
    failed = {**ENDED, "TrainingJobStatus": "Failed", "SecondaryStatus": "Failed", "FailureReason": "AlgorithmError: x"}
    status = status_of(failed, None)
    assert (status.model, status.failure) == (None, "AlgorithmError: x")
