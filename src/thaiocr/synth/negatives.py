"""Images without a text that the dictionary has: what a reader should be unsure about.

    negatives/000001.jpg  negatives.txt  manifest.json

A line of `negatives.txt` is the image's path and its kind, with a tab between. Lao is not among the scripts, nor are
other letters that are Thai or Latin ones to the eye.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from thaiocr import __version__
from thaiocr.errors import EnvironmentProblem
from thaiocr.progress import Progress, silent
from thaiocr.synth import folder
from thaiocr.synth.colour import invert, tint
from thaiocr.synth.degrade import SURFACE
from thaiocr.synth.folder import DataSet, Json, Layout
from thaiocr.synth.fonts import HOW_TO_GET_FONTS, FontFile, find_fonts, require_raqm
from thaiocr.synth.paint import QUALITY
from thaiocr.synth.qa import check_font
from thaiocr.synth.render import PAPER, SIZES, Frame, Picture, choose_frame, cut, typeset
from thaiocr.synth.surroundings import intrude

LAYOUT: Final = Layout(made_by="thaiocr synth negatives", images="negatives", labels=("negatives.txt",))
LABELS: Final = "negatives.txt"

SCRIPTS: Final[Mapping[str, str]] = {
    "Arabic": "بتجحسصطعفقكمنه",
    "Bengali": "অআইকখগঘচছজটঠডণতথ",
    "Devanagari": "अआइकखगघचछजझठडणतथ",
    "Ethiopic": "ለሐመሠረሰቀነአከ",
    "Georgian": "აბგდევზთიკლმნჟრს",
    "Hebrew": "אבגדהזטכלמנעפצש",
    "Khmer": "ខឃងចឆជឈញដឋឌតថទធ",
    "Myanmar": "ကခဃဆဇညဋဍဏတဓ",
    "Sinhala": "අආඉකඛගඝචජටඩණතථදධ",
    "Tamil": "அஆஇகஙசஜஞணதநமய",
    "Telugu": "అఆఇకఖగఘచఛజటఠడణతథ",
    "Tibetan": "ཀཁགངཅཆཇཉཏཐདནཔཕབམ",
}
"""Letters that nobody takes for Thai or Latin ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What decides the images."""

    count: int
    seed: int = 0
    fonts: tuple[str, ...] = ()
    """Files and folders; none stands for the system's folders."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What the kinds are drawn with."""

    thai: tuple[FontFile, ...]
    """Fonts that draw Thai, for pieces of its letters."""
    scripts: Mapping[str, tuple[FontFile, ...]]
    """Script -> fonts that draw it; only scripts that have one."""


def generate(root: Path, options: Options, *, force: bool = False, progress: Progress = silent) -> DataSet:
    """Make the images, or leave them as they are when the same ones are there.

    Args:
        root: The folder; new, empty, or from an earlier run.
        options: What decides the images.
        force: Replace images that were made with other options.
        progress: Opens a progress bar.

    Raises:
        UsageError: `root` holds something else, or a place of `options.fonts` is wrong.
        EnvironmentProblem: RAQM or fonts are missing, or something cannot be written.
    """
    request = folder.request_of({}, options)
    if there := folder.open_for_writing(root, LAYOUT, request, force=force):
        return there
    require_raqm()
    tools = _find_tools(options.fonts, progress)
    names = list(KINDS)
    kinds = [number % len(names) for number in range(options.count)]
    with folder.writing(root):
        folder.begin(root, LAYOUT, request, [LAYOUT.images])
        with progress("images", options.count) as advance:
            for number, kind in enumerate(kinds, start=1):
                picture = make_negative(names[kind], tools, random.Random(f"{options.seed}/negatives/{number}"))
                _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                (root / LAYOUT.images / f"{number:06}.jpg").write_bytes(encoded.tobytes())
                advance(1)
        lines = (f"{LAYOUT.images}/{number:06}.jpg\t{names[kind]}\n" for number, kind in enumerate(kinds, start=1))
        labels = "".join(lines).encode()
        folder.replace(root / LABELS, labels)
        manifest = _manifest(request, labels, kinds)
        folder.finish(root, manifest, [])
    return DataSet(manifest=manifest, fonts=[], made=True)


def make_negative(kind: str, tools: Tools, rng: random.Random) -> Picture:
    """Draw one image of a kind, a key of KINDS, and let the same happen to it as to text."""
    size = rng.choice(SIZES)
    picture = KINDS[kind](tools, size, rng)
    for name in rng.sample(sorted(SURFACE), rng.randint(0, 4)):
        picture = SURFACE[name](picture, size, rng, rng.uniform(0.15, 0.8))
    if rng.random() < 0.2:
        picture = invert(picture)
    return tint(picture, rng) if rng.random() < 0.4 else picture


def _blank(_tools: Tools, size: int, rng: random.Random) -> Picture:
    """Paper, and nothing on it."""
    picture = _paper(size, rng)
    return SURFACE[rng.choice(("paper_texture", "uneven_light", "shadow", "noise"))](picture, size, rng, rng.random())


