"""A data set on disk, in PaddleOCR's layout.

    rec/{train,val,test}/000001.jpg  rec_gt_{train,val,test}.txt  dict.txt
    manifest.json  contact_sheet.png  font_qa.json

`manifest.json` is written last and whole: a folder without it is not a data set yet. Until then `synth.partial.json`
says which data set is being made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

import cv2
from PIL import features

from thaiocr import __version__
from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.progress import Progress, silent
from thaiocr.synth.families import CheckedFont, assign, group
from thaiocr.synth.fonts import HOW_TO_GET_FONTS, FontFile, find_fonts, require_raqm
from thaiocr.synth.paint import Map, chunks, paint, processes
from thaiocr.synth.plan import Options, Plan, SplitPlan, make_plan, what_to_draw
from thaiocr.synth.qa import REASONS, cache_folder, check_font
from thaiocr.synth.recipes import EFFECTS
from thaiocr.synth.sheet import contact_sheet
from thaiocr.text.dictionary import Dictionary

Json: TypeAlias = dict[str, Any]

MADE_BY: Final = "thaiocr synth rec"
MANIFEST: Final = "manifest.json"
PARTIAL: Final = "synth.partial.json"
FONT_QA: Final = "font_qa.json"
SHEET: Final = "contact_sheet.png"
DICTIONARY: Final = "dict.txt"
"""In the data set's folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """What `generate` leaves behind."""

    manifest: Json
    fonts: list[Json]
    """Per font: family, style, file, split, how many texts it draws, and the refused ones by reason."""
    made: bool
    """False: it was there already."""
    images_per_s: float | None = None
    """Drawn and written, without the choice of fonts and texts."""


def generate(
    root: Path,
    dictionary: Dictionary,
    options: Options,
    *,
    workers: int = 1,
    force: bool = False,
    strict: bool = False,
    progress: Progress = silent,
) -> DataSet:
    """Make a data set, or leave it as it is when the same one is there.

    Args:
        root: The folder; new, empty, or from an earlier run.
        dictionary: The texts of single clusters, and what lines may be made of.
        options: What decides the content.
        workers: Number of processes; changes nothing but the time.
        force: Replace a data set that was made with other options.
        strict: Refuse when an entry has no image in train.
        progress: Opens a progress bar.

    Raises:
        UsageError: `root` holds something else, or a place of `options.fonts` is wrong.
        DataError: no lines can be made from the dictionary.
        EnvironmentProblem: RAQM or fonts are missing, something cannot be written, or `strict` refuses.
    """
    request = {"dictionary": dictionary.fingerprint, **asdict(options), "fonts": list(options.fonts)}
    with _writing(root):
        if there := _finished(root, request, force=force):
            return there
        root.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()  # better refused now than after the fonts were judged
    require_raqm()
    with processes(workers) as run:
        plan, fonts = _prepare(dictionary, options, run, progress)
        if strict and (missing := plan.without_image(plan.splits[0])):
            raise EnvironmentProblem(
                f"no train image would show {len(missing)} of {len(dictionary)} dictionary entries: "
                f"{' '.join(missing[:40])}; raise --count, or {HOW_TO_GET_FONTS}"
            )
        with _writing(root):
            _begin(root, request, plan)
            return _write(root, plan, request, fonts, run, progress)


def _prepare(dictionary: Dictionary, options: Options, run: Map, progress: Progress) -> tuple[Plan, list[Json]]:
    files = find_fonts([Path(place) for place in options.fonts] or None)
    texts = what_to_draw(options, dictionary)
    checked = []
    with progress("fonts", len(files)) as advance:
        for file, verdicts in zip(
            files, run(check_font, [(file, texts, cache_folder()) for file in files]), strict=True
        ):
            checked.append(CheckedFont.of(file, verdicts))
            advance(1)
    plan = make_plan(options, dictionary, assign(group(checked, texts), options.seed))
    used = {font.file: split.name for split in plan.splits[:3] for family in split.families for font in family.fonts}
    return plan, [_font_report(font, used.get(font.file, "")) for font in checked if _is_telling(font, used)]


def _is_telling(font: CheckedFont, used: Mapping[FontFile, str]) -> bool:
    """Leave fonts of other scripts out of the report: all that is wrong with them is that they lack the letters."""
    return font.file in used or bool(set(font.refused.values()) - {"missing", "bare"})


