"""`thaiocr predict`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from thaiocr.cli import predict_pages
from thaiocr.cli.common import Commands, add_json_flag, add_verb, cores, out, positive, print_json, say
from thaiocr.cli.predict_pages import add_page_options, reads_pages
from thaiocr.errors import DataError, UsageError

EXAMPLES = """
  thaiocr predict cluster.jpg
  thaiocr predict --bundle thai_line line.jpg
  thaiocr predict --det thai_det page.jpg book.pdf --text
  thaiocr predict --bundle bundle image.jpg
  thaiocr predict --bundle bundle scans/ --json
  thaiocr predict --bundle bundle --labels data/rec_gt_test.txt
  thaiocr predict --det det_bundle --rec bundle page.jpg book.pdf --text
  thaiocr predict --det det_bundle --rec bundle scans/ --json --draw drawn --page-xml xml
"""


def register(commands: Commands) -> None:
    """Add the verb."""
    parser = add_verb(
        commands,
        "predict",
        summary="read the text in images, or with --det of whole pages",
        examples=EXAMPLES.strip("\n"),
        run=run,
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="image files, or folders of them")
    parser.add_argument(
        "--bundle",
        "--rec",
        metavar="DIR",
        help="what `thaiocr export` wrote, or the name of a model that comes with thaiocr; default: thai_cluster, "
        "which reads single clusters, and with --det thai_line",
    )
    parser.add_argument("--labels", metavar="FILE", help="read every image that a label file names")
    parser.add_argument(
        "--engine",
        choices=("onnx", "int8", "paddle"),
        help="what runs the network; default: the first of them that the bundle has a file for",
    )
    parser.add_argument(
        "--threads", type=positive, metavar="N", help="batches that are read at once; default: all cores"
    )
    add_page_options(parser)
    add_json_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Read images; an unreadable one is reported in its place and the exit code is 3."""
    from thaiocr.data.images import SUFFIXES
    from thaiocr.predict.pretrained import CLUSTER, find_bundle
    from thaiocr.predict.reader import Reader

    if reads_pages(args):
        return predict_pages.run(args)
    if not args.images and not args.labels:
        raise UsageError("predict: give images, a folder, or --labels FILE")
    reader = Reader(find_bundle(args.bundle, CLUSTER), engine=args.engine, threads=args.threads or cores())
    images, empty_folders = _images(args)
    for name in empty_folders:
        _print_error(args, name, f"{name}: no image in this folder ({', '.join(sorted(SUFFIXES))})")
    failed = len(empty_folders)
    for prediction in reader.read_files(images):
        if prediction.error:
            failed += 1
            _print_error(args, prediction.image, prediction.error)
        elif args.json:
            values = asdict(prediction)
            del values["error"]
            print_json({**values, "score": round(prediction.score, 6)})
        else:
            out(f"{prediction.image} → {prediction.text} → {prediction.score:.4f}")
    return DataError.exit_code if failed else 0


def _print_error(args: argparse.Namespace, image: str, error: str) -> None:
    say(error)
    if args.json:
        print_json({"image": image, "error": error})


def _images(args: argparse.Namespace) -> tuple[list[tuple[str, Path]], list[str]]:
    """Return (name, path) of every image asked for, folders in order of name; and the folders that hold none."""
    from thaiocr.data.images import find_images

    images, empty_folders = [], []
    if args.labels:
        from thaiocr.data.labels import read_lines

        folder = Path(args.labels).parent
        names = (line.partition("\t")[0] for _, line in read_lines(Path(args.labels)))
        images = [(name, folder / name) for name in names]
    for name in args.images:
        path = Path(name)
        if not path.is_dir():
            images.append((name, path))
            continue
        if found := find_images(path):
            images += [(str(each), each) for each in found]
        else:
            empty_folders.append(name)
    return images, empty_folders
