"""A bundle and Tesseract on the same images: a table of both, and one JSON line.

    python bench/compare_tesseract.py BUNDLE LABELS [--images 300] [--psm 10 8 13] [--height 32 48 64] [--lang tha]

Fair to Tesseract: it gets grey images, light on dark turned round, contrast stretched to black on white, at several
heights of at least 32 pixels, with a white border, and every page segmentation mode that may fit: 10 (one character), 8
(one word), 13 (a raw line); 7 for lines of text (`--psm 7`). Its best setting is chosen on these very images. For both,
spaces are left out and spellings are brought to one form. Needs `apt-get install tesseract-ocr tesseract-ocr-tha`
(and `-eng`). Intervals are of whole fonts drawn again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.data.images import read_image
from thaiocr.data.manifest import font_families
from thaiocr.metrics.recognition import Reading, RecognitionMetric
from thaiocr.metrics.sets import markdown
from thaiocr.metrics.summary import Summary
from thaiocr.predict.reader import Reader
from thaiocr.text.thai import is_thai

BORDER: Final = 0.4
"""White round an image, in image heights: Tesseract misses letters that touch the edge."""
FIGURES: Final[Mapping[str, tuple[Callable[[Summary], float | None], str]]] = {
    "top-1": (lambda found: found["acc"], "acc"),
    "macro": (lambda found: found["macro_acc"], "macro_acc"),
    "weighted": (lambda found: found["frequency_weighted_acc"], "frequency_weighted_acc"),
    "folded": (lambda found: found["folded_acc"], "folded_acc"),
    "CER clusters": (lambda found: found["cer"], "cer"),
    "CER code points": (lambda found: found["cer_code_points"], "cer_code_points"),
}
"""Heading -> figure, name of its interval."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--images", type=int, default=300, help="a random choice of so many (default: %(default)s)")
    parser.add_argument("--psm", type=int, nargs="+", default=[10, 8, 13])
    parser.add_argument("--height", type=int, nargs="+", default=[32, 48, 64])
    parser.add_argument("--lang", nargs="+", default=["tha", "tha+eng"])
    args = parser.parse_args()
    chosen = choose(args.labels, args.images)
    ours = read_with_bundle(args.bundle, args.labels.parent, chosen)
    with tempfile.TemporaryDirectory() as folder:
        lists = {height: prepare(args.labels.parent, chosen, height, Path(folder)) for height in args.height}
        theirs = {
            f"Tesseract, {lang}, psm {psm}, {height} px": read_with_tesseract(lists[height], lang, psm)
            for lang, psm, height in itertools.product(args.lang, args.psm, args.height)
        }
    families = font_families(args.labels.parent)
    everything = {name: measure(chosen, texts, families) for name, texts in {"thaiocr": ours, **theirs}.items()}
    only_thai = {
        name: measure(*thai_only(chosen, texts), families) for name, texts in {"thaiocr": ours, **theirs}.items()
    }
    for title, found in (("all entries", everything), ("Thai entries", only_thai)):
        print(f"\n{title}, {found['thaiocr']['images']} images, 95 % intervals in brackets\n", file=sys.stderr)
        print(table(found), file=sys.stderr)
    print(json.dumps(summary(args, everything, only_thai), ensure_ascii=False))


def choose(labels: Path, count: int) -> list[tuple[str, str]]:
    """Return (image, label) of a random choice of lines, the same in every run."""
    lines = labels.read_text("utf-8").splitlines()
    some = random.Random(0).sample(lines, min(count, len(lines)))
    return [(image, text) for image, text in (line.split("\t") for line in some)]


def read_with_bundle(bundle: Path, root: Path, chosen: Sequence[tuple[str, str]]) -> list[str]:
    """Read the images as they are."""
    return [each.text for each in Reader(bundle).read_files((image, root / image) for image, _ in chosen)]


def prepare(root: Path, chosen: Sequence[tuple[str, str]], height: int, folder: Path) -> Path:
    """Write the images as Tesseract likes them, and a list of them."""
    target = folder / str(height)
    target.mkdir()
    for number, (image, _) in enumerate(chosen):
        cv2.imwrite(str(target / f"{number:06}.png"), black_on_white(read_image(root / image), height))
    listed = target / "list.txt"
    listed.write_text("".join(f"{target / f'{number:06}.png'}\n" for number in range(len(chosen))))
    return listed


