from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from folders import ENTRIES, content, encoded, pattern, tree, write_image, write_labels

from thaiocr.cli.data import KINDS
from thaiocr.data.importer import Imported, Request, import_data
from thaiocr.data.sources import READERS
from thaiocr.errors import DataError, EnvironmentProblem, UsageError
from thaiocr.progress import silent
from thaiocr.text.dictionary import Dictionary

DICTIONARY = Dictionary(ENTRIES)


def run(kind: str, source: Path, target: Path, dictionary: Dictionary | None = None, **options: Any) -> Imported:
    return import_data(Request(kind=kind, source=str(source), **options), target, dictionary, progress=silent)


def everything(kind: str, source: Path, target: Path, **options: Any) -> dict[str, bytes]:
    """Import all into train; returns the image bytes by text."""
    run(kind, source, target, val_fraction=0, test_fraction=0, **options)
    lines = (target / "rec_gt_train.txt").read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    assert len({text for _, text in pairs}) == len(pairs), "a fixture of this test has each text once"
    return {text: (target / name).read_bytes() for name, text in pairs}


def manifest(target: Path) -> dict[str, Any]:
    return dict(json.loads((target / "manifest.json").read_text("utf-8")))


def reasons(imported: Imported, source: Path) -> dict[str, str]:
    return {each.place.replace(f"{source}/", ""): each.reason for each in imported.rejects}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "target"


def write_generated(source: Path, *, per_class: int = 20) -> None:
    """The reference generator's layout: classes in a row, names by class and sample."""
    lines = []
    for number in range(per_class * len(ENTRIES)):
        entry, sample = divmod(number, per_class)
        write_image(source / f"images/{entry:03}_{sample:02}.jpg", number)
        lines.append(f"{entry:03}_{sample:02}.jpg\t{ENTRIES[entry]}")
    write_labels(source / "labels.txt", lines)


def test_the_command_line_knows_every_kind() -> None:
    assert set(KINDS) == set(READERS)


# -- What comes out ----------------------------------------------------------------------------------------------------


def test_the_result_is_paddleocrs_layout_with_every_class_in_every_split(source: Path, target: Path) -> None:
    write_generated(source)
    before = tree(source)

    imported = run("generator", source, target, DICTIONARY)

    assert tree(source) == before
    assert imported.counts == {"train": 80, "val": 10, "test": 10}
    assert imported.rejects == []
    for split, per_class in (("train", 16), ("val", 2), ("test", 2)):
        pairs = [line.split("\t") for line in (target / f"rec_gt_{split}.txt").read_text("utf-8").splitlines()]
        assert Counter(text for _, text in pairs) == dict.fromkeys(ENTRIES, per_class)
        assert [name for name, _ in pairs] == [f"rec/{split}/{n:06}.jpg" for n in range(1, len(pairs) + 1)]
        assert len(list((target / f"rec/{split}").iterdir())) == len(pairs)
    assert Dictionary.load(target / "dict.txt") == DICTIONARY
    assert sorted(path.name for path in target.iterdir()) == [
        "dict.txt",
        "manifest.json",
        "rec",
        "rec_gt_test.txt",
        "rec_gt_train.txt",
        "rec_gt_val.txt",
    ]


def test_every_image_is_copied_byte_for_byte_with_its_own_label(source: Path, target: Path) -> None:
    write_generated(source)
    expected = {
        (source / "images" / name).read_bytes(): text
        for name, text in (line.split("\t") for line in (source / "labels.txt").read_text("utf-8").splitlines())
    }

    run("generator", source, target)

    for split in ("train", "val", "test"):
        described = manifest(target)["splits"][split]
        lines = (target / described["labels"]).read_text("utf-8").splitlines()
        for line, place in zip(lines, described["sources"], strict=True):
            name, text = line.split("\t")
            assert expected.pop((target / name).read_bytes()) == text
            assert Path(place).name.startswith("labels.txt:")
    assert not expected


