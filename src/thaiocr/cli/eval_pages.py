"""`thaiocr eval --det DIR`: how well whole pages are read."""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thaiocr.cli.common import bar, cores, out, print_json, say
from thaiocr.errors import DataError, EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.data.detection_labels import Page, Pages
    from thaiocr.metrics.pages import PageMetric, PageTexts
    from thaiocr.predict.page import PageReader

OF_CONFIGURATIONS: Final = {
    "config": "-c",
    "override": "-o",
    "checkpoint": "--checkpoint",
    "negatives": "--negatives",
}
"""Options that make no sense without a configuration."""
SHOWN: Final = 10
"""Lines of a label file that a message names."""
REPORT: Final = "report.json"
LINES: Final = "lines.csv"
FORM: Final = 'a line is an image path, a tab and [{"transcription": …, "points": [[x, y], …]}, …]'
COUNTS: Final = {"pages": "pages", "regions": "lines of text", "found": "polygons found"}
POLYGONS: Final = {"hmean": "hmean, IoU 0.5", "precision": "precision", "recall": "recall"}
TEXT: Final = {
    "line_acc": "lines read exactly",
    "line_cer": "CER of lines, clusters",
    "misread": "  misread",
    "missed": "  not found",
    "extra": "  where no text is",
    "line_cer_code_points": "CER of lines, code points",
    "page_cer": "CER in reading order, clusters",
    "page_cer_code_points": "CER in reading order, code points",
}
PER_DESIGN: Final = {
    "hmean": "hmean",
    "line_acc": "lines read exactly",
    "line_cer": "CER of lines",
    "page_cer": "CER in reading order",
}
LIMITS: Final = "Synthetic pages only: no scan or photograph was read."


def run(args: argparse.Namespace) -> int:
    """Measure the whole pipeline on one label file after the other."""
    from thaiocr.metrics.pages import PageMetric
    from thaiocr.predict.detector import Detector
    from thaiocr.predict.page import PageReader
    from thaiocr.predict.pretrained import DETECTION, LINE, find_bundle
    from thaiocr.predict.reader import Reader

    _refuse(args)
    folders = {"det": find_bundle(args.det, DETECTION), "rec": find_bundle(args.bundle, LINE)}
    reader = PageReader(Detector(folders["det"], threads=cores()), Reader(folders["rec"], threads=cores()))
    sets = {name: _open(Path(name)) for name in args.labels}
    metrics = {name: PageMetric() for name in sets}
    found = {name: _measure(name, pages, reader, metrics[name]) for name, pages in sets.items()}
    models = {kind: str(folder) for kind, folder in folders.items()}
    result = {**models, **(next(iter(found.values())) if len(found) == 1 else {"sets": found})}
    if args.report:
        lines = [(name, *line) for name, metric in metrics.items() for line in metric.lines()]
        _write(Path(args.report), result, lines)
    if args.json:
        print_json(result)
    else:
        for each in found.values():
            _print(each)
    return 0


def _refuse(args: argparse.Namespace) -> None:
    if given := [option for name, option in OF_CONFIGURATIONS.items() if getattr(args, name)]:
        raise UsageError(f"eval: --det measures exported models on whole pages; leave out {', '.join(given)}")
    if not args.labels:
        raise UsageError("eval: --det needs --labels FILE, pages with polygons and texts")


def _open(labels: Path) -> Pages:
    """Return the pages of a label file.

    Raises:
        DataError: a line cannot be used, or an image is missing or damaged: what is measured on the others would pass
            for figures of the whole file.
    """
    from thaiocr.config.schema import detection
    from thaiocr.data.detection_labels import read_pages
    from thaiocr.data.detection_loader import check_images

    dataset = detection.SimpleDataSet(data_dir=str(labels.parent), label_file_list=(str(labels),), transforms=())
    pages = check_images(read_pages(dataset), threads=cores(), progress=bar)
    lines = len(pages.samples) + len(pages.rejects)
    if pages.rejects:
        problems = [str(reject) for reject in pages.rejects[:SHOWN]]
        way_out = "correct these lines or leave them out" if pages.samples else FORM
        raise DataError([*problems, f"{labels}: {len(pages.rejects)} of {lines} lines cannot be used; {way_out}"])
    if not lines:
        raise DataError(f"{labels}: no page in this file; {FORM}")
    return pages


