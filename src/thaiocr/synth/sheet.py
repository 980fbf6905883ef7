"""A picture of a data set for people: a sample of every split with its labels, font families and effects."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from thaiocr.synth.fonts import open_font
from thaiocr.synth.plan import Job, Plan, SplitPlan
from thaiocr.synth.recipes import EFFECTS

GREY: Final = (225, 225, 225)
_CAPTION: Final = 58
_TITLE: Final = 26


@dataclass(frozen=True, kw_only=True, slots=True)
class _Grid:
    columns: int
    width: int
    height: int
    """Of the image in a cell, in pixels; larger images are shrunk."""


GRIDS: Final[Mapping[str, _Grid]] = {
    "cluster": _Grid(columns=12, width=124, height=112),
    "line": _Grid(columns=4, width=380, height=64),
}
ROWS: Final = {"train": 5}
"""Rows of a split; the others have 2."""


def contact_sheet(path: Path, root: Path, plan: Plan, effects: Mapping[str, Sequence[int]]) -> None:
    """Write a PNG with evenly spaced images of each split.

    Args:
        path: The file.
        root: The data set's folder.
        plan: What the images show.
        effects: Split -> for each image the bits of its effects.

    Raises:
        OSError: an image cannot be read or the file cannot be written.
    """
    grid = GRIDS[plan.options.mode]
    bands = [_band(root, plan, split, effects[split.name], grid) for split in plan.splits if split.jobs]
    sheet = Image.new("RGB", (max(band.width for band in bands), sum(band.height for band in bands)), GREY)
    top = 0
    for band in bands:
        sheet.paste(band, (0, top))
        top += band.height
    sheet.save(path)


def _band(root: Path, plan: Plan, split: SplitPlan, effects: Sequence[int], grid: _Grid) -> Image.Image:
    shown = ROWS.get(split.name, 2) * grid.columns
    step = max(1, len(split.jobs) // shown)
    jobs = split.jobs[::step][:shown]
    cell_height = grid.height + _CAPTION
    rows = -(-len(jobs) // grid.columns)
    band = Image.new("RGB", (grid.columns * (grid.width + 8), _TITLE + rows * cell_height), GREY)
    families = ", ".join(family.name for family in split.families)
    title = f"{split.name}: {len(split.jobs)} images, damage {split.damage}, families {families}"
    draw = ImageDraw.Draw(band)
    draw.text((4, 6), title, fill=(0, 0, 0), font=ImageFont.load_default(14))
    for place, job in enumerate(jobs):
        left, top = place % grid.columns * (grid.width + 8) + 4, _TITLE + place // grid.columns * cell_height
        with Image.open(root / split.folder / job.file) as image:
            image.thumbnail((grid.width, grid.height))
            band.paste(image, (left, top))
        _caption(draw, plan, job, effects[job.number - 1], (left, top + grid.height), grid.width)
    return band


def _caption(draw: ImageDraw.ImageDraw, plan: Plan, job: Job, bits: int, corner: tuple[int, int], width: int) -> None:
    """Write the label in the image's own font, which draws it, and what happened to the image."""
    left, top = corner
    font = plan.fonts[job.font]
    draw.text((left, top + 19), job.text, fill=(0, 0, 0), font=open_font(font.path, font.face, 17), anchor="ls")
    names = ", ".join(name for position, name in enumerate(EFFECTS) if bits >> position & 1)
    small = ImageFont.load_default(9)
    for number, text in enumerate((f"{font.family} {font.style}", *textwrap.wrap(names, width // 5))[:3]):
        draw.text((left, top + 24 + 10 * number), text[: width // 5], fill=(60, 60, 60), font=small)