def test_the_same_request_gives_the_same_bytes_and_another_seed_another_split(source: Path, tmp_path: Path) -> None:
    write_generated(source)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("generator", source, tmp_path / name, DICTIONARY, seed=seed)

    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert content(tmp_path / "a")["rec_gt_val.txt"] != content(tmp_path / "c")["rec_gt_val.txt"]


def test_a_split_of_no_share_is_not_there(source: Path, target: Path) -> None:
    write_generated(source)

    imported = run("generator", source, target, test_fraction=0.0)

    assert imported.counts == {"train": 90, "val": 10}
    assert not (target / "rec/test").exists()


# -- What is left out --------------------------------------------------------------------------------------------------


def test_what_cannot_be_used_is_reported_with_place_and_reason_and_the_rest_imported(
    source: Path, target: Path
) -> None:
    write_generated(source, per_class=2)
    (source / "images/000_00.jpg").unlink()
    (source / "images/000_01.jpg").write_bytes(encoded(1, ".jpg")[:200])
    write_image(source / "images/x.jpg", 90)
    with (source / "labels.txt").open("ab") as file:
        file.write("x.jpg\tฃ\nno tab\nx.jpg\t\nx.jpg\tก\r\n".encode())

    imported = run("generator", source, target, DICTIONARY, val_fraction=0, test_fraction=0)

    assert reasons(imported, source) == {
        "labels.txt:1": f"no such file (looked for {source}/images/000_00.jpg)",
        "labels.txt:2": "the image is truncated; copy it again",
        "labels.txt:11": "'ฃ' (U+0E03 THAI CHARACTER KHO KHUAT) is not in the dictionary",
        "labels.txt:12": "no tab between image and text",
        "labels.txt:13": "the label is empty",
    }
    assert imported.counts == {"train": 9}
    assert manifest(target)["rejects"][0]["reason"].startswith("no such file")


def test_a_picture_that_is_there_twice_is_taken_once_and_one_with_two_labels_not_at_all(
    source: Path, target: Path
) -> None:
    for name, number in (("a.png", 1), ("b.png", 1), ("c.png", 2), ("d.png", 2), ("e.png", 3)):
        write_image(source / "images" / name, number)
    write_labels(source / "labels.txt", ["a.png\tก", "b.png\tก", "c.png\tก", "d.png\tปี", "e.png\tA"])

    imported = run("generator", source, target, val_fraction=0, test_fraction=0)

    assert imported.counts == {"train": 2}
    assert reasons(imported, source) == {
        "labels.txt:2": f"the same picture as {source}/labels.txt:1 (a.png)",
        "labels.txt:3": f"the same picture as {source}/labels.txt:4 (d.png), which says 'ปี', not 'ก'",
        "labels.txt:4": f"the same picture as {source}/labels.txt:3 (c.png), which says 'ก', not 'ปี'",
    }


def test_nothing_usable_is_an_error_that_leaves_nothing(source: Path, target: Path) -> None:
    write_labels(source / "labels.txt", ["none.png\tก"] * 9)

    with pytest.raises(DataError) as caught:
        run("generator", source, target)

    assert "none.png" in caught.value.problems[0]
    assert caught.value.problems[-2:] == ("… and 4 more", f"{source}: nothing there can be imported as generator")
    assert list(target.parent.iterdir()) == []


def test_a_folder_that_holds_something_is_refused_and_kept(source: Path, target: Path) -> None:
    write_generated(source, per_class=1)
    target.mkdir(parents=True)
    (target / "mine").write_text("mine")

    with pytest.raises(UsageError, match="choose another, or remove it first"):
        run("generator", source, target)

    assert content(target) == {"mine": b"mine"}


def test_a_place_that_cannot_be_written_is_an_environment_problem(source: Path, tmp_path: Path) -> None:
    write_generated(source, per_class=1)
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvironmentProblem, match="file"):
        run("generator", source, tmp_path / "file" / "target")


