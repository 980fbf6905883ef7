from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from folders import ENTRIES, LINES, add_lines, config, encoded, pattern, write_data, write_image
from PIL import Image

from thaiocr.data.check import Checked, check
from thaiocr.data.dataset import load_dataset
from thaiocr.data.findings import KINDS
from thaiocr.data.splits import open_codec, splits
from thaiocr.errors import DataError
from thaiocr.progress import silent


def checked(folder: Path, *changes: str) -> Checked:
    return check(config(folder, *changes), progress=silent)


def kinds(result: Checked) -> dict[str, set[str]]:
    """Place, below the data's folder -> kinds found there."""
    found: dict[str, set[str]] = defaultdict(set)
    for finding in result.findings:
        found[Path(finding.place).name].add(finding.kind)
    return dict(found)


def test_good_data_has_no_finding(tmp_path: Path) -> None:
    result = checked(write_data(tmp_path))

    assert result.findings == []
    assert result.to_json()["ok"] is True
    assert {name: len(samples) for name, samples in result.kept.items()} == {"Train": 20, "Eval": 5}


# -- Damage ------------------------------------------------------------------------------------------------------------

PER_KIND = 25


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def cut(content: bytes, number: int, *, keep: int = 16, lose: int = 24) -> bytes:
    """Take away the end, from another place for each number."""
    return content[: int(np.random.default_rng(number).integers(keep, len(content) - lose))]


def flipped(content: bytes, number: int) -> bytes:
    """Change 30 bytes in the middle."""
    start = len(content) // 3 + number
    return content[:start] + bytes(each ^ 0x5A for each in content[start : start + 30]) + content[start + 30 :]


def saved(number: int, form: str, **options: object) -> bytes:
    buffer = BytesIO()
    convert = options.pop("mode", None)
    picture = Image.fromarray(pattern(number)[:, :, ::-1])
    if convert:
        picture = picture.convert(str(convert))
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def rotated(number: int) -> bytes:
    exif = Image.Exif()
    exif[274] = 2 + number % 7
    return saved(number, "JPEG", exif=exif)


def transparent(number: int) -> bytes:
    return cv2.imencode(".png", np.dstack([pattern(number), pattern(number)[:, :, 0]]))[1].tobytes()


def flat(number: int) -> bytes:
    size = (20 + number, 30, 3)
    return cv2.imencode(".png", np.full(size, 255 - number % 3, np.uint8))[1].tobytes()


def pages(number: int) -> bytes:
    first, second = (Image.fromarray(pattern(number + shift)) for shift in (0, 500))
    buffer = BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=[second])
    return buffer.getvalue()


DAMAGED: dict[str, tuple[str, str, Callable[[int], bytes]]] = {
    "cut JPEG": ("truncated", ".jpg", lambda n: cut(encoded(n, ".jpg"), n)),
    "cut PNG": ("truncated", ".png", lambda n: cut(encoded(n, ".png"), n)),
    "cut BMP": ("not_an_image", ".bmp", lambda n: cut(encoded(n, ".bmp"), n)),
    "cut TIFF": ("not_an_image", ".tif", lambda n: cut(encoded(n, ".tif"), n)),
    "cut WebP": ("not_an_image", ".webp", lambda n: cut(encoded(n, ".webp"), n)),
    "last bytes of a PNG gone": ("not_an_image", ".png", lambda n: encoded(n)[: -1 - n % 4]),
    "bytes changed in a PNG": ("not_an_image", ".png", lambda n: flipped(encoded(n), n % 20)),
    "0 bytes": ("empty_file", ".png", lambda n: b""),
    "zeros, as after a crash": ("not_an_image", ".jpg", lambda n: bytes(1000 + n)),
    "a web page": ("not_an_image", ".jpg", lambda n: b"<!DOCTYPE html><title>404 Not Found</title>" + b"%d" % n),
    "random bytes": ("not_an_image", ".png", lambda n: b"x" + np.random.default_rng(n).bytes(500)),
    "promises too many pixels": ("huge", ".png", lambda n: png_of(60_000 + n, 40_000)),
    "PNG named .jpg": ("wrong_suffix", ".jpg", lambda n: encoded(n, ".png")),
    "JPEG named .png": ("wrong_suffix", ".png", lambda n: encoded(n, ".jpg")),
    "CMYK": ("cmyk", ".jpg", lambda n: saved(n, "JPEG", mode="CMYK")),
    "16-bit grey PNG": (
        "sixteen_bit",
        ".png",
        lambda n: cv2.imencode(".png", pattern(n)[:, :, 0] * np.uint16(257))[1].tobytes(),
    ),
    "16-bit TIFF": ("sixteen_bit", ".tif", lambda n: cv2.imencode(".tif", pattern(n) * np.uint16(257))[1].tobytes()),
    "alpha": ("alpha", ".png", transparent),
    "turned by EXIF": ("exif_rotation", ".jpg", rotated),
    "several pictures": ("several_frames", ".tif", pages),
    "one colour": ("blank", ".png", flat),
}
"""What was done to an image -> (what is found, suffix, content)."""

