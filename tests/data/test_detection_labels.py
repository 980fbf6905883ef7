"""Lines of detection -> pages with polygons, or rejects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.config.schema import detection
from thaiocr.data.detection_labels import Page, Region, clip, parse_regions, read_page, read_pages
from thaiocr.data.labels import Reject
from thaiocr.errors import DataError

SQUARE = [[10, 20], [110, 20], [110, 60], [10, 60]]


def dataset(folder: Path, *files: str, ratio: float = 1.0) -> detection.SimpleDataSet:
    paths = tuple(str(folder / file) for file in files)
    return detection.SimpleDataSet(data_dir=str(folder), label_file_list=paths, ratio_list=(ratio,), transforms=())


def box(points: Any, text: str = "ก") -> dict[str, Any]:
    return {"transcription": text, "points": points}


def label(*boxes: object) -> str:
    return json.dumps(boxes, ensure_ascii=False)


def test_polygons_texts_and_ignored_regions_are_read() -> None:
    pentagon = [*SQUARE, [5, 40]]

    regions = parse_regions(label(box(SQUARE, "น้ำ"), box(SQUARE, "###"), box(SQUARE, "*"), box(pentagon, "ab")))

    assert [region.text for region in regions] == ["น้ำ", "###", "*", "ab"]
    assert [region.is_ignored for region in regions] == [False, True, True, False]
    assert regions[0].points_K2.tolist() == SQUARE
    assert regions[3].points_K2.tolist() == pentagon


def test_the_legacy_form_is_read_with_commas_in_its_texts() -> None:
    regions = parse_regions("10,20,110,20,110,60,10,60,ก, ข\t1,1,9,1,9,9,1,9,###\t")

    assert [(region.text, region.is_ignored) for region in regions] == [("ก, ข", False), ("###", True)]
    assert regions[0].points_K2.tolist() == SQUARE


def test_an_empty_list_is_a_page_without_text() -> None:
    assert parse_regions("[]") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[{", "the boxes are not JSON: Expecting property name enclosed in double quotes at character 3"),
        ('{"points": []}', "the boxes are not a JSON list; write [{…}]"),
        ("[" * 100_000, "the boxes are not JSON: nested too deeply"),
        (label({"points": SQUARE}), "box 1: not a JSON object with transcription and points"),
        (label(box(SQUARE), 7), "box 2: not a JSON object with transcription and points"),
        (label(box(None)), "box 1: points: three corners [x, y] or more are needed"),
        (label(box(SQUARE[:2])), "box 1: points: three corners [x, y] or more are needed"),
        (label(box("abcd")), "box 1: points: three corners [x, y] or more are needed"),
        (label(box([[1, 2], [3, 4], [5]])), "box 1: points: every corner is two numbers, [x, y]"),
        (label(box([[1, 2], [3, "x"], [5, 6]])), "box 1: points: every corner is two numbers, [x, y]"),
        (label(box([[1, 2], [3, 4], [float("nan"), 6]])), "box 1: points: a corner is NaN, infinite"),
        (label(box([[1, 2], [3, 4], [float("inf"), 6]])), "box 1: points: a corner is NaN, infinite"),
        (label(box([[1, 2], [3, 4], [1e30, 6]])), "box 1: points: a corner is NaN, infinite or more than a million"),
        (label(*[box(None)] * 5), "box 3: points: three corners [x, y] or more are needed; and 2 more boxes"),
        ("1,2,3,4,5,6,7,ก", 'box 1: not a JSON object with transcription and points, nor "x1,y1'),
        ("1,2,3,4,5,6,7,8", "box 1: not a JSON object"),
    ],
)
def test_a_line_that_cannot_be_used_is_a_reject_with_its_place_and_reason(
    text: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").touch()

    found = read_page(f"a.jpg\t{text}", "det_gt.txt:7", dataset(tmp_path))

    assert isinstance(found, Reject)
    assert reason in str(found)
    assert str(found).startswith("det_gt.txt:7: a.jpg: ")


@given(order=st.permutations(range(4)))
def test_a_quad_whose_corners_are_in_the_wrong_order_is_put_right(order: list[int]) -> None:
    (region,) = parse_regions(label(box([SQUARE[index] for index in order])))

    assert shapely.Polygon(region.points_K2).equals(shapely.Polygon(SQUARE))
    assert not region.is_ignored


@pytest.mark.parametrize(
    "points",
    [[[5, 5]] * 4, [[0, 0], [10, 0], [20, 0], [5, 0]], [[0, 0], [9, 9], [0, 0]]],
    ids=["point", "line", "back"],
)
def test_a_polygon_without_area_is_ignored(points: list[list[int]]) -> None:
    (region,) = parse_regions(label(box(points)))

    assert region.is_ignored


def test_polygons_are_cut_off_at_the_edges_of_the_image() -> None:
    inside, across, outside = (
        Region(np.array(points, np.float32), "ก", False)
        for points in (SQUARE, [[-9, -9], [50, -9], [50, 30], [-9, 30]], [[300, 5], [400, 5], [400, 9], [300, 9]])
    )

    clipped = clip([inside, across, outside], width=200, height=100)

    assert [region.is_ignored for region in clipped] == [False, False, True]
    assert clipped[0].points_K2.tolist() == SQUARE
    assert clipped[1].points_K2.tolist() == [[0, 0], [50, 0], [50, 30], [0, 30]]


def test_ten_thousand_boxes_are_a_page_like_any_other() -> None:
    boxes = [box([[x, y], [x + 5, y], [x + 5, y + 5], [x, y + 5]]) for x in range(100) for y in range(100)]

    assert len(parse_regions(label(*boxes))) == 10_000


def test_files_are_read_with_their_rejects_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    lines = [f"a.jpg\t{label(box(SQUARE))}", "a.jpg", "b.jpg\t[]", "a.jpg\t[]"]
    (tmp_path / "one.txt").write_text("\n".join(lines), encoding="utf-8")

    pages = read_pages(dataset(tmp_path, "one.txt"))

    assert [(page.image, len(page.regions), page.place.rpartition(":")[2]) for page in pages.samples] == [
        ("a.jpg", 1, "1"),
        ("a.jpg", 0, "4"),
    ]
    assert [reject.place.rpartition(":")[2] for reject in pages.rejects] == ["2", "3"]
    assert "no tab between image and text" in str(pages.rejects[0])
    assert "b.jpg: no such file" in str(pages.rejects[1])
    assert pages.reject_ratio == 0.5


def test_a_share_of_the_lines_is_drawn_by_the_seed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "one.txt").write_text("\n".join(f"a.jpg\t{label(box(SQUARE, str(n)))}" for n in range(20)))

    def drawn(seed: int) -> list[str]:
        return [page.regions[0].text for page in read_pages(dataset(tmp_path, "one.txt", ratio=0.5), seed=seed).samples]

    assert drawn(1) == drawn(1) != drawn(2)
    assert len(set(drawn(1))) == 10


def test_missing_label_files_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_pages(dataset(tmp_path, "one.txt", "two.txt"))

    assert [problem.partition(": ")[2] for problem in caught.value.problems] == ["no such label file"] * 2


def test_a_page_remembers_where_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()

    found = read_page("a.jpg\t[]", "det_gt.txt:7", dataset(tmp_path))

    assert found == Page("a.jpg", tmp_path / "a.jpg", (), "det_gt.txt:7")
