"""How much damage a picture gets: presets for training, and the recipe of the test sets with held-out kinds."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from thaiocr.synth.colour import invert, tint
from thaiocr.synth.degrade import SHAPE, SURFACE
from thaiocr.synth.heldout import HELD_OUT
from thaiocr.synth.marks import MARKS
from thaiocr.synth.proportions import vary
from thaiocr.synth.render import LINE_SIZES, SIZES, Page, Picture, choose_frame, cut, typeset
from thaiocr.synth.surroundings import intrude

VARIETY: Final = ("proportions", "intruders", "inverted", "coloured")
"""What is no damage: another hand, what stands round the text, light on dark, colours."""
EFFECTS: Final = (*SHAPE, *MARKS, *SURFACE, *HELD_OUT, *VARIETY)
"""All names; bit i of a picture's `effects` in the manifest stands for the i-th."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Draws which effects a picture gets. All pictures have random margins, also those without an effect."""

    effects: Mapping[str, float]
    """Name -> the greatest strength."""
    most: int
    """A picture gets 0 … `most` of them, all numbers equally likely; the more, the weaker, to stay readable."""
    on_top: Sequence[str] = ()
    """One of these kinds on top, with a strength of 0.3 … 1 …"""
    on_top_share: float = 1.0
    """… in this share of the pictures."""
    variety: Mapping[str, float] = field(default_factory=dict)
    """Name of VARIETY -> share of the pictures that get it, whatever damage they get."""

    def draw(self, rng: random.Random) -> dict[str, float]:
        """Return name -> strength in the order of EFFECTS."""
        names = rng.sample(sorted(self.effects), rng.randint(0, min(self.most, len(self.effects))))
        together = min(1.0, 1.2 / math.sqrt(max(1, len(names))))
        chosen = {name: self.effects[name] * rng.uniform(0.15, 1) * together for name in names}
        if self.on_top and (self.on_top_share == 1 or rng.random() < self.on_top_share):
            chosen[rng.choice(sorted(self.on_top))] = rng.uniform(0.3, 1)
        chosen |= {name: 1.0 for name in VARIETY if rng.random() < self.variety.get(name, 0.0)}
        return {name: chosen[name] for name in EFFECTS if name in chosen}


_PHOTO: Final = Recipe(
    effects=dict.fromkeys((*SHAPE, *SURFACE), 1.0),
    most=5,
    variety={"proportions": 0.5, "intruders": 0.2, "inverted": 0.2, "coloured": 0.4},
)
PRESETS: Final[Mapping[str, Recipe]] = MappingProxyType(
    {
        "clean": Recipe(effects={}, most=0),
        "print": Recipe(
            effects={
                "ink_spread": 0.7,
                "ink_erosion": 0.7,
                "rotation": 0.25,
                "contrast": 0.6,
                "brightness": 0.5,
                "paper_texture": 0.7,
                "blur": 0.6,
                "noise": 0.4,
                "downscale": 0.8,
                "jpeg": 0.7,
            },
            most=4,
        ),
        "photo": _PHOTO,
        "document": replace(_PHOTO, on_top=tuple(MARKS), on_top_share=0.5),
    }
)


def judged(recipe: Recipe) -> Recipe:
    """Return the recipe of pictures that a model is judged on: letters in the proportions that their fonts have."""
    return replace(recipe, variety={name: share for name, share in recipe.variety.items() if name != "proportions"})


def unseen(recipe: Recipe) -> Recipe:
    """Return the recipe of sets C and D: one held-out kind, at most one of the preset's effects at half strength."""
    return Recipe(
        effects={name: strength / 2 for name, strength in recipe.effects.items()},
        most=min(1, recipe.most),
        on_top=tuple(HELD_OUT),
        variety={name: share for name, share in recipe.variety.items() if name in ("inverted", "coloured")},
    )


def make_picture(
    text: str, path: Path, face: int, recipe: Recipe, rng: random.Random, *, line: bool = False
) -> tuple[Picture, dict[str, float]]:
    """Draw, damage and cut out one text.

    Args:
        text: What the picture shows.
        path: The font file.
        face: The face in it.
        recipe: Which damage.
        rng: Decides everything that is left open; the same state gives the same picture.
        line: The text is a line, not a single cluster.

    Returns:
        The picture, and name -> strength of what happened to it.
    """
    page = typeset(text, path, face, rng.choice(LINE_SIZES if line else SIZES), start=rng.random())
    effects = recipe.draw(rng)
    return damage(page, effects, rng, line=line), effects


def damage(page: Page, effects: Mapping[str, float], rng: random.Random, *, line: bool = False) -> Picture:
    """Bend the page, cut the text out, and let the rest happen to the crop."""
    if "proportions" in effects:
        page = vary(page, rng)
    picture = page.picture
    for name in (name for name in effects if name in SHAPE):
        picture = SHAPE[name](picture, page.em, rng, effects[name])
    page = replace(page, picture=picture)
    frame = choose_frame(page, rng, line=line)
    picture = cut(picture, frame)
    if "intruders" in effects and not line:
        picture = intrude(picture, page, frame, rng)
    for name in (name for name in effects if name in _AFTER):
        picture = _AFTER[name](picture, page.em, rng, effects[name])
    if "inverted" in effects:
        picture = invert(picture)
    return tint(picture, rng) if "coloured" in effects else picture


_AFTER: Final = {**MARKS, **SURFACE, **HELD_OUT}
