from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tiny_pages

from thaiocr.data.detection_check import CheckedPages, check_pages
from thaiocr.data.findings import KINDS
from thaiocr.errors import DataError
from thaiocr.progress import silent

HEIGHT, WIDTH = tiny_pages.SIZE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tiny_pages.write_pages(tmp_path / "pages", pages=2, val_pages=2)


def checked(data: Path, *changes: str) -> CheckedPages:
    return check_pages(tiny_pages.config(data, data / "run", *changes), progress=silent)


def found(data: Path, *changes: str) -> dict[str, dict[str, int]]:
    return {kind: dict(counts) for kind, counts in checked(data, *changes).kinds().items()}


def box(left: float, top: float, right: float, bottom: float, text: str = "ก") -> dict[str, Any]:
    return {"transcription": text, "points": [[left, top], [right, top], [right, bottom], [left, bottom]]}


def add(data: Path, label: str | list[dict[str, Any]], *, image: str = "", split: str = "train") -> None:
    """Add a line; to an image of its own where none is named."""
    file = data / f"det_gt_{split}.txt"
    if not image:
        image = f"{split}/added.png"
        cv2.imwrite(str(data / image), np.full((HEIGHT, WIDTH, 3), 200, np.uint8))
    text = label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)
    file.write_text(f"{file.read_text('utf-8')}{image}\t{text}\n", "utf-8")


def test_good_pages_have_no_finding_and_their_texts_are_counted(data: Path) -> None:
    result = checked(data)
    assert result.findings == []
    report = result.to_json()
    assert (report["ok"], report["kinds"]) == (True, {})
    counts = {
        name: [each[key] for key in ("lines", "kept", "texts", "ignored")] for name, each in report["splits"].items()
    }
    assert counts == {"Train": [2, 2, 5, 1], "Eval": [2, 2, 6, 0]}


@pytest.mark.parametrize(
    ("label", "kind", "reason"),
    [
        ('[{"transcription": "ก", "points": [[0, 0], [9,', "bad_polygons", "the boxes are not JSON: "),
        (
            '[{"transcription": "ก", "points": [[0, 0], [NaN, 0], [9, 9]]}]',
            "bad_polygons",
            "box 1: points: a corner is",
        ),
        ([box(1, 1, 20, 9), {"transcription": "ก"}], "bad_polygons", "box 2: points: three corners"),
        ([box(1, 1, 20, 9), box(WIDTH, 10, WIDTH + 50, 30)], "outside", "box 2: outside the page of 96 x 128 pixels"),
        ([box(5, 5, 5, 30), box(1, 1, 20, 9)], "no_area", "box 1: without area; ignored"),
        ([box(-9, 5, 30, 30)], "cut_off", "box 1: cut off at the edges of the page of 96 x 128 pixels"),
        (
            [{"transcription": "ก", "points": [[0, 0], [30, 20], [30, 0], [0, 20]]}],
            "crossing_edges",
            "box 1: edges that cross; the convex hull is taken",
        ),
        ([box(5, 5, 30, 30, "###"), box(5, 50, 30, 70, "*")], "only_ignored", "all of 2 boxes are ignored"),
        ([], "empty_page", "no box: a page without text"),
    ],
)
def test_what_is_wrong_with_boxes_is_named_with_its_line(
    data: Path, label: str | list[dict[str, Any]], kind: str, reason: str
) -> None:
    add(data, label)
    (finding,) = checked(data).findings
    assert (finding.kind, finding.split, finding.place) == (kind, "Train", f"{data / 'det_gt_train.txt'}:3")
    assert finding.reason.startswith(reason)
    assert checked(data).count(KINDS[kind].severity) == 1


def test_many_bad_boxes_of_a_page_are_one_finding(data: Path) -> None:
    add(data, [box(1, 1, 20, 9), *[box(200, 200, 300, 300)] * 8])
    (finding,) = checked(data).findings
    assert finding.reason == "box 2, 3, 4, 5, 6 and 3 more: outside the page of 96 x 128 pixels; ignored"


def test_a_corner_on_the_edge_or_a_pixel_beyond_is_no_finding(data: Path) -> None:
    add(data, [box(0, 0, WIDTH, 20), box(-1, 40, WIDTH + 1, HEIGHT + 1)])
    assert found(data) == {}


def test_images_that_cannot_be_read_are_errors(data: Path) -> None:
    (data / "train" / "empty.png").touch()
    (data / "train" / "text.png").write_text("text")
    (data / "train" / "cut.png").write_bytes((data / "train" / "0.png").read_bytes()[:300])
    for name in ("empty", "text", "cut", "none"):
        add(data, [box(1, 1, 20, 9)], image=f"train/{name}.png")
    assert found(data) == {
        "missing": {"Train": 1},
        "empty_file": {"Train": 1},
        "truncated": {"Train": 1},
        "not_an_image": {"Train": 1},
    }
    assert checked(data).to_json()["splits"]["Train"]["kept"] == 2


def test_a_page_of_both_train_and_eval_is_a_leak_and_one_that_is_there_twice_a_note(data: Path) -> None:
    add(data, [box(1, 1, 20, 9)], image="val/0.png")
    add(data, [box(1, 1, 20, 9)], image="train/0.png")
    assert found(data) == {"leak": {"Train": 1}, "duplicate": {"Train": 1}}


def test_one_label_file_for_both_is_one_warning(data: Path) -> None:
    assert found(data, f"Eval.dataset.label_file_list=[{data / 'det_gt_train.txt'}]") == {"same_file": {"Eval": 1}}


@pytest.mark.parametrize("label", ["[]", json.dumps([box(1, 1, 20, 9, "###")])])
def test_a_split_without_text_is_an_error(data: Path, label: str) -> None:
    (data / "det_gt_val.txt").write_text(f"val/0.png\t{label}\n", "utf-8")
    (finding,) = (each for each in checked(data).findings if each.severity == "error")
    assert (finding.kind, finding.split, finding.place) == ("no_text", "Eval", str(data / "det_gt_val.txt"))


def test_a_split_without_a_usable_line_is_an_error(data: Path) -> None:
    (data / "det_gt_train.txt").write_text("no tab\n", "utf-8")
    assert found(data) == {"no_line": {"Train": 1}, "no_delimiter": {"Train": 1}}


def test_what_ratio_list_leaves_out_is_judged_as_well(data: Path) -> None:
    add(data, "[{")
    assert found(data, "Train.dataset.ratio_list=[0.1]") == {"bad_polygons": {"Train": 1}}


def test_missing_label_files_are_reported_together(data: Path) -> None:
    for split in ("train", "val"):
        (data / f"det_gt_{split}.txt").unlink()
    with pytest.raises(DataError) as caught:
        checked(data)
    assert len(caught.value.problems) == 2