def black_on_white(image_HWC: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """Scale to `height`, turn light ink on dark paper round, stretch the contrast, and put white round it."""
    grey = cv2.cvtColor(image_HWC, cv2.COLOR_BGR2GRAY)
    width = max(1, round(grey.shape[1] * height / grey.shape[0]))
    method = cv2.INTER_AREA if grey.shape[0] > height else cv2.INTER_CUBIC
    grey = cv2.resize(grey, (width, height), interpolation=method)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    middle, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    if np.median(edge) <= middle:
        grey = 255 - grey
    dark, light = np.percentile(grey, [1, 90])
    stretched = np.clip((grey - dark) * (255 / max(1.0, light - dark)), 0, 255).astype(np.uint8)
    border = round(BORDER * height)
    framed = cv2.copyMakeBorder(stretched, border, border, border, border, cv2.BORDER_CONSTANT, value=[255])
    return np.asarray(framed, dtype=np.uint8)


def read_with_tesseract(listed: Path, lang: str, psm: int) -> list[str]:
    """Read all images of a list in one run; a page for each."""
    command = ["tesseract", str(listed), "stdout", "-l", lang, "--psm", str(psm)]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
    except FileNotFoundError:
        sys.exit("tesseract is not installed: apt-get install tesseract-ocr tesseract-ocr-tha tesseract-ocr-eng")
    expected = len(listed.read_text().splitlines())
    pages = done.stdout.removesuffix("\f").split("\f")  # some versions end the last page, too
    if done.returncode or len(pages) != expected:
        sys.exit(f"{' '.join(command)}: {len(pages)} pages of {expected}\n{done.stderr[-2000:]}")
    return ["".join(page.split()) for page in pages]


def thai_only(chosen: Sequence[tuple[str, str]], texts: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Leave out Latin letters, digits and signs."""
    kept = [(each, text) for each, text in zip(chosen, texts, strict=True) if is_thai(each[1])]
    return [each for each, _ in kept], [text for _, text in kept]


def measure(chosen: Sequence[tuple[str, str]], texts: Sequence[str], families: Mapping[str, str]) -> Summary:
    """Compare as `thaiocr eval` does, without spaces."""
    metric = RecognitionMetric(ignore_space=True)
    metric.update(
        Reading(image=image, label=label, text=text, score=0.0, font=families.get(image, ""))
        for (image, label), text in zip(chosen, texts, strict=True)
    )
    return metric.summary()


def table(found: Mapping[str, Summary]) -> str:
    """Return a Markdown table, Tesseract's best setting first after ours."""
    first, *others = found
    order = [first, *sorted(others, key=lambda name: -found[name]["acc"])]
    return markdown(["reader", *FIGURES], [[name, *(_cell(found[name], key) for key in FIGURES)] for name in order])


def _cell(found: Summary, heading: str) -> str:
    figure, interval = FIGURES[heading]
    value, bounds = figure(found), found["intervals"]["figures"].get(interval)
    if value is None:
        return "-"
    return f"{100 * value:.1f}" + (f" ({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})" if bounds else "")


def summary(
    args: argparse.Namespace, everything: Mapping[str, Summary], only_thai: Mapping[str, Summary]
) -> dict[str, Any]:
    """Return what the JSON line says."""
    version = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[
        0
    ]
    result: dict[str, Any] = {
        "bench": "compare_tesseract",
        "bundle": str(args.bundle),
        "labels": str(args.labels),
        "tesseract": version,
        "border": BORDER,
    }
    for title, found in (("all", everything), ("thai", only_thai)):
        best = max((name for name in found if name != "thaiocr"), key=lambda name: found[name]["acc"])
        result[title] = {
            "images": found[best]["images"],
            **{
                key: {
                    heading: [figure(found[name]), found[name]["intervals"]["figures"].get(interval)]
                    for heading, (figure, interval) in FIGURES.items()
                }
                for key, name in (("thaiocr", "thaiocr"), (best, best))
            },
            "settings": {name: round(found[name]["acc"], 4) for name in found if name != "thaiocr"},
        }
    return result


if __name__ == "__main__":
    main()
