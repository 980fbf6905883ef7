"""`thaiocr predict`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from thaiocr.cli.common import Commands, add_json_flag, add_verb, out, positive, print_json, say
from thaiocr.errors import DataError, UsageError

EXAMPLES = """
  thaiocr predict --bundle bundle image.jpg
  thaiocr predict --bundle bundle scans/ --json
  thaiocr predict --bundle bundle --labels data/rec_gt_test.txt
"""
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


def register(commands: Commands) -> None:
    """Add the verb."""
    parser = add_verb(commands, "predict", summary="read the text in images", examples=EXAMPLES.strip("\n"), run=run)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="image files, or folders of them")
    parser.add_argument("--bundle", required=True, metavar="DIR", help="what `thaiocr export` wrote")
    parser.add_argument("--labels", metavar="FILE", help="read every image that a label file names")
    parser.add_argument("--engine", choices=("onnx", "paddle"), default="onnx", help="what runs the network")
    parser.add_argument("--threads", type=positive, metavar="N", help="of the network; default: all cores")
    add_json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Read images; an unreadable one is reported in its place and the exit code is 3."""
    from thaiocr.predict.reader import Reader

    reader = Reader(Path(args.bundle), engine=args.engine, threads=args.threads)
    failed = 0
    for prediction in reader.read_files(_images(args)):
        if prediction.error:
            failed += 1
            say(prediction.error)
            if args.json:
                print_json({"image": prediction.image, "error": prediction.error})
        elif args.json:
            values = asdict(prediction)
            del values["error"]
            print_json({**values, "score": round(prediction.score, 6)})
        else:
            out(f"{prediction.image} → {prediction.text} → {prediction.score:.4f}")
    return DataError.exit_code if failed else 0


def _images(args: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) of every image asked for, folders in order of name."""
    if not args.images and not args.labels:
        raise UsageError("predict: give images, a folder, or --labels FILE")
    if args.labels:
        from thaiocr.data.labels import read_lines

        folder = Path(args.labels).parent
        for _, line in read_lines(Path(args.labels)):
            name = line.partition("\t")[0]
            yield name, folder / name
    for name in args.images:
        path = Path(name)
        if path.is_dir():
            found = [each for each in sorted(path.rglob("*")) if each.suffix.lower() in SUFFIXES]
            if not found:
                raise DataError(f"{name}: no image in this folder ({', '.join(sorted(SUFFIXES))})")
            yield from ((str(each), each) for each in found)
        else:
            yield name, path
