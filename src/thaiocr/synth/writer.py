"""A data set on disk, in PaddleOCR's layout.

    rec/{train,val,test}/000001.jpg  rec_gt_{train,val,test}.txt  dict.txt
    manifest.json  contact_sheet.png  font_qa.json

How a folder becomes a data set and when it is one: see `folder`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from thaiocr import __version__
from thaiocr.errors import EnvironmentProblem
from thaiocr.progress import Progress, silent
from thaiocr.synth import folder
from thaiocr.synth.families import assign, group
from thaiocr.synth.folder import DICTIONARY, SHEET, DataSet, Json, Layout
from thaiocr.synth.fonts import HOW_TO_GET_FONTS, require_raqm
from thaiocr.synth.paint import Map, chunks, paint, processes
from thaiocr.synth.plan import Options, Plan, SplitPlan, make_plan, what_to_draw
from thaiocr.synth.recipes import EFFECTS
from thaiocr.synth.sheet import contact_sheet
from thaiocr.synth.twins import same_pictures
from thaiocr.text.dictionary import Dictionary

LAYOUT: Final = Layout(made_by="thaiocr synth rec", images="rec", labels=("rec_gt_*.txt",))


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
    request = folder.request_of({"dictionary": dictionary.fingerprint}, options)
    if there := folder.open_for_writing(root, LAYOUT, request, force=force):
        return there
    require_raqm()
    with processes(workers) as run:
        plan, fonts = _prepare(dictionary, options, run, progress)
        if strict and (missing := plan.without_image(plan.splits[0])):
            raise EnvironmentProblem(
                f"no train image would show {len(missing)} of {len(dictionary)} dictionary entries: "
                f"{' '.join(missing[:40])}; raise --count, or {HOW_TO_GET_FONTS}"
            )
        with folder.writing(root):
            folder.begin(root, LAYOUT, request, [split.folder for split in plan.splits])
            return _write(root, plan, request, fonts, run, progress)


def _prepare(dictionary: Dictionary, options: Options, run: Map, progress: Progress) -> tuple[Plan, list[Json]]:
    texts = what_to_draw(options, dictionary)
    checked = folder.judge_fonts(options.fonts, texts, run, progress)
    plan = make_plan(options, dictionary, assign(group(checked, texts), options.seed, options.test_families))
    used = {font.file: split.name for split in plan.splits[:3] for family in split.families for font in family.fonts}
    return plan, folder.font_reports(checked, used)


def _write(root: Path, plan: Plan, request: Json, fonts: list[Json], run: Map, progress: Progress) -> DataSet:
    splits, total, started = {}, sum(len(split.jobs) for split in plan.splits), time.perf_counter()
    with progress("images", total) as advance:
        for split in plan.splits:
            effects: dict[int, int] = {}
            for done in run(paint, [(chunk,) for chunk in chunks(root, plan, split)]):
                effects |= done
                advance(len(done))
            labels = "".join(f"{split.folder}/{job.file}\t{job.text}\n" for job in split.jobs).encode()
            folder.replace(root / split.labels, labels)
            splits[split.name] = _split_manifest(plan, split, labels, [effects[job.number] for job in split.jobs])
    seconds = time.perf_counter() - started
    plan.dictionary.save(root / DICTIONARY)
    contact_sheet(root / SHEET, root, plan, {name: split["images"]["effects"] for name, split in splits.items()})
    manifest = {
        "made_by": LAYOUT.made_by,
        "thaiocr": __version__,
        "libraries": folder.libraries(),
        "request": request,
        "dictionary": {"file": DICTIONARY, "entries": len(plan.dictionary), "fingerprint": plan.dictionary.fingerprint},
        "effects": EFFECTS,
        "fonts": [folder.font_entry(font) for font in plan.fonts],
        "same_pictures": _same_pictures(plan, run, progress),
        "splits": splits,
    }
    folder.finish(root, manifest, fonts)
    return DataSet(manifest=manifest, fonts=fonts, made=True, images_per_s=total / seconds)


def _same_pictures(plan: Plan, run: Map, progress: Progress) -> Json:
    """Return index of a font -> pairs of entries with the same picture, for fonts that a model is judged on."""
    if plan.options.mode == "line":
        return {}
    numbers = {font: number for number, font in enumerate(plan.fonts)}
    drawn = {
        numbers[font.file]: (font.file, [entry for entry in plan.dictionary.entries if entry in font.drawn])
        for split in plan.splits[1:]
        if split.jobs
        for family in split.families
        for font in family.fonts
    }
    found = {}
    with progress("look-alikes", len(drawn)) as advance:
        for number, pairs in zip(drawn, run(same_pictures, drawn.values()), strict=True):
            found[str(number)] = pairs
            advance(1)
    return {number: pairs for number, pairs in found.items() if pairs}


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
