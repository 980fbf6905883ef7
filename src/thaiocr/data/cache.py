"""Images decoded and resized once: a memory-mapped file of uint8 pixels that every epoch reads.

A pack is one `.npy` file of pixels [N, h, w, 3] and one `.json` that says how many columns of each image are filled and
which images could not be read. Its name is a hash of the preprocessing and of every image's path, size and time of
change: a pack that does not fit the data is never found. Both are written in a folder of the builder's own and moved
out of it, the `.json` last: a killed build leaves nothing that looks like a pack, and builders at once do no harm. The
next build takes away what a killed one left.

    N images  h, w pixels
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from thaiocr.data.images import Pixels, Preprocess, fit, read_image
from thaiocr.data.labels import Sample
from thaiocr.data.staging import building_folder, remove_abandoned
from thaiocr.errors import DataError, EnvironmentProblem
from thaiocr.progress import Advance, Progress

FORMAT: Final = 1

BUILDING: Final = "."
"""What the names of folders in which packs are built start with."""

CHUNK: Final = 64
"""Images that a thread decodes before it takes the next ones."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Decoded images in the order of the samples that they were made from."""

    images_NhwC: Pixels
    filled_N: NDArray[np.int32]
    """How many columns of each image hold pixels."""
    unreadable: dict[int, str]
    """Index of an image that cannot be read -> why, without its name; its pixels are zero."""
    fingerprint: str


def cache_root() -> Path:
    """Return the folder of all packs: `$THAIOCR_CACHE`, else `~/.cache/thaiocr`."""
    configured = os.environ.get("THAIOCR_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "thaiocr"


def open_pack(samples: Sequence[Sample], preprocess: Preprocess, *, progress: Progress) -> Pack:
    """Return the pack of these samples, built first when there is none, or a damaged one.

    Args:
        samples: Whose images to pack.
        preprocess: How images become network input.
        progress: Shows the decoding.

    Raises:
        EnvironmentProblem: the cache folder cannot be written, or is full.
    """
    fingerprint = _fingerprint(samples, preprocess)
    folder = packs_folder()
    try:
        pack = _read(folder, fingerprint)
        if pack is None:
            with progress("decoding images", len(samples)) as advance:
                pack = _build(samples, preprocess, folder, fingerprint, advance)
    except OSError as error:
        reason = error.strerror or error
        raise EnvironmentProblem(
            f"{folder}: cannot keep the decoded images there: {reason}; set THAIOCR_CACHE to another folder"
        ) from error
    return pack


def packs_folder() -> Path:
    """Return where packs lie: `<fingerprint>.npy` and `<fingerprint>.json`."""
    return cache_root() / "packs"


def _made_of(samples: Sequence[Sample], preprocess: Preprocess) -> dict[str, Any]:
    """Return what a pack's index says of its origin, so that a person can be told why one is stale."""
    folders = {location.rpartition(os.sep)[0] for location in _locations(samples)}
    try:
        folder = os.path.commonpath(folders)
    except ValueError:  # no samples, or several drives
        folder = ""
    return {"folder": folder, "images": len(samples), "preprocess": json.loads(json.dumps(asdict(preprocess)))}


def _fingerprint(samples: Sequence[Sample], preprocess: Preprocess) -> str:
    digest = hashlib.sha256(json.dumps([FORMAT, asdict(preprocess)]).encode())
    for location in _locations(samples):
        try:
            status = os.stat(location)  # noqa: PTH116 - see `_locations`
            # ctime as well: an image that could not be read may become readable by its owner or permissions alone.
            state = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
        except (OSError, ValueError):  # ValueError: a path with a zero byte
            state = "missing"
        digest.update(f"{location}\0{state}\n".encode())
    return digest.hexdigest()[:32]


def _locations(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield the absolute path of each image, as text: a million times Path takes a start-up from seconds to many."""
    for data_dir, group in groupby(samples, key=attrgetter("data_dir")):
        root = str(data_dir.absolute())
        yield from (os.path.join(root, sample.image) for sample in group)  # noqa: PTH118


def _read(folder: Path, fingerprint: str) -> Pack | None:
    """Return a pack, or None when it is not there or damaged."""
    try:
        index = json.loads((folder / f"{fingerprint}.json").read_text(encoding="utf-8"))
        images_NhwC = np.load(folder / f"{fingerprint}.npy", mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, NotADirectoryError, ValueError, EOFError):
        return None
    unreadable = {int(row): reason for row, reason in index["unreadable"].items()}
    return Pack(images_NhwC, np.array(index["filled"], np.int32), unreadable, fingerprint)


def _build(samples: Sequence[Sample], preprocess: Preprocess, folder: Path, fingerprint: str, advance: Advance) -> Pack:
    folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder, BUILDING)  # before the free space is looked at
    _, height, width = preprocess.image_shape
    shape = (len(samples), height, width, 3)
    if shutil.disk_usage(folder).free < math.prod(shape):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # writing to a mapped file would end in a bus error
    pixels = folder / f"{fingerprint}.npy"
    with building_folder(folder, BUILDING) as staging:
        staged = staging / pixels.name
        images_NhwC = np.lib.format.open_memmap(staged, mode="w+", dtype=np.uint8, shape=shape)
        filled_N, unreadable = _decode(samples, preprocess, images_NhwC, advance)
        images_NhwC.flush()
        del images_NhwC
        staged.replace(pixels)
        index = {"filled": filled_N.tolist(), "unreadable": unreadable, "of": _made_of(samples, preprocess)}
        staged.with_suffix(".json").write_text(json.dumps(index), encoding="utf-8")
        staged.with_suffix(".json").replace(pixels.with_suffix(".json"))
    return Pack(np.load(pixels, mmap_mode="r", allow_pickle=False), filled_N, unreadable, fingerprint)


def _decode(
    samples: Sequence[Sample], preprocess: Preprocess, images_NhwC: Pixels, advance: Advance
) -> tuple[NDArray[np.int32], dict[int, str]]:
    """Fill `images_NhwC`; returns the filled columns of each image, and which cannot be read and why."""
    filled_N = np.zeros(len(samples), np.int32)
    unreadable: dict[int, str] = {}

    def place(rows: range) -> int:
        for row in rows:
            sample = samples[row]
            try:
                image_HWC = read_image(sample.path, sample.image)
            except DataError as error:
                unreadable[row] = str(error).removeprefix(f"{sample.image}: ")
            else:
                images_NhwC[row], filled_N[row] = fit(image_HWC, preprocess)
        return len(rows)

    chunks = [range(first, min(first + CHUNK, len(samples))) for first in range(0, len(samples), CHUNK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(place, chunks):
            advance(done)
    return filled_N, dict(sorted(unreadable.items()))
