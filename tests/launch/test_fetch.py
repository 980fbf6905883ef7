from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cloud import REGION, Cloud

from thaiocr.errors import DataError, EnvironmentProblem, UsageError
from thaiocr.launch import fetch
from thaiocr.launch.aws import Aws
from thaiocr.launch.fetch import fetch_archive, unpack


def member(name: str, **changes: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    return info


def archive(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for each in members:
            tar.addfile(each, io.BytesIO(b"x" * each.size))
    return path


def test_files_and_folders_come_out_as_they_went_in(tmp_path: Path) -> None:
    packed = archive(
        tmp_path / "a.tar.gz",
        member(".", type=tarfile.DIRTYPE),
        member("bundle.json", size=3),
        member("./a/ไทย b.txt", size=2, mode=0o6777),
        member("empty", type=tarfile.DIRTYPE),
    )
    unpack(packed, tmp_path / "out", "it")
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")) == [
        "a",
        "a/ไทย b.txt",
        "bundle.json",
        "empty",
    ]
    assert (tmp_path / "out/a/ไทย b.txt").read_bytes() == b"xx"
    assert not (tmp_path / "out/a/ไทย b.txt").stat().st_mode & 0o7111


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("../evil", size=1), "leads out of the folder"),
        (member("a/../../evil", size=1), "leads out of the folder"),
        (member("/etc/evil", size=1), "an absolute path"),
        (member("C:/evil", size=1), "an absolute path"),
        (member("a\\..\\evil", size=1), "an absolute path"),
        (member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a link"),
        (member("hard", type=tarfile.LNKTYPE, linkname="bundle.json"), "a link"),
        (member("pipe", type=tarfile.FIFOTYPE), "neither a file nor a folder"),
        (member("device", type=tarfile.CHRTYPE), "neither a file nor a folder"),
        (member("bundle.json", size=1), "twice"),
        (member("./bundle.json", size=1), "twice"),
    ],
)
def test_an_archive_that_reaches_elsewhere_is_refused_whole(tmp_path: Path, bad: tarfile.TarInfo, reason: str) -> None:
    packed = archive(tmp_path / "a.tar.gz", member("bundle.json", size=3), bad)
    with pytest.raises(DataError, match=reason) as caught:
        unpack(packed, tmp_path / "out", "it")
    assert "nothing was unpacked" in caught.value.problems[-1]
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_an_archive_that_would_fill_the_disk_is_refused_by_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to more than"):
        unpack(archive(tmp_path / "a.tar.gz", member("big", size=1001)), tmp_path / "out", "it")
    monkeypatch.setattr(fetch, "MAX_FILES", 2)
    many = archive(tmp_path / "b.tar.gz", *(member(str(number)) for number in range(3)))
    with pytest.raises(DataError, match="more than 2 files"):
        unpack(many, tmp_path / "out2", "it")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"not an archive",
        lambda content: b"",
        lambda content: content[:30] + bytes(20) + content[50:],
    ],
)
def test_a_damaged_archive_is_a_data_error(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    packed = archive(tmp_path / "a.tar.gz", *(member(str(number), size=5000) for number in range(5)))
    packed.write_bytes(damage(packed.read_bytes()))
    with pytest.raises(DataError, match="the archive is damaged"):
        unpack(packed, tmp_path / "out", "it")


@pytest.mark.slow
def test_the_folder_appears_only_with_all_of_it(cloud: Cloud, tmp_path: Path) -> None:
    s3, uri = cloud.client("s3"), f"s3://{cloud.bucket}/model.tar.gz"
    out = tmp_path / "new" / "bundle"
    with pytest.raises(DataError, match="not there; the job made nothing"):
        fetch_archive(Aws(REGION), uri, out)
    bad = archive(tmp_path / "bad.tar.gz", member("ok", size=1), member("../evil", size=1))
    s3.upload_file(str(bad), cloud.bucket, "model.tar.gz")
    with pytest.raises(DataError, match="refused, nothing was unpacked"):
        fetch_archive(Aws(REGION), uri, out)
    assert list((tmp_path / "new").iterdir()) == []
    s3.upload_file(str(archive(tmp_path / "ok.tar.gz", member("ok", size=1))), cloud.bucket, "model.tar.gz")
    assert fetch_archive(Aws(REGION), uri, out) == out
    assert [path.name for path in out.iterdir()] == ["ok"]
    with pytest.raises(UsageError, match="is there already; choose another -o"):
        fetch_archive(Aws(REGION), uri, out)
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        fetch_archive(Aws(REGION), uri, tmp_path / "ok.tar.gz" / "x")
