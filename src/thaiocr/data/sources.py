"""Data sets in the layouts of other tools, read as items: an image, its text, where it says so, its document.

| kind | layout |
|---|---|
| generator | `labels.txt` with `name<TAB>text`, the images in `images/` |
| corrections | a picture and a JSON file of the same stem: `corrected_text`, `verified`, `box`, `image` |
| ppocrlabel | PPOCRLabel's folder: `rec_gt.txt` with `crop_img/`, `Label.txt` with boxes on pages |
| folders | a folder for each class, named by its text |
| icdar | `gt.txt` with `word_1.png, "text"` |
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final, TypeAlias

from thaiocr.data.cut import Point
from thaiocr.data.labels import Reject, read_lines, split_line
from thaiocr.data.remarks import SUFFIXES
from thaiocr.errors import DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One sample of a source."""

    place: str
    """File, and line where there are lines."""
    path: Path
    name: str
    """The image, as the source names it."""
    text: str
    """As it is written there."""
    document: str | None = None
    """What the image was cut from; None: not known."""
    box: tuple[Point, ...] = ()
    """Four corners in pixels, from the upper left one on clockwise; empty: the whole image."""
    is_page: bool = False
    """The image shows more than the box for certain."""
    is_verified: bool = True


Source: TypeAlias = Iterator[Item | Reject]

IMAGE_SUFFIXES: Final = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
IGNORED: Final = frozenset({"###", "*"})
"""Texts that stand for what cannot be read."""
_ICDAR: Final = re.compile(r'\s*(?P<name>[^,]+?)\s*,\s*(?:"(?P<quoted>.*)"|(?P<plain>.*?))\s*')


def read_generator(root: Path) -> Source:
    """Read the layout of the reference's generator."""
    for place, line in read_lines(root / "labels.txt"):
        parts = split_line(line, place)
        if isinstance(parts, Reject):
            yield parts
            continue
        name, text = parts
        yield Item(place=place, path=_first_file(root / "images" / name, root / name), name=name, text=text)


def read_icdar(root: Path) -> Source:
    """Read the word recognition layout of the ICDAR competitions."""
    for place, line in read_lines(_icdar_labels(root)):
        found = _ICDAR.fullmatch(line)
        if found is None:
            yield Reject(place, "", 'not of the form: word_1.png, "text"', "no_delimiter")
            continue
        quoted, name = found["quoted"], found["name"]
        text = found["plain"] if quoted is None else quoted.replace('\\"', '"')
        if text in IGNORED:
            yield Reject(place, name, f"marked as unreadable ('{text}')")
            continue
        yield Item(place=place, path=_first_file(root / name, root / "images" / name), name=name, text=text)


def _icdar_labels(root: Path) -> Path:
    candidates = sorted(path for path in root.glob("*.txt") if "gt" in path.stem.lower())
    if root / "gt.txt" in candidates or len(candidates) != 1:
        return root / "gt.txt"
    return candidates[0]


