"""Data sets of other tools -> PaddleOCR's layout, split into train, val and test.

    rec/{train,val,test}/000001.jpg  rec_gt_{train,val,test}.txt  dict.txt  manifest.json

The manifest says where each image comes from, and what was left out and why.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2

from thaiocr import __version__
from thaiocr.data.cut import cut_out, shows_more
from thaiocr.data.images import BadImage, decode, read_file
from thaiocr.data.labels import Reject
from thaiocr.data.remarks import SUFFIXES, image_format
from thaiocr.data.sources import Item, read_source
from thaiocr.data.staging import new_folder, require_free
from thaiocr.data.stratify import assign, strata
from thaiocr.errors import DataError
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec, UnknownCharacter
from thaiocr.text.dictionary import Dictionary
from thaiocr.text.normalize import normalize

MADE_BY: Final = "thaiocr data import"
MANIFEST: Final = "manifest.json"
DICTIONARY: Final = "dict.txt"
CHUNK: Final = 16
"""Images that a thread takes in before it takes the next ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What decides the content of an imported data set, besides the source's files."""

    kind: str
    source: str
    val_fraction: float = 0.1
    test_fraction: float = 0.1
    seed: int = 0
    unverified: bool = False
    """Take corrections that no person has verified."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written."""

    counts: Mapping[str, int]
    """Split -> images."""
    documents: Mapping[str, int]
    """Split -> documents, as far as they are known."""
    rejects: Sequence[Reject]


@dataclass(frozen=True, slots=True)
class _Ready:
    """An item whose text can be used and whose image lies in the new folder."""

    item: Item
    text: str
    file: Path
    digest: bytes


