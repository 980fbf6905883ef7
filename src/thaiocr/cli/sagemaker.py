"""`thaiocr sagemaker`: the actions that look after jobs; those that launch and set up are in files of their own."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli import sagemaker_launch, sagemaker_setup
from thaiocr.cli.common import Commands, add_json_flag, add_verb, bar, out, positive, print_json, say
from thaiocr.cli.sagemaker_common import add_account_arguments, confirm, connect, read_settings
from thaiocr.errors import DataError, UsageError

if TYPE_CHECKING:
    from thaiocr.launch.aws import Aws
    from thaiocr.launch.jobs import Status

EXAMPLES: Final = """\
  thaiocr sagemaker bootstrap --bucket my-ocr-bucket
  thaiocr sagemaker launch -c my.yml --dry-run
  thaiocr sagemaker launch -c my.yml --spot --max-cost 10 --follow
  thaiocr sagemaker list
  thaiocr sagemaker fetch JOB -o bundle
"""
CHECK_IMAGES: Final = (".jpg", ".jpeg", ".png")


def register(commands: Commands) -> None:
    """Add the verb and its actions."""
    parser = add_verb(commands, "sagemaker", summary="train on Amazon SageMaker", examples=EXAMPLES, run=run_list)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    sagemaker_setup.register(actions)
    sagemaker_launch.register(actions)

    listed = _action(
        actions, "list", "list the jobs of thaiocr, the latest first", "  thaiocr sagemaker list", run_list
    )
    listed.add_argument("--limit", type=positive, default=20, metavar="N", help="show so many (default: 20)")
    _action(actions, "status", "show how a job is doing", "  thaiocr sagemaker status JOB", run_status, job=True)
    logs = _action(
        actions, "logs", "show what a job prints", "  thaiocr sagemaker logs JOB --follow", run_logs, job=True
    )
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the job ends; Ctrl-C only detaches")
    _action(actions, "stop", "ask a job to save and stop", "  thaiocr sagemaker stop JOB", run_stop, job=True)
    fetch = _action(
        actions,
        "fetch",
        "download a job's model and try it",
        "  thaiocr sagemaker fetch JOB -o bundle --sample train_data/thai",
        run_fetch,
        job=True,
    )
    fetch.add_argument("-o", "--output", required=True, metavar="DIR", help="folder for the bundle; must be new")
    fetch.add_argument("--sample", metavar="PATH", help="picture to read with the model, or a folder: its first one")
    cleanup = _action(
        actions, "cleanup", "delete what jobs keep in S3", "  thaiocr sagemaker cleanup JOB JOB", run_cleanup
    )
    cleanup.add_argument("jobs", nargs="+", metavar="JOB", help="jobs whose model and checkpoints are to go")
    cleanup.add_argument("-y", "--yes", action="store_true", help="do not ask")


def _action(
    actions: Commands, name: str, summary: str, examples: str, run: Any, *, job: bool = False
) -> argparse.ArgumentParser:
    parser = add_verb(actions, name, summary=summary, examples=examples, run=run)
    if job:
        parser.add_argument("job", metavar="JOB", help="name, as `thaiocr sagemaker list` shows it")
    add_account_arguments(parser)
    add_json_flag(parser)
    return parser


def run_list(args: argparse.Namespace) -> int:
    """List jobs."""
    from itertools import islice

    from thaiocr.launch.jobs import summaries

    aws = connect(read_settings(args))
    for each in islice(summaries(aws), args.limit):
        name, status, created = each["TrainingJobName"], each["TrainingJobStatus"], each["CreationTime"].isoformat()
        if args.json:
            print_json({"job": name, "status": status, "started": created})
        else:
            out(f"{status:11} {created[:16]}  {name}")
    return 0


def run_status(args: argparse.Namespace) -> int:
    """Show one job."""
    from thaiocr.launch.describe import status_lines

    status = _status(args, connect(read_settings(args)))
    if args.json:
        print_json({**asdict(status), "metrics": dict(status.metrics)})
    else:
        out("\n".join(status_lines(status)))
    return 0


def run_logs(args: argparse.Namespace) -> int:
    """Show the log; with --follow the exit code tells how the job ended."""
    from thaiocr.launch.jobs import describe
    from thaiocr.launch.logs import Logs

    aws = connect(read_settings(args))
    if args.follow:
        return sagemaker_launch.follow_job(aws, args.job, as_json=args.json)
    describe(aws, args.job)
    lines = Logs(aws, args.job).new_lines()
    for line in lines:
        sagemaker_launch.print_line(line, as_json=args.json)
    if not lines:
        say(f"{args.job}: has printed nothing yet")
    return 0


def run_stop(args: argparse.Namespace) -> int:
    """Stop a job."""
    from thaiocr.launch.jobs import stop

    is_stopping = stop(connect(read_settings(args)), args.job)
    if args.json:
        print_json({"job": args.job, "stopping": is_stopping})
    else:
        out(f"{args.job}: {'saves and stops, within two minutes' if is_stopping else 'has ended already'}")
    if is_stopping:
        say(f"go on later with: thaiocr sagemaker launch --resume {args.job}")
    return 0


def run_fetch(args: argparse.Namespace) -> int:
    """Download, verify and try the model.

    Raises:
        UsageError: the job has no model yet.
        DataError: the archive or the bundle in it cannot be trusted.
    """
    from thaiocr.launch.fetch import fetch_archive

    aws = connect(read_settings(args))
    status = _status(args, aws)
    if status.model is None:
        raise UsageError(_no_model(status))
    folder = fetch_archive(aws, status.model, Path(args.output), progress=bar)

    from thaiocr.predict.reader import Reader

    try:
        reader = Reader(folder)
    except DataError as error:
        raise DataError(
            [*error.problems, f"{args.job} made no usable model; it is kept in {folder} as it is"]
        ) from error
    found = {"bundle": str(folder), "job": args.job, "classes": len(reader.bundle.dictionary.entries)}
    if (picture := _picture(args.sample)) is not None:
        prediction = next(iter(reader.read_files([(str(picture), picture)])))
        if prediction.error:
            raise DataError(prediction.error)
        found |= {"image": prediction.image, "text": prediction.text, "score": round(prediction.score, 6)}
    if args.json:
        print_json(found)
        return 0
    out(f"{folder}: a bundle of {found['classes']} entries, as it was exported")
    if "text" in found:
        out(f"{found['image']} → {found['text']} → {found['score']:.4f}")
    say(f"read images with: thaiocr predict --bundle {folder} IMAGE…")
    return 0


def run_cleanup(args: argparse.Namespace) -> int:
    """Delete what jobs keep in S3.

    Raises:
        UsageError: one of them runs, or it was not confirmed.
    """
    from thaiocr.launch.jobs import leftovers, remove

    settings = read_settings(args)
    settings.need("bucket")
    assert settings.bucket is not None
    aws = connect(settings)
    found = [leftovers(aws, job, bucket=settings.bucket, prefix=settings.prefix) for job in args.jobs]
    for each in found:
        say(f"{each.uri}: {len(each.keys)} files, {each.size_bytes / 1e6:.1f} MB")
    count = sum(len(each.keys) for each in found)
    if count:
        confirm(f"delete these {count} files for good?", is_confirmed=args.yes)
    for each in found:
        remove(aws, each)
    if args.json:
        print_json({"deleted": count})
    else:
        out(f"{count} files deleted")
    return 0


def _status(args: argparse.Namespace, aws: Aws) -> Status:
    from thaiocr.launch.cost import price
    from thaiocr.launch.jobs import describe, status_of

    found = describe(aws, args.job)
    per_hour, _ = price(found["ResourceConfig"]["InstanceType"], aws.region, read_settings(args).prices)
    return status_of(found, per_hour)


def _no_model(status: Status) -> str:
    if status.is_ended:
        return f"{status.job}: {status.status} without a model: {status.failure or 'no reason given'}"
    return f"{status.job}: {status.status}, {status.phase}; wait with: thaiocr sagemaker logs {status.job} --follow"


def _picture(sample: str | None) -> Path | None:
    if sample is None or not Path(sample).is_dir():
        return Path(sample) if sample else None
    pictures = (path for path in sorted(Path(sample).rglob("*")) if path.suffix.lower() in CHECK_IMAGES)
    if (first := next(pictures, None)) is None:
        raise DataError(f"{sample}: no picture in this folder")
    return first