MISLABELLED: dict[str, tuple[str, str]] = {
    "no tab": ("no_delimiter", "{name} ก"),
    "no image": ("no_image", "\tก"),
    "no text": ("empty_label", "{name}\t"),
    "unknown": ("unknown_character", "{name}\tกฃ"),
    "too long": ("too_long", "{name}\t" + "กA" * 13),
    "too few time steps": ("too_few_time_steps", "{name}\t" + "ก" * 14),
}
"""What was done to a line -> (what is found, the line)."""


def test_every_damaged_image_and_line_is_found_with_its_kind_and_no_good_one(tmp_path: Path) -> None:
    """29 kinds of damage, 25 times each, with good lines between them."""
    write_data(tmp_path)
    labels = tmp_path / "rec_gt_train.txt"
    expected: dict[str, set[str]] = {}
    lines: list[str] = []

    def add(line: str, kind: str) -> None:
        lines.append(line)
        expected[f"{labels.name}:{len(lines) + 20}"] = {kind}

    number = 5000
    for kind, suffix, damaged in DAMAGED.values():
        for _ in range(PER_KIND):
            number += 1
            name = f"rec/train/{number}{suffix}"
            (tmp_path / name).write_bytes(damaged(number))
            add(f"{name}\t{ENTRIES[number % 5]}", kind)
            good = f"rec/train/good{number}.png"
            write_image(tmp_path / good, 50_000 + number)
            lines.append(f"{good}\tก")
    for kind, line in MISLABELLED.values():
        for _ in range(PER_KIND):
            add(line.format(name="rec/train/0000.png"), kind)
    for _ in range(PER_KIND):
        number += 1
        add(f"rec/train/{number}.png\tก", "missing")
        number += 1
        (tmp_path / f"rec/train/{number}.png").mkdir()
        add(f"rec/train/{number}.png\tก", "unreadable")
    add_lines(labels, *lines)

    result = checked(tmp_path, *LINES)

    found = kinds(result)
    # Flat pictures of one size are copies of each other.
    assert {place: what - {"duplicate", "conflicting_label"} for place, what in found.items()} == expected
    assert {kind for what in found.values() for kind in what} <= KINDS.keys()
    assert all(finding.reason for finding in result.findings)


@pytest.mark.parametrize("name", ["Train", "Eval"])
def test_check_and_training_reject_the_same_lines_for_the_same_reasons(tmp_path: Path, name: str) -> None:
    write_data(tmp_path)
    folder, labels = {"Train": ("train", "rec_gt_train.txt"), "Eval": ("val", "rec_gt_val.txt")}[name]
    for number, (_, suffix, damaged) in enumerate(DAMAGED.values(), start=100):
        (tmp_path / f"rec/{folder}/bad{number}{suffix}").write_bytes(damaged(number))
        add_lines(tmp_path / labels, f"rec/{folder}/bad{number}{suffix}\tก")
    image = f"rec/{folder}/0000.png"
    add_lines(tmp_path / labels, *(line.format(name=image) for _, line in MISLABELLED.values()))
    loaded = config(tmp_path, *LINES)
    split = next(each for each in splits(loaded) if each.name == name)

    errors = [each for each in checked(tmp_path, *LINES).findings if each.severity == "error"]
    trained = load_dataset(split.dataset, open_codec(loaded), split.limits, seed=0, progress=silent)

    assert len(errors) > 15
    assert {(each.place, each.image, each.reason) for each in errors} == {
        (each.place, each.image, each.reason) for each in trained.rejects
    }


def test_a_reason_says_where_and_what(tmp_path: Path) -> None:
    write_data(tmp_path)
    add_lines(tmp_path / "rec_gt_val.txt", "rec/val/none.png\tก", "rec/val/0000.png\tกฃ")

    lines = [str(finding).replace(f"{tmp_path}/", "") for finding in checked(tmp_path, *LINES).findings]

    assert lines == [
        "rec_gt_val.txt:7: rec/val/0000.png: 'ฃ' (U+0E03 THAI CHARACTER KHO KHUAT) is not in the dictionary",
        "rec_gt_val.txt:6: rec/val/none.png: no such file (looked for rec/val/none.png)",
    ]


# -- Between lines -----------------------------------------------------------------------------------------------------


def test_a_picture_of_eval_in_train_is_a_leak_at_the_line_of_train(tmp_path: Path) -> None:
    write_data(tmp_path)
    (tmp_path / "rec/train/copy.png").write_bytes((tmp_path / "rec/val/0003.png").read_bytes())
    add_lines(tmp_path / "rec_gt_train.txt", f"rec/train/copy.png\t{ENTRIES[3]}")

    result = checked(tmp_path)

    assert kinds(result) == {"rec_gt_train.txt:21": {"leak"}}
    assert "rec_gt_val.txt:4 (rec/val/0003.png)" in result.findings[0].reason
    assert [len(result.kept[name]) for name in ("Train", "Eval")] == [20, 5]


