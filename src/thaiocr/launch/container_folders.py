"""Where SageMaker puts things into a training container, and where it takes them from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path("/opt/ml")


@dataclass(frozen=True, slots=True)
class Folders:
    """The paths under `/opt/ml`, or under another root for a test."""

    root: Path = ROOT

    @property
    def settings(self) -> Path:
        """`hyperparameters.json`, `inputdataconfig.json` and `resourceconfig.json`."""
        return self.root / "input" / "config"

    @property
    def channels(self) -> Path:
        """One folder for each channel of the job."""
        return self.root / "input" / "data"

    @property
    def checkpoints(self) -> Path:
        """Copied to and from S3 while the job runs, so that a spot job goes on where it was."""
        return self.root / "checkpoints"

    @property
    def model(self) -> Path:
        """Becomes `model.tar.gz`."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """Becomes `output.tar.gz`, of failed jobs as well."""
        return self.root / "output" / "data"

    @property
    def failure(self) -> Path:
        """The first 1024 characters of this file become the job's FailureReason."""
        return self.root / "output" / "failure"
