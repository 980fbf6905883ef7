"""One job of the fake SageMaker: its file system, its containers, its log streams, its end."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Protocol

GROUP: Final = "/aws/sagemaker/TrainingJobs"
KILL_SECONDS: Final = 120
SYNC_SECONDS: Final = 0.2
FAILURE_LENGTH: Final = 1024


class Container(Protocol):
    """A running container, as far as a job needs it."""

    @property
    def stdout(self) -> IO[str] | None: ...

    @property
    def returncode(self) -> int: ...

    def poll(self) -> int | None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


Runner = Callable[[Path, str], Container]
"""(the container's /opt/ml, name of the host) -> the running container, standard output and error on one pipe."""


def split_uri(uri: str) -> tuple[str, str]:
    """Return (bucket, key)."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def script_runner(script: Path) -> Runner:
    """Return a runner that takes a Python script for the container; it gets the path of /opt/ml and the host."""
    return lambda root, host: _spawn([sys.executable, "-u", str(script), str(root), host])


def container_runner(root: Path, host: str) -> Container:
    """Run the container's own program without the container."""
    del host
    return _spawn([sys.executable, "-m", "thaiocr.launch.container", "train", "--root", str(root)])


def _spawn(command: list[str]) -> Container:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")


class RunningJob(threading.Thread):
    """Runs in a thread of its own from InProgress to Completed, Failed or Stopped."""

    def __init__(self, wanted: dict[str, Any], work: Path, runner: Runner, clients: Mapping[str, Any]) -> None:
        super().__init__(daemon=True)
        self.wanted, self.runner, self.clients = wanted, runner, clients
        self.name = wanted["TrainingJobName"]
        self.arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{self.name}"
        self.kind = wanted["ResourceConfig"]["InstanceType"]
        self.instances = wanted["ResourceConfig"]["InstanceCount"]
        self.hosts = [f"algo-{number}" for number in range(1, self.instances + 1)]
        self.addresses = [f"127.0.0.{number}" for number in range(1, self.instances + 1)]
        """What the containers are told of their hosts: names that this machine finds."""
        self.status, self.failure = "InProgress", ""
        self.created = time.time()
        self.ended: float | None = None
        self.transitions: list[dict[str, Any]] = []
        self.attempt = 0
        self._work = work / self.name
        self._processes: list[Container] = []
        self._stop_asked = threading.Event()
        self._interruption = threading.Event()
        self._saved: dict[Path, int] = {}
        self._metrics: dict[str, float] = {}
        self._enter("Starting")

    # -- What others do to it ------------------------------------------------------------------------------------------

    def stop(self) -> None:
        self.status = "Stopping"
        self._stop_asked.set()
        self._terminate()

    def interrupt(self) -> None:
        """Take the spot capacity away; a new instance goes on."""
        assert self.wanted["EnableManagedSpotTraining"]
        self._interruption.set()
        self._terminate()

    def kill(self) -> None:
        self._stop_asked.set()
        for process in self._processes:
            process.kill()
        self.join()

    def _terminate(self) -> None:
        for process in self._processes:
            process.terminate()

    # -- What is told about it -----------------------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        found = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "CreationTime": self.created,
            "TrainingJobStatus": self.status,
        }
        return found if self.ended is None else {**found, "TrainingEndTime": self.ended}

    def description(self) -> dict[str, Any]:
        output = self.wanted["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        found = {
            **{key: value for key, value in self.wanted.items() if key != "Tags"},
            **self.summary(),
            "SecondaryStatus": self.transitions[-1]["Status"],
            "SecondaryStatusTransitions": self.transitions,
            "ModelArtifacts": {"S3ModelArtifacts": f"{output}/{self.name}/output/model.tar.gz"},
            "LastModifiedTime": self.transitions[-1]["StartTime"],
            "FinalMetricDataList": [
                {"MetricName": name, "Value": value, "Timestamp": self.created} for name, value in self._metrics.items()
            ],
        }
        if self.failure:
            found["FailureReason"] = self.failure
        if self.ended is not None:
            seconds = max(1, round(self.ended - self.created))
            share = 0.3 if self.wanted.get("EnableManagedSpotTraining") else 1
            found |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": max(1, round(seconds * share))}
        return found

    # -- Its life ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        try:
            status, secondary = self._life()
        except Exception as error:
            status, secondary, self.failure = "Failed", "Failed", f"InternalServerError: {error!r}"
        self.ended = time.time()
        self._enter(secondary)
        self.status = status

    def _life(self) -> tuple[str, str]:
        while True:
            self.attempt += 1
            self._interruption.clear()
            roots = self._prepare()
            if self._stop_asked.is_set():
                return "Stopped", "Stopped"
            self._enter("Training")
            codes, is_overtime = self._train(roots)
            if self._interruption.is_set() and not self._stop_asked.is_set():
                self._enter("Interrupted")
                self._enter("Starting")
                continue
            self._enter("Uploading")
            self._upload(roots[0])
            return self._end(roots, codes, is_overtime=is_overtime)

    def _end(self, roots: list[Path], codes: list[int], *, is_overtime: bool) -> tuple[str, str]:
        if is_overtime:
            return "Stopped", "MaxRuntimeExceeded"
        if self._stop_asked.is_set():
            return "Stopped", "Stopped"
        for root, code in zip(roots, codes, strict=True):
            if code:
                file = root / "output" / "failure"
                reason = file.read_text("utf-8")[:FAILURE_LENGTH] if file.exists() else ""
                self.failure = f"AlgorithmError: {reason}, exit code: {code}"
                return "Failed", "Failed"
        return "Completed", "Completed"

    def _enter(self, status: str) -> None:
        now = time.time()
        if self.transitions:
            self.transitions[-1]["EndTime"] = now
        self.transitions.append({"Status": status, "StartTime": now, "StatusMessage": status})

    def _prepare(self) -> list[Path]:
        self._enter("Downloading")
        shutil.rmtree(self._work, ignore_errors=True)
        roots = [self._work / host for host in self.hosts]
        channels = {
            each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in self.wanted["InputDataConfig"]
        }
        for root, address in zip(roots, self.addresses, strict=True):
            for name, uri in channels.items():
                self._download(uri, root / "input" / "data" / name)
            self._download(self.wanted["CheckpointConfig"]["S3Uri"].rstrip("/") + "/", root / "checkpoints")
            settings = {
                "hyperparameters": self.wanted.get("HyperParameters", {}),
                "inputdataconfig": {name: {"TrainingInputMode": "File"} for name in channels},
                "resourceconfig": {
                    "current_host": address,
                    "hosts": self.addresses,
                    "network_interface_name": "lo",
                },
            }
            for name, content in settings.items():
                file = root / "input" / "config" / f"{name}.json"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(content), "utf-8")
            for name in ("model", "output/data"):
                (root / name).mkdir(parents=True, exist_ok=True)
        return roots

    def _train(self, roots: list[Path]) -> tuple[list[int], bool]:
        self._processes = [self.runner(root, host) for root, host in zip(roots, self.hosts, strict=True)]
        if self._stop_asked.is_set() or self._interruption.is_set():
            self._terminate()
        readers = [
            threading.Thread(target=self._read, args=(process, host), daemon=True)
            for process, host in zip(self._processes, self.hosts, strict=True)
        ]
        for reader in readers:
            reader.start()
        end = time.monotonic() + self.wanted["StoppingCondition"]["MaxRuntimeInSeconds"]
        is_overtime, kill_at = False, float("inf")
        while any(process.poll() is None for process in self._processes):
            time.sleep(SYNC_SECONDS)
            self._save_checkpoints(roots[0])
            if time.monotonic() > end and not is_overtime:
                is_overtime, kill_at = True, time.monotonic() + KILL_SECONDS
                self._terminate()
            if time.monotonic() > kill_at:
                for process in self._processes:
                    process.kill()
        for reader in readers:
            reader.join()
        self._save_checkpoints(roots[0])
        return [process.returncode for process in self._processes], is_overtime

    # -- Logs ----------------------------------------------------------------------------------------------------------

    def _read(self, process: Container, host: str) -> None:
        logs, stream = self.clients["logs"], f"{self.name}/{host}-{self.attempt}-{int(self.created)}"
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._measure(line)
                event = {"timestamp": int(time.time() * 1000), "message": line.rstrip("\n") or " "}
                logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=[event])

    def _measure(self, line: str) -> None:
        for each in self.wanted["AlgorithmSpecification"].get("MetricDefinitions", []):
            if found := re.search(each["Regex"], line):
                self._metrics[each["Name"]] = float(found[1])

    # -- S3 ------------------------------------------------------------------------------------------------------------

    def _download(self, uri: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        bucket, prefix = split_uri(uri)
        for page in self.clients["s3"].get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                path = folder / each["Key"][len(prefix) :]
                path.parent.mkdir(parents=True, exist_ok=True)
                self.clients["s3"].download_file(bucket, each["Key"], str(path))

    def _save_checkpoints(self, root: Path) -> None:
        bucket, prefix = split_uri(self.wanted["CheckpointConfig"]["S3Uri"].rstrip("/") + "/")
        folder = root / "checkpoints"
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            try:
                changed = path.stat().st_mtime_ns
                if self._saved.get(path) != changed:
                    content = path.read_bytes()
                    self.clients["s3"].put_object(
                        Bucket=bucket, Key=prefix + path.relative_to(folder).as_posix(), Body=content
                    )
                    self._saved[path] = changed
            except FileNotFoundError:  # a temporary file that has its final name now
                continue

    def _upload(self, root: Path) -> None:
        bucket, prefix = split_uri(self.wanted["OutputDataConfig"]["S3OutputPath"].rstrip("/") + "/")
        for name, folder in (("model", root / "model"), ("output", root / "output" / "data")):
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w:gz") as tar:
                for path in sorted(folder.iterdir()):
                    tar.add(path, arcname=path.name)
            key = f"{prefix}{self.name}/output/{name}.tar.gz"
            self.clients["s3"].put_object(Bucket=bucket, Key=key, Body=packed.getvalue())
