"""What parts of the recipe are worth: the same training with one thing changed each, on a small dictionary.

    python bench/ablations.py -o ablations --fonts $(scripts/fonts all)

The reference is the preset `compact` with 114 clusters, images of 32 x 32 with `photo` damage. Against it:

    mobilenet      CRNN on MobileNetV3 large 0.5, the architecture of the other presets
    no guide       plain CTC
    code points    PaddleOCR's labels: a cluster is up to three classes, one mark each (no guide, which needs clusters)
    one family     all train images from one font family
    basic layout   the same images, drawn with Pillow's BASIC layout instead of RAQM

All see the same number of images in the same number of steps, and read the same test sets: B, held-out families, and D,
held-out families with held-out damage. Prints a JSON line for each. A run that is there already is only read.
"""

from __future__ import annotations

import argparse
import functools
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import cv2
from PIL import ImageFont

from thaiocr.synth import render
from thaiocr.synth.fonts import find_fonts, open_font
from thaiocr.synth.paint import QUALITY
from thaiocr.synth.recipes import PRESETS, make_picture

SEED: Final = 14
SETS: Final = ("B", "D")
CODE_POINTS: Final = Path(__file__).parents[1] / "thai_letters" / "th_codepoints.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One training."""

    name: str
    labels: str = "rec_gt_train.txt"
    epochs: int = 2
    changes: tuple[str, ...] = ()


def main() -> None:
    """Draw, train and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40000, help="train images (default: %(default)s)")
    parser.add_argument("--fonts", nargs="+", default=[])
    parser.add_argument("--nproc", type=int, default=2)
    args = parser.parse_args()
    data, dictionary = args.output / "data", args.output / "dict.txt"
    thaiocr("dict", "build", "--tier", "starter", "-o", dictionary, "--force")
    fonts = ["--fonts", *args.fonts] if args.fonts else []
    thaiocr("synth", "rec", "-o", data, "--dict", dictionary, "--count", args.count, "--val-count", 500,
            "--test-count", 2280, "--seed", SEED, "--test-sets", *fonts)  # fmt: skip
    repeated = write_one_family(data)
    write_basic(data, args.fonts)
    plain, mobilenet = "Loss.parts_guide=null", "{name: MobileNetV3, model_name: large, scale: 0.5}"
    variants = (
        Variant(name="reference"),
        Variant(name="mobilenet", changes=(f"Architecture.Backbone={mobilenet}",)),
        Variant(name="no guide", changes=(plain,)),
        Variant(
            name="code points",
            changes=(plain, f"Global.character_dict_path={CODE_POINTS}", "Global.max_text_length=4"),
        ),
        Variant(name="one family", labels="rec_gt_train_one_family.txt", epochs=2 * repeated),
        Variant(name="basic layout", labels="rec_gt_train_basic.txt"),
    )
    for variant in variants:
        print(json.dumps(run(args.output, data, dictionary, variant, args.nproc), ensure_ascii=False), flush=True)


def thaiocr(*words: object) -> str:
    """Run a command of thaiocr, and return what it printed."""
    command = [sys.executable, "-m", "thaiocr", *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def write_one_family(data: Path) -> int:
    """Write the labels of the train images of the commonest family; return how often they make up all."""
    manifest = json.loads((data / "manifest.json").read_text("utf-8"))
    families = [manifest["fonts"][font]["family"] for font in manifest["splits"]["train"]["images"]["font"]]
    commonest, count = Counter(families).most_common(1)[0]
    lines = (data / "rec_gt_train.txt").read_text("utf-8").splitlines(keepends=True)
    kept = [line for line, family in zip(lines, families, strict=True) if family == commonest]
    (data / "rec_gt_train_one_family.txt").write_text("".join(kept), "utf-8")
    return round(len(families) / count)


def write_basic(data: Path, fonts: list[str]) -> None:
    """Draw the train images once more, with the same fonts and damage, in Pillow's BASIC layout."""
    if (data / "rec_gt_train_basic.txt").exists():
        return
    manifest = json.loads((data / "manifest.json").read_text("utf-8"))
    files = {(font.sha256, font.face): font.path for font in find_fonts([Path(place) for place in fonts] or None)}
    numbers = manifest["splits"]["train"]["images"]["font"]
    lines = (data / "rec_gt_train.txt").read_text("utf-8").splitlines()
    shutil.rmtree(data / "basic", ignore_errors=True)
    (data / "basic").mkdir()
    labels = []
    with patch.object(render, "open_font", functools.partial(open_font, layout=ImageFont.Layout.BASIC)):
        for position, (line, number) in enumerate(zip(lines, numbers, strict=True), 1):
            text, font = line.split("\t")[1], manifest["fonts"][number]
            rng = random.Random(f"{SEED}/train/{position}")  # as `synth rec` has it: the same damage
            path = files[font["sha256"], font["face"]]
            picture, _ = make_picture(text, path, font["face"], PRESETS["photo"], rng)
            name = f"basic/{position:06}.jpg"
            cv2.imwrite(str(data / name), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            labels.append(f"{name}\t{text}\n")
    (data / "rec_gt_train_basic.txt").write_text("".join(labels), "utf-8")


def run(output: Path, data: Path, dictionary: Path, variant: Variant, processes: int) -> dict[str, Any]:
    """Train a variant unless it is there, and return what it reads."""
    folder = output / variant.name.replace(" ", "_")
    config = folder / "rec.yml"
    if not (folder / "run" / "report.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        thaiocr(
            "config", "new", "rec", "--preset", "compact", "--data", data, "--dict", dictionary, "-o", config,
            "--force", "--set", f"Global.save_model_dir={folder / 'run'}", f"Global.epoch_num={variant.epochs}",
            "Global.print_batch_step=125", "Optimizer.lr.learning_rate=0.002", "Optimizer.lr.warmup_epoch=0.2",
            f"Train.loader.batch_size_per_card={64 // processes}",
            "Train.dataset.transforms.RecResizeImg.image_shape=[3,32,32]",
            "Eval.dataset.transforms.RecResizeImg.image_shape=[3,32,32]",
            f"Train.dataset.label_file_list=[{data / variant.labels}]", *variant.changes,
        )  # fmt: skip
        thaiocr("train", "-c", config, "--nproc", processes, "--force")
    labels = [data / f"rec_gt_test_{name}.txt" for name in SETS]
    found = json.loads(thaiocr("eval", "-c", config, "--labels", *labels, "--json"))["sets"]
    report = json.loads((folder / "run" / "report.json").read_text("utf-8"))
    return {
        "variant": variant.name,
        "minutes": round(report["seconds"] / 60, 1),
        **{name: {"acc": each["acc"], "interval": each["intervals"]["figures"]["acc"]} for name, each in found.items()},
    }


if __name__ == "__main__":
    main()
