from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from thaiocr.errors import EnvironmentProblem
from thaiocr.metrics.recognition import Reading, RecognitionMetric
from thaiocr.metrics.report import GALLERY, write_report
from thaiocr.metrics.summary import Summary

VOID = {"meta", "img", "line", "rect", "wbr"}


class Document(HTMLParser):
    """Checks that elements close in order, and keeps what a test asks for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def reading(number: int, label: str, text: str, **others: object) -> Reading:
    values = {"image": f"{number}.jpg", "label": label, "text": text, "score": 0.5, "font": "Loma", **others}
    return Reading(**values)  # type: ignore[arg-type]


def summary_of(readings: list[Reading]) -> Summary:
    metric = RecognitionMetric()
    metric.update(readings)
    return metric.summary()


def report(readings: list[Reading], folder: Path, **extra: str) -> Document:
    index = write_report(
        readings, summary_of(readings), folder / "report", title="Split <D>", images_root=folder, extra=extra
    )
    assert index == folder / "report" / "index.html"
    return Document(index.read_text(encoding="utf-8"))


def write_image(path: Path, height: int = 32, width: int = 40) -> None:
    cv2.imwrite(str(path), np.full((height, width, 3), 200, np.uint8))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_page_needs_no_other_file(tmp_path: Path) -> None:
    write_image(tmp_path / "0.jpg")
    page = report([reading(0, "ด", "ต"), reading(1, "ก", "ก")], tmp_path)
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe"}
    assert all(str(image["src"]).startswith("data:image/") for image in page.all("img"))
    assert all(str(link["href"]).startswith("#") for link in page.all("a"))
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import", html)


def test_links_lead_to_sections_and_tables_have_captions_and_images_alternatives(tmp_path: Path) -> None:
    write_image(tmp_path / "0.jpg")
    page = report([reading(0, "ด", "ต"), reading(1, "กข", "ก"), reading(2, "ก", "ก")], tmp_path)
    sections = {section["id"] for section in page.all("section")}
    assert {str(link["href"])[1:] for link in page.all("a")} == sections
    assert len(page.all("table")) == len(page.all("caption")) > 5
    assert all(image["alt"] for image in page.all("img"))
    assert all(plot["aria-label"] for plot in page.all("svg"))


def test_scores_of_right_readings_are_compared_with_those_of_images_without_text(tmp_path: Path) -> None:
    write_image(tmp_path / "0.jpg")
    readings = [reading(0, "ก", "ก"), reading(1, "ก", "ข")]
    metric = RecognitionMetric()
    metric.update(readings)
    summary = metric.summary(negatives=[0.0, 0.05])
    index = write_report(readings, summary, tmp_path / "report", title="x", images_root=tmp_path, extra={})

    page = Document(index.read_text(encoding="utf-8"))
    assert "images with nothing to read2100.00 %0.00 %" in page.text
    assert "0.0 – 0.1002" in page.text


def test_texts_cannot_break_the_page(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>\"&"
    write_image(tmp_path / "0.jpg")
    readings = [
        reading(0, evil, "</figure>", font="<b>"),
        reading(2, "ก", "ข", image="<i>.jpg"),
        reading(1, "\u0e48", "\u200b", font=evil),
    ]
    page = report(readings, tmp_path, **{"<u>": evil, "Limits": evil})
    assert not page.all("script") + page.all("b") + page.all("i") + page.all("u")
    assert evil in page.text
    assert f"Image labelled {evil}, read as </figure>" in [image["alt"] for image in page.all("img")]
    assert "◌\u0e48" in page.text
    assert "\\u200b" in page.text


def test_gallery_shows_the_surest_errors_first_and_says_how_many_are_left_out(tmp_path: Path) -> None:
    write_image(tmp_path / "one.jpg", 400, 900)
    count = GALLERY + 7
    readings = [reading(number, "ด", "ต", score=number / count, image="one.jpg") for number in range(count)]
    page = report([*readings, reading(0, "ก", "ก")], tmp_path)
    assert len(page.all("figure")) == GALLERY
    scores = [float(score) for score in re.findall(r"score (0\.\d{3})(?! to)", page.text)]
    assert scores[0] == pytest.approx((count - 1) / count, abs=0.001)
    assert scores == sorted(scores, reverse=True)
    assert "207 of 208 images were misread" in page.text
    assert "7 more are left out" in page.text
    thumbnail = page.all("img")[-1]
    assert (thumbnail["width"], thumbnail["height"]) == ("360", "160")


def test_an_image_that_cannot_be_read_is_named_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8\xff no image")
    page = report([reading(0, "ด", "ต"), reading(1, "ค", "ศ")], tmp_path)
    assert "0.jpg: no such file" in page.text
    assert "1.jpg: the image is truncated" in page.text


def test_a_long_path_breaks_behind_a_slash_only(tmp_path: Path) -> None:
    report([reading(0, "ด", "ต", image="rec/<b>/000987.jpg")], tmp_path)
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "<small>rec/<wbr>&lt;b&gt;/<wbr>000987.jpg</small>" in html


def test_limits_are_a_warning_and_the_rest_is_listed(tmp_path: Path) -> None:
    page = report([reading(0, "ก", "ก")], tmp_path, Limits="synthetic only", Checkpoint="best")
    assert any(note.get("class") == "banner" for note in page.all("p"))
    assert "synthetic only" in page.text
    assert len(page.all("dt")) == 1
    assert "Every image was read right." in page.text


def test_files_hold_every_reading_class_and_confusion(tmp_path: Path) -> None:
    readings = [reading(0, "ด", "ต"), reading(1, "ด", "ต"), reading(2, "ด", "ด"), reading(3, 'ก"', "ก,\n")]
    report(readings, tmp_path, Data="synthetic")
    folder = tmp_path / "report"
    assert [tuple(row.values()) for row in rows(folder / "readings.csv")] == [
        ("0.jpg", "ด", "ต", "0.5", "Loma", "0"),
        ("1.jpg", "ด", "ต", "0.5", "Loma", "0"),
        ("2.jpg", "ด", "ด", "0.5", "Loma", "1"),
        ("3.jpg", 'ก"', "ก,\n", "0.5", "Loma", "0"),
    ]
    assert rows(folder / "confusion.csv")[0] == {"label": "ด", "text": "ต", "count": "2", "share": str(2 / 3)}
    classes = rows(folder / "per_class.csv")
    assert [row["label"] for row in classes] == ['"', "ก", "ด"]
    matrix = [tuple(row.values()) for row in rows(folder / "confusion_matrix.csv")]
    assert list(rows(folder / "confusion_matrix.csv")[0]) == ["label", '"', "ก", "ด", "(other)"]
    assert matrix == [('"', "0", "0", "0", "1"), ("ก", "0", "1", "0", "0"), ("ด", "0", "0", "1", "2")]
    picture = cv2.imread(str(folder / "confusion.png"))
    assert picture is not None
    assert picture.shape[:2] == (3 * 30, 4 * 30)
    found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert found == {"title": "Split <D>", "extra": {"Data": "synthetic"}, "summary": summary_of(readings)}


def test_readings_are_judged_as_the_summary_judges_them(tmp_path: Path) -> None:
    page = report([reading(0, "น้ำ ใจ", "น\u0e4d\u0e49าใจ")], tmp_path)
    assert rows(tmp_path / "report" / "readings.csv")[0]["right"] == "1"
    assert not page.all("figure")


def test_an_empty_set_has_a_report(tmp_path: Path) -> None:
    page = report([], tmp_path)
    assert "There are no images." in page.text
    assert rows(tmp_path / "report" / "readings.csv") == []


def test_the_same_readings_give_the_same_bytes(tmp_path: Path) -> None:
    readings = [reading(number, "ดต"[number % 2], "ด", font=f"F{number % 3}") for number in range(20)]
    report(readings, tmp_path)
    first = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    report(readings, tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()} == first
    assert set(first) == {
        "index.html",
        "report.json",
        "readings.csv",
        "per_class.csv",
        "confusion.csv",
        "confusion_matrix.csv",
        "confusion.png",
    }


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    with pytest.raises(EnvironmentProblem, match=r"report: cannot write the report: .+"):
        report([reading(0, "ก", "ก")], tmp_path)
