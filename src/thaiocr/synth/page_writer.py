"""Pages with polygons on disk, in PaddleOCR's layout.

    det/{train,val,test}/000001.jpg
    det_gt_{train,val,test}.txt          a line of text: path<TAB>[{"transcription": …, "points": [[x, y] x 4]}, …]
    det_words_gt_{train,val,test}.txt    the same word by word
    dict.txt  manifest.json  contact_sheet.png  font_qa.json

Points go round the ink from the upper left corner, clockwise; lines come in reading order; `###` is to be ignored. Each
page has a random generator of its own, seeded by (seed, split, number): the number of processes changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr import __version__
from thaiocr.errors import EnvironmentProblem
from thaiocr.progress import Progress, silent
from thaiocr.synth import folder, page_text
from thaiocr.synth.families import CheckedFont, Family, assign, group
from thaiocr.synth.folder import DICTIONARY, SHEET, DataSet, Json, Layout
from thaiocr.synth.fonts import FontFile, require_raqm
from thaiocr.synth.page_damage import EFFECTS, Taken, move, take
from thaiocr.synth.page_designs import TRAIN, Design
from thaiocr.synth.page_designs_unseen import TEST, VAL
from thaiocr.synth.page_overview import overview
from thaiocr.synth.page_sheet import Box, Sheet
from thaiocr.synth.paint import QUALITY, Map, processes
from thaiocr.text.dictionary import Dictionary

LAYOUT: Final = Layout(made_by="thaiocr synth det", images="det", labels=("det_gt_*.txt", "det_words_gt_*.txt"))
IGNORED: Final = "###"
CHUNK: Final = 10
"""Pages that a process makes before it reports."""
DESIGNS: Final[Mapping[str, Mapping[str, Design]]] = {"train": TRAIN, "val": VAL, "test": TEST}
SIZES: Final[Mapping[str, tuple[tuple[int, int], tuple[float, float]]]] = {
    "portrait": ((760, 1240), (1.414, 1.414)),
    "landscape": ((960, 1280), (0.5625, 0.75)),
    "slip": ((360, 560), (1.5, 3.0)),
    "card": ((560, 1000), (0.7, 1.5)),
}
"""Paper -> least and greatest width in pixels, least and greatest height by width."""
EMS: Final[Mapping[str, tuple[float, float]]] = {
    "portrait": (1 / 56, 1 / 38),
    "landscape": (1 / 44, 1 / 32),
    "slip": (1 / 24, 1 / 18),
    "card": (1 / 30, 1 / 18),
}
"""Paper -> body text by width."""
HAIRLINES: Final = ("Thin", "Hairline", "ExtraLight", "UltraLight")
"""Weights for titles: nobody sets body text in them."""
MANNERS: Final[Mapping[str, Mapping[str, int]]] = {
    "clean": {"clean": 1},
    "print": {"clean": 1, "scan": 4},
    "photo": {"clean": 2, "scan": 4, "photo": 4},
}
"""Preset -> how pages are taken, with weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageOptions:
    """What decides the content of a data set of pages, besides the dictionary and the fonts."""

    count: int
    """Pages of train."""
    val_count: int
    test_count: int
    seed: int = 0
    preset: Literal["clean", "print", "photo"] = "photo"
    fonts: tuple[str, ...] = ()
    """Files and folders; none stands for the system's folders."""
    test_families: tuple[str, ...] = ()
    """Families that test shows; none leaves the choice to `seed`."""


class Label(NamedTuple):
    """A text and its corners in the image."""

    text: str
    points_42: NDArray[np.float64]


class PageMade(NamedTuple):
    """An image of a page and where its text is."""

    pixels_hw3: NDArray[np.uint8]
    lines: list[Label]
    words: list[Label]
    design: str
    manner: str
    fonts: tuple[FontFile, ...]


