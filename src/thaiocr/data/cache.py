"""Images decoded and resized once: a memory-mapped file of uint8 pixels that every epoch reads.

A pack is one `.npy` file of pixels [N, h, w, 3] and one `.json` that says how many columns of each image are filled and
which images could not be read. Its name is a hash of the preprocessing and of every image's path, size and time of
change: a pack that does not fit the data is never found. The pixels are written under a temporary name and the `.json`
last, so that a killed build leaves nothing that looks like a pack, and two builders at once do no harm.

    N images  h, w pixels
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thaiocr.data.images import Pixels, Preprocess, fit, read_image
from thaiocr.data.labels import Sample
from thaiocr.errors import DataError, EnvironmentProblem
from thaiocr.progress import Advance, Progress

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Pack:
    """Decoded images in the order of the samples that they were made from."""

    images_NhwC: Pixels
    filled_N: NDArray[np.int32]
    """How many columns of each image hold pixels."""
    unreadable: dict[int, str]
    """Index of an image that cannot be read -> why; its pixels are zero."""
    fingerprint: str


def cache_root() -> Path:
    """Return the folder of all packs: `$THAIOCR_CACHE`, else `~/.cache/thaiocr`."""
    configured = os.environ.get("THAIOCR_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "thaiocr"


def open_pack(samples: Sequence[Sample], preprocess: Preprocess, *, progress: Progress) -> Pack:
    """Return the pack of these samples, built first when there is none.

    Args:
        samples: Whose images to pack.
        preprocess: How images become network input.
        progress: Shows the decoding.

    Raises:
        EnvironmentProblem: the cache folder cannot be written.
    """
    fingerprint = _fingerprint(samples, preprocess)
    folder = cache_root() / "packs"
    pixels, index = folder / f"{fingerprint}.npy", folder / f"{fingerprint}.json"
    try:
        if not index.exists():
            with progress("decoding images", len(samples)) as advance:
                _build(samples, preprocess, pixels, index, advance)
        found = json.loads(index.read_text(encoding="utf-8"))
        images_NhwC = np.load(pixels, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise EnvironmentProblem(
            f"{folder}: cannot keep the decoded images there: {error.strerror}; set THAIOCR_CACHE to another folder"
        ) from error
    unreadable = {int(row): reason for row, reason in found["unreadable"].items()}
    return Pack(images_NhwC, np.array(found["filled"], np.int32), unreadable, fingerprint)


def _fingerprint(samples: Sequence[Sample], preprocess: Preprocess) -> str:
    digest = hashlib.sha256(json.dumps([FORMAT, asdict(preprocess)]).encode())
    for sample in samples:
        try:
            status = sample.path.stat()
            state = f"{status.st_size}:{status.st_mtime_ns}"
        except OSError:
            state = "missing"
        digest.update(f"{sample.path.absolute()}\0{state}\n".encode())
    return digest.hexdigest()[:32]


def _build(samples: Sequence[Sample], preprocess: Preprocess, pixels: Path, index: Path, advance: Advance) -> None:
    pixels.parent.mkdir(parents=True, exist_ok=True)
    _, height, width = preprocess.image_shape
    partial = pixels.with_suffix(f".{os.getpid()}.partial")
    filled = [0] * len(samples)
    unreadable: dict[int, str] = {}
    try:
        images_NhwC = np.lib.format.open_memmap(
            partial, mode="w+", dtype=np.uint8, shape=(len(samples), height, width, 3)
        )

        def place(row: int) -> None:
            try:
                image_HWC = read_image(samples[row].path, samples[row].image)
            except DataError as error:
                unreadable[row] = str(error)
            else:
                images_NhwC[row], filled[row] = fit(image_HWC, preprocess)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(place, range(len(samples)), chunksize=64):
                advance(1)
        images_NhwC.flush()
        partial.replace(pixels)
    finally:
        partial.unlink(missing_ok=True)
    written = partial.with_suffix(".json")
    written.write_text(json.dumps({"filled": filled, "unreadable": dict(sorted(unreadable.items()))}), encoding="utf-8")
    written.replace(index)
