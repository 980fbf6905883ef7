"""`thaiocr bench`: how fast this machine is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import (
    Commands,
    add_config_arguments,
    add_json_flag,
    add_verb,
    bar,
    cores,
    out,
    positive,
    print_json,
)
from thaiocr.errors import UsageError

if TYPE_CHECKING:
    from thaiocr.bench.measure import Result
    from thaiocr.bench.untrained import Size

EXAMPLES: Final = """\
  thaiocr bench step
  thaiocr bench step --width 32 --batch 64 --classes 115 --json
  thaiocr bench data --workers 1 2
  thaiocr bench predict --bundle bundle
  thaiocr bench synth --images 2000
  thaiocr bench startup
"""
STEP_EXAMPLES: Final = """\
  thaiocr bench step --width 100 --batch 128 --classes 881
  thaiocr bench step -c my.yml -o Train.loader.batch_size_per_card=256
  thaiocr bench step --device gpu --amp O1 --batch 1024
"""
DATA_EXAMPLES: Final = """\
  thaiocr bench data
  thaiocr bench data --images 10000 --workers 1 2 --seconds 120 --json
"""
PREDICT_EXAMPLES: Final = """\
  thaiocr bench predict
  thaiocr bench predict --bundle bundle --engine paddle --images 200
"""
SYNTH_EXAMPLES: Final = """\
  thaiocr bench synth
  thaiocr bench synth --images 4000 --workers 1 --fonts node_modules/@expo-google-fonts
"""
STARTUP_EXAMPLES: Final = """\
  thaiocr bench startup
  thaiocr bench startup --bundle bundle --json
"""
CLASSES: Final = 881
WIDTH: Final = 100
BATCH: Final = 128
"""Of the reference."""
STEP_SIZES: Final = ("width", "batch", "classes")
STEP_DEVICE: Final = {"device": "name", "amp": "amp_level", "amp_dtype": "amp_dtype"}
"""Arguments of `bench step` -> what the bench calls them."""
UNITS: Final = {"images_per_s": "images/s", "ms": "ms"}


def register(commands: Commands) -> None:
    """Add `bench step`, `data`, `predict`, `synth` and `startup`."""
    parser = add_verb(commands, "bench", summary="measure how fast this machine is", examples=EXAMPLES, run=_step)
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    _add_step(kinds)
    _add_data(kinds)
    _add_predict(kinds)
    _add_synth(kinds)
    _add_startup(kinds)


def _add(kinds: Commands, name: str, summary: str, examples: str, run: Callable[[argparse.Namespace], int]) -> Any:
    """Add a bench with what all of them have."""
    parser = add_verb(kinds, name, summary=summary, examples=examples, run=run)
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=20.0,
        metavar="S",
        help="how long to measure; three turns are made however long they take (default: %(default)g)",
    )
    add_json_flag(parser)
    return parser


def _add_step(kinds: Commands) -> None:
    parser = _add(
        kinds,
        "step",
        "a training step: on the CPU paddle's own operations against ours, in turns; with -c, of a configuration and "
        "its data, else of the reference's CRNN",
        STEP_EXAMPLES,
        _step,
    )
    add_config_arguments(parser, is_required=False)
    # None, so that a size beside -c can be refused.
    parser.add_argument("--width", type=_at_least(8), metavar="W", help=f"of the input in pixels (default: {WIDTH})")
    parser.add_argument("--batch", type=positive, metavar="N", help=f"images of a step (default: {BATCH})")
    parser.add_argument("--classes", type=_at_least(2), metavar="K", help=f"blank among them (default: {CLASSES})")
    parser.add_argument("--device", choices=("cpu", "gpu"), help="what computes (default: cpu)")
    parser.add_argument("--amp", choices=("O1", "O2"), help="mixed precision, on a GPU (default: float32)")
    parser.add_argument("--amp-dtype", choices=("float16", "bfloat16"), help="of --amp (default: bfloat16)")


def _add_data(kinds: Commands) -> None:
    parser = _add(
        kinds,
        "data",
        "images that reach the network: from the packed cache, and one by one as PaddleOCR decodes them; both also "
        "with RecAug",
        DATA_EXAMPLES,
        _data,
    )
    parser.add_argument(
        "--width", type=positive, default=WIDTH, metavar="W", help="of the input (default: %(default)s)"
    )
    parser.add_argument("--height", type=positive, default=32, metavar="H", help="of the input (default: %(default)s)")
    parser.add_argument("--batch", type=positive, default=BATCH, metavar="N", help="(default: %(default)s)")
    parser.add_argument(
        "--images", type=positive, default=2000, metavar="N", help="of an epoch, which is a turn (default: %(default)s)"
    )
    _add_workers(parser, "threads, or processes")


def _add_predict(kinds: Commands) -> None:
    parser = _add(
        kinds,
        "predict",
        "reading: one image on one core, many on all; of a bundle, else of the reference's CRNN without training",
        PREDICT_EXAMPLES,
        _predict,
    )
    _add_bundle(parser)
    parser.add_argument("--engine", choices=("onnx", "int8", "paddle"), help="what runs the network, as for predict")
    parser.add_argument(
        "--images", type=positive, default=1000, metavar="N", help="read together (default: %(default)s)"
    )


def _add_synth(kinds: Commands) -> None:
    parser = _add(kinds, "synth", "drawing single clusters, undamaged and as in photos", SYNTH_EXAMPLES, _synth)
    parser.add_argument("--dict", default="thai_letters/th_dict.txt", metavar="FILE", help="(default: %(default)s)")
    parser.add_argument("--images", type=positive, default=4000, metavar="N", help="of a turn (default: %(default)s)")
    parser.add_argument(
        "--fonts", nargs="+", action="extend", default=[], metavar="PATH", help="default: the system's font folders"
    )
    _add_workers(parser, "processes")


def _add_startup(kinds: Commands) -> None:
    parser = _add(
        kinds,
        "startup",
        "commands in new processes: --help, --version, predict of one image",
        STARTUP_EXAMPLES,
        _startup,
    )
    _add_bundle(parser)


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bundle", metavar="DIR", help="what `thaiocr export` wrote, or the name of a model of thaiocr"
    )
    parser.add_argument("--width", type=_at_least(8), metavar="W", help=f"without --bundle (default: {WIDTH})")
    parser.add_argument("--classes", type=_at_least(2), metavar="K", help=f"without --bundle (default: {CLASSES})")


def _add_workers(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--workers",
        type=positive,
        nargs="+",
        metavar="W",
        help=f"{what}; several numbers are measured in turns (default: one, and one per core)",
    )


def _seconds(text: str) -> float:
    """Read a time to measure for."""
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")
    return seconds


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        """Read a number of at least so much."""
        found = int(text)
        if found < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {found}")
        return found

    return number


def _step(args: argparse.Namespace) -> int:
    sizes, device = _given(args, STEP_SIZES), _given(args, STEP_DEVICE)
    if args.config:
        if given := ", ".join(f"--{name.replace('_', '-')}" for name in {**sizes, **device}):
            raise UsageError(f"bench step: {given}: with -c the configuration says so")
        from thaiocr.config.load import load_config

        config = load_config(args.config, args.override).config

        from thaiocr.bench.step import bench_config

        return _show(bench_config(config, args.config, seconds=args.seconds, progress=bar), args)
    if args.override:
        raise UsageError("bench step: -o changes a configuration; give one with -c")
    _check_precision(args)
    from thaiocr.bench.step import Device, Size, bench_step

    computing = Device(**{STEP_DEVICE[name]: value for name, value in device.items()})
    return _show(bench_step(Size(**sizes), computing, seconds=args.seconds, progress=bar), args)


def _given(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Return those arguments that are on the command line."""
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def _check_precision(args: argparse.Namespace) -> None:
    if args.amp and args.device != "gpu":
        raise UsageError("bench step: --amp: paddle has no half-precision kernels for the CPU; add --device gpu")
    if args.amp_dtype and not args.amp:
        raise UsageError("bench step: --amp-dtype: says how --amp computes; add --amp O1 or --amp O2")