class Done(NamedTuple):
    """What is known of a page that is on disk."""

    lines: str
    words: str
    """What stands behind the tab in the label files."""
    design: str
    manner: str
    fonts: tuple[FontFile, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Some pages of one split, as they are sent to a process."""

    folder: Path
    split: str
    options: PageOptions
    dictionary: Dictionary
    families: tuple[Family, ...]
    numbers: range


def generate_pages(
    root: Path,
    dictionary: Dictionary,
    options: PageOptions,
    *,
    workers: int = 1,
    force: bool = False,
    progress: Progress = silent,
) -> DataSet:
    """Make a data set of pages, or leave it as it is when the same one is there.

    Args:
        root: The folder; new, empty, or from an earlier run.
        dictionary: What texts may be made of.
        options: What decides the content.
        workers: Number of processes; changes nothing but the time.
        force: Replace a data set that was made with other options.
        progress: Opens a progress bar.

    Raises:
        UsageError: `root` holds something else, or a place of `options.fonts` is wrong.
        DataError: the dictionary spells hardly any word.
        EnvironmentProblem: RAQM or fonts are missing, or something cannot be written.
    """
    request = folder.request_of({"kind": "det", "dictionary": dictionary.fingerprint}, options)
    if there := folder.open_for_writing(root, LAYOUT, request, force=force):
        return there
    require_raqm()
    with processes(workers) as run:
        texts = sorted(page_text.load(dictionary).clusters - {" "})
        checked = folder.judge_fonts(options.fonts, texts, run, progress)
        dealt = assign(group(checked, texts), options.seed, options.test_families)
        families = {"train": dealt.train, "val": dealt.val, "test": dealt.test}
        used = {font.file: name for name, some in families.items() for family in some for font in family.fonts}
        with folder.writing(root):
            folder.begin(root, LAYOUT, request, [f"det/{split}" for split in DESIGNS])
            return _write(
                root, dictionary, options, families, request, folder.font_reports(checked, used), run, progress
            )


def make_page(
    options: PageOptions, split: str, number: int, words: page_text.Words, families: Sequence[Family]
) -> PageMade:
    """Make one page; the same arguments give the same page."""
    rng = random.Random(f"{options.seed}/{split}/{number}")
    designs = DESIGNS[split]
    name = list(designs)[(number - 1) % len(designs)]
    sheet = _blank(designs[name], words, families, rng)
    designs[name].fill(sheet)
    weights = MANNERS[options.preset]
    manner = rng.choices(list(weights), list(weights.values()))[0]
    taken = take(sheet.pixels_HW3, sheet.em, manner, rng)
    lines = [Label(line.text, _corners(line.box, taken)) for line in sheet.lines]
    lines += [Label(IGNORED, _corners(box, taken)) for box in sheet.unread]
    parts = [Label(word.text, _corners(word.box, taken)) for line in sheet.lines for word in line.words]
    parts += [Label(IGNORED, _corners(box, taken)) for box in sheet.unread]
    fonts = tuple(dict.fromkeys(font.file for font in (*sheet.fonts, *sheet.heading_fonts)))
    return PageMade(taken.pixels_hw3, lines, parts, name, manner, fonts)


def _blank(design: Design, words: page_text.Words, families: Sequence[Family], rng: random.Random) -> Sheet:
    (narrow, wide), (low, high) = SIZES[design.paper]
    width = rng.randint(narrow, wide)
    size = (round(width * rng.uniform(low, high)), width, 3)
    em = round(width * rng.uniform(*EMS[design.paper]))
    paper = (
        (255, 255, 255) if rng.random() < 0.6 else (rng.randint(205, 245), rng.randint(230, 250), rng.randint(240, 255))
    )
    widest = max((font for family in families for font in family.fonts), key=lambda font: (len(font.drawn), font.file))
    body, head = (choose_fonts(families, widest, rng, body=body) for body in (True, False))
    return Sheet(
        pixels_HW3=np.full(size, paper, np.uint8),
        words=words,
        fonts=body,
        heading_fonts=head if rng.random() < 0.6 else body,
        em=max(14, em),
        rng=rng,
    )


def choose_fonts(
    families: Sequence[Family], widest: CheckedFont, rng: random.Random, *, body: bool
) -> tuple[CheckedFont, ...]:
    """Choose a family, then one of its fonts; behind it come those of the same style, and `widest`, for what it lacks.

    Web fonts come in pieces, one file for Thai and one for Latin; the piece that draws most of the texts is the font.
    """
    family = rng.choice(families)
    most = max(len(font.drawn) for font in family.fonts)
    fonts = [font for font in family.fonts if 2 * len(font.drawn) > most]
    legible = [font for font in fonts if not body or not any(weight in font.file.style for weight in HAIRLINES)]
    chosen = rng.choice(legible or fonts)
    pieces = [font for font in family.fonts if font.file.style == chosen.file.style and font != chosen]
    return chosen, *pieces, widest


def _corners(box: Box, taken: Taken) -> NDArray[np.float64]:
    left, top, right, bottom = box
    corners_42 = move(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]), taken.matrix_33)
    height, width = taken.pixels_hw3.shape[:2]
    return np.clip(corners_42, 0, (width, height))


def make_chunk(chunk: Chunk) -> list[Done]:
    """Write the images of a chunk.

    Raises:
        EnvironmentProblem: an image cannot be written.
    """
    words = page_text.load(chunk.dictionary)
    done = []
    for number in chunk.numbers:
        page = make_page(chunk.options, chunk.split, number, words, chunk.families)
        path = chunk.folder / f"{number:06}.jpg"
        _, encoded = cv2.imencode(".jpg", page.pixels_hw3, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        try:
            path.write_bytes(encoded.tobytes())
        except OSError as error:
            raise EnvironmentProblem(f"{path}: cannot write the image: {error.strerror or error}") from error
        done.append(Done(_labels(page.lines), _labels(page.words), page.design, page.manner, page.fonts))
    return done


def _labels(labels: Sequence[Label]) -> str:
    values = [{"transcription": text, "points": _outwards(points_42).tolist()} for text, points_42 in labels]
    return json.dumps(values, ensure_ascii=False)


def _outwards(points_42: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round away from the middle, so that nothing is cut off and a hyphen keeps an area."""
    return np.where(points_42 < points_42.mean(0), np.floor(points_42), np.ceil(points_42)).astype(np.int64)


def _write(
    root: Path,
    dictionary: Dictionary,
    options: PageOptions,
    families: Mapping[str, tuple[Family, ...]],
    request: Json,
    fonts: list[Json],
    run: Map,
    progress: Progress,
) -> DataSet:
    counts = {"train": options.count, "val": options.val_count, "test": options.test_count}
    files = sorted(font.file for some in families.values() for family in some for font in family.fonts)
    splits, total, started = {}, sum(counts.values()), time.perf_counter()
    with progress("pages", total) as advance:
        for split, count in counts.items():
            chunks = [
                Chunk(
                    folder=root / "det" / split,
                    split=split,
                    options=options,
                    dictionary=dictionary,
                    families=families[split],
                    numbers=range(start, min(start + CHUNK, count + 1)),
                )
                for start in range(1, count + 1, CHUNK)
            ]
            done: list[Done] = []
            for some in run(make_chunk, [(chunk,) for chunk in chunks]):
                done += some
                advance(len(some))
            splits[split] = _write_labels(root, split, done) | _describe(split, done, families[split], files)
    seconds = time.perf_counter() - started
    dictionary.save(root / DICTIONARY)
    overview(root / SHEET, root, {split: found["labels"] for split, found in splits.items()})
    manifest = {
        "made_by": LAYOUT.made_by,
        "thaiocr": __version__,
        "libraries": folder.libraries(),
        "request": request,
        "dictionary": {"file": DICTIONARY, "entries": len(dictionary), "fingerprint": dictionary.fingerprint},
        "manners": list(EFFECTS),
        "fonts": [folder.font_entry(font) for font in files],
        "splits": splits,
    }
    folder.finish(root, manifest, fonts)
    return DataSet(manifest=manifest, fonts=fonts, made=True, images_per_s=total / seconds)


def _write_labels(root: Path, split: str, done: Sequence[Done]) -> Json:
    """Write both label files of a split; returns their names and hashes."""
    names = [f"det/{split}/{number:06}.jpg" for number in range(1, len(done) + 1)]
    files = {
        "labels": (f"det_gt_{split}.txt", [page.lines for page in done]),
        "words": (f"det_words_gt_{split}.txt", [page.words for page in done]),
    }
    found: Json = {}
    for key, (file, values) in files.items():
        content = "".join(f"{name}\t{value}\n" for name, value in zip(names, values, strict=True)).encode()
        folder.replace(root / file, content)
        found |= {key: file, f"{key}_sha256": hashlib.sha256(content).hexdigest()}
    return found


def _describe(split: str, done: Sequence[Done], families: Sequence[Family], files: Sequence[FontFile]) -> Json:
    """Say of each page its design, how it was taken and its fonts, by their indices in the manifest."""
    designs, manners = list(DESIGNS[split]), list(EFFECTS)
    return {
        "folder": f"det/{split}",
        "count": len(done),
        "designs": designs,
        "families": [family.name for family in families],
        "images": {
            "design": [designs.index(page.design) for page in done],
            "manner": [manners.index(page.manner) for page in done],
            "fonts": [[files.index(font) for font in page.fonts] for page in done],
        },
    }
