"""`thaiocr docker`: the container image."""

from __future__ import annotations

import argparse
import shlex
from typing import Final

from thaiocr.cli.common import Commands, add_json_flag, add_verb, out, print_json, say

EXAMPLES: Final = """\
  thaiocr docker build
  thaiocr docker build --gpu cpu --engine podman
"""
BUILD_EXAMPLES: Final = """\
  thaiocr docker build
  thaiocr docker build --gpu cpu --tag thaiocr:mine
  thaiocr docker build --base-image python:3.11-slim-bookworm@sha256:<digest>
  thaiocr docker build --engine podman -- --volume /etc/pip.conf:/etc/pip.conf:ro
  thaiocr docker build --dry-run --json
"""
ENGINE_NAMES: Final = ("docker", "podman", "buildah")
GPU_NAMES: Final = ("cu118", "cu126", "cpu")


def register(commands: Commands) -> None:
    """Add `docker build`."""
    parser = add_verb(commands, "docker", summary="build the container image", examples=EXAMPLES, run=run)
    # An action is required and brings its own `run`.
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    summary = "build the image unless it is there; its name holds a hash of all that it is made of"
    build = add_verb(actions, "build", summary=summary, examples=BUILD_EXAMPLES, run=run)
    build.add_argument("--engine", choices=ENGINE_NAMES, help="default: the first of these that is installed")
    build.add_argument(
        "--gpu",
        choices=GPU_NAMES,
        default="cu118",
        help="CUDA of paddle's wheel: cu118 for drivers from 450.80, cu126 from 550.54; cpu without (default: cu118)",
    )
    build.add_argument(
        "--base-image", metavar="IMAGE", help="Debian with Python 3.11 or newer (default: the Dockerfile's)"
    )
    build.add_argument("--tag", metavar="NAME", help="a name for the image besides its own")
    build.add_argument("--dry-run", action="store_true", help="print the command and do nothing")
    build.add_argument("options", nargs="*", metavar="-- OPTION", help="after --: options of the engine's build")
    add_json_flag(build)


def run(args: argparse.Namespace) -> int:
    """Build the image.

    Raises:
        EnvironmentProblem: no engine is installed, or it fails.
    """
    from thaiocr.launch.image import build, build_command, find_engine, recipe

    chosen = recipe(args.gpu, base_image=args.base_image)
    engine = args.engine or find_engine()
    if args.dry_run:
        command = build_command(chosen, engine, "CONTEXT", args.options)
        if args.json:
            print_json({"image": chosen.image, "engine": engine, "command": command, "files": sorted(chosen.files)})
        else:
            out(shlex.join(command))
        return 0
    built = build(chosen, engine, options=args.options, name=args.tag, echo=say)
    if args.json:
        print_json({"image": built.image, "engine": engine, "built": built.is_new})
    else:
        out(f"{built.image}: {'built' if built.is_new else 'there already, nothing to build'}")
    return 0