def _data(args: argparse.Namespace) -> int:
    from thaiocr.bench.data import Feed, bench_data

    feed = Feed(width=args.width, height=args.height, batch=args.batch, images=args.images, workers=_workers(args))
    return _show(bench_data(feed, seconds=args.seconds, progress=bar), args)


def _predict(args: argparse.Namespace) -> int:
    from thaiocr.bench.predict import bench_predict

    folder, size = _bundle(args)
    found = bench_predict(folder, size, images=args.images, engine=args.engine, seconds=args.seconds, progress=bar)
    return _show(found, args)


def _synth(args: argparse.Namespace) -> int:
    from thaiocr.bench.synth import bench_synth
    from thaiocr.text.dictionary import Dictionary, find_dictionary

    found = bench_synth(
        Dictionary.load(find_dictionary(args.dict)),
        images=args.images,
        workers=_workers(args),
        fonts=args.fonts,
        seconds=args.seconds,
        progress=bar,
    )
    return _show(found, args)


def _startup(args: argparse.Namespace) -> int:
    from thaiocr.bench.startup import bench_startup

    folder, size = _bundle(args)
    return _show(bench_startup(folder, size, seconds=args.seconds, progress=bar), args)


def _workers(args: argparse.Namespace) -> tuple[int, ...]:
    return tuple(dict.fromkeys(args.workers or (1, cores())))


def _bundle(args: argparse.Namespace) -> tuple[Path | None, Size]:
    """Return the bundle asked for, and how large the one is that is made when none is."""
    from thaiocr.bench.untrained import Size

    sizes = {name: value for name in ("width", "classes") if (value := getattr(args, name)) is not None}
    if args.bundle and sizes:
        raise UsageError(f"bench: {', '.join(f'--{name}' for name in sizes)}: a bundle has a size of its own")
    from thaiocr.predict.pretrained import CLUSTER, find_bundle

    return (find_bundle(args.bundle, CLUSTER) if args.bundle else None), Size(**sizes)


def _show(result: Result, args: argparse.Namespace) -> int:
    if args.json:
        print_json(result.to_json())
        return 0
    found = result.to_json()
    out(f"{result.bench}: " + ", ".join(f"{name} {_plain(value)}" for name, value in result.options.items()))
    width = max(len(figure.name) for figure in result.figures)
    for figure in result.figures:
        low, high = found["spread"][figure.name]
        median, unit = found[figure.unit][figure.name], UNITS[figure.unit]
        spread = f"half of {len(figure.values)} between {low:,} and {high:,}"
        out(f"  {figure.name:{width}}  {median:>10,} {unit:8}  {spread}")
    for name, ratio in found.get("ratio", {}).items():
        out(f"  {name}: {ratio:g}")
    out("on: " + ", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    out("with: " + ", ".join(f"{name} {value}" for name, value in found["versions"].items()))
    return 0


def _plain(value: object) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
