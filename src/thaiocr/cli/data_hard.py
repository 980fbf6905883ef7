"""`thaiocr data hard`: the lines of label files that a model misreads or is not sure of."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from thaiocr.cli.common import bar, cores, out, print_json, say
from thaiocr.errors import DataError

if TYPE_CHECKING:
    from thaiocr.predict.hard import Hard


def run(args: argparse.Namespace) -> int:
    """Write the hard lines; one that cannot be used is reported and the exit code is 3.

    Raises:
        DataError: a label file or the bundle cannot be read.
        UsageError: the output is one of the label files, or not a file.
        EnvironmentProblem: the output cannot be written.
    """
    from thaiocr.predict.hard import write_hard
    from thaiocr.predict.pretrained import CLUSTER, find_bundle
    from thaiocr.predict.reader import Reader

    reader = Reader(find_bundle(args.bundle, CLUSTER), threads=args.threads or cores())
    output = Path(args.output)
    found = write_hard(reader, [Path(each) for each in args.labels], output, below=args.below, progress=bar)
    for reject in found.rejects:
        say(str(reject))
    if more := found.rejected - len(found.rejects):
        say(f"… and {more:,} more")
    if args.json:
        counts = {"images": found.images, "misread": found.misread, "unsure": found.unsure, "rejected": found.rejected}
        print_json({**counts, "output": output.as_posix(), "below": args.below})
    else:
        out(_summary(found, output, args.below))
    return DataError.exit_code if found.rejected else 0


def _summary(found: Hard, output: Path, below: float) -> str:
    unsure = f", {found.unsure:,} right below {below:g}" if below else ""
    rejected = f", {found.rejected:,} rejected" if found.rejected else ""
    fate = f"written to {output}" if found.misread or found.unsure else f"{output} is empty"
    return f"{found.images:,} images: {found.misread:,} misread{unsure}{rejected}; {fate}"
