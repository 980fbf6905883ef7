"""`thaiocr sagemaker launch`, and following a job."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from thaiocr.cli.common import Commands, add_json_flag, add_overrides, add_verb, bar, out, positive, print_json, say
from thaiocr.cli.sagemaker_common import add_account_arguments, confirm, connect, read_settings
from thaiocr.errors import INTERRUPTED, EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.launch.aws import Aws
    from thaiocr.launch.jobs import Create
    from thaiocr.launch.logs import Line
    from thaiocr.launch.publish import Publication
    from thaiocr.launch.settings import Settings
    from thaiocr.launch.submission import Limits, Prepared

EXAMPLES: Final = """\
  thaiocr sagemaker launch -c my.yml --dry-run
  thaiocr sagemaker launch -c my.yml -o Global.epoch_num=20 --max-hours 6 -y
  thaiocr sagemaker launch -c my.yml --spot --max-cost 10 --follow
  thaiocr sagemaker launch --resume thaiocr-my-20261121-050000-1a2b
"""


def register(actions: Commands) -> None:
    """Add the action."""
    parser = add_verb(actions, "launch", summary="train on SageMaker", examples=EXAMPLES, run=run)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-c", "--config", metavar="FILE", help="PaddleOCR-style YAML file; its data are uploaded")
    what.add_argument("--resume", metavar="JOB", help="go on where a job stopped, with its files and image")
    add_overrides(parser)
    _add_limits(parser)
    parser.add_argument("--tag", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="tags of the job")
    add_account_arguments(parser, "role", "repository", "image")
    parser.add_argument("--engine", choices=("docker", "podman", "buildah"), help="what builds a missing image")
    parser.add_argument(
        "--backend",
        choices=("boto3", "sdk"),
        default="boto3",
        help="what sends the request; sdk: the SageMaker Python SDK v3 (default: boto3)",
    )
    parser.add_argument("--dry-run", action="store_true", help="show the exact request and the cost, do nothing")
    parser.add_argument("-f", "--follow", action="store_true", help="show the log until the job ends")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    add_json_flag(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--instance-type", metavar="TYPE", help="machine (default: ml.g4dn.xlarge, one NVIDIA T4)")
    parser.add_argument("--instances", type=positive, metavar="N", help="machines that train together (default: 1)")
    parser.add_argument("--volume-gb", type=positive, metavar="GB", help="disk (default: 50; g4dn has its own)")
    parser.add_argument("--max-hours", type=_amount, default=24.0, metavar="H", help="stop after (default: 24)")
    parser.add_argument("--max-cost", type=_amount, metavar="USD", help="stop before it costs more than this")
    parser.add_argument("--spot", action="store_true", help="spare capacity, about 70 %% cheaper; may be interrupted")
    parser.add_argument(
        "--max-wait-hours", type=_amount, default=24.0, metavar="H", help="spot: wait for capacity (default: 24)"
    )
    parser.add_argument(
        "--keep-alive",
        type=_amount,
        default=0.0,
        metavar="MINUTES",
        help="keep the machine for a next job; is paid for",
    )


def _amount(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, not {text}")
    return number


def run(args: argparse.Namespace) -> int:
    """Plan, confirm, upload, create.

    Raises:
        ThaiOcrError: something is missing or refused; nothing was started.
    """
    from thaiocr.launch.describe import plan_lines
    from thaiocr.launch.publish import publish
    from thaiocr.launch.submission import apply, with_image

    create = _backend(args.backend)
    settings = _with_tags(read_settings(args), args.tag)
    prepared, aws, unpublished = _prepare(args, settings)
    if unpublished is not None:
        say(f"{unpublished.image}: not in ECR yet; the launch builds and pushes it")
    if args.dry_run:
        if args.json:
            print_json({"request": prepared.request, "cost": asdict(prepared.cost)})
        else:
            out("\n".join(plan_lines(prepared)))
        return 0
    for line in plan_lines(prepared):
        say(line)
    confirm("launch this job?", is_confirmed=args.yes)
    if unpublished is not None:
        prepared = with_image(prepared, publish(aws, unpublished, engine=args.engine, echo=say))
    arn = apply(aws, prepared, progress=bar, say=say, create=create)
    job = prepared.request["TrainingJobName"]
    if args.json:
        print_json({"job": job, "arn": arn, "request": prepared.request, "cost": asdict(prepared.cost)})
    else:
        out(job)
    if args.follow:
        return follow_job(aws, job, as_json=False, to_stderr=args.json)
    _say_how(job)
    return 0


def _backend(name: str) -> Create:
    """Return what creates the job, before anything is uploaded for it."""
    if name == "sdk":
        from thaiocr.launch.sdk import load_sdk

        return load_sdk()
    from thaiocr.launch.jobs import with_boto3

    return with_boto3


def follow_job(aws: Aws, job: str, *, as_json: bool, to_stderr: bool = False) -> int:
    """Print a job's log until it ends; Ctrl-C detaches and leaves the job alone.

    Returns:
        0 Completed, 130 detached or Stopped, else the exit code of the container, or 5.
    """
    from thaiocr.launch import logs

    def show(line: Line) -> None:
        print_line(line, as_json=as_json, to_stderr=to_stderr)

    pauses = {"poll_seconds": logs.POLL_SECONDS, "patience_seconds": logs.PATIENCE_SECONDS}
    try:
        found = logs.follow(logs.Logs(aws, job), show=show, say=say, **pauses)
    except KeyboardInterrupt:
        say(f"\ndetached; {job} goes on, and so does its bill")
        _say_how(job)
        return INTERRUPTED
    except EnvironmentProblem as error:
        raise EnvironmentProblem(
            [*error.problems, f"{job} goes on; attach again: thaiocr sagemaker logs {job} --follow"]
        ) from error
    return _verdict(job, found["TrainingJobStatus"], found.get("FailureReason", ""))


def print_line(line: Line, *, as_json: bool, to_stderr: bool = False) -> None:
    """Print one line of a log."""
    if as_json:
        print_json(asdict(line))
    else:
        (say if to_stderr else out)(f"{line.host} {line.time[11:19]} {line.text}")


def _verdict(job: str, status: str, reason: str) -> int:
    if status == "Completed":
        say(f"{job}: done; fetch the model with: thaiocr sagemaker fetch {job} -o bundle")
        return 0
    if status == "Stopped":
        say(f"{job}: stopped; go on with: thaiocr sagemaker launch --resume {job}")
        return INTERRUPTED
    say(f"{job}: {status}: {reason}")
    code = re.search(r"exit code: ([2345])\b", reason)
    return int(code[1]) if code else EnvironmentProblem.exit_code


def _say_how(job: str) -> None:
    say(f"watch: thaiocr sagemaker logs {job} --follow")
    say(f"stop:  thaiocr sagemaker stop {job}")


def _prepare(args: argparse.Namespace, settings: Settings) -> tuple[Prepared, Aws, Publication | None]:
    """Return the plan, clients, and the image where it still has to be pushed.

    The account is asked only for what is not given, and before a launch for the digest of the image.
    """
    from thaiocr.launch import submission
    from thaiocr.launch.local import read_run
    from thaiocr.launch.publish import look_up
    from thaiocr.launch.registry import pin

    limits = _limits(args)
    if limits.instance_type:
        submission.check_instance_type(limits.instance_type)
    if args.resume:
        aws = connect(settings)
        fields = submission.resumed_job(aws, args.resume, args.override, limits)
        return submission.prepare(fields, settings, limits, None, aws.region), aws, None
    local = read_run(args.config, args.override)
    if local.unused:
        say(f"{args.config}: keys that change nothing here: {', '.join(local.unused)}")
    settings.need("role", "bucket")
    image, unpublished = settings.image, None
    aws = connect(settings if image is None else _beside_image(settings, image))
    if image is None:
        instance = limits.instance_type or submission.DEFAULT_INSTANCE
        found = look_up(aws, settings.repository, instance, settings.base_image)
        image, unpublished = found.image, found if found.digest is None else None
    elif not args.dry_run:
        image = pin(aws, image)
    fields = submission.new_job(local, args.override, settings, limits, image)
    return submission.prepare(fields, settings, limits, local, aws.region), aws, unpublished


def _beside_image(settings: Settings, image: str) -> Settings:
    """Return the settings with the region of the image: SageMaker pulls from no other."""
    from thaiocr.launch.registry import parse_image

    region = parse_image(image).region
    if settings.region not in (None, region):
        raise UsageError(
            f"{image}: in {region}, the job would run in {settings.region}; push it there, or take --region"
        )
    return replace(settings, region=region)


def _limits(args: argparse.Namespace) -> Limits:
    from thaiocr.launch.submission import Limits

    return Limits(
        instance_type=args.instance_type,
        instances=args.instances,
        volume_gb=args.volume_gb,
        max_hours=args.max_hours,
        max_cost=args.max_cost,
        is_spot=args.spot,
        max_wait_hours=args.max_wait_hours,
        keep_alive_minutes=args.keep_alive,
    )


def _with_tags(settings: Settings, tags: list[str]) -> Settings:
    wrong = [f"--tag {text}: expected KEY=VALUE" for text in tags if "=" not in text]
    if wrong:
        raise UsageError(wrong)
    return replace(settings, tags={**settings.tags, **dict(text.split("=", 1) for text in tags)})
