from __future__ import annotations

import json
import re
from datetime import datetime
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.predict.formats import PAGE_NAMESPACE, to_hocr, to_json, to_page_xml, to_text
from thaiocr.predict.page import PageReading, TextLine

SQUARE = ((10, 20), (110, 20), (110, 50), (10, 50))
LINES = (
    TextLine("น้ำ & ปลา", 0.98765, SQUARE, 0.9),
    TextLine("", 0.0, SQUARE, 0.8),
    TextLine('<b>"1"', 0.5, SQUARE, 0.7),
)
READING = PageReading('a "b"; c.png', 2, 3, 640, 480, LINES)
EMPTY = PageReading("empty.png", 1, 1, 640, 480)

CHILDREN = {
    "PcGts": ["Metadata", "Page"],
    "Metadata": ["Creator", "Created", "LastChange"],
    "Page": ["TextRegion"],
    "TextRegion": ["Coords", "TextLine", "TextEquiv"],
    "TextLine": ["Coords", "TextEquiv"],
    "TextEquiv": ["Unicode"],
}
"""Of the schema's sequences what is used here, in its order."""
ATTRIBUTES = {
    "Page": {"imageFilename", "imageWidth", "imageHeight"},
    "TextRegion": {"id"},
    "TextLine": {"id"},
    "Coords": {"points"},
}
"""Which the schema requires."""


def name(element: Element) -> str:
    namespace, _, local = element.tag.rpartition("}")
    assert namespace.lstrip("{") == PAGE_NAMESPACE
    return local


def check(element: Element) -> None:
    """Hold an element against the structure of the schema."""
    names = [name(child) for child in element]
    expected = CHILDREN.get(name(element), [])
    assert set(names) <= set(expected)
    assert names == sorted(names, key=expected.index)
    assert ATTRIBUTES.get(name(element), set()) <= set(element.attrib)
    if name(element) == "Coords":
        assert re.fullmatch(r"([0-9]+,[0-9]+ )+([0-9]+,[0-9]+)", element.attrib["points"])
    if "conf" in element.attrib:
        assert 0 <= float(element.attrib["conf"]) <= 1
    for child in element:
        check(child)


@pytest.mark.parametrize("reading", [READING, EMPTY])
def test_page_xml_has_the_structure_of_its_schema(reading: PageReading) -> None:
    root = ET.fromstring(to_page_xml(reading, created=datetime(2026, 1, 2, 3, 4, 5)).encode())
    assert name(root) == "PcGts"
    check(root)
    found = [element.text or "" for element in root.iter(f"{{{PAGE_NAMESPACE}}}Unicode")]
    assert found == ([*[line.text for line in LINES], 'น้ำ & ปลา\n<b>"1"'] if reading.lines else [])
    page = root[1]
    assert page.attrib == {"imageFilename": reading.image, "imageWidth": "640", "imageHeight": "480"}
    assert [element.text for element in root[0]][1:] == ["2026-01-02T03:04:05"] * 2
    identifiers = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(identifiers) == len(set(identifiers))


def test_hocr_has_pages_lines_boxes_and_scores() -> None:
    document = to_hocr([READING, PageReading("bad.png", 1, 1, error="bad"), EMPTY])
    root = ET.fromstring(document)
    assert "<!DOCTYPE html" in document
    xhtml = "{http://www.w3.org/1999/xhtml}"
    head = {meta.get("name"): meta.get("content") for meta in root.iter(f"{xhtml}meta")}
    assert head["ocr-capabilities"] == "ocr_page ocr_line"
    pages = [div for div in root.iter(f"{xhtml}div") if div.get("class") == "ocr_page"]
    assert [page.get("title") for page in pages] == [
        r'image "a \"b\"; c.png"; bbox 0 0 640 480; ppageno 1',
        'image "empty.png"; bbox 0 0 640 480; ppageno 0',
    ]
    lines = [span for span in pages[0] if span.get("class") == "ocr_line"]
    assert [line.text or "" for line in lines] == [line.text for line in LINES]
    assert lines[0].get("title") == "bbox 10 20 110 50; x_wconf 99"
    assert len({line.get("id") for line in lines}) == 3


def test_json_has_polygons_and_scores_or_the_error() -> None:
    found = json.loads(json.dumps(to_json(READING)))
    assert {key: found[key] for key in ("image", "page", "pages", "width", "height")} == {
        "image": 'a "b"; c.png', "page": 2, "pages": 3, "width": 640, "height": 480,
    }  # fmt: skip
    assert found["lines"][0] == {
        "text": "น้ำ & ปลา",
        "score": 0.98765,
        "polygon": [[10, 20], [110, 20], [110, 50], [10, 50]],
        "polygon_score": 0.9,
    }
    assert to_json(PageReading("bad.png", 1, 1, error="no")) == {
        "image": "bad.png",
        "page": 1,
        "pages": 1,
        "error": "no",
    }


def test_text_is_what_the_lines_say() -> None:
    assert to_text(READING) == 'น้ำ & ปลา\n<b>"1"'
    assert to_text(EMPTY) == ""


@given(st.text(st.characters()))
def test_any_text_gives_files_that_can_be_parsed(text: str) -> None:
    reading = PageReading(text, 1, 1, 9, 9, (TextLine(text, 1.0, SQUARE, 1.0),))
    check(ET.fromstring(to_page_xml(reading).encode()))
    ET.fromstring(to_hocr([reading]).encode())
