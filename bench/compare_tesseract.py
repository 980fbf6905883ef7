"""A bundle and Tesseract on the same images: a table of both, and one JSON line.

    python bench/compare_tesseract.py BUNDLE LABELS [--images 400] [--mode line] [--psm 7 13] [--lang tha]

Fair to Tesseract: it gets grey images, light on dark turned round, contrast stretched to black on white, at several
heights and with white round them, and every page segmentation mode that may fit; scored is what its best setting reads.
For clusters the modes are 10 (one character), 8 (one word) and 13 (a raw line), the best setting is chosen on the
scored images themselves, and spaces are left out. For lines the modes are 7 (a line) and 13, the choice is made on
other images of the same label file by the CER without spaces, and what counts is given with spaces and without. For
both readers, spellings are brought to one form. Needs `apt-get install tesseract-ocr tesseract-ocr-tha` (and `-eng`).
Intervals are of whole fonts drawn again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.data.images import read_image
from thaiocr.data.manifest import font_families
from thaiocr.metrics.recognition import Reading, RecognitionMetric
from thaiocr.metrics.sets import markdown
from thaiocr.metrics.summary import Summary
from thaiocr.predict.reader import Reader
from thaiocr.text.clusters import clusters
from thaiocr.text.thai import is_thai

Lines: TypeAlias = Sequence[tuple[str, str]]
"""(image, label)."""
PAGES: Final = 100
"""Images that one run of Tesseract reads."""


class Figure(NamedTuple):
    """A column of the table."""

    value: Callable[[Summary], float | None]
    interval: str
    """Its name in the summary."""
    with_space: bool = False
    """Whether spaces count."""


class Setting(NamedTuple):
    """How Tesseract is run."""

    lang: str
    psm: int
    height: int
    """Of the image without its border, in pixels; 0 leaves it as it is."""
    border: float
    """White round the image, in image heights: Tesseract misses letters that touch the edge."""

    def __str__(self) -> str:
        height = f"{self.height} px" if self.height else "as is"
        return f"Tesseract, {self.lang}, psm {self.psm}, {height}, border {self.border:g}"


class Mode(NamedTuple):
    """What suits one kind of labels."""

    psm: Sequence[int]
    height: Sequence[int]
    border: Sequence[float]
    tune: int
    """Images on which the settings are compared; 0: the scored ones."""
    figures: Mapping[str, Figure]
    judge: Callable[[Mapping[str, float]], float]
    """What the best setting has most of: of `RecognitionMetric.brief` without spaces."""


MODES: Final[Mapping[str, Mode]] = {
    "cluster": Mode(
        psm=(10, 8, 13),
        height=(32, 48, 64),
        border=(0.4,),
        tune=0,
        figures={
            "top-1": Figure(lambda found: found["acc"], "acc"),
            "macro": Figure(lambda found: found["macro_acc"], "macro_acc"),
            "weighted": Figure(lambda found: found["frequency_weighted_acc"], "frequency_weighted_acc"),
            "folded": Figure(lambda found: found["folded_acc"], "folded_acc"),
            "CER clusters": Figure(lambda found: found["cer"], "cer"),
            "CER code points": Figure(lambda found: found["cer_code_points"], "cer_code_points"),
        },
        judge=lambda found: found["acc"],
    ),
    "line": Mode(
        psm=(7, 13),
        height=(0, 32, 48, 64),
        border=(0, 0.1, 0.3),
        tune=60,
        figures={
            "CER code points": Figure(lambda found: found["cer_code_points"], "cer_code_points", with_space=True),
            "without spaces": Figure(lambda found: found["cer_code_points"], "cer_code_points"),
            "CER clusters": Figure(lambda found: found["cer"], "cer", with_space=True),
            "clusters without spaces": Figure(lambda found: found["cer"], "cer"),
            "exact": Figure(lambda found: found["acc"], "acc", with_space=True),
            "exact without spaces": Figure(lambda found: found["acc"], "acc"),
            "1-NED": Figure(lambda found: found["norm_edit_dis"], "norm_edit_dis", with_space=True),
        },
        judge=lambda found: -found["cer_code_points"],
    ),
}
SUBSETS: Final[Mapping[str, Callable[[str], bool]]] = {
    "all": lambda _label: True,
    "thai": lambda label: is_thai(label) and not re.search("[A-Za-z]", label),
}
"""Title -> which labels count."""


def main() -> None:
    """Run and print."""
    args = arguments()
    lines = read_labels(args.labels)
    mode = args.mode or mode_of([label for _, label in lines])
    kind = MODES[mode]
    chosen, tuning = choose(lines, args.images, kind.tune if args.tune is None else args.tune)
    settings = itertools.product(
        args.lang, args.psm or kind.psm, args.height or kind.height, args.border or kind.border
    )
    root = args.labels.parent
    families = font_families(root)
    result: dict[str, Any] = {
        "bench": "compare_tesseract",
        "mode": mode,
        "bundle": str(args.bundle),
        "labels": str(args.labels),
        "tesseract": version(),
        "chosen_on": f"{len(tuning)} other images" if tuning else "the scored images",
    }
    ours = read_with_bundle(args.bundle, root, chosen)
    tried = {each: read_with_tesseract(root, tuning or chosen, each) for each in itertools.starmap(Setting, settings)}
    for title, counts in SUBSETS.items():
        judged = {
            setting: kind.judge(collect(*subset(tuning or chosen, texts, counts), {}, with_space=False).brief())
            for setting, texts in tried.items()
        }
        best = max(judged, key=lambda setting: judged[setting])
        theirs = read_with_tesseract(root, chosen, best) if tuning else tried[best]
        found = {
            name: measure(*subset(chosen, texts, counts), families)
            for name, texts in (("thaiocr", ours), (str(best), theirs))
        }
        images = found["thaiocr"][False]["images"]
        print(f"\n{title}: {images} images, 95 % intervals in brackets\n{table(found, kind.figures)}", file=sys.stderr)
        result[title] = {
            "images": images,
            **{name: figures(each, kind.figures) for name, each in found.items()},
            "settings": {str(setting): round(abs(value), 4) for setting, value in judged.items()},
        }
    print(json.dumps(result, ensure_ascii=False))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--images", type=int, default=300, help="a random choice of so many (default: %(default)s)")
    parser.add_argument("--mode", choices=MODES, help="default: line where most labels have several clusters")
    parser.add_argument("--tune", type=int, help="other images of the file that the settings are compared on")
    parser.add_argument("--psm", type=int, nargs="+")
    parser.add_argument("--height", type=int, nargs="+", help="of the images; 0: as they are")
    parser.add_argument("--border", type=float, nargs="+", help="white round the images, in image heights")
    parser.add_argument("--lang", nargs="+", default=["tha", "tha+eng"])
    return parser.parse_args()


def read_labels(labels: Path) -> Lines:
    """Return the lines of a label file."""
    return [(image, text) for image, text in (line.split("\t") for line in labels.read_text("utf-8").splitlines())]


def mode_of(labels: Sequence[str]) -> str:
    """Tell single clusters from lines."""
    return "line" if statistics.median(len(clusters(label)) for label in labels) > 1 else "cluster"


def choose(lines: Lines, count: int, tune: int) -> tuple[Lines, Lines]:
    """Return what is scored and what settings are compared on: random choices, the same in every run, none in both."""
    if tune and len(lines) <= tune:
        sys.exit(f"{len(lines)} lines: too few to keep {tune} of them for the choice of a setting; give a lower --tune")
    chosen = random.Random(0).sample(lines, min(count, len(lines) - tune))
    kept = set(chosen)
    rest = [line for line in lines if line not in kept]
    return chosen, random.Random(1).sample(rest, min(tune, len(rest)))


def read_with_bundle(bundle: Path, root: Path, chosen: Lines) -> list[str]:
    """Read the images as they are."""
    found = list(Reader(bundle).read_files((image, root / image) for image, _ in chosen))
    if problems := [each.error for each in found if each.error]:
        sys.exit("\n".join(problems))
    return [each.text for each in found]


def read_with_tesseract(root: Path, chosen: Lines, setting: Setting) -> list[str]:
    """Read all images, `PAGES` in a run."""
    with tempfile.TemporaryDirectory() as folder:
        paths = prepare(root, chosen, setting, Path(folder))
        parts = [paths[first : first + PAGES] for first in range(0, len(paths), PAGES)]
        return [text for part in parts for text in read_pages(part, setting)]


def read_pages(paths: Sequence[Path], setting: Setting) -> list[str]:
    """Read images in one run, a page for each; one that Tesseract fails on has no page, and no text."""
    listed = paths[0].with_name("list.txt")
    listed.write_text("".join(f"{path}\n" for path in paths))
    command = ["tesseract", str(listed), "stdout", "-l", setting.lang, "--psm", str(setting.psm)]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    pages = done.stdout.removesuffix("\f").split("\f")  # some versions end the last page, too
    if len(pages) == len(paths):
        return [" ".join(page.split()) for page in pages]
    if len(paths) == 1:
        sys.exit(f"{' '.join(command)}: {len(pages)} pages of one image\n{done.stderr[-2000:]}")
    return [text for path in paths for text in read_pages([path], setting)]


def prepare(root: Path, chosen: Lines, setting: Setting, folder: Path) -> list[Path]:
    """Write the images as Tesseract likes them."""
    paths = [folder / f"{number:06}.png" for number in range(len(chosen))]
    for path, (image, _) in zip(paths, chosen, strict=True):
        cv2.imwrite(str(path), black_on_white(read_image(root / image), setting.height, setting.border))
    return paths


def black_on_white(image_HWC: NDArray[np.uint8], height: int, border: float) -> NDArray[np.uint8]:
    """Scale to `height`, turn light ink on dark paper round, stretch the contrast, and put white round it."""
    grey = cv2.cvtColor(image_HWC, cv2.COLOR_BGR2GRAY)
    if height:
        width = max(1, round(grey.shape[1] * height / grey.shape[0]))
        method = cv2.INTER_AREA if grey.shape[0] > height else cv2.INTER_CUBIC
        grey = cv2.resize(grey, (width, height), interpolation=method)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    middle, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    if np.median(edge) <= middle:
        grey = 255 - grey
    dark, light = np.percentile(grey, [1, 90])
    stretched = np.clip((grey - dark) * (255 / max(1.0, light - dark)), 0, 255).astype(np.uint8)
    white = round(border * grey.shape[0])
    framed = cv2.copyMakeBorder(stretched, white, white, white, white, cv2.BORDER_CONSTANT, value=[255])
    return np.asarray(framed, dtype=np.uint8)


def subset(chosen: Lines, texts: Sequence[str], counts: Callable[[str], bool]) -> tuple[Lines, list[str]]:
    """Keep the lines whose label counts, and what was read of them."""
    kept = [(line, text) for line, text in zip(chosen, texts, strict=True) if counts(line[1])]
    return [line for line, _ in kept], [text for _, text in kept]


def measure(chosen: Lines, texts: Sequence[str], families: Mapping[str, str]) -> dict[bool, Summary]:
    """Compare as `thaiocr eval` does; True: with spaces."""
    return {each: collect(chosen, texts, families, with_space=each).summary() for each in (False, True)}


def collect(chosen: Lines, texts: Sequence[str], families: Mapping[str, str], *, with_space: bool) -> RecognitionMetric:
    """Put labels and what was read together."""
    metric = RecognitionMetric(ignore_space=not with_space)
    metric.update(
        Reading(image=image, label=label, text=text, score=0.0, font=families.get(image, ""))
        for (image, label), text in zip(chosen, texts, strict=True)
    )
    return metric


def figures(found: Mapping[bool, Summary], columns: Mapping[str, Figure]) -> dict[str, Any]:
    """Return heading -> [figure, its interval]."""
    summaries = {heading: (figure, found[figure.with_space]) for heading, figure in columns.items()}
    return {
        heading: [figure.value(summary), summary["intervals"]["figures"].get(figure.interval)]
        for heading, (figure, summary) in summaries.items()
    }


def table(found: Mapping[str, Mapping[bool, Summary]], columns: Mapping[str, Figure]) -> str:
    """Return a Markdown table, a row for each reader, in percent."""
    rows = [[name, *(_cell(*pair) for pair in figures(each, columns).values())] for name, each in found.items()]
    return markdown(["reader", *columns], rows)


def _cell(value: float | None, bounds: Sequence[float] | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}" + (f" ({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})" if bounds else "")


def version() -> str:
    """Return Tesseract's name and version."""
    try:
        done = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        sys.exit("tesseract is not installed: apt-get install tesseract-ocr tesseract-ocr-tha tesseract-ocr-eng")
    return done.stdout.split("\n")[0]


if __name__ == "__main__":
    main()
