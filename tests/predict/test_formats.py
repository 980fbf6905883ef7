from __future__ import annotations

import json
import re
from datetime import datetime
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.predict.formats import ALTO_NAMESPACE, PAGE_NAMESPACE, to_alto, to_hocr, to_json, to_page_xml, to_text
from thaiocr.predict.page import PageReading, TextLine

SQUARE = ((10, 20), (110, 20), (110, 50), (10, 50))
LINES = (
    TextLine("น้ำ & ปลา", 0.98765, SQUARE, 0.9),
    TextLine("", 0.0, SQUARE, 0.8),
    TextLine('<b>"1"', 0.5, SQUARE, 0.7),
)
READING = PageReading('a "b"; c.png', 2, 3, 640, 480, LINES)
EMPTY = PageReading("empty.png", 1, 1, 640, 480)

Structure = dict[str, tuple[list[str], set[str]]]
"""Element -> children that are used here, in the order of the schema's sequence; and attributes that it requires."""
PAGE_XML: Structure = {
    "PcGts": (["Metadata", "Page"], set()),
    "Metadata": (["Creator", "Created", "LastChange"], set()),
    "Page": (["TextRegion"], {"imageFilename", "imageWidth", "imageHeight"}),
    "TextRegion": (["Coords", "TextLine", "TextEquiv"], {"id"}),
    "TextLine": (["Coords", "TextEquiv"], {"id"}),
    "Coords": ([], {"points"}),
    "TextEquiv": (["Unicode"], set()),
}
PLACE = {"HPOS", "VPOS", "WIDTH", "HEIGHT"}
ALTO: Structure = {
    "alto": (["Description", "Layout"], set()),
    "Description": (["MeasurementUnit", "sourceImageInformation", "Processing"], set()),
    "sourceImageInformation": (["fileName"], set()),
    "Processing": (["processingDateTime", "processingSoftware"], {"ID"}),
    "processingSoftware": (["softwareName", "softwareVersion"], set()),
    "Layout": (["Page"], set()),
    "Page": (["PrintSpace"], {"ID", "PHYSICAL_IMG_NR"}),
    "PrintSpace": (["TextBlock"], PLACE),
    "TextBlock": (["TextLine"], {"ID", *PLACE}),
    "TextLine": (["Shape", "String"], {"ID", *PLACE}),
    "Shape": (["Polygon"], set()),
    "Polygon": ([], {"POINTS"}),
    "String": ([], {"CONTENT", *PLACE}),
}
POINTS = "([0-9]+,[0-9]+ )+([0-9]+,[0-9]+)"


def name(element: Element, namespace: str) -> str:
    found, _, local = element.tag.rpartition("}")
    assert found.lstrip("{") == namespace
    return local


def check(element: Element, structure: Structure = PAGE_XML, namespace: str = PAGE_NAMESPACE) -> None:
    """Hold an element against the structure of the schema."""
    names = [name(child, namespace) for child in element]
    expected, required = structure.get(name(element, namespace), ([], set()))
    assert set(names) <= set(expected)
    assert names == sorted(names, key=expected.index)
    assert required <= set(element.attrib)
    for points in ("points", "POINTS"):
        assert re.fullmatch(POINTS, element.attrib.get(points, "0,0 1,1"))
    for share in ("conf", "WC"):
        assert 0 <= float(element.attrib.get(share, "0")) <= 1
    for child in element:
        check(child, structure, namespace)


@pytest.mark.parametrize("reading", [READING, EMPTY])
def test_page_xml_has_the_structure_of_its_schema(reading: PageReading) -> None:
    root = ET.fromstring(to_page_xml(reading, created=datetime(2026, 1, 2, 3, 4, 5)).encode())
    assert name(root, PAGE_NAMESPACE) == "PcGts"
    check(root)
    found = [element.text or "" for element in root.iter(f"{{{PAGE_NAMESPACE}}}Unicode")]
    assert found == ([*[line.text for line in LINES], 'น้ำ & ปลา\n<b>"1"'] if reading.lines else [])
    page = root[1]
    assert page.attrib == {"imageFilename": reading.image, "imageWidth": "640", "imageHeight": "480"}
    assert [element.text for element in root[0]][1:] == ["2026-01-02T03:04:05"] * 2
    identifiers = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize("reading", [READING, EMPTY])
def test_alto_has_the_structure_of_its_schema(reading: PageReading) -> None:
    root = ET.fromstring(to_alto(reading, created=datetime(2026, 1, 2, 3, 4, 5)).encode())
    assert name(root, ALTO_NAMESPACE) == "alto"
    check(root, ALTO, ALTO_NAMESPACE)
    identifiers = [element.attrib["ID"] for element in root.iter() if "ID" in element.attrib]
    assert len(identifiers) == len(set(identifiers))
    assert [element.text for element in root.iter(f"{{{ALTO_NAMESPACE}}}fileName")] == [reading.image]
    assert [element.text for element in root.iter(f"{{{ALTO_NAMESPACE}}}processingDateTime")] == ["2026-01-02T03:04:05"]
    page = next(root.iter(f"{{{ALTO_NAMESPACE}}}Page"))
    assert (page.get("PHYSICAL_IMG_NR"), page.get("WIDTH"), page.get("HEIGHT")) == (str(reading.page), "640", "480")
    for element in page.iter():
        if set(element.attrib) >= PLACE:
            left, top, width, height = (int(element.attrib[key]) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
            assert 0 <= left <= left + width <= 640
            assert 0 <= top <= top + height <= 480


def test_alto_has_every_line_with_text_score_box_and_polygon() -> None:
    root = ET.fromstring(to_alto(READING).encode())
    strings = [element.attrib for element in root.iter(f"{{{ALTO_NAMESPACE}}}String")]
    assert [each["CONTENT"] for each in strings] == [line.text for line in LINES]
    assert [each["WC"] for each in strings] == ["0.9877", "0.0000", "0.5000"]
    assert [strings[0][key] for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] == ["10", "20", "100", "30"]
    polygons = [element.get("POINTS") for element in root.iter(f"{{{ALTO_NAMESPACE}}}Polygon")]
    assert polygons == ["10,20 110,20 110,50 10,50"] * 3


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
    check(ET.fromstring(to_alto(reading).encode()), ALTO, ALTO_NAMESPACE)
    ET.fromstring(to_hocr([reading]).encode())
