"""Options that several kinds of `thaiocr synth` have."""

from __future__ import annotations

import argparse


def add_fonts(parser: argparse.ArgumentParser) -> None:
    """Add where fonts are taken from."""
    parser.add_argument(
        "--fonts",
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH",
        help="use these font files and the fonts in these folders (default: the system's font folders)",
    )


def add_test_families(parser: argparse.ArgumentParser) -> None:
    """Add which font families are held out."""
    parser.add_argument(
        "--test-families",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="font families that test shows and train never does, so that several data sets hold out the same ones "
        "(default: --seed decides)",
    )
