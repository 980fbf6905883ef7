"""A picture of a data set of pages for people: some pages of every split with their polygons."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

HEIGHT: Final = 620
"""Of a page in the picture, in pixels."""
SHOWN: Final = 12
"""Pages of a split."""
ACROSS: Final = 6
GREY: Final = 225
COLOURS: Final = ("#d02020", "#2050d0", "#109040", "#b000b0")
"""Of neighbouring lines; what is ignored is grey."""


def overview(path: Path, root: Path, label_files: Mapping[str, str]) -> None:
    """Write a PNG with the first pages of each split.

    Args:
        path: The file.
        root: The data set's folder.
        label_files: Split -> name of its label file.

    Raises:
        OSError: an image cannot be read or the file cannot be written.
    """
    pages = []
    for name in label_files.values():
        with (root / name).open(encoding="utf-8") as lines:
            pages += [draw_labels(root, line) for line in itertools.islice(lines, SHOWN)]
    rows = [pages[start : start + ACROSS] for start in range(0, len(pages), ACROSS)]
    width = max(sum(page.width + 6 for page in row) for row in rows)
    sheet = Image.new("RGB", (width, len(rows) * (HEIGHT + 6)), (GREY, GREY, GREY))
    for number, row in enumerate(rows):
        left = 0
        for page in row:
            sheet.paste(page, (left, number * (HEIGHT + 6)))
            left += page.width + 6
    sheet.save(path)


def draw_labels(root: Path, line: str) -> Image.Image:
    """Return the page that a line of a label file names, with its polygons."""
    name, _, labels = line.partition("\t")
    with Image.open(root / name) as opened:
        page = opened.convert("RGB")
    draw = ImageDraw.Draw(page)
    for number, label in enumerate(json.loads(labels)):
        colour = "#808080" if label["transcription"] == "###" else COLOURS[number % len(COLOURS)]
        draw.polygon([(x, y) for x, y in label["points"]], outline=colour, width=2)
    return page.resize((max(1, round(page.width * HEIGHT / page.height)), HEIGHT))