@pytest.mark.parametrize(
    ("kind", "names"), [("generator", "labels.txt"), ("icdar", "gt.txt"), ("ppocrlabel", "Label.txt")]
)
def test_a_source_of_another_layout_says_what_is_missing(source: Path, target: Path, kind: str, names: str) -> None:
    source.mkdir()

    with pytest.raises(DataError, match=f"{names}: no such label file"):
        run(kind, source, target)


def test_a_missing_source_is_named(source: Path, target: Path) -> None:
    with pytest.raises(DataError, match="source: no such folder"):
        run("folders", source, target)


# -- Kinds -------------------------------------------------------------------------------------------------------------


def test_labels_are_written_in_their_one_spelling(source: Path, target: Path) -> None:
    write_image(source / "images/a.png", 1)
    write_labels(source / "labels.txt", ["a.png\t น\u0e4d\u0e49า "])

    assert everything("generator", source, target) == {"น้ำ": encoded(1)}


def test_folders_are_classes_and_folders_in_them_documents(source: Path, target: Path) -> None:
    write_image(source / "ก/a.png", 1)
    write_image(source / "น\u0e4d\u0e49า/scan 7/a.jpg", 2)
    (source / "ก/.DS_Store").write_bytes(b"x")
    (source / "ก/notes.txt").write_bytes(b"x")

    imported = run("folders", source, target, val_fraction=0, test_fraction=0)

    assert (target / "rec_gt_train.txt").read_text("utf-8") == "rec/train/000001.png\tก\nrec/train/000002.jpg\tน้ำ\n"
    assert reasons(imported, source) == {"ก/notes.txt": "not an image by its suffix"}
    assert imported.documents == {"train": 1}


def test_an_image_gets_the_suffix_of_its_content(source: Path, target: Path) -> None:
    (source / "ก").mkdir(parents=True)
    (source / "ก/a.jpg").write_bytes(encoded(1, ".png"))

    run("folders", source, target, val_fraction=0, test_fraction=0)

    assert (target / "rec/train/000001.png").read_bytes() == encoded(1, ".png")


def test_icdar_texts_may_hold_commas_and_quotes(source: Path, target: Path) -> None:
    texts = ["น้ำ", "a, b", 'say \\"A\\"', "plain", '"', "Ａ"]
    for number, _ in enumerate(texts):
        write_image(source / f"word_{number}.png", number)
    lines = [f'word_{number}.png, "{text}"' for number, text in enumerate(texts)]
    lines[3] = "word_3.png,plain"
    write_labels(source / "gt.txt", [f"\ufeff{lines[0]}\r", *lines[1:], 'word_9.png, "###"', "nothing"])

    imported = run("icdar", source, target, val_fraction=0, test_fraction=0)

    found = [line.split("\t")[1] for line in (target / "rec_gt_train.txt").read_text("utf-8").splitlines()]
    assert found == ["น้ำ", "a, b", 'say "A"', "plain", '"', "Ａ"]
    assert reasons(imported, source) == {
        "gt.txt:7": "marked as unreadable ('###')",
        "gt.txt:8": 'not of the form: word_1.png, "text"',
    }


def test_an_icdar_label_file_of_another_name_is_found(source: Path, target: Path) -> None:
    write_image(source / "word_1.png", 1)
    write_labels(source / "Challenge2_Test_Task3_GT.txt", ['word_1.png, "A"'])

    assert everything("icdar", source, target) == {"A": encoded(1)}


# -- Corrections -------------------------------------------------------------------------------------------------------


def write_correction(source: Path, stem: str, number: int, **record: object) -> None:
    write_image(source / f"{stem}.png", number)
    (source / f"{stem}.json").write_text(json.dumps(record, ensure_ascii=False), "utf-8")


