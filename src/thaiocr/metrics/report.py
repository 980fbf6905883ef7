"""A folder that shows a person how well a model reads: index.html, and the same as PNG, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2

from thaiocr.data.images import read_image
from thaiocr.errors import DataError, EnvironmentProblem
from thaiocr.metrics.confusion import ClassRow, ConfusionRow, confusions, count_pairs
from thaiocr.metrics.page import GalleryItem, Page, Picture
from thaiocr.metrics.plots import confused_classes, confusion_matrix, heat_map, matrix_picture, png
from thaiocr.metrics.recognition import Reading, normalized, spoken
from thaiocr.metrics.summary import Summary

GALLERY: Final = 200
"""Images in the error gallery at most."""
THUMBNAIL: Final = (640, 160)
"""Larger images are shrunk into so many pixels, width and height."""
HEAT_MAP_CLASSES: Final = 18
OTHER: Final = "(other)"
"""Column of confusion_matrix.csv for what is no class of the labels: nothing, several clusters, other clusters."""


def write_report(
    readings: Sequence[Reading],
    summary: Summary,
    directory: Path,
    *,
    title: str,
    images_root: Path,
    extra: Mapping[str, str],
) -> Path:
    """Write the report of an evaluation.

    Files: index.html (complete in itself), report.json (title, extra, summary), readings.csv (one line per image),
    per_class.csv, confusion.csv (label, text, count, share: every confusion), confusion_matrix.csv (counts: a row for
    each label, a column for each class read, the last for anything else) and confusion.png (its picture, both in the
    order of per_class.csv). Files of an earlier report are replaced.

    Args:
        readings: What was evaluated.
        summary: Of these readings, from `RecognitionMetric.summary`.
        directory: Made when it is not there.
        title: Heading of the page.
        images_root: What the readings' image paths are relative to.
        extra: What else to say about the evaluation, name -> text, in this order. `page.BANNER` ("Limits") is shown as
            a warning: there belongs "synthetic only" while no real scan was read.

    Returns:
        The path of index.html.

    Raises:
        EnvironmentProblem: the directory or a file cannot be written. An image that cannot be read does not stop the
            report: the gallery says so in its place.
    """
    readings = [normalized(each) for each in readings]
    labels = [spoken(each.label, ignore_space=summary["ignore_space"]) for each in readings]
    texts = [spoken(each.text, ignore_space=summary["ignore_space"]) for each in readings]
    right = [label == text for label, text in zip(labels, texts, strict=True)]
    errors = sorted((each for each, is_right in zip(readings, right, strict=True) if not is_right), key=_badness)
    pairs = count_pairs(labels, texts)
    classes = [row["label"] for row in summary["per_class"]]
    matrix = confusion_matrix(pairs, classes)
    picture = matrix_picture(matrix)
    confused = confused_classes(pairs, classes, HEAT_MAP_CLASSES)
    page = Page(
        title=title,
        extra=extra,
        summary=summary,
        matrix=Picture(content=png(picture), kind="png", width=picture.shape[1], height=picture.shape[0]),
        heat_map=[heat_map(confusion_matrix(pairs, confused), confused)] if confused else [],
        gallery=[GalleryItem(reading=each, picture=_thumbnail(images_root, each.image)) for each in errors[:GALLERY]],
        errors=len(errors),
    )
    files = {
        "report.json": _json({"title": title, "extra": dict(extra), "summary": summary}),
        "readings.csv": _csv(
            ("image", "label", "text", "score", "font", "right"),
            ((r.image, r.label, r.text, r.score, r.font, int(ok)) for r, ok in zip(readings, right, strict=True)),
        ),
        "per_class.csv": _csv(tuple(ClassRow.__annotations__), (tuple(row.values()) for row in summary["per_class"])),
        "confusion.csv": _csv(tuple(ConfusionRow.__annotations__), (tuple(row.values()) for row in confusions(pairs))),
        "confusion_matrix.csv": _csv(
            ("label", *classes, OTHER), ((label, *row) for label, row in zip(classes, matrix.tolist(), strict=True))
        ),
        "confusion.png": page.matrix.content,
        "index.html": page.html().encode("utf-8"),
    }
    return _write(directory, files) / "index.html"


def _badness(reading: Reading) -> tuple[float, str, str]:
    """Sort key: the surer the worse; a score that is NaN comes last."""
    return (1.0 if math.isnan(reading.score) else -reading.score, reading.image, reading.label)


def _thumbnail(root: Path, image: str) -> Picture | str:
    """Return the image, shrunk when it is large, or why there is none."""
    try:
        pixels = read_image(root / image, image)
    except DataError as error:
        return str(error)
    height, width = pixels.shape[:2]
    scale = min(1.0, THUMBNAIL[0] / width, THUMBNAIL[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrunk = pixels if scale == 1.0 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    encoded, content = cv2.imencode(".jpg", shrunk, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert encoded
    return Picture(content=content.tobytes(), kind="jpeg", width=size[0], height=size[1])


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8")


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def _write(directory: Path, files: Mapping[str, bytes]) -> Path:
    path = directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = directory / name
            path.write_bytes(content)
    except OSError as error:
        raise EnvironmentProblem(f"{path}: cannot write the report: {error.strerror}") from error
    return directory
