"""Label files of detection -> pages with polygons, and every line that cannot be used as a reject.

A line is `path<TAB>[{"transcription": "…", "points": [[x, y], …]}, …]`, or in the legacy form
`path<TAB>x1,y1,…,x4,y4,text<TAB>…`. An empty list is a page without text. What is wrong with a polygon:

| | |
|---|---|
| not JSON, no points, fewer than three, no numbers, NaN, infinite | the line is a reject: text would pass for paper |
| its edges cross | its convex hull takes its place: that puts corners in the wrong order right |
| no area | ignored, like `###` |
| outside the image | cut off at the image's edges when it is read; ignored where nothing is left |
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from thaiocr.config.schema import detection
from thaiocr.data.labels import Reject, read_lines, split_line
from thaiocr.errors import DataError

IGNORED: Final = frozenset({"###", "*"})
"""Texts that stand for what cannot be read."""
LEGACY_NUMBERS: Final = 8
FURTHEST: Final = 1e6
"""Pixels from the origin; a corner further away is a mistake."""
SHOWN: Final = 3
"""Problems of a line that a message names."""

Corners: TypeAlias = NDArray[np.float32]
"""[K, 2], x and y in pixels."""


@dataclass(frozen=True, slots=True)
class Region:
    """A piece of text on a page."""

    points_K2: Corners
    text: str
    is_ignored: bool
    """Neither learnt nor measured."""
    is_hull: bool = False
    """Its edges crossed, and its convex hull took its place."""


@dataclass(frozen=True, slots=True)
class Page:
    """One image with all its text."""

    image: str
    """As the label file names it."""
    path: Path
    regions: tuple[Region, ...]
    place: str
    """Label file and line: `det_gt_train.txt:7`."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What a set of label files holds; what training and evaluation serve batches from."""

    samples: list[Page] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def reject_ratio(self) -> float:
        """Rejected share of all lines; 0 for a data set without lines."""
        lines = len(self.samples) + len(self.rejects)
        return len(self.rejects) / lines if lines else 0.0


class WrongLabel(ValueError):  # noqa: N818 - a reason that the caller turns into a reject
    """What is wrong with a line or a polygon."""


def read_pages(dataset: detection.SimpleDataSet, *, seed: int = 0) -> Pages:
    """Read all label files of a data set; of each the share that `ratio_list` asks for, drawn by `seed`.

    A page whose image is missing is a reject; what is wrong inside an image shows when it is read.

    Raises:
        DataError: a label file is missing, unreadable or not UTF-8 text; all such files are named.
    """
    pages = Pages()
    problems: list[str] = []
    files = dataset.label_file_list
    ratios = dataset.ratio_list * len(files) if len(dataset.ratio_list) == 1 else dataset.ratio_list
    for number, (name, ratio) in enumerate(zip(files, ratios, strict=True)):
        try:
            lines = list(read_lines(Path(name)))
        except DataError as error:
            problems.extend(error.problems)
            continue
        if ratio < 1:
            lines = random.Random(f"{seed}:{number}").sample(lines, round(len(lines) * ratio))
        for place, line in lines:
            found = read_page(line, place, dataset)
            if isinstance(found, Page):
                pages.samples.append(found)
            else:
                pages.rejects.append(found)
    if problems:
        raise DataError(problems)
    return pages


def read_page(line: str, place: str, dataset: detection.SimpleDataSet) -> Page | Reject:
    """Turn one line into a page, or into a reject that says why not."""
    parts = split_line(line, place, dataset.delimiter)
    if isinstance(parts, Reject):
        return parts
    image, label = parts
    try:
        regions = parse_regions(label)
    except WrongLabel as error:
        return Reject(place, image, str(error), "bad_polygons")
    path = Path(dataset.data_dir) / image
    if not path.is_file():
        return Reject(place, image, f"{image}: no such file (looked for {path})", "missing")
    return Page(image, path, regions, place)


def parse_regions(label: str) -> tuple[Region, ...]:
    """Return the regions of a label in either form.

    Raises:
        WrongLabel: with what is wrong, the first few polygons by number.
    """
    entries = _json_entries(label) if label.lstrip().startswith(("[", "{")) else _legacy_entries(label)
    regions, problems = [], []
    for number, (points, text) in enumerate(entries, start=1):
        try:
            regions.append(_region(points, text))
        except WrongLabel as error:
            problems.append(f"box {number}: {error}")
    if problems:
        more = [f"and {len(problems) - SHOWN} more boxes"] if len(problems) > SHOWN else []
        raise WrongLabel("; ".join([*problems[:SHOWN], *more]))
    return tuple(regions)


def _json_entries(label: str) -> Iterator[tuple[Any, Any]]:
    try:
        found = json.loads(label)
    except json.JSONDecodeError as error:
        raise WrongLabel(f"the boxes are not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise WrongLabel("the boxes are not JSON: nested too deeply") from None
    if not isinstance(found, list):
        raise WrongLabel("the boxes are not a JSON list; write [{…}]")
    for entry in found:
        is_box = isinstance(entry, Mapping) and isinstance(entry.get("transcription"), str)
        yield (entry.get("points"), entry["transcription"]) if is_box else (None, None)


def _legacy_entries(label: str) -> Iterator[tuple[Any, Any]]:
    for entry in filter(str.strip, label.split("\t")):
        parts = entry.split(",", LEGACY_NUMBERS)
        try:
            numbers = [float(each) for each in parts[:LEGACY_NUMBERS]]
        except ValueError:
            numbers = []
        if len(numbers) == LEGACY_NUMBERS and len(parts) > LEGACY_NUMBERS:
            yield list(zip(numbers[::2], numbers[1::2], strict=True)), parts[-1]
        else:
            yield None, None


def _region(points: Any, text: Any) -> Region:
    if text is None:
        raise WrongLabel('not a JSON object with transcription and points, nor "x1,y1,…,x4,y4,text"')
    points_K2 = _corners(points)
    outline, is_hull = shapely.Polygon(points_K2), False
    if not outline.is_valid:
        hull = outline.convex_hull
        if isinstance(hull, shapely.Polygon):
            points_K2, outline, is_hull = np.array(hull.exterior.coords[:-1], np.float32), hull, True
    return Region(points_K2, text, text in IGNORED or not outline.area, is_hull)


def _corners(points: Any) -> Corners:
    if not isinstance(points, Sequence) or isinstance(points, str) or len(points) < 3:
        raise WrongLabel("points: three corners [x, y] or more are needed")
    try:
        found = [(float(x), float(y)) for x, y in points]
    except (TypeError, ValueError, OverflowError):
        raise WrongLabel("points: every corner is two numbers, [x, y]") from None
    if not all(math.isfinite(x + y) and max(abs(x), abs(y)) <= FURTHEST for x, y in found):
        raise WrongLabel("points: a corner is NaN, infinite or more than a million pixels away")
    return np.array(found, np.float32)


def clip(regions: Sequence[Region], width: int, height: int) -> list[Region]:
    """Cut regions off at an image's edges; one of which nothing is left is ignored.

    A corner outside moves to the nearest point of the image, as in PaddleOCR.
    """
    clipped = []
    for region in regions:
        points_K2 = region.points_K2
        if (points_K2 < 0).any() or (points_K2 > (width, height)).any():
            points_K2 = np.clip(points_K2, 0, np.array((width, height), np.float32))
        is_ignored = region.is_ignored or not (np.ptp(points_K2, axis=0) > 0).all()
        clipped.append(replace(region, points_K2=points_K2, is_ignored=is_ignored))
    return clipped