def read_folders(root: Path) -> Source:
    """Read folders named by class; a folder in one of them is a document."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name, inner = path.relative_to(root).as_posix(), path.parent.relative_to(folder).as_posix()
            if path.suffix.lower() in IMAGE_SUFFIXES:
                document = None if inner == "." else inner
                yield Item(place=str(path), path=path, name=name, text=folder.name, document=document)
            elif not path.name.startswith("."):
                yield Reject(str(path), name, "not an image by its suffix")


# -- Corrections -------------------------------------------------------------------------------------------------------

_TEXT: Final = ("corrected_text", "corrected", "text")
_VERIFIED: Final = ("verified", "is_verified")
_BOX: Final = ("box", "bbox")
_IMAGE: Final = ("image", "image_path", "image_file")
_DOCUMENT: Final = ("document", "document_id", "doc_id", "source")


def read_corrections(root: Path) -> Source:
    """Read pictures with a JSON file each: what a person made of a wrong reading."""
    for path in sorted(root.rglob("*.json")):
        yield _correction(path)


def _correction(path: Path) -> Item | Reject:
    try:
        record = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        return Reject(str(path), "", f"cannot be read: {error.strerror}")
    except ValueError as error:
        return Reject(str(path), "", f"not JSON: {error}")
    if not isinstance(record, dict):
        return Reject(str(path), "", "not a JSON object with corrected_text and verified")
    text = _get(record, _TEXT)
    if not isinstance(text, str):
        return Reject(str(path), "", "no corrected_text")
    named = _get(record, _IMAGE)
    picture = _picture(path, named)
    if picture is None:
        return Reject(str(path), "", f"no picture {path.stem}.png beside it")
    box = _get(record, _BOX)
    corners = _corners(box)
    if box and not corners:
        return Reject(
            str(path), picture.name, f"box {json.dumps(box)}: four numbers (left, top, right, bottom) or corners"
        )
    document = _get(record, _DOCUMENT)
    if document is None and isinstance(named, str) and PurePath(named).stem != path.stem:
        document = named  # the page that the picture was cut from
    return Item(
        place=str(path),
        path=picture,
        name=picture.name,
        text=text,
        document=None if document is None else str(document),
        box=corners,
        is_verified=_get(record, _VERIFIED) in (True, 1),
    )


def _get(record: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((record[key] for key in keys if record.get(key) is not None), None)


def _picture(path: Path, named: object) -> Path | None:
    """Return the picture of the same stem; else the one that the record names."""
    beside = [path.with_suffix(suffix) for suffix in sorted(IMAGE_SUFFIXES, key=lambda suffix: suffix != ".png")]
    if isinstance(named, str):
        beside.append(path.parent / named)
    return next((each for each in beside if each.is_file()), None)


def _corners(box: object) -> tuple[Point, ...]:
    """Return four corners of (left, top, right, bottom), of x, y, width and height, or of four points; else ()."""
    try:
        if isinstance(box, Mapping):
            left, top = float(box["x"]), float(box["y"])
            right, bottom = left + float(box["width"]), top + float(box["height"])
        elif isinstance(box, Sequence) and len(box) == 4 and isinstance(box[0], Sequence):
            corners = tuple((float(x), float(y)) for x, y in box)
            return corners if all(math.isfinite(each) for point in corners for each in point) else ()
        else:
            left, top, right, bottom = (float(each) for each in box)  # type: ignore[attr-defined]  # TypeError below
    except (TypeError, ValueError, KeyError):
        return ()
    if not (math.isfinite(left + top + right + bottom) and left < right and top < bottom):
        return ()
    return (left, top), (right, top), (right, bottom), (left, bottom)


# -- PPOCRLabel --------------------------------------------------------------------------------------------------------


def read_ppocrlabel(root: Path) -> Source:
    """Read exported crops, and cut out what was labelled on pages without exported crops."""
    exported: set[str] = set()
    if (root / "rec_gt.txt").exists():
        for found in _exported(root):
            if isinstance(found, Item) and found.document:
                exported.add(found.document)
            yield found
    if (root / "Label.txt").exists() or not exported:
        yield from _labelled(root, exported)


def _exported(root: Path) -> Source:
    for place, line in read_lines(root / "rec_gt.txt"):
        parts = split_line(line, place)
        if isinstance(parts, Reject):
            yield parts
            continue
        name, text = parts
        if text in IGNORED:
            yield Reject(place, name, f"marked as unreadable ('{text}')")
            continue
        page = PurePath(name).stem.rpartition("_crop_")[0]
        yield Item(
            place=place, path=_first_file(root / name, root.parent / name), name=name, text=text, document=page or None
        )


def _labelled(root: Path, exported: set[str]) -> Source:
    for place, line in read_lines(root / "Label.txt"):
        parts = split_line(line, place)
        if isinstance(parts, Reject):
            yield parts
            continue
        name, boxes = parts
        page = PurePath(name).stem
        if page in exported:
            continue
        path = _first_file(root.parent / name, root / name, root / PurePath(name).name)
        try:
            found = json.loads(boxes)
        except ValueError as error:
            yield Reject(place, name, f"the boxes are not JSON: {error}")
            continue
        for number, box in enumerate(found if isinstance(found, list) else [found], start=1):
            yield _boxed(box, f"{place}, box {number}", name, path, page)


def _boxed(box: object, place: str, name: str, path: Path, page: str) -> Item | Reject:
    if not isinstance(box, Mapping) or not isinstance(box.get("transcription"), str):
        return Reject(place, name, "not a JSON object with transcription and points")
    text, corners = box["transcription"], _corners(box.get("points"))
    if text in IGNORED or box.get("difficult"):
        return Reject(place, name, f"marked as unreadable ('{text}')")
    if len(corners) != 4:
        return Reject(place, name, "points: four corners are needed")
    return Item(place=place, path=path, name=name, text=text, document=page, box=corners, is_page=True)


def _first_file(*candidates: Path) -> Path:
    """Return the first that is there; else the first, which an error then names."""
    return next((path for path in candidates if path.is_file()), candidates[0])


READERS: Final[Mapping[str, Callable[[Path], Source]]] = {
    "generator": read_generator,
    "corrections": read_corrections,
    "ppocrlabel": read_ppocrlabel,
    "folders": read_folders,
    "icdar": read_icdar,
}


def read_source(kind: str, root: Path) -> list[Item | Reject]:
    """Return the items of a source in a fixed order, and what in it is none.

    Raises:
        DataError: the folder or its label file cannot be read.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    try:
        return list(READERS[kind](root))
    except OSError as error:
        raise DataError(f"{error.filename or root}: cannot be read: {error.strerror}") from error
