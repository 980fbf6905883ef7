from __future__ import annotations

import json
from pathlib import Path

import pytest

from thaiocr.errors import EnvironmentProblem
from thaiocr.metrics.recognition import Reading, RecognitionMetric
from thaiocr.metrics.sets import FIGURES, markdown, rows_of_sets, write_sets
from thaiocr.metrics.summary import Summary


def summary(texts: str, **others: object) -> Summary:
    metric = RecognitionMetric()
    metric.update(
        Reading(image=f"{at}.jpg", label="ก", text=text, score=0.9, font="AB"[at % 2], **others)  # type: ignore[arg-type]
        for at, text in enumerate(texts)
    )
    return metric.summary()


def test_every_figure_of_every_set_has_a_cell() -> None:
    header, rows = rows_of_sets({"test_A": summary("กกกก"), "test_D": summary("กขกข")})
    assert header == ["figure, %", "test_A", "test_D"]
    assert [row[0] for row in rows] == ["images", *FIGURES]
    cells = {row[0]: row[1:] for row in rows}
    assert cells["images"] == ["4", "4"]
    assert cells["top-1"] == ["100.00 (100.00 to 100.00)", "50.00 (0.00 to 100.00)"]
    assert cells["top-5"] == ["-", "-"]


def test_the_calibration_before_a_temperature_is_shown() -> None:
    _, rows = rows_of_sets({"one": summary("กกกก", raw_score=0.4)})
    cells = {row[0]: row[1] for row in rows}
    assert (cells["ECE before"], cells["ECE"]) == ("60.00", "10.00")


def test_markdown_has_columns_of_one_width() -> None:
    lines = markdown(["a", "long"], [["1", "2"], ["333", "4"]]).splitlines()
    assert lines == ["| a   | long |", "| --- | ---- |", "| 1   | 2    |", "| 333 | 4    |"]


def test_the_page_links_to_the_sets_and_says_what_was_not_measured(tmp_path: Path) -> None:
    sets = {"test_A": summary("กก"), "test_D": summary("กข")}
    page = write_sets(
        tmp_path / "new" / "report", sets, title="T <1>", extra={"Model": "m", "Limits": "Synthetic only."}
    )
    text = page.read_text("utf-8")
    assert 'href="test_D/index.html"' in text
    assert "T &lt;1&gt;" in text
    assert "Synthetic only." in text
    found = json.loads((page.parent / "report.json").read_text("utf-8"))
    assert found["sets"]["test_D"]["acc"] == 0.5


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match="cannot write the report"):
        write_sets(tmp_path / "file", {"one": summary("ก")}, title="T", extra={})