@dataclass(slots=True)
class _Intake:
    """Items so far, and what was left out, in the order of the source."""

    ready: list[_Ready] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def import_data(
    request: Request,
    target: Path,
    dictionary: Dictionary | None = None,
    *,
    use_space_char: bool = False,
    progress: Progress,
) -> Imported:
    """Import a data set; the same source and request give the same bytes.

    No document is in two splits, no picture is there twice, and each label is spread over the splits as they are wanted
    as far as documents allow. Labels are normalised. Image files are copied as they are; cut-out boxes become PNG.

    Args:
        request: What to import, and how to split it.
        target: The new folder.
        dictionary: Labels that it cannot spell are left out; it is written along.
        use_space_char: The dictionary has the space, too.
        progress: Shows the images.

    Raises:
        DataError: the source cannot be read, or nothing in it can be used.
        UsageError: `target` is not empty.
        EnvironmentProblem: something cannot be written.
    """
    require_free(target)
    found = read_source(request.kind, Path(request.source))
    codec = Codec(dictionary, use_space_char=use_space_char) if dictionary is not None else None
    with new_folder(target) as staging:
        intake = _take_in(found, staging / "incoming", request, codec, progress)
        ready = _without_repeats(intake)
        if not ready:
            raise DataError(_nothing(request, intake.rejects))
        splits = _split(ready, request)
        described = {name: _write_split(staging, name, items) for name, items in splits.items()}
        (staging / "incoming").rmdir()
        if dictionary is not None:
            dictionary.save(staging / DICTIONARY)
        manifest = {
            "made_by": MADE_BY,
            "thaiocr": __version__,
            "request": asdict(request),
            "dictionary": dictionary and {"file": DICTIONARY, "fingerprint": dictionary.fingerprint},
            "splits": described,
            "rejects": [{"place": each.place, "image": each.image, "reason": each.reason} for each in intake.rejects],
        }
        (staging / MANIFEST).write_bytes((json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode())
    return Imported(
        counts={name: len(items) for name, items in splits.items()},
        documents={name: len(split["documents"]) for name, split in described.items()},
        rejects=intake.rejects,
    )


def _nothing(request: Request, rejects: Sequence[Reject]) -> list[str]:
    shown = [str(reject) for reject in rejects[:5]]
    more = [f"… and {len(rejects) - len(shown)} more"] if len(rejects) > len(shown) else []
    return [*shown, *more, f"{request.source}: nothing there can be imported as {request.kind}"]


# -- Taking in ---------------------------------------------------------------------------------------------------------


def _take_in(
    found: Sequence[Item | Reject], incoming: Path, request: Request, codec: Codec | None, progress: Progress
) -> _Intake:
    """Judge all items, and put their images, numbered, into `incoming`."""
    incoming.mkdir()

    def take(chunk: Sequence[tuple[int, Item | Reject]]) -> list[_Ready | Reject]:
        return [
            each if isinstance(each, Reject) else _take(each, incoming / f"{number}", request, codec)
            for number, each in chunk
        ]

    intake = _Intake()
    numbered = list(enumerate(found))
    chunks = [numbered[start : start + CHUNK] for start in range(0, len(numbered), CHUNK)]
    with progress("importing images", len(found)) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        for taken in pool.map(take, chunks):
            for each in taken:
                (intake.rejects if isinstance(each, Reject) else intake.ready).append(each)  # type: ignore[arg-type]
            advance(len(taken))
    return intake


def _take(item: Item, stem: Path, request: Request, codec: Codec | None) -> _Ready | Reject:
    if not item.is_verified and not request.unverified:
        return Reject(item.place, item.name, "not verified by a person; --unverified takes it all the same")
    text = normalize(item.text.strip())
    reason = _unusable(text, codec)
    if reason:
        return Reject(item.place, item.name, reason)
    try:
        encoded, suffix = _content(item)
    except BadImage as error:
        return Reject(item.place, item.name, str(error).removeprefix(f"{item.name}: "))
    file = stem.with_suffix(suffix)
    file.write_bytes(encoded)
    return _Ready(item, text, file, hashlib.blake2b(encoded, digest_size=16).digest())


def _unusable(text: str, codec: Codec | None) -> str:
    """Say why a label cannot be used, or return ""."""
    if not text:
        return "the label is empty"
    if any(sign in text for sign in "\t\r\n"):
        return "the label holds a tab or a line break; an image shows one line"
    try:
        if codec is not None:
            codec.encode(text)
    except UnknownCharacter as error:
        return str(error)
    return ""


def _content(item: Item) -> tuple[bytes, str]:
    """Return the bytes of an item's image, and the suffix that tells their format.

    Raises:
        BadImage: it cannot be read, or the box is not on it.
    """
    encoded = read_file(item.path, item.name)
    image_HWC = decode(encoded, item.name)
    if item.box and (item.is_page or shows_more(image_HWC, item.box)):
        cut = cut_out(image_HWC, item.box)
        if cut is None:
            size = f"{image_HWC.shape[1]} x {image_HWC.shape[0]}"
            raise BadImage("box", f"{item.name}: the box is not on the picture of {size} pixels")
        return cv2.imencode(".png", cut)[1].tobytes(), ".png"
    known = image_format(encoded)
    return encoded, SUFFIXES[known][0] if known else item.path.suffix


def _without_repeats(intake: _Intake) -> list[_Ready]:
    """Take each picture once; pictures with several labels not at all. The others become rejects."""
    same: dict[bytes, list[_Ready]] = defaultdict(list)
    for each in intake.ready:
        same[each.digest].append(each)
    kept = []
    for group in same.values():
        first = group[0]
        other = next((each for each in group if each.text != first.text), None)
        if other is None:
            kept.append(first)
        for each in group if other else group[1:]:
            twin = first if each.text != first.text or other is None else other
            reason = f"the same picture as {twin.item.place} ({twin.item.name})"
            reason += f", which says '{twin.text}', not '{each.text}'" if other else ""
            intake.rejects.append(Reject(each.item.place, each.item.name, reason))
            each.file.unlink()
    return kept


# -- Splitting and writing ---------------------------------------------------------------------------------------------


def _split(ready: Sequence[_Ready], request: Request) -> dict[str, list[_Ready]]:
    kinds = strata([each.text for each in ready])
    groups: dict[object, list[int]] = defaultdict(list)
    for number, each in enumerate(ready):
        groups[number if each.item.document is None else each.item.document].append(number)
    val, test = request.val_fraction, request.test_fraction
    wanted = {name: share for name, share in {"train": 1 - val - test, "val": val, "test": test}.items() if share > 0}
    chosen = assign([[kinds[number] for number in members] for members in groups.values()], wanted, seed=request.seed)
    split_of = {number: name for name, members in zip(chosen, groups.values(), strict=True) for number in members}
    return {name: [each for number, each in enumerate(ready) if split_of[number] == name] for name in wanted}


def _write_split(staging: Path, name: str, items: Sequence[_Ready]) -> dict[str, Any]:
    """Move the images of a split to their place and write its labels; returns its part of the manifest."""
    folder = f"rec/{name}"
    (staging / folder).mkdir(parents=True)
    lines = []
    for number, each in enumerate(items, start=1):
        image = f"{folder}/{number:06}{each.file.suffix}"
        each.file.rename(staging / image)
        lines.append(f"{image}\t{each.text}\n")
    labels = "".join(lines).encode()
    (staging / f"rec_gt_{name}.txt").write_bytes(labels)
    return {
        "labels": f"rec_gt_{name}.txt",
        "labels_sha256": hashlib.sha256(labels).hexdigest(),
        "folder": folder,
        "count": len(items),
        "documents": sorted({each.item.document for each in items if each.item.document is not None}),
        "sources": [each.item.place for each in items],
    }