def test_corrections_give_the_corrected_text_of_verified_samples_only(source: Path, target: Path) -> None:
    write_correction(
        source, "a", 1, image="a.png", original_text="กา", corrected_text="กำ", box=[0, 0, 48, 32], verified=True
    )
    write_correction(source, "b", 2, original_text="A", corrected_text="ข", verified=False)
    write_correction(source, "c", 3, original_text="A", corrected_text="ค")
    write_correction(source, "d", 4, original_text="A", verified=True)
    (source / "e.json").write_text("{")
    (source / "f.json").write_text('{"corrected_text": "ง", "verified": true}')
    (source / "g.json").write_text("[]")

    imported = run("corrections", source, target, val_fraction=0, test_fraction=0)

    assert (target / "rec_gt_train.txt").read_text("utf-8") == "rec/train/000001.png\tกำ\n"
    assert (target / "rec/train/000001.png").read_bytes() == encoded(1)
    unverified = "not verified by a person; --unverified takes it all the same"
    assert {place: reason.split(":")[0] for place, reason in reasons(imported, source).items()} == {
        "b.json": unverified,
        "c.json": unverified,
        "d.json": "no corrected_text",
        "e.json": "not JSON",
        "f.json": "no picture f.png beside it",
        "g.json": "not a JSON object with corrected_text and verified",
    }


def test_unverified_corrections_are_taken_when_asked_for(source: Path, target: Path) -> None:
    write_correction(source, "a", 1, corrected_text="ก", verified=True)
    write_correction(source, "b", 2, corrected_text="ข", verified=False)

    assert everything("corrections", source, target, unverified=True) == {"ก": encoded(1), "ข": encoded(2)}


@pytest.mark.parametrize(
    "box",
    [[10, 20, 40, 36], {"x": 10, "y": 20, "width": 30, "height": 16}, [[10, 20], [40, 20], [40, 36], [10, 36]]],
)
def test_a_correction_on_a_page_is_cut_out(source: Path, target: Path, box: object) -> None:
    page = np.full((200, 300, 3), 255, np.uint8)
    page[20:36, 10:40] = pattern(5, height=16, width=30)
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), page)
    (source / "a.json").write_text(json.dumps({"corrected_text": "A", "box": box, "verified": True}))

    run("corrections", source, target, val_fraction=0, test_fraction=0)

    np.testing.assert_array_equal(cv2.imread(str(target / "rec/train/000001.png")), page[20:36, 10:40])


def test_a_picture_that_was_cut_out_already_is_not_cut_again(source: Path, target: Path) -> None:
    """The box tells where on the page of another file the picture was."""
    write_correction(source, "a", 1, image="page_3.png", corrected_text="A", box=[2, 3, 50, 36], verified=True)

    assert everything("corrections", source, target) == {"A": encoded(1)}


@pytest.mark.parametrize("box", [[1, 2, 3], [40, 0, 10, 10], "here", [0, 0, float("nan"), 10], {"x": 1}])
def test_a_box_that_is_none_is_a_reject(source: Path, target: Path, box: object) -> None:
    write_correction(source, "a", 1, corrected_text="ก", box=box, verified=True)
    write_correction(source, "b", 2, corrected_text="A", verified=True)

    imported = run("corrections", source, target, val_fraction=0, test_fraction=0)

    assert "four numbers (left, top, right, bottom) or corners" in reasons(imported, source)["a.json"]


def test_a_box_beside_the_picture_is_a_reject(source: Path, target: Path) -> None:
    write_correction(source, "a", 1, corrected_text="ก", box=[500, 500, 510, 510], verified=True)
    write_correction(source, "b", 2, corrected_text="A", verified=True)

    imported = run("corrections", source, target, val_fraction=0, test_fraction=0)

    assert reasons(imported, source) == {"a.json": "the box is not on the picture of 48 x 32 pixels"}


@pytest.mark.parametrize("key", ["document_id", "image"])
def test_no_document_is_in_two_splits(source: Path, target: Path, key: str) -> None:
    documents = {f"{number:03}": f"page_{number % 30}.png" for number in range(300)}
    for number, (stem, document) in enumerate(documents.items()):
        write_correction(source, stem, number, corrected_text=ENTRIES[number % 5], verified=True, **{key: document})

    imported = run("corrections", source, target)

    assert imported.counts == {"train": 240, "val": 30, "test": 30}
    assert imported.documents == {"train": 24, "val": 3, "test": 3}
    split_of = {
        document: split
        for split, described in manifest(target)["splits"].items()
        for document in described["documents"]
    }
    for split, described in manifest(target)["splits"].items():
        for place in described["sources"]:
            assert split_of[documents[Path(place).stem]] == split


