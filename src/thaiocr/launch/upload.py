"""A local folder -> S3, only what changed.

A file is unchanged when S3 holds an object of its size whose ETag is the one that its bytes give: nothing else has to
be remembered anywhere, and what somebody else changed in the bucket is found. (A bucket encrypted with KMS keys has
other ETags; there every file is sent each time.)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from thaiocr.errors import DataError
from thaiocr.launch.aws import Aws, asking
from thaiocr.progress import Progress, silent

WORKERS: Final = 16
PART_BYTES: Final = 8 << 20
"""Larger files are sent in parts of this size; their ETag depends on it."""
MAX_KEY_BYTES: Final = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Synced:
    """What an upload did."""

    files: int
    sent: int
    sent_bytes: int
    extra: int
    """Objects in S3 that are not, or no longer, in the folder."""


def split_uri(uri: str) -> tuple[str, str]:
    """Return (bucket, key) of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def local_files(folder: Path) -> dict[str, Path]:
    """Return name with '/' -> path of every file in a folder, hidden ones left out.

    Raises:
        DataError: no folder, an empty one, or names that S3 cannot hold.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder (tried {folder.absolute()})")
    found: dict[str, Path] = {}
    problems: list[str] = []
    for parent, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith("."):
                key = path.relative_to(folder).as_posix()
                problems += _key_problems(path, key)
                found[key] = path
    if problems:
        raise DataError(problems)
    if not found:
        raise DataError(f"{folder}: holds no files")
    return found


def sync(aws: Aws, files: Mapping[str, Path], uri: str, *, progress: Progress = silent) -> Synced:
    """Send files that S3 lacks or holds differently; nothing is deleted there.

    Args:
        aws: Clients.
        files: Name with '/' -> path, as `local_files` gives them.
        uri: S3 folder.
        progress: Shows files compared and sent.

    Raises:
        DataError: a file cannot be read.
        EnvironmentProblem: see `asking`.
    """
    bucket, prefix = split_uri(uri.rstrip("/") + "/")
    with asking(f"the objects of {uri}"):
        there = dict(_objects(aws, bucket, prefix))
    sent: list[int] = []
    with asking(f"uploading to {uri}"), progress("upload", len(files)) as advance:
        transfer = _transfer(aws)
        with ThreadPoolExecutor(WORKERS) as pool:

            def send(item: tuple[str, Path]) -> int | None:
                name, path = item
                return _send(transfer, path, bucket, prefix + name, there.get(name))

            for size in _in_parallel(pool, send, iter(files.items())):
                advance(1)
                if size is not None:
                    sent.append(size)
    return Synced(files=len(files), sent=len(sent), sent_bytes=sum(sent), extra=len(there.keys() - files.keys()))


def etag(path: Path) -> str:
    """Return the ETag that S3 gives a file sent in parts of `PART_BYTES`: MD5, or the MD5 of the parts' MD5s."""
    digests: list[bytes] = []
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            digests.append(hashlib.md5(part, usedforsecurity=False).digest())
    if len(digests) <= 1 and path.stat().st_size < PART_BYTES:
        return (digests or [hashlib.md5(b"", usedforsecurity=False).digest()])[0].hex()
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def _objects(aws: Aws, bucket: str, prefix: str) -> Iterator[tuple[str, tuple[int, str]]]:
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for each in page.get("Contents", []):
            yield each["Key"][len(prefix) :], (each["Size"], each["ETag"].strip('"'))


def _transfer(aws: Aws) -> Any:
    from boto3.s3.transfer import TransferConfig

    config = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False)
    client = aws.client("s3")
    return lambda path, bucket, key: client.upload_file(str(path), bucket, key, Config=config)


def _send(transfer: Any, path: Path, bucket: str, key: str, there: tuple[int, str] | None) -> int | None:
    """Send one file unless it is there; return its size when it was sent."""
    try:
        size = path.stat().st_size
        if there is not None and there[0] == size and there[1] == etag(path):
            return None
        transfer(path, bucket, key)
    except OSError as error:
        if error.filename is None:  # of the network, not of the file
            raise
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return size


def _in_parallel(pool: ThreadPoolExecutor, work: Any, items: Iterator[Any]) -> Iterator[Any]:
    """Yield results as they come; the first failure, or Ctrl-C, ends it without starting what waits."""
    running: set[Future[Any]] = {pool.submit(work, item) for item in islice(items, 2 * WORKERS)}
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for each in done:
            yield each.result()
        running |= {pool.submit(work, item) for item in islice(items, len(done))}


def _key_problems(path: Path, key: str) -> list[str]:
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        return [f"{str(path)!a}: the name is not UTF-8; rename the file"]
    if length > MAX_KEY_BYTES - 200:
        return [f"{path}: the name is longer than S3 takes; rename the file or its folders"]
    if any(not each.isprintable() for each in key):
        return [f"{str(path)!a}: the name holds control characters; rename the file"]
    return []


def _unreadable(error: OSError) -> None:
    raise DataError(f"{error.filename}: cannot be read: {error.strerror}")