def _font_report(font: CheckedFont, split: str) -> Json:
    refused = {reason: [text for text, why in font.refused.items() if why == reason] for reason in REASONS}
    refused = {reason: texts for reason, texts in refused.items() if texts}
    return {**_font(font.file), "split": split, "drawn": len(font.drawn), "refused": refused}


def _font(font: FontFile) -> Json:
    """Name a font in a way that holds on any machine."""
    return {
        "family": font.family,
        "style": font.style,
        "file": font.path.name,
        "face": font.face,
        "sha256": font.sha256,
    }


def _finished(root: Path, request: Json, *, force: bool) -> DataSet | None:
    """Return the data set when this very one is there; None when it can be made.

    Raises:
        UsageError: `root` holds something that is not to be overwritten.
    """
    partial, manifest = _read(root / PARTIAL), _read(root / MANIFEST)
    made = manifest if manifest.get("made_by") == MADE_BY else {}
    if not partial and not made:
        if root.is_dir() and any(root.iterdir()):
            raise UsageError(f"{root}: is not empty, and not made by `{MADE_BY}`; choose another folder with -o")
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
    return all(
        _sha256(root / split["labels"]) == split["labels_sha256"] and _count(root / split["folder"]) == split["count"]
        for split in manifest["splits"].values()
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


def _begin(root: Path, request: Json, plan: Plan) -> None:
    """Mark the folder as unfinished, then take away what an earlier run left."""
    _replace(root / PARTIAL, json.dumps(request, ensure_ascii=False).encode())
    for old in (root / MANIFEST, root / SHEET, root / FONT_QA, *root.glob("rec_gt_*.txt")):
        old.unlink(missing_ok=True)
    if (root / "rec").exists():
        shutil.rmtree(root / "rec")
    for split in plan.splits:
        (root / split.folder).mkdir(parents=True)


def _write(root: Path, plan: Plan, request: Json, fonts: list[Json], run: Map, progress: Progress) -> DataSet:
    splits, total, started = {}, sum(len(split.jobs) for split in plan.splits), time.perf_counter()
    with progress("images", total) as advance:
        for split in plan.splits:
            effects: list[int] = []
            for done in run(paint, [(chunk,) for chunk in chunks(root, plan, split)]):
                effects += done
                advance(len(done))
            labels = "".join(f"{split.folder}/{job.file}\t{job.text}\n" for job in split.jobs).encode()
            _replace(root / split.labels, labels)
            splits[split.name] = _split_manifest(plan, split, labels, effects)
    seconds = time.perf_counter() - started
    plan.dictionary.save(root / DICTIONARY)
    contact_sheet(root / SHEET, root, plan, {name: split["images"]["effects"] for name, split in splits.items()})
    _replace(root / FONT_QA, _json_lines(fonts))
    manifest = {
        "made_by": MADE_BY,
        "thaiocr": __version__,
        "libraries": _libraries(),
        "request": request,
        "dictionary": {"file": DICTIONARY, "entries": len(plan.dictionary), "fingerprint": plan.dictionary.fingerprint},
        "effects": EFFECTS,
        "fonts": [_font(font) for font in plan.fonts],
        "splits": splits,
    }
    _replace(root / MANIFEST, _json_object(manifest))
    (root / PARTIAL).unlink()
    return DataSet(manifest=manifest, fonts=fonts, made=True, images_per_s=total / seconds)


def _split_manifest(plan: Plan, split: SplitPlan, labels: bytes, effects: Sequence[int]) -> Json:
    """Describe a split; `images` holds, image by image, the index of its font and the sum of its effects' bits."""
    return {
        "labels": split.labels,
        "labels_sha256": hashlib.sha256(labels).hexdigest(),
        "folder": split.folder,
        "count": len(split.jobs),
        "evaluation_set": split.evaluation_set,
        "damage": split.damage,
        "families": [family.name for family in split.families],
        "without_image": plan.without_image(split),
        "lengths": {str(length): count for length, count in sorted(split.lengths.items())},
        "images": {"font": [job.font for job in split.jobs], "effects": list(effects)},
    }


def _libraries() -> dict[str, str | None]:
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


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(
            f"{error.filename or root}: cannot be written ({error.strerror or error}); choose another folder with -o"
        ) from error
