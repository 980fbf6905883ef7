from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from cloud import PAGE, REGION, Cloud

from thaiocr.errors import DataError
from thaiocr.launch import upload
from thaiocr.launch.aws import Aws
from thaiocr.launch.upload import Synced, etag, local_files, sync

NAMES = ("rec_gt_train.txt", "ภาพ/น้ำ ที่ 1.jpg", "a b/c+d&e=f%20.png", "deep/er/ก็.jpg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * (number * 100))
    return tmp_path / "data"


def test_hidden_files_stay_and_names_that_s3_cannot_hold_are_all_refused(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git/config").write_bytes(b"x")
    assert sorted(local_files(folder)) == sorted(NAMES)
    (folder / "a\nb.jpg").write_bytes(b"x")
    (folder / os.fsdecode(b"bad\xff.jpg")).write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        local_files(folder)
    assert [problem.partition(": the name ")[2] for problem in caught.value.problems] == [
        "holds control characters; rename the file",
        "is not UTF-8; rename the file",
    ]


def test_no_folder_and_an_empty_one_are_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder \(tried /"):
        local_files(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no files"):
        local_files(tmp_path)


@pytest.mark.slow
def test_only_what_changed_is_sent_whatever_the_names(cloud: Cloud, folder: Path) -> None:
    files, uri = local_files(folder), f"s3://{cloud.bucket}/thaiocr/data/thai"
    first = sync(Aws(REGION), files, uri)
    assert first == Synced(files=4, sent=4, sent_bytes=600, extra=0)
    assert sorted(cloud.objects()) == sorted(f"thaiocr/data/thai/{name}" for name in NAMES)
    got = cloud.client("s3").get_object(Bucket=cloud.bucket, Key=f"thaiocr/data/thai/{NAMES[1]}")
    assert got["Body"].read() == bytes([1]) * 100

    assert sync(Aws(REGION), files, uri).sent == 0
    (folder / NAMES[1]).write_bytes(bytes([9]) * 100)  # the same size
    (folder / NAMES[2]).unlink()
    changed = sync(Aws(REGION), local_files(folder), uri)
    assert (changed.files, changed.sent, changed.extra) == (3, 1, 1)
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key=f"thaiocr/data/thai/{NAMES[3]}", Body=b"by somebody else")
    assert sync(Aws(REGION), local_files(folder), uri).sent == 1


@pytest.mark.slow
def test_a_large_file_is_sent_in_parts_once(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PART_BYTES", 5 << 20)  # the least that S3 takes
    for size in ((5 << 20) - 1, 5 << 20, (11 << 20) + 1):
        path = tmp_path / f"{size}.bin"
        path.write_bytes(os.urandom(size))
        files = {path.name: path}
        assert sync(Aws(REGION), files, f"s3://{cloud.bucket}/x").sent == 1
        remote = cloud.client("s3").head_object(Bucket=cloud.bucket, Key=f"x/{path.name}")
        assert remote["ETag"].strip('"') == etag(path)
        assert sync(Aws(REGION), files, f"s3://{cloud.bucket}/x").sent == 0


@pytest.mark.slow
def test_listing_takes_all_pages_and_two_uploads_at_once_do_no_harm(cloud: Cloud, tmp_path: Path) -> None:
    for number in range(PAGE * 2 + 1):
        (tmp_path / f"{number:04}.txt").write_text(str(number), "utf-8")
    files, uri = local_files(tmp_path), f"s3://{cloud.bucket}/many"
    two = [threading.Thread(target=sync, args=(Aws(REGION), files, uri)) for _ in range(2)]
    for each in two:
        each.start()
    for each in two:
        each.join()
    assert sync(Aws(REGION), files, uri) == Synced(files=len(files), sent=0, sent_bytes=0, extra=0)


@pytest.mark.slow
def test_a_file_that_goes_away_meanwhile_is_an_error_that_names_it(cloud: Cloud, folder: Path) -> None:
    files = {**local_files(folder), "gone.jpg": folder / "gone.jpg"}
    with pytest.raises(DataError, match=r"gone.jpg: cannot be read: No such file"):
        sync(Aws(REGION), files, f"s3://{cloud.bucket}/x")