def _measure(labels: str, pages: Pages, reader: PageReader, metric: PageMetric) -> dict[str, Any]:
    """Read all pages of a label file, and return what was found."""
    from thaiocr.data.manifest import page_designs, read_manifest

    folder = Path(labels).parent
    designs, started = page_designs(folder), time.perf_counter()
    with bar("pages", len(pages.samples)) as advance:
        for page in pages.samples:
            metric.update([_read(page, designs.get(page.image, ""), reader)])
            advance(1)
    seconds = time.perf_counter() - started
    about = {"labels": labels, **({"limits": LIMITS} if read_manifest(folder) else {})}
    pages_per_s = round(len(pages.samples) / seconds, 3)
    return {**about, **metric.summary(), "seconds": round(seconds, 2), "pages_per_s": pages_per_s}


def _read(page: Page, design: str, reader: PageReader) -> PageTexts:
    import numpy as np

    from thaiocr.data.detection_labels import clip
    from thaiocr.data.images import read_image
    from thaiocr.metrics.detection import PageResult
    from thaiocr.metrics.pages import PageTexts

    image_HWC = read_image(page.path, page.image)
    regions = clip(page.regions, image_HWC.shape[1], image_HWC.shape[0])
    lines = reader.read(image_HWC)
    result = PageResult(
        image=page.image,
        truths=[region.points_K2 for region in regions],
        ignored=[region.is_ignored for region in regions],
        found=[np.array(line.polygon) for line in lines],
        scores=[line.polygon_score for line in lines],
    )
    labels, texts = [region.text for region in regions], [line.text for line in lines]
    return PageTexts(result=result, labels=labels, texts=texts, design=design)


def _print(found: Mapping[str, Any]) -> None:
    from thaiocr.metrics.sets import markdown

    out(f"{found['labels']}:")
    for name, title in COUNTS.items():
        out(f"  {title:<24} {found[name]}")
    bounds = found["intervals"]["figures"]
    for name, title in POLYGONS.items():
        out(f"  {title:<24} {_figure(found['detection'][name], bounds[name])}")
    out(f"  {'pages per second':<24} {found['pages_per_s']:.2f}, {found['seconds']:.1f} s in all")
    spaces = ("with_space", "without_space")
    rows = [
        [title, *(_figure(found[each][name], bounds[f"{each}.{name}"]) for each in spaces)]
        for name, title in TEXT.items()
    ]
    out("\n" + markdown(["95 % intervals in brackets", "with spaces", "without"], rows))
    if found["per_design"]:
        rows = [
            [row["design"] or "(not known)", str(row["pages"]), *(f"{row[name]:.4f}" for name in PER_DESIGN)]
            for row in found["per_design"]
        ]
        out("\n" + markdown(["design", "pages", *PER_DESIGN.values()], rows))
    for page in found["worst"]:
        out(f"{page['image']}: {page['edits']} edits, {page['missed']} lines not found, {page['wrong']} wrong")
    if "limits" in found:
        out(found["limits"])


def _figure(value: float, interval: list[float] | None) -> str:
    return f"{value:.4f}" + (f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")


def _write(path: Path, result: Mapping[str, Any], lines: Sequence[Sequence[str]]) -> None:
    """Write all figures; to a folder also what became of every line."""
    is_file = path.suffix == ".json"
    file = path if is_file else path / REPORT
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        if not is_file:
            with (path / LINES).open("w", encoding="utf-8", newline="") as table:
                writer = csv.writer(table, lineterminator="\n")
                writer.writerow(("labels", "image", "result", "label", "text"))
                writer.writerows(lines)
    except OSError as error:
        raise EnvironmentProblem(f"{path}: cannot write the report: {error.strerror}") from error
    say(f"report: {file}")
