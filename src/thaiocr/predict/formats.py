"""What was read of a page, as other programs take it: JSON, text, hOCR, PAGE XML, ALTO.

hOCR 1.2: https://kba.github.io/hocr-spec/1.2/ · PAGE 2019-07-15: https://github.com/PRImA-Research-Lab/PAGE-XML
ALTO 4.4: https://www.loc.gov/standards/alto/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, Final, TypeAlias
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from thaiocr import __version__
from thaiocr.predict.page import PageReading, TextLine

PAGE_NAMESPACE: Final = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_PAGE_SCHEMA: Final = f"{PAGE_NAMESPACE} {PAGE_NAMESPACE}/pagecontent.xsd"
ALTO_NAMESPACE: Final = "http://www.loc.gov/standards/alto/ns-v4#"
_ALTO_SCHEMA: Final = f"{ALTO_NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
_XHTML: Final = "http://www.w3.org/1999/xhtml"
_DOCTYPE: Final = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
)

Points: TypeAlias = Sequence[tuple[int, int]]
"""Corners of a polygon, x and y in pixels."""


def to_json(reading: PageReading) -> dict[str, Any]:
    """Return a page as JSON takes it: `image`, `page`, `pages`, `width`, `height`, `lines`; or with `error`."""
    place = {"image": reading.image, "page": reading.page, "pages": reading.pages}
    if reading.error:
        return {**place, "error": reading.error}
    lines = [
        {
            "text": line.text,
            "score": round(line.score, 6),
            "polygon": [list(point) for point in line.polygon],
            "polygon_score": round(line.polygon_score, 6),
        }
        for line in reading.lines
    ]
    return {**place, "width": reading.width, "height": reading.height, "lines": lines}


def to_text(reading: PageReading) -> str:
    """Return the lines that say something, one below the other."""
    return "\n".join(line.text for line in reading.lines if line.text)


def to_hocr(readings: Iterable[PageReading]) -> str:
    """Return the pages of a file as an hOCR document.

    Every line is an `ocr_line` with its `bbox` and `x_wconf`, the score in hundredths; pages that could not be read are
    left out.
    """
    html = Element("html", {"xmlns": _XHTML, "xml:lang": "th", "lang": "th"})
    head = SubElement(html, "head")
    SubElement(head, "title").text = "OCR"
    SubElement(head, "meta", {"http-equiv": "Content-Type", "content": "text/html; charset=utf-8"})
    SubElement(head, "meta", {"name": "ocr-system", "content": f"thaiocr {__version__}"})
    SubElement(head, "meta", {"name": "ocr-capabilities", "content": "ocr_page ocr_line"})
    body = SubElement(html, "body")
    for reading in readings:
        if not reading.error:
            _hocr_page(body, reading)
    return _document(html, _DOCTYPE)


def _hocr_page(body: Element, reading: PageReading) -> None:
    size = f"bbox 0 0 {reading.width} {reading.height}"
    # Quoted as hOCR wants it: a title is a list of properties that end with a semicolon.
    title = f"image {json.dumps(_printable(reading.image), ensure_ascii=False)}; {size}; ppageno {reading.page - 1}"
    page = SubElement(body, "div", {"class": "ocr_page", "id": f"page_{reading.page}", "title": title})
    for number, line in enumerate(reading.lines, start=1):
        left, top, right, bottom = _box(line.polygon)
        title = f"bbox {left} {top} {right} {bottom}; x_wconf {round(100 * line.score)}"
        name = f"line_{reading.page}_{number}"
        SubElement(page, "span", {"class": "ocr_line", "id": name, "title": title}).text = _printable(line.text)


def to_page_xml(reading: PageReading, *, created: datetime | None = None) -> str:
    """Return a page as PAGE XML: one region with all lines in reading order, each with polygon, text and score.

    Args:
        reading: A page that could be read.
        created: What its metadata say; now when left out.
    """
    moment = _moment(created)
    root = _root("PcGts", PAGE_NAMESPACE, _PAGE_SCHEMA)
    metadata = SubElement(root, "Metadata")
    for name, value in (("Creator", f"thaiocr {__version__}"), ("Created", moment), ("LastChange", moment)):
        SubElement(metadata, name).text = value
    size = {"imageWidth": str(reading.width), "imageHeight": str(reading.height)}
    page = SubElement(root, "Page", {"imageFilename": _printable(reading.image), **size})
    if reading.lines:
        region = SubElement(page, "TextRegion", {"id": "region"})
        SubElement(region, "Coords", {"points": _points(_hull(reading.lines))})
        for number, line in enumerate(reading.lines, start=1):
            element = SubElement(region, "TextLine", {"id": f"line_{number}"})
            SubElement(element, "Coords", {"points": _points(line.polygon), "conf": f"{line.polygon_score:.4f}"})
            _equivalent(element, line.text, {"conf": f"{line.score:.4f}"})
        _equivalent(region, to_text(reading), {})
    return _document(root)


def to_alto(reading: PageReading, *, created: datetime | None = None) -> str:
    """Return a page as ALTO 4: one block with all lines in reading order, each with box, polygon, text and score.

    A line is one `String`, spaces and all: where its words lie is not known.

    Args:
        reading: A page that could be read.
        created: What its description says; now when left out.
    """
    root = _root("alto", ALTO_NAMESPACE, _ALTO_SCHEMA)
    root.set("SCHEMAVERSION", "4.4")
    description = SubElement(root, "Description")
    SubElement(description, "MeasurementUnit").text = "pixel"
    source = SubElement(description, "sourceImageInformation")
    SubElement(source, "fileName").text = _printable(reading.image)
    processing = SubElement(description, "Processing", {"ID": "processing"})
    SubElement(processing, "processingDateTime").text = _moment(created)
    software = SubElement(processing, "processingSoftware")
    for name, value in (("softwareName", "thaiocr"), ("softwareVersion", __version__)):
        SubElement(software, name).text = value
    size = {"HEIGHT": str(reading.height), "WIDTH": str(reading.width)}
    numbers = {"ID": "page", "PHYSICAL_IMG_NR": str(reading.page)}
    page = SubElement(SubElement(root, "Layout"), "Page", {**numbers, **size})
    space = SubElement(page, "PrintSpace", {**size, "HPOS": "0", "VPOS": "0"})
    if reading.lines:
        block = SubElement(space, "TextBlock", {"ID": "block", **_place(_hull(reading.lines))})
        for number, line in enumerate(reading.lines, start=1):
            _alto_line(block, line, number)
    return _document(root)


def _alto_line(block: Element, line: TextLine, number: int) -> None:
    place = _place(line.polygon)
    element = SubElement(block, "TextLine", {"ID": f"line_{number}", **place})
    SubElement(SubElement(element, "Shape"), "Polygon", {"POINTS": _points(line.polygon)})
    content = {"CONTENT": _printable(line.text), "WC": f"{line.score:.4f}"}
    SubElement(element, "String", {"ID": f"string_{number}", **place, **content})


def _place(points: Points) -> dict[str, str]:
    left, top, right, bottom = _box(points)
    return {"HEIGHT": str(bottom - top), "WIDTH": str(right - left), "HPOS": str(left), "VPOS": str(top)}


def _root(name: str, namespace: str, schema: str) -> Element:
    return Element(
        name,
        {
            "xmlns": namespace,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": schema,
        },
    )


def _moment(created: datetime | None) -> str:
    return (created or datetime.now(timezone.utc)).replace(tzinfo=None).isoformat(timespec="seconds")


def _document(root: Element, doctype: str = "") -> str:
    indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{doctype}{tostring(root, encoding="unicode")}\n'


def _equivalent(parent: Element, text: str, attributes: dict[str, str]) -> None:
    SubElement(SubElement(parent, "TextEquiv", attributes), "Unicode").text = _printable(text)


def _box(points: Points) -> tuple[int, int, int, int]:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _hull(lines: Sequence[TextLine]) -> Points:
    left, top, right, bottom = _box([point for line in lines for point in line.polygon])
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _points(points: Points) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _printable(text: str) -> str:
    """Leave out what XML 1.0 cannot hold: control characters and halves of surrogate pairs."""
    return "".join(filter(_is_xml, text))


def _is_xml(character: str) -> bool:
    return (
        character in "\t\n\r" or " " <= character < "\ud800" or "\udfff" < character < "\ufffe" or character > "\uffff"
    )
