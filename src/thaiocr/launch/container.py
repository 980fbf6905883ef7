"""What the image runs: `train` alone is SageMaker's call for a job, anything else is a verb of `thaiocr`.

A job trains with `thaiocr train` and exports with `thaiocr export`, as a person would. It keeps its run in
`/opt/ml/checkpoints` and goes on from what is there. Of several machines the first saves and exports. Exit codes are
those of `thaiocr`, and 143 after SIGTERM; what went wrong is in `/opt/ml/output/failure`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from thaiocr.checkpoint import store
from thaiocr.config.dump import to_yaml
from thaiocr.errors import INTERRUPTED, EnvironmentProblem, ThaiOcrError
from thaiocr.launch.container_cluster import check_machines, training_options
from thaiocr.launch.container_folders import ROOT, Folders
from thaiocr.launch.container_job import Job, read_job
from thaiocr.launch.container_process import Ended, Stop, run, stop_on_signals

METRIC_DEFINITIONS: Final[list[dict[str, str]]] = [
    {"Name": "train:loss", "Regex": "step [0-9]+: loss ([0-9.]+)"},
    {"Name": "train:acc", "Regex": "step [0-9]+: loss .*, acc ([0-9.]+)"},
    {"Name": "train:grad_norm", "Regex": "step [0-9]+: loss .*grad_norm ([0-9.]+)"},
    {"Name": "train:lr", "Regex": "step [0-9]+: loss .*lr ([0-9.]+)"},
    {"Name": "train:images_per_s", "Regex": "step [0-9]+: loss .* ([0-9]+) images/s"},
    {"Name": "eval:acc", "Regex": "step [0-9]+: acc ([0-9.]+)"},
    {"Name": "eval:norm_edit_dis", "Regex": "step [0-9]+: acc .*norm_edit_dis ([0-9.]+)"},
    {"Name": "eval:macro_acc", "Regex": "step [0-9]+: acc .*macro_acc ([0-9.]+)"},
    {"Name": "eval:cer", "Regex": "step [0-9]+: acc .*cer ([0-9.]+)"},
]
"""What SageMaker looks for in the lines that training prints; the figure is the group."""

STOPPED: Final = 128 + signal.SIGTERM
GRACE_S: Final = 110
"""SageMaker kills 120 seconds after its SIGTERM."""
FAILURE_LENGTH: Final = 1024
KEPT: Final = ("config.yml", "train.log", "metrics.jsonl", "report.json", "rejects.tsv")
"""Of a run's folder, what goes to `output.tar.gz`."""
REASONS: Final[Mapping[int, str]] = {
    2: "usage or configuration",
    3: "data",
    4: "the exported model did not prove equal",
    5: "environment",
    -signal.SIGKILL: "killed; most often the memory was full: a larger instance, or a smaller batch_size_per_card",
    -signal.SIGSEGV: "crashed in native code",
}


def main(words: Sequence[str] | None = None) -> int:
    """Run a job (`train`, or `train --root DIR` for a test), or replace this process by `thaiocr WORDS`."""
    given = tuple(sys.argv[1:] if words is None else words)
    is_job = given == ("train",) or (given[:2] == ("train", "--root") and len(given) == 3)
    if not is_job:
        os.execv(sys.executable, _thaiocr(*given))  # noqa: S606 - no shell is wanted
    return train(Path(given[2]) if len(given) == 3 else ROOT)


def train(root: Path) -> int:
    """Run a training job whose folders are below `root`.

    Returns:
        The exit code; when it is neither 0 nor 143, `failure` says why.
    """
    folders = Folders(root)
    try:
        with stop_on_signals() as stop:
            return _train(folders, stop)
    except ThaiOcrError as error:
        _say(str(error))
        return _fail(folders, str(error), error.exit_code)
    except Exception as error:
        # Nobody watches a job: whatever happened must reach its FailureReason.
        traceback.print_exc()
        return _fail(folders, f"{type(error).__name__}: {error}", 1)


