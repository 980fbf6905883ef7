"""Every label line, every polygon and every page of a configuration of detection, judged as training reads them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np

from thaiocr.config.schema import detection
from thaiocr.data.check import read_each, rejected, shared_files
from thaiocr.data.detection_labels import IGNORED, Page, Pages, Region, read_pages
from thaiocr.data.findings import Finding, count, in_order, kinds, kinds_to_json, summary
from thaiocr.data.images import BadImage, decode, read_file
from thaiocr.data.remarks import remarks
from thaiocr.progress import Progress

SHOWN: Final = 5
"""Polygons of a page that a finding names by number."""
TOLERANCE: Final = 1.0
"""Pixels; a corner that is no further outside was drawn on the edge."""


@dataclass(frozen=True, slots=True)
class Look:
    """A page whose image can be read."""

    split: str
    page: Page
    digest: bytes
    """Of the file's content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedPages:
    """The result of a check."""

    datasets: Mapping[str, detection.SimpleDataSet]
    """Split -> where its pages are."""
    findings: list[Finding]
    """In the order of `KINDS`, then of the label files."""
    lines: Mapping[str, int]
    """Split -> label lines."""
    kept: Mapping[str, Sequence[Page]]
    """Split -> the pages without an error."""

    def count(self, severity: str) -> int:
        """Return how many findings are errors, warnings or notes."""
        return count(self.findings, severity)

    def kinds(self) -> dict[str, Counter[str]]:
        """Return the kinds found -> split -> count."""
        return kinds(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the whole report."""
        return {
            **summary(self.findings),
            "splits": {name: self._split(name) for name in self.datasets},
            "kinds": kinds_to_json(self.findings),
            "findings": [finding.to_json() for finding in self.findings],
        }

    def _split(self, name: str) -> dict[str, Any]:
        regions = [region for page in self.kept[name] for region in page.regions]
        return {
            "data_dir": self.datasets[name].data_dir,
            "label_files": list(self.datasets[name].label_file_list),
            "lines": self.lines[name],
            "kept": len(self.kept[name]),
            "texts": sum(not region.is_ignored for region in regions),
            "ignored": sum(region.is_ignored for region in regions),
        }


def check_pages(config: detection.Config, *, progress: Progress) -> CheckedPages:
    """Judge all lines and pages of `Train` and `Eval`, whatever share `ratio_list` draws.

    Raises:
        DataError: label files cannot be read; all of them are named.
    """
    datasets = {"Train": config.train.dataset, "Eval": config.eval.dataset}
    pages = read_each(
        {split: partial(read_pages, replace(dataset, ratio_list=(1.0,))) for split, dataset in datasets.items()}
    )
    shared = {str(file) for file in shared_files(*(dataset.label_file_list for dataset in datasets.values()))}
    looks, findings = _look_at_all(pages, progress)
    findings += rejected({split: found.rejects for split, found in pages.items()})
    findings += [Finding("same_file", "Eval", file, "", "Train reads this file, too") for file in sorted(shared)]
    findings += _twice(looks, shared)
    bad = {(finding.split, finding.place) for finding in findings if finding.severity == "error"}
    kept = {
        split: [each.page for each in looks if each.split == split and (split, each.page.place) not in bad]
        for split in datasets
    }
    findings += [
        Finding(kind, split, ", ".join(dataset.label_file_list), "", reason)
        for split, dataset in datasets.items()
        for kind, reason in _whole_split(kept[split])
    ]
    return CheckedPages(
        datasets=datasets,
        findings=in_order(findings),
        lines={split: len(found.samples) + len(found.rejects) for split, found in pages.items()},
        kept=kept,
    )


def _whole_split(kept: Sequence[Page]) -> list[tuple[str, str]]:
    if not kept:
        return [("no_line", "not one line can be used")]
    if all(region.is_ignored for page in kept for region in page.regions):
        return [("no_text", "no page has text that is not ignored: there is nothing to learn or to find")]
    return []


# -- Pages -------------------------------------------------------------------------------------------------------------


def _look_at_all(pages: Mapping[str, Pages], progress: Progress) -> tuple[list[Look], list[Finding]]:
    """Judge all images on all cores; returns those that can be used, and what was found, in the order of the lines."""
    jobs = [(split, page) for split, found in pages.items() for page in found.samples]
    looks: list[Look] = []
    findings: list[Finding] = []
    with progress("checking pages", len(jobs)) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        for look, found in pool.map(lambda job: _look_at(*job), jobs):
            looks += [look] if look else []
            findings += found
            advance(1)
    return looks, findings


def _look_at(split: str, page: Page) -> tuple[Look | None, list[Finding]]:
    def finding(kind: str, reason: str) -> Finding:
        return Finding(kind, split, page.place, page.image, reason)

    try:
        encoded = read_file(page.path, page.image)
        image_HWC = decode(encoded, page.image)
    except BadImage as error:
        return None, [finding(error.kind, str(error).removeprefix(f"{page.image}: "))]
    height, width = image_HWC.shape[:2]
    found = [*remarks(encoded, page.image), *_regions(page.regions, width, height)]
    digest = hashlib.blake2b(encoded, digest_size=16).digest()
    return Look(split, page, digest), [finding(kind, reason) for kind, reason in found]


def _regions(regions: Sequence[Region], width: int, height: int) -> Iterable[tuple[str, str]]:
    """Yield (kind of finding, reason) for the polygons of a page."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, region in enumerate(regions, start=1):
        for kind, is_so in _REGIONS.items():
            if is_so(region, width, height):
                numbers[kind].append(number)
                break
    size = f"{width} x {height} pixels"
    reasons = {
        "outside": f"outside the page of {size}; ignored",
        "no_area": "without area; ignored",
        "cut_off": f"cut off at the edges of the page of {size}",
        "crossing_edges": "edges that cross; the convex hull is taken",
    }
    for kind, found in numbers.items():
        shown = ", ".join(map(str, found[:SHOWN])) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
        yield kind, f"box {shown}: {reasons[kind]}"
    if not regions:
        yield "empty_page", "no box: a page without text"
    elif all(region.is_ignored for region in regions):
        yield "only_ignored", f"all of {len(regions)} boxes are ignored"


def _is_outside(region: Region, width: int, height: int) -> bool:
    (left, top), (right, bottom) = region.points_K2.min(axis=0), region.points_K2.max(axis=0)
    return bool(right <= 0 or bottom <= 0 or left >= width or top >= height)


def _is_cut_off(region: Region, width: int, height: int) -> bool:
    limits = np.array((width, height), np.float32) + TOLERANCE
    return bool((region.points_K2 < -TOLERANCE).any() or (region.points_K2 > limits).any())


_REGIONS: Final[Mapping[str, Callable[[Region, int, int], bool]]] = {
    "no_area": lambda region, _width, _height: region.is_ignored and region.text not in IGNORED,
    "outside": _is_outside,
    "cut_off": _is_cut_off,
    "crossing_edges": lambda region, _width, _height: region.is_hull,
}
"""Kind of finding -> whether a polygon is such; the first one counts."""


def _twice(looks: Iterable[Look], shared: Collection[str]) -> list[Finding]:
    """Return a leak for each line of Train whose page is in Eval, and a duplicate for each line after the first.

    A label file of both splits counts as Train's, lest each of its lines be a leak.
    """
    same: dict[bytes, list[Look]] = defaultdict(list)
    for look in looks:
        if look.split == "Train" or look.page.place.rpartition(":")[0] not in shared:
            same[look.digest].append(look)
    return [finding for group in same.values() if len(group) > 1 for finding in _of_group(group)]


def _of_group(group: Sequence[Look]) -> list[Finding]:
    by_split = {split: [each for each in group if each.split == split] for split in ("Train", "Eval")}
    if all(by_split.values()):
        reason = f"the same picture as {by_split['Eval'][0].page.place} of Eval; leave it out of Train"
        return [_finding("leak", look, reason) for look in by_split["Train"]]
    first, *others = group
    return [_finding("duplicate", look, f"the same picture as {first.page.place}") for look in others]


def _finding(kind: str, look: Look, reason: str) -> Finding:
    return Finding(kind, look.split, look.page.place, look.page.image, reason)
