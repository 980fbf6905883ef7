"""What the actions of `thaiocr sagemaker` share."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from thaiocr.cli.common import require, say
from thaiocr.errors import UsageError

if TYPE_CHECKING:
    from thaiocr.launch.aws import Aws
    from thaiocr.launch.settings import Settings


def add_account_arguments(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add --settings, --region and --bucket, --prefix; and --role, --repository, --image where they are named."""
    described = {
        "region": ("REGION", "AWS region; default: AWS_REGION, the settings file, your AWS profile"),
        "bucket": ("NAME", "bucket for data, checkpoints and models"),
        "prefix": ("FOLDER", "folder in the bucket (default: thaiocr)"),
        "role": ("ARN", "role that jobs run as"),
        "repository": ("NAME", "repository in ECR (default: thaiocr)"),
        "image": ("URI", "image in ECR; default: the one of this version of thaiocr"),
    }
    parser.add_argument("--settings", metavar="FILE", help="settings (default: sagemaker.yml where there is one)")
    for name in ("region", "bucket", "prefix", *names):
        metavar, text = described[name]
        parser.add_argument(f"--{name}", metavar=metavar, help=text)


def read_settings(args: argparse.Namespace) -> Settings:
    """Return the settings.

    Raises:
        ConfigError: the file or a value cannot be used.
    """
    from thaiocr.launch.settings import ENVIRONMENT, load_settings

    given = {name: getattr(args, name, None) for name in ENVIRONMENT}
    return load_settings(args.settings, given)


def connect(settings: Settings) -> Aws:
    """Return clients.

    Raises:
        EnvironmentProblem: boto3 is not installed, or the profile or region is not there.
    """
    require("boto3", needed_for="`thaiocr sagemaker`", install="pip install boto3")
    from thaiocr.launch.aws import Aws

    return Aws(settings.region)


def confirm(question: str, *, is_confirmed: bool) -> None:
    """Ask on the terminal.

    Raises:
        UsageError: no, or nobody is there to ask.
    """
    if is_confirmed:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody is there to ask; add -y to say yes")
    say(f"{question} [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was done")
