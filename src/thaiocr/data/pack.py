"""The packs of a configuration, built ahead of training; what became of older ones."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from thaiocr.config import schema
from thaiocr.data.cache import BUILDING, packs_folder
from thaiocr.data.dataset import load_dataset
from thaiocr.data.splits import open_codec, splits
from thaiocr.data.staging import remove_abandoned
from thaiocr.errors import EnvironmentProblem
from thaiocr.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """The pack of `Train` or `Eval`."""

    split: str
    path: Path
    bytes: int
    images: int
    rejects: int
    """Lines without a usable label or image."""
    is_new: bool
    """False: it was there already."""

    def to_json(self) -> dict[str, Any]:
        """Return the pack as `--json` prints it."""
        return {**asdict(self), "path": str(self.path)}


@dataclass(frozen=True, slots=True)
class Stale:
    """A pack of the same images that is not used any more."""

    path: Path
    bytes: int
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the pack as `--json` prints it."""
        return {**asdict(self), "path": str(self.path)}


def pack(config: schema.Config, *, progress: Progress) -> tuple[list[Packed], list[Stale]]:
    """Build the packs that training on this configuration reads; returns them, and the stale ones of the same images.

    Raises:
        DataError: the dictionary or a label file cannot be read.
        EnvironmentProblem: the cache cannot be written, or is full.
    """
    codec, seed = open_codec(config), config.run.seed
    before = {path: path.stat().st_mtime_ns for path in packs_folder().glob("*.npy")}
    packed: list[Packed] = []
    for split in splits(config):
        data = load_dataset(split.dataset, codec, split.limits, seed=seed, progress=progress, sizes=split.sizes)
        for path in (packs_folder() / f"{each.fingerprint}.npy" for each in data.packs):
            packed.append(
                Packed(
                    split=split.name,
                    path=path,
                    bytes=path.stat().st_size,
                    images=len(data.samples),
                    rejects=len(data.rejects),
                    is_new=before.get(path) != path.stat().st_mtime_ns,
                )
            )
    return packed, list(_stale({each.path.stem for each in packed}))


def _stale(used: Collection[str]) -> Iterator[Stale]:
    """Yield the packs made of images of the same folders as those of `used`, which are fingerprints."""
    origins = {index.stem: _origin(index) for index in sorted(packs_folder().glob("*.json"))}
    for fingerprint, origin in origins.items():
        now = [origins[each] for each in used if origins[each].get("folder") == origin.get("folder")]
        if origin and now and fingerprint not in used:
            nearest = min(now, key=lambda each: abs(each["images"] - origin["images"]))
            path = packs_folder() / f"{fingerprint}.npy"
            yield Stale(path, path.stat().st_size if path.exists() else 0, _difference(origin, nearest))


def _origin(index: Path) -> dict[str, Any]:
    """Return what a pack says that it was made of; {} when it does not say so, or is damaged."""
    try:
        found = json.loads(index.read_text("utf-8"))["of"]
        return found if {"folder", "images", "preprocess"} <= found.keys() else {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _difference(origin: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    for key, value in now["preprocess"].items():
        if origin["preprocess"].get(key) != value:
            return f"made with {key} {origin['preprocess'].get(key)}, now {value}"
    if origin["images"] != now["images"]:
        return f"made of {origin['images']:,} images, now {now['images']:,}"
    return "images were changed, renamed or exchanged since"


def remove(stale: Stale) -> None:
    """Delete a stale pack; a process that reads it keeps what it has mapped.

    Raises:
        EnvironmentProblem: it cannot be deleted.
    """
    _delete(stale.path.with_suffix(".json"), stale.path)


def remove_unfinished() -> int:
    """Delete what killed builds left; returns how many folders. A new build does so, too."""
    return remove_abandoned(packs_folder(), BUILDING) if packs_folder().is_dir() else 0


def clear() -> int:
    """Delete all packs of all data, but none that is being built; returns how many.

    Raises:
        EnvironmentProblem: one cannot be deleted.
    """
    found = list(packs_folder().glob("*.npy"))
    # The index first: without it nothing is taken for a pack.
    _delete(*packs_folder().glob("*.json"), *found)
    remove_unfinished()
    return len(found)


def _delete(*paths: Path) -> None:
    try:
        for path in paths:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentProblem(f"{error.filename}: cannot be deleted: {error.strerror}") from error
