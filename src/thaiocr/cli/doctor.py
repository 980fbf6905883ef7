"""`thaiocr doctor`."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from thaiocr.cli.common import (
    Commands,
    add_config_arguments,
    add_json_flag,
    add_verb,
    bar,
    out,
    positive,
    print_json,
)
from thaiocr.errors import DataError, EnvironmentProblem, GateError, ThaiOcrError, UsageError, did_you_mean

if TYPE_CHECKING:
    from thaiocr.config.schema import AnyConfig

EXAMPLES: Final = """\
  thaiocr doctor
  thaiocr doctor fonts
  thaiocr doctor fonts --fonts node_modules/@expo-google-fonts
  thaiocr doctor -c my.yml
  thaiocr doctor -c my.yml -o Optimizer.lr.learning_rate=1e-4 --steps 400
"""
PACKAGES: Final = ("paddlepaddle", "onnxruntime", "pillow", "numpy", "numba", "paddle2onnx")
OPENCV: Final = ("opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python", "opencv-python-headless")
"""All of them are the package `cv2`; one of the first two is wanted."""
PROBE: Final = ("ก", "กั้", "น้ำ", "ปี่", "ผู้")
"""A font that draws these well can draw Thai."""
FAMILIES: Final = 3
"""Train, val and test need one each."""
SHARED_MEMORY_MB: Final = 64


class Finding(NamedTuple):
    """What a check found."""

    is_good: bool
    text: str
    advice: str = ""


def register(commands: Commands) -> None:
    """Add the verb."""
    summary = "look for what is missing on this machine; with -c, for what keeps a configuration from learning"
    parser = add_verb(commands, "doctor", summary=summary, examples=EXAMPLES, run=run)
    parser.add_argument("checks", nargs="*", type=_check_name, metavar="CHECK", help=f"of {', '.join(CHECKS)}")
    parser.add_argument(
        "--fonts", nargs="+", metavar="PATH", help="look for fonts there instead of the system's folders"
    )
    add_config_arguments(parser, is_required=False)
    parser.add_argument("--steps", type=positive, metavar="N", help="with -c: train at most so many steps on one batch")
    add_json_flag(parser)


def _check_name(name: str) -> str:
    if name not in CHECKS:
        raise argparse.ArgumentTypeError(
            f"no check '{name}'{did_you_mean(name, CHECKS)} There are: {', '.join(CHECKS)}"
        )
    return name


def run(args: argparse.Namespace) -> int:
    """Run the checks of the machine, or those of a configuration."""
    if args.config:
        return _run_config(args)
    if args.override or args.steps:
        raise UsageError("-o and --steps belong to -c FILE")
    findings = {name: CHECKS[name](args) for name in args.checks or CHECKS}
    if args.json:
        print_json({name: finding._asdict() for name, finding in findings.items()})
    else:
        _print(findings, bad="MISSING")
    return 0 if all(finding.is_good for finding in findings.values()) else EnvironmentProblem.exit_code


def _print(findings: Mapping[str, Finding], *, bad: str) -> None:
    for name, finding in findings.items():
        out(f"{'ok' if finding.is_good else bad:7} {name:14} {finding.text}")
        if finding.advice:
            out(f"{'':22} {finding.advice}")


# -- a configuration ---------------------------------------------------------------------------------------------------


def _run_config(args: argparse.Namespace) -> int:
    """Check a configuration's data, then whether its network learns one batch by heart.

    Returns:
        0, 3 when the data have errors, else 4 when the batch is not learnt.
    """
    if args.checks or args.fonts:
        raise UsageError("-c checks a configuration; leave the machine's checks and --fonts out")

    from thaiocr.config.load import load_any
    from thaiocr.config.schema import detection

    config = load_any(args.config, args.override).config
    if args.steps and isinstance(config, detection.Config):
        raise UsageError(f"--steps is for recognition; {args.config} trains detection (Architecture.model_type)")
    findings, details = {}, {}
    for name, look in (("data", _data), ("one batch", _one_batch)):
        findings[name], details[name] = look(args, config)
        if not args.json:
            _print({name: findings[name]}, bad="BAD")
    if args.json:
        print_json({name: {**finding._asdict(), **details[name]} for name, finding in findings.items()})
    if not findings["data"].is_good:
        return DataError.exit_code
    return 0 if findings["one batch"].is_good else GateError.exit_code


def _data(args: argparse.Namespace, config: AnyConfig) -> tuple[Finding, dict[str, Any]]:
    from thaiocr.config.schema import detection
    from thaiocr.data.check import Checked, check
    from thaiocr.data.detection_check import CheckedPages, check_pages

    look = f"thaiocr data check -c {args.config}"
    checked: Checked | CheckedPages
    if isinstance(config, detection.Config):
        checked, advice = check_pages(config, progress=bar), f"see them: {look}"
    else:
        checked, advice = check(config, progress=bar), f"see them, and write a clean copy: {look} --fix DIR"
    counts = {f"{severity}s": checked.count(severity) for severity in ("error", "warning", "note")}
    lines = ", ".join(f"{name} {count:,} lines" for name, count in checked.lines.items())
    found = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    advice = advice if counts["errors"] else ""
    if counts["warnings"] and not advice:
        advice = f"see the warnings: {look}"
    return Finding(not counts["errors"], f"{lines}: {found}", advice), counts


def _one_batch(args: argparse.Namespace, config: AnyConfig) -> tuple[Finding, dict[str, Any]]:
    from thaiocr.config.schema import detection

    if isinstance(config, detection.Config):
        advice = f"a short run tells: thaiocr train -c {args.config} -o Global.epoch_num=1"
        return Finding(True, "not tried: for recognition only", advice), {}

    from thaiocr.engine.overfit import STEPS, overfit_one_batch

    try:
        found = overfit_one_batch(config, steps=args.steps or STEPS, progress=bar)
    except DataError as error:
        return Finding(False, "not tried, training would not start", error.problems[-1]), {}
    losses = f"loss {found.losses[0]:.3f} -> {found.losses[-1]:.3f}" if found.losses else "no loss"
    text = f"{found.images} images, {found.steps} steps: {losses}, {found.acc:.0%} read"
    return Finding(not found.advice, text, found.advice), found.to_json()


# -- the machine -------------------------------------------------------------------------------------------------------


def _python(_args: argparse.Namespace) -> Finding:
    return Finding(True, f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")


def _packages(_args: argparse.Namespace) -> Finding:
    found = {name: _version(name) for name in PACKAGES}
    missing = [name for name, number in found.items() if not number and not (name == "paddlepaddle" and _gpu_wheel())]
    text = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    return Finding(not missing, text, f"pip install {' '.join(missing)}" if missing else "")


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _gpu_wheel() -> str:
    return _version("paddlepaddle-gpu")


def _opencv(_args: argparse.Namespace) -> Finding:
    found = [name for name in OPENCV if _version(name)]
    if len(found) > 1:
        advice = f"they overwrite each other; run: pip uninstall {' '.join(found)}, then: pip install {OPENCV[0]}"
        return Finding(False, " and ".join(found), advice)
    if not found:
        return Finding(False, "none", f"pip install {OPENCV[0]}")
    try:
        from thaiocr.data.images import OPENCV as RUNNING
    except ThaiOcrError as error:
        return Finding(False, "does not load", str(error))
    return Finding(True, RUNNING)


def _device(_args: argparse.Namespace) -> Finding:
    try:
        import paddle
    except ImportError as error:
        return Finding(False, f"paddle does not load: {error}", "pip install paddlepaddle")
    if paddle.is_compiled_with_cuda():
        count = paddle.device.cuda.device_count()
        names = ", ".join(paddle.device.cuda.get_device_name(index) for index in range(count))
        advice = (
            "" if count else "this paddle is made for GPUs and sees none: check nvidia-smi and the driver's version"
        )
        return Finding(bool(count), names or "no GPU", advice)
    clash = "paddlepaddle and paddlepaddle-gpu are both installed; pip uninstall both, then install one"
    return Finding(not _gpu_wheel(), "CPU", clash if _gpu_wheel() else "")


def _models(_args: argparse.Namespace) -> Finding:
    """Without trained models thaiocr is whole; with a damaged one it is not."""
    from thaiocr.predict.bundle import open_bundle
    from thaiocr.predict.detector import read_settings
    from thaiocr.predict.pretrained import DETECTION, pretrained_bundle, pretrained_names

    names = pretrained_names()
    try:
        for name in names:
            folder = pretrained_bundle(name)
            read_settings(folder) if name == DETECTION else open_bundle(folder)
    except ThaiOcrError as error:
        return Finding(False, error.problems[0], "install thaiocr again")
    return Finding(True, ", ".join(names) or "no trained model comes with this thaiocr")


def _shaping(_args: argparse.Namespace) -> Finding:
    from thaiocr.synth.fonts import require_raqm

    try:
        require_raqm()
    except EnvironmentProblem as error:
        return Finding(False, "no RAQM", str(error))
    return Finding(True, "Pillow has RAQM")


def _fonts(args: argparse.Namespace) -> Finding:
    from thaiocr.synth.fonts import HOW_TO_GET_FONTS, find_fonts
    from thaiocr.synth.qa import cache_folder, check_font

    try:
        files = find_fonts([Path(place) for place in args.fonts] if args.fonts else None)
    except ThaiOcrError as error:
        return Finding(False, "none", str(error))
    thai = {file.family for file in files if not any(check_font(file, PROBE, cache_folder()).values())}
    text = f"{len(thai)} families draw Thai: {', '.join(sorted(thai))}" if thai else "no font draws Thai"
    return Finding(len(thai) >= FAMILIES, text, "" if len(thai) >= FAMILIES else HOW_TO_GET_FONTS)


def _disk(_args: argparse.Namespace) -> Finding:
    from thaiocr.data.cache import cache_root

    folder = cache_root()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free / 1e9
    is_good = os.access(existing, os.W_OK) and free > 1
    advice = "" if is_good else "set THAIOCR_CACHE to a folder that can be written, with 1 GB free"
    return Finding(is_good, f"{folder}: {free:.0f} GB free", advice)


def _shared_memory(_args: argparse.Namespace) -> Finding:
    folder = Path("/dev/shm")  # noqa: S108 - looked at, not written
    if not folder.exists():
        return Finding(True, "none on this system, none needed")
    size = shutil.disk_usage(folder).total / 1e6
    advice = "" if size >= SHARED_MEMORY_MB else "start the container with --shm-size=1g"
    return Finding(not advice, f"{folder}: {size:.0f} MB", advice)


CHECKS: Final[Mapping[str, Callable[[argparse.Namespace], Finding]]] = {
    "python": _python,
    "packages": _packages,
    "opencv": _opencv,
    "device": _device,
    "models": _models,
    "shaping": _shaping,
    "fonts": _fonts,
    "disk": _disk,
    "shared-memory": _shared_memory,
}