@pytest.mark.parametrize("change", ["quality 60", "brighter", "larger", "noisy"])
def test_a_picture_saved_again_is_nearly_the_same(tmp_path: Path, change: str) -> None:
    write_data(tmp_path)
    image = cv2.imread(str(tmp_path / "rec/val/0000.png"))
    assert image is not None
    noise = np.random.default_rng(0).normal(0, 5, image.shape)
    changed = {
        "quality 60": image,
        "brighter": cv2.convertScaleAbs(image, alpha=0.8, beta=30),
        "larger": cv2.resize(image, None, fx=2, fy=2),
        "noisy": (image + noise).clip(0, 255).astype(np.uint8),
    }[change]
    cv2.imwrite(str(tmp_path / "rec/train/again.jpg"), changed, [cv2.IMWRITE_JPEG_QUALITY, 60])
    add_lines(tmp_path / "rec_gt_train.txt", f"rec/train/again.jpg\t{ENTRIES[0]}")

    assert kinds(checked(tmp_path)) == {"rec_gt_train.txt:21": {"near_duplicate"}}


def test_a_nearly_equal_picture_of_another_text_is_no_near_duplicate(tmp_path: Path) -> None:
    write_data(tmp_path)
    image = cv2.imread(str(tmp_path / "rec/val/0000.png"))
    assert image is not None
    cv2.imwrite(str(tmp_path / "rec/train/again.jpg"), image)
    add_lines(tmp_path / "rec_gt_train.txt", f"rec/train/again.jpg\t{ENTRIES[1]}")

    assert checked(tmp_path).findings == []


def test_the_same_picture_with_another_label_is_a_conflict_with_both_named(tmp_path: Path) -> None:
    write_data(tmp_path)
    add_lines(tmp_path / "rec_gt_train.txt", "rec/train/0000.png\tปี")

    result = checked(tmp_path)

    assert kinds(result) == {"rec_gt_train.txt:21": {"conflicting_label"}}
    assert "labelled 'ปี'" in result.findings[0].reason
    assert "'ก' at" in result.findings[0].reason
    assert result.to_json()["ok"] is True


def test_a_repeated_line_is_noted(tmp_path: Path) -> None:
    write_data(tmp_path)
    add_lines(tmp_path / "rec_gt_train.txt", "rec/train/0000.png\tก")

    result = checked(tmp_path)

    assert kinds(result) == {"rec_gt_train.txt:21": {"duplicate"}}
    assert result.count("note") == 1


def test_a_label_file_of_both_splits_is_one_warning(tmp_path: Path) -> None:
    write_data(tmp_path)

    result = checked(tmp_path, f"Eval.dataset.label_file_list=[{tmp_path}/./rec_gt_train.txt]")

    assert [finding.kind for finding in result.findings] == ["same_file"]
    assert result.to_json()["ok"] is True


def test_a_class_that_only_eval_shows_is_named_once(tmp_path: Path) -> None:
    write_data(tmp_path, train=4, val=20)

    result = checked(tmp_path)

    assert kinds(result) == {"rec_gt_val.txt:5": {"unseen_class"}}
    assert result.findings[0].reason.startswith("'A' has no sample in Train")


def test_class_balance_counts_usable_lines(tmp_path: Path) -> None:
    write_data(tmp_path, train=7)
    add_lines(tmp_path / "rec_gt_train.txt", "rec/train/none.png\tA")

    classes = checked(tmp_path).classes

    assert classes["counts"] == {"ก": [2, 1], "ที่": [2, 1], "น้ำ": [1, 1], "ปี": [1, 1], "A": [1, 1]}
    assert classes["rarest"][0] == ("น้ำ", 1)
    assert classes["most_frequent"][0] == ("ที่", 2)
    assert classes["without_train_sample"] == []


def test_a_split_without_a_usable_line_is_an_error(tmp_path: Path) -> None:
    write_data(tmp_path, val=0)

    result = checked(tmp_path)

    assert [finding.kind for finding in result.findings] == ["no_line"]
    assert result.to_json()["ok"] is False


def test_all_lines_are_checked_whatever_share_an_epoch_draws(tmp_path: Path) -> None:
    write_data(tmp_path)

    assert checked(tmp_path, "Train.dataset.ratio_list=0.1").lines == {"Train": 20, "Eval": 5}


def test_missing_label_files_of_both_splits_are_named_together(tmp_path: Path) -> None:
    write_data(tmp_path)
    for split in ("train", "val"):
        (tmp_path / f"rec_gt_{split}.txt").unlink()

    with pytest.raises(DataError) as caught:
        checked(tmp_path)

    assert [Path(problem.split(":")[0]).name for problem in caught.value.problems] == [
        "rec_gt_train.txt",
        "rec_gt_val.txt",
    ]


def test_the_report_is_the_same_every_time(tmp_path: Path) -> None:
    write_data(tmp_path)
    for number, (_, suffix, damaged) in enumerate(DAMAGED.values()):
        (tmp_path / f"rec/train/bad{number}{suffix}").write_bytes(damaged(number))
        add_lines(tmp_path / "rec_gt_train.txt", f"rec/train/bad{number}{suffix}\tก")

    assert checked(tmp_path).to_json() == checked(tmp_path).to_json()
