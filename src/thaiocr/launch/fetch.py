"""What a job made -> this machine: its model, unpacked without trusting the archive."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from thaiocr.errors import DataError, EnvironmentProblem, UsageError
from thaiocr.launch.aws import Aws, Refused, asking
from thaiocr.launch.upload import split_uri
from thaiocr.progress import Progress, silent

MAX_FILES: Final = 10_000
MAX_BYTES: Final = 20 << 30
"""A bundle has megabytes; an archive that unpacks to more than this is no bundle."""


def fetch_archive(aws: Aws, uri: str, folder: Path, *, progress: Progress = silent) -> Path:
    """Download and unpack a `.tar.gz` of S3; the folder appears only when all of it is there.

    Args:
        aws: Clients.
        uri: S3 address.
        folder: Where to unpack; must not hold anything yet.
        progress: Shows the bytes.

    Returns:
        The folder.

    Raises:
        UsageError: the folder is not empty.
        DataError: nothing is at the address, or the archive is damaged or tries to write elsewhere.
        EnvironmentProblem: the folder cannot be written; see also `asking`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: is there already; choose another -o")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            archive = Path(scratch, "archive.tar.gz")
            _download(aws, uri, archive, progress)
            unpacked = Path(scratch, "unpacked")
            unpack(archive, unpacked, uri)
            if folder.exists():
                folder.rmdir()
            unpacked.replace(folder)
    except OSError as error:
        raise EnvironmentProblem(f"{folder}: cannot be written: {error.strerror}; choose another -o") from error
    return folder


def unpack(archive: Path, folder: Path, name: str) -> None:
    """Unpack plain files and folders; whatever would land outside, or is neither, refuses the whole archive.

    Args:
        archive: A gzipped tar.
        folder: Is made.
        name: What messages call the archive.

    Raises:
        DataError: damaged, or with members that are not plain files below the folder.
        OSError: a file cannot be written.
    """
    folder.mkdir()
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = _checked(tar, name)
            for member in members:
                target = folder.joinpath(*PurePosixPath(member.name).parts)
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None, "a regular file has content"
                with target.open("xb") as file:
                    shutil.copyfileobj(source, file)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:  # of our disk
            raise
        raise DataError(f"{name}: the archive is damaged: {error}; fetch it again, or train again") from error


def _checked(tar: tarfile.TarFile, name: str) -> list[tarfile.TarInfo]:
    """Return the members, read up to the limits only, so that a small file cannot fill the disk."""
    members: list[tarfile.TarInfo] = []
    problems: list[str] = []
    seen: set[PurePosixPath] = set()
    total = 0
    for member in tar:
        path = PurePosixPath(member.name)
        problems += [f"{name}: member {member.name!a}: {reason}" for reason in _problems(member, path, seen)]
        seen.add(path)
        members.append(member)
        total += member.size
        if len(members) > MAX_FILES or total > MAX_BYTES:
            raise DataError(f"{name}: unpacks to more than {MAX_FILES} files or {MAX_BYTES >> 30} GiB; not a model")
    if problems:
        raise DataError([*problems, f"{name}: refused, nothing was unpacked; this is not what a job of thaiocr writes"])
    return members


def _problems(member: tarfile.TarInfo, path: PurePosixPath, seen: set[PurePosixPath]) -> list[str]:
    found = {
        "an absolute path": path.is_absolute() or "\\" in member.name or ":" in "".join(path.parts[:1]),
        "leads out of the folder with '..'": ".." in path.parts,
        "a link": member.issym() or member.islnk(),
        "neither a file nor a folder": not (member.isfile() or member.isdir() or member.issym() or member.islnk()),
        "twice": member.isfile() and path in seen,
    }
    return [reason for reason, is_so in found.items() if is_so]


def _download(aws: Aws, uri: str, path: Path, progress: Progress) -> None:
    bucket, key = split_uri(uri)
    client = aws.client("s3")
    try:
        with asking(uri):
            size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
        with asking(f"downloading {uri}"), progress("download", size) as advance:
            client.download_file(bucket, key, str(path), Callback=advance)
    except Refused as error:
        if error.code not in ("404", "NoSuchKey", "NoSuchBucket"):
            raise
        raise DataError(f"{uri}: not there; the job made nothing, or it was cleaned up") from error