def _train(folders: Folders, stop: Stop) -> int:
    job = read_job(folders)
    if job.unused:
        _say(f"keys that change nothing here: {', '.join(job.unused)}")
    processes = check_machines(job.cluster, use_gpu=job.config.run.use_gpu, echo=_say)
    config_file = _write_config(folders, job)
    if stop.at is not None:
        return STOPPED
    options, variables = training_options(job.cluster, processes=processes)
    words = ["train", "-c", str(config_file), *options, *_start(folders)]
    trained = run(_thaiocr(*words), stop=stop, variables=variables)
    if trained.code == INTERRUPTED and stop.at is None:
        stop.at = time.monotonic()  # another machine was told first, and the run stopped on all
    is_first = job.cluster.rank == 0
    if is_first:
        _keep_logs(folders)
    if stop.at is None and trained.code:
        return _fail(folders, _describe("training", trained), _exit_code(trained.code))
    # A job that was stopped, by hand or at its time limit, leaves its best model as well.
    if is_first and (stop.at is None or store.exists(folders.checkpoints / "best_accuracy")):
        exported = _export(folders, config_file, stop)
        if stop.at is None and exported.code:
            return _fail(folders, _describe("export", exported), _exit_code(exported.code))
    return STOPPED if stop.at is not None else 0


def _write_config(folders: Folders, job: Job) -> Path:
    path = folders.output / "job.yml"
    try:
        for folder in (folders.output, folders.checkpoints, folders.model):
            folder.mkdir(parents=True, exist_ok=True)
        path.write_text(to_yaml(job.config), "utf-8")
    except OSError as error:
        raise EnvironmentProblem(
            f"{error.filename}: cannot be written: {error.strerror}; SageMaker's folders belong to root, run as root"
        ) from error
    return path


def _start(folders: Folders) -> list[str]:
    """Return the option that makes training go on, where there is something to go on from."""
    checkpoints = folders.checkpoints
    is_started = bool(store.prefixes(checkpoints))
    _say(f"{checkpoints}: {'going on from there' if is_started else 'empty, starting anew'}")
    return ["--resume"] if is_started else []


def _export(folders: Folders, config_file: Path, stop: Stop) -> Ended:
    """Export the best checkpoint; `model` gets a whole bundle or nothing."""
    with TemporaryDirectory(prefix="thaiocr-") as scratch:
        # Not into `model` itself: it is a mount point, and a bundle takes its place by a renaming.
        bundle = Path(scratch) / "bundle"
        limit_s = None if stop.at is None else max(1.0, stop.at + GRACE_S - time.monotonic())
        ended = run(_thaiocr("export", "-c", str(config_file), "-o", str(bundle)), limit_s=limit_s)
        if ended.code == 0:
            shutil.copytree(bundle, folders.model, dirs_exist_ok=True)
            _say(f"{folders.model}: the bundle is there")
    return ended


def _keep_logs(folders: Folders) -> None:
    for name in KEPT:
        if (folders.checkpoints / name).is_file():
            shutil.copyfile(folders.checkpoints / name, folders.output / name)


def _describe(what: str, ended: Ended) -> str:
    """Say how a command ended, with as many of its last lines as the failure file takes."""
    reason = f" ({REASONS[ended.code]})" if ended.code in REASONS else ""
    text = f"{what} ended with exit code {_exit_code(ended.code)}{reason}"
    kept: list[str] = []
    for line in reversed(ended.lines):
        if len("\n".join([text, line, *kept])) > FAILURE_LENGTH:
            break
        kept.insert(0, line)
    return "\n".join([text, *kept])


def _exit_code(code: int) -> int:
    """Return an exit code as a shell would: 128 and the signal's number for a command that a signal killed."""
    return code if code >= 0 else 128 - code


def _fail(folders: Folders, reason: str, code: int) -> int:
    """Leave the reason for SageMaker."""
    try:
        folders.failure.parent.mkdir(parents=True, exist_ok=True)
        folders.failure.write_text(reason[:FAILURE_LENGTH], "utf-8")
    except OSError as error:
        _say(f"{folders.failure}: cannot be written: {error.strerror}")
    return code


def _thaiocr(*words: str) -> list[str]:
    return [sys.executable, "-m", "thaiocr.cli.main", *words]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
