"""`thaiocr sagemaker bootstrap` and `doctor`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import Commands, add_json_flag, add_verb, out, print_json, say
from thaiocr.cli.sagemaker_common import add_account_arguments, confirm, connect, read_settings
from thaiocr.errors import EnvironmentProblem

if TYPE_CHECKING:
    from thaiocr.launch.aws import Aws
    from thaiocr.launch.policies import Place
    from thaiocr.launch.preflight import Finding
    from thaiocr.launch.settings import Settings

BOOTSTRAP_EXAMPLES: Final = """\
  thaiocr sagemaker bootstrap --bucket my-ocr-bucket --region us-east-1 --dry-run
  thaiocr sagemaker bootstrap --bucket my-ocr-bucket --region us-east-1
"""
DOCTOR_EXAMPLES: Final = """\
  thaiocr sagemaker doctor
  thaiocr sagemaker doctor -c my.yml --instance-type ml.g5.xlarge --spot
"""


def register(actions: Commands) -> None:
    """Add the actions."""
    bootstrap = add_verb(
        actions,
        "bootstrap",
        summary="make bucket, repository and role where they are missing; shows everything first",
        examples=BOOTSTRAP_EXAMPLES,
        run=run_bootstrap,
    )
    add_account_arguments(bootstrap, "repository")
    bootstrap.add_argument("--role-name", default="thaiocr-training", metavar="NAME", help="role that jobs run as")
    bootstrap.add_argument("--dry-run", action="store_true", help="show what would be made, do nothing")
    bootstrap.add_argument("-y", "--yes", action="store_true", help="do not ask")
    add_json_flag(bootstrap)

    doctor = add_verb(
        actions, "doctor", summary="look whether a launch would succeed", examples=DOCTOR_EXAMPLES, run=run_doctor
    )
    doctor.add_argument("-c", "--config", metavar="FILE", help="configuration whose data are looked at as well")
    doctor.add_argument("--instance-type", default="ml.g4dn.xlarge", metavar="TYPE", help="default: ml.g4dn.xlarge")
    doctor.add_argument("--spot", action="store_true", help="look at the quota for spot capacity")
    add_account_arguments(doctor, "role", "repository", "image")
    add_json_flag(doctor)


def run_bootstrap(args: argparse.Namespace) -> int:
    """Show what is missing, make it, write the settings file.

    Raises:
        UsageError: the bucket cannot be used, or it was not confirmed.
        EnvironmentProblem: AWS does not let it happen.
    """
    from thaiocr.launch.bootstrap import needed_changes
    from thaiocr.launch.policies import Place, policy

    settings = read_settings(args)
    aws = connect(settings)
    account = aws.account()
    place = Place(
        account=account,
        region=aws.region,
        bucket=settings.bucket or f"thaiocr-{account}-{aws.region}",
        prefix=settings.prefix,
        repository=settings.repository,
        role_name=args.role_name,
    )
    changes = needed_changes(aws, place)
    if args.json:
        shown = [{"what": each.what, "requests": each.details} for each in changes]
        print_json({"changes": shown, "role": place.role, "launcher_policy": policy("launcher", place)})
    else:
        for each in changes:
            out(f"{each.what}:\n{json.dumps(_readable(each.details), indent=2)}")
    if args.dry_run:
        return 0
    if changes:
        confirm(f"make these changes in account {account}?", is_confirmed=args.yes)
    else:
        say(f"account {account}: nothing is missing")
    for each in changes:
        each.apply()
        say(f"done: {each.what}")
    _write(Path(args.settings or "sagemaker.yml"), settings, place)
    return 0


def _readable(value: Any) -> Any:
    """Return requests with the policies in them, which are sent as text, as what they say."""
    if isinstance(value, dict):
        return {key: _readable(each) for key, each in value.items()}
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def _write(path: Path, settings: Settings, place: Place) -> None:
    from thaiocr.launch.settings import write_settings

    found = replace(
        settings, region=place.region, bucket=place.bucket, repository=place.repository, role=place.role, image=None
    )
    write_settings(path, found)
    say(f"{path}: written; look at the rest with: thaiocr sagemaker doctor")


def run_doctor(args: argparse.Namespace) -> int:
    """Look at everything that a launch needs.

    Raises:
        EnvironmentProblem: something is missing; what to do stands beside it.
    """
    settings = read_settings(args)
    findings = [*_findings(connect(settings), settings, args), *_data(args)]
    for each in findings:
        if args.json:
            print_json(asdict(each))
        else:
            advice = f"\n             → {each.advice}" if each.advice else ""
            out(f"{'ok' if each.is_good else 'MISSING':8} {each.check:12} {each.text}{advice}")
    return 0 if all(each.is_good for each in findings) else EnvironmentProblem.exit_code


def _findings(aws: Aws, settings: Settings, args: argparse.Namespace) -> list[Finding]:
    from thaiocr.launch.image import recipe
    from thaiocr.launch.preflight import preflight
    from thaiocr.launch.publish import gpu_of
    from thaiocr.launch.submission import check_instance_type

    check_instance_type(args.instance_type)
    tag = recipe(gpu_of(args.instance_type), base_image=settings.base_image).tag
    return list(preflight(aws, settings, args.instance_type, is_spot=args.spot, tag=tag))


def _data(args: argparse.Namespace) -> list[Finding]:
    from thaiocr.errors import ThaiOcrError
    from thaiocr.launch.local import read_run
    from thaiocr.launch.preflight import Finding

    if not args.config:
        return []
    try:
        run = read_run(args.config, ())
    except ThaiOcrError as error:
        return [Finding(check="data", is_good=False, text="; ".join(error.problems), advice="thaiocr data check")]
    files = sum(len(each) for each in run.data_files.values())
    return [Finding(check="data", is_good=True, text=f"{files} files, {run.images} images over all epochs")]
