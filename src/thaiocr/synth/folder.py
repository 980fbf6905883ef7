"""The folder of a data set that `thaiocr synth` makes, whatever the images show.

`manifest.json` is written last and whole: a folder without it is not a data set yet. Until then `synth.partial.json`
says which data set is being made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import cv2
from PIL import features

from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.progress import Progress
from thaiocr.synth.families import CheckedFont
from thaiocr.synth.fonts import FontFile, find_fonts
from thaiocr.synth.paint import Map
from thaiocr.synth.qa import REASONS, cache_folder, check_font

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json: TypeAlias = dict[str, Any]

MANIFEST: Final = "manifest.json"
PARTIAL: Final = "synth.partial.json"
FONT_QA: Final = "font_qa.json"
SHEET: Final = "contact_sheet.png"
DICTIONARY: Final = "dict.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """What belongs to one kind of data set in its folder."""

    made_by: str
    """The command, as the manifest names it."""
    images: str
    """Folder of the images."""
    labels: tuple[str, ...]
    """Patterns of the label files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """What making a data set leaves behind."""

    manifest: Json
    fonts: list[Json]
    """Per font: family, style, file, split, how many texts it draws, and the refused ones by reason."""
    made: bool
    """False: it was there already."""
    images_per_s: float | None = None
    """Drawn and written, without the choice of fonts and texts."""


def request_of(head: Json, options: DataclassInstance) -> Json:
    """Return what decides a data set's content, as JSON gives it back."""
    return {**head, **{name: list(each) if isinstance(each, tuple) else each for name, each in asdict(options).items()}}


def open_for_writing(root: Path, layout: Layout, request: Json, *, force: bool) -> DataSet | None:
    """Return the data set when this very one is there; else make sure that `root` can be written.

    Raises:
        UsageError: `root` holds something that is not to be overwritten.
        EnvironmentProblem: `root` cannot be written.
    """
    with writing(root):
        if there := _finished(root, layout, request, force=force):
            return there
        root.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()  # better refused now than after the fonts were judged
    return None


def judge_fonts(places: Sequence[str], texts: Sequence[str], run: Map, progress: Progress) -> list[CheckedFont]:
    """Find fonts and what they draw of the texts.

    Raises:
        UsageError: a place does not exist, or a file named there is no font.
    """
    files = find_fonts([Path(place) for place in places] or None)
    checked = []
    with progress("fonts", len(files)) as advance:
        for file, verdicts in zip(
            files, run(check_font, [(file, texts, cache_folder()) for file in files]), strict=True
        ):
            checked.append(CheckedFont.of(file, verdicts))
            advance(1)
    return checked


def font_reports(checked: Iterable[CheckedFont], used: Mapping[FontFile, str]) -> list[Json]:
    """Say of each telling font which split uses it and what it cannot draw."""
    return [_font_report(font, used.get(font.file, "")) for font in checked if _is_telling(font, used)]


def _is_telling(font: CheckedFont, used: Mapping[FontFile, str]) -> bool:
    """Leave fonts of other scripts out of the report: all that is wrong with them is that they lack the letters."""
    return font.file in used or bool(set(font.refused.values()) - {"missing", "bare"})


def _font_report(font: CheckedFont, split: str) -> Json:
    refused = {reason: [text for text, why in font.refused.items() if why == reason] for reason in REASONS}
    refused = {reason: texts for reason, texts in refused.items() if texts}
    return {**font_entry(font.file), "split": split, "drawn": len(font.drawn), "refused": refused}


def font_entry(font: FontFile) -> Json:
    """Name a font in a way that holds on any machine."""
    return {
        "family": font.family,
        "style": font.style,
        "file": font.path.name,
        "face": font.face,
        "sha256": font.sha256,
    }


def _finished(root: Path, layout: Layout, request: Json, *, force: bool) -> DataSet | None:
    """Return the data set when this very one is there; None when it can be made.

    Raises:
        UsageError: `root` holds something that is not to be overwritten.
    """
    partial, manifest = _read(root / PARTIAL), _read(root / MANIFEST)
    made = manifest if manifest.get("made_by") == layout.made_by else {}
    if not partial and not made:
        if root.is_dir() and any(root.iterdir()):
            raise UsageError(f"{root}: is not empty, and not made by `{layout.made_by}`; choose another folder with -o")
        return None
    before = partial or made["request"]
    if before == request:
        return None if partial or not _is_whole(root, made) else DataSet(manifest=made, fonts=_fonts(root), made=False)
    if force:
        return None
    changes = ", ".join(
        f"{key} was {before.get(key)!r}, now {value!r}" for key, value in request.items() if before.get(key) != value
    )
    raise UsageError(
        f"{root}: holds another data set ({changes}); choose another folder with -o, or replace it with --force"
    )


def _is_whole(root: Path, manifest: Json) -> bool:
    """Say whether the label files are unchanged and every image is there."""
    splits = manifest["splits"].values()
    files = [(split[key], split[f"{key}_sha256"]) for split in splits for key in split if f"{key}_sha256" in split]
    return all(_sha256(root / name) == digest for name, digest in files) and all(
        _count(root / split["folder"]) == split["count"] for split in splits
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _count(folder: Path) -> int:
    return sum(entry.name.endswith(".jpg") for entry in os.scandir(folder)) if folder.is_dir() else 0


def _fonts(root: Path) -> list[Json]:
    found = json.loads((root / FONT_QA).read_text("utf-8")) if (root / FONT_QA).is_file() else []
    return list(found)


def _read(path: Path) -> Json:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def begin(root: Path, layout: Layout, request: Json, folders: Iterable[str]) -> None:
    """Mark the folder as unfinished, take away what an earlier run left, and make the folders of the splits."""
    replace(root / PARTIAL, json.dumps(request, ensure_ascii=False).encode())
    old = [path for pattern in layout.labels for path in root.glob(pattern)]
    for path in (root / MANIFEST, root / SHEET, root / FONT_QA, *old):
        path.unlink(missing_ok=True)
    if (root / layout.images).exists():
        shutil.rmtree(root / layout.images)
    for folder in folders:
        (root / folder).mkdir(parents=True)


def finish(root: Path, manifest: Json, fonts: list[Json]) -> None:
    """Write what makes the folder a data set."""
    replace(root / FONT_QA, _json_lines(fonts))
    replace(root / MANIFEST, _json_object(manifest))
    (root / PARTIAL).unlink()


def libraries() -> dict[str, str | None]:
    """Return the versions of the libraries that decide what the images look like."""
    drawing = {name: features.version(name) for name in ("pil", "freetype2", "raqm", "fribidi", "harfbuzz")}
    return drawing | {name: version(name) for name in ("numpy", "pythainlp")} | {"opencv": cv2.__version__}


def _json_object(value: Json) -> bytes:
    """Write one key a line, and the splits one a line: to be read by people, too, without a line per image."""
    lines = [
        f"{json.dumps(key)}: {_indented(each) if key == 'splits' else json.dumps(each, ensure_ascii=False)}"
        for key, each in value.items()
    ]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _indented(value: Json) -> str:
    lines = (f" {json.dumps(key)}: {json.dumps(each, ensure_ascii=False)}" for key, each in value.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _json_lines(values: Sequence[Json]) -> bytes:
    return ("[\n" + ",\n".join(json.dumps(value, ensure_ascii=False) for value in values) + "\n]\n").encode()


def replace(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turn an OSError into one message.

    Raises:
        EnvironmentProblem: something in `root` cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(
            f"{error.filename or root}: cannot be written ({error.strerror or error}); choose another folder with -o"
        ) from error