# -- PPOCRLabel --------------------------------------------------------------------------------------------------------


def write_page(path: Path, number: int) -> str:
    """A page with two words and a mark; returns its boxes."""
    page = np.full((100, 200, 3), 255, np.uint8)
    page[10:42, 20:68] = pattern(number)
    page[50:82, 20:68] = pattern(number + 100)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), page)
    boxes = [
        {"transcription": "ก", "points": [[20, 10], [68, 10], [68, 42], [20, 42]], "difficult": False},
        {"transcription": "น้ำ", "points": [[20, 50], [68, 50], [68, 82], [20, 82]], "difficult": False},
        {"transcription": "###", "points": [[0, 0], [9, 0], [9, 9], [0, 9]], "difficult": True},
    ]
    return json.dumps(boxes, ensure_ascii=False)


def test_boxes_on_pages_are_cut_out(source: Path, target: Path) -> None:
    write_labels(
        source / "Label.txt", [f"source/p1.png\t{write_page(source / 'p1.png', 1)}", "source/p2.png\t{", "p3.png\t[3]"]
    )

    imported = run("ppocrlabel", source, target, val_fraction=0, test_fraction=0)

    assert (target / "rec_gt_train.txt").read_text("utf-8") == "rec/train/000001.png\tก\nrec/train/000002.png\tน้ำ\n"
    for number, name in ((1, "000001"), (101, "000002")):
        np.testing.assert_array_equal(cv2.imread(str(target / f"rec/train/{name}.png")), pattern(number))
    assert {place: reason.split(":")[0] for place, reason in reasons(imported, source).items()} == {
        "Label.txt:1, box 3": "marked as unreadable ('###')",
        "Label.txt:2": "the boxes are not JSON",
        "Label.txt:3, box 1": "not a JSON object with transcription and points",
    }
    assert imported.documents == {"train": 1}


def test_exported_crops_are_taken_as_they_are_and_only_other_pages_are_cut(source: Path, target: Path) -> None:
    write_image(source / "crop_img/p1_crop_0.jpg", 7)
    write_labels(source / "rec_gt.txt", ["crop_img/p1_crop_0.jpg\tปี", "crop_img/p1_crop_1.jpg\t###"])
    pages = [
        f"source/{page}.png\t{write_page(source / f'{page}.png', number)}" for number, page in ((1, "p1"), (2, "p2"))
    ]
    write_labels(source / "Label.txt", pages)

    run("ppocrlabel", source, target, val_fraction=0, test_fraction=0)

    lines = (target / "rec_gt_train.txt").read_text("utf-8").splitlines()
    assert lines == ["rec/train/000001.jpg\tปี", "rec/train/000002.png\tก", "rec/train/000003.png\tน้ำ"]
    assert (target / "rec/train/000001.jpg").read_bytes() == encoded(7, ".jpg")
    assert manifest(target)["splits"]["train"]["documents"] == ["p1", "p2"]


def test_what_is_taller_than_wide_stays_upright(source: Path, target: Path) -> None:
    """A lone cluster such as กี้ is; PaddleOCR would turn it."""
    page = np.full((100, 100, 3), 255, np.uint8)
    page[10:70, 20:40] = pattern(1, height=60, width=20)
    source.mkdir()
    cv2.imwrite(str(source / "p.png"), page)
    boxes = [{"transcription": "ก", "points": [[20, 10], [40, 10], [40, 70], [20, 70]]}]
    write_labels(source / "Label.txt", [f"p.png\t{json.dumps(boxes)}"])

    run("ppocrlabel", source, target, val_fraction=0, test_fraction=0)

    np.testing.assert_array_equal(cv2.imread(str(target / "rec/train/000001.png")), page[10:70, 20:40])