def _noise(_tools: Tools, size: int, rng: random.Random) -> Picture:
    """Grains of one size, or stripes."""
    height, width = _paper(size, rng).shape
    state = np.random.default_rng(rng.randrange(2**32))
    grain = rng.choice((1, 2, 4, 8))
    shape = (max(2, height // grain), max(2, width // grain))
    coarse = state.integers(0, 256, shape, dtype=np.uint8)
    if rng.random() < 0.2:
        coarse = np.repeat(coarse[:, :1], shape[1], axis=1)
    spread = cv2.resize(coarse, (width, height), interpolation=rng.choice((cv2.INTER_NEAREST, cv2.INTER_CUBIC)))
    return np.asarray(spread, dtype=np.uint8)


def _art(_tools: Tools, size: int, rng: random.Random) -> Picture:
    """A logo or line art: three to seven filled or hollow shapes over each other."""
    picture = _paper(size, rng)
    height, width = picture.shape
    for _ in range(rng.randint(3, 7)):
        colour, thick = [float(rng.randrange(160))], rng.choice((-1, max(1, size // 24), max(2, size // 10)))
        centre = (rng.randrange(width), rng.randrange(height))
        axes = (rng.randint(2, max(3, width // 2)), rng.randint(2, max(3, height // 2)))
        if rng.random() < 0.5:
            cv2.ellipse(picture, centre, axes, rng.uniform(0, 180), 0, rng.choice((180, 270, 360)), colour, thick)
        else:
            corners = np.array([(rng.randrange(width), rng.randrange(height)) for _ in range(rng.randint(3, 6))])
            if thick < 0:
                cv2.fillPoly(picture, [corners.astype(np.int32)], colour)
            else:
                cv2.polylines(picture, [corners.astype(np.int32)], rng.random() < 0.5, colour, thick)
    return picture


def _script(tools: Tools, size: int, rng: random.Random) -> Picture:
    """A letter of another script."""
    script = rng.choice(sorted(tools.scripts))
    font = rng.choice(tools.scripts[script])
    page = typeset(rng.choice(SCRIPTS[script]), font.path, font.face, size, start=rng.random())
    return cut(page.picture, choose_frame(page, rng))


def _scrap(tools: Tools, size: int, rng: random.Random) -> Picture:
    """A crop that missed: pieces of letters at its edges, and nothing whole."""
    font = rng.choice(tools.thai)
    page = typeset("ก", font.path, font.face, size)
    x, y, width, height = (round(share * size) for share in (0.6, 0.6, 0.4, 0.5))
    empty = replace(page, picture=np.full((3 * size, 3 * size), PAPER, np.uint8), baseline=y + height)
    margins = [round(rng.uniform(0.15, 0.5) * size) for _ in range(4)]
    frame = Frame(
        left=x - margins[0],
        top=y - margins[1],
        right=x + width + margins[2],
        bottom=y + height + margins[3],
        ink=(x, y, width, height),
    )
    picture = cut(empty.picture, frame)
    for _ in range(2):
        picture = intrude(picture, empty, frame, rng)
    return picture


KINDS: Final[Mapping[str, Callable[[Tools, int, random.Random], Picture]]] = {
    "blank": _blank,
    "noise": _noise,
    "art": _art,
    "script": _script,
    "scrap": _scrap,
}


def _paper(size: int, rng: random.Random) -> Picture:
    """White paper of the size that a crop of a cluster has."""
    height = rng.uniform(0.8, 2.0) * size
    return np.full((math.ceil(height), math.ceil(height * rng.uniform(0.5, 1.6))), PAPER, np.uint8)


def _find_tools(places: Sequence[str], progress: Progress) -> Tools:
    files = find_fonts([Path(place) for place in places] or None)
    found: dict[str, list[FontFile]] = {}
    with progress("fonts", len(files)) as advance:
        for file in files:
            verdicts = check_font(file, ["กี่", *(letters[0] for letters in SCRIPTS.values())], None)
            for script in ("Thai", *SCRIPTS):
                sample = "กี่" if script == "Thai" else SCRIPTS[script][0]
                if not verdicts[sample]:
                    found.setdefault(script, []).append(file)
            advance(1)
    thai = tuple(found.pop("Thai", ()))
    if not thai or not found:
        lacking = "Thai" if not thai else f"other scripts ({', '.join(SCRIPTS)})"
        raise EnvironmentProblem(f"no font that draws {lacking} was found; {HOW_TO_GET_FONTS}")
    return Tools(thai=thai, scripts={script: tuple(fonts) for script, fonts in found.items()})


def _manifest(request: Json, labels: bytes, kinds: Sequence[int]) -> Json:
    """Describe the images as `synth rec` does; in place of its font each has its kind."""
    return {
        "made_by": LAYOUT.made_by,
        "thaiocr": __version__,
        "libraries": folder.libraries(),
        "request": request,
        "fonts": [{"family": kind} for kind in KINDS],
        "splits": {
            "negatives": {
                "labels": LABELS,
                "labels_sha256": hashlib.sha256(labels).hexdigest(),
                "folder": LAYOUT.images,
                "count": len(kinds),
                "images": {"font": list(kinds)},
            }
        },
    }
