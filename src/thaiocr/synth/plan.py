"""Which image shows which text in which font: everything that is decided before the first pixel."""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from thaiocr.errors import EnvironmentProblem
from thaiocr.synth.corpus import Line, Lines
from thaiocr.synth.families import Family, Splits
from thaiocr.synth.fonts import HOW_TO_GET_FONTS, FontFile
from thaiocr.synth.recipes import PRESETS, Recipe, judged, unseen
from thaiocr.text.dictionary import Dictionary
from thaiocr.text.frequency import cluster_counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What decides the content of a data set, besides the dictionary and the fonts."""

    count: int
    """Images of train."""
    val_count: int
    test_count: int
    """Images of test, and of each set A to E."""
    seed: int = 0
    mode: Literal["cluster", "line"] = "cluster"
    preset: Literal["clean", "print", "photo", "document"] = "photo"
    sampling: Literal["balanced", "mixed", "frequency"] = "balanced"
    """Of single clusters in train; val and test show each as often."""
    max_length: int = 25
    """Dictionary entries in the longest line."""
    spaces: bool = True
    """Lines may hold spaces."""
    test_sets: bool = False
    """Make sets A, B, C and D, for lines also E."""
    fonts: tuple[str, ...] = ()
    """Files and folders; none stands for the system's folders."""
    test_families: tuple[str, ...] = ()
    """Families that test shows; none leaves the choice to `seed`."""


class Job(NamedTuple):
    """One image."""

    number: int
    """From 1."""
    text: str
    font: int
    """Index in `Plan.fonts`."""

    @property
    def file(self) -> str:
        """The image's name in the folder of its split."""
        return f"{self.number:06}.jpg"


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitPlan:
    """One label file and its images."""

    name: str
    """`train`, `val`, `test`, or `test_A` … `test_E`."""
    evaluation_set: str
    """Which of the sets A to E these images belong to; "" for train."""
    damage: str
    families: tuple[Family, ...]
    recipe: Recipe
    jobs: tuple[Job, ...]
    shown: Mapping[str, int]
    """Dictionary entry -> in how many images, or, in lines, how often."""
    lengths: Mapping[int, int]
    """Dictionary entries in a text -> number of images."""

    @property
    def folder(self) -> str:
        """Of the images, below the data set's folder."""
        return f"rec/{self.name}"

    @property
    def labels(self) -> str:
        """The label file, below the data set's folder."""
        return f"rec_gt_{self.name}.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The whole data set."""

    options: Options
    dictionary: Dictionary
    fonts: tuple[FontFile, ...]
    splits: tuple[SplitPlan, ...]
    """The first is train."""

    def without_image(self, split: SplitPlan) -> tuple[str, ...]:
        """Return the entries that a split does not show; white space has no picture of its own."""
        return tuple(entry for entry in self.dictionary.entries if entry not in split.shown and not entry.isspace())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    families: Literal["train", "val", "test"]
    evaluation_set: str = ""
    held_out_damage: bool = False
    held_out_words: bool = False


SPLITS: Final[Mapping[str, _Kind]] = {
    "train": _Kind(families="train"),
    "val": _Kind(families="val", evaluation_set="B"),
    "test": _Kind(families="test", evaluation_set="B"),
}
TEST_SETS: Final[Mapping[str, _Kind]] = {
    "test_A": _Kind(families="train", evaluation_set="A"),
    "test_B": _Kind(families="test", evaluation_set="B"),
    "test_C": _Kind(families="train", evaluation_set="C", held_out_damage=True),
    "test_D": _Kind(families="test", evaluation_set="D", held_out_damage=True),
}
"""A: seen fonts, seen damage; B: held-out families; C: held-out kinds of damage; D: both."""
LINE_TEST_SETS: Final[Mapping[str, _Kind]] = {
    **TEST_SETS,
    "test_E": _Kind(families="test", evaluation_set="E", held_out_words=True),
}
"""E: held-out families, held-out words."""
_TRIES: Final = 500


def what_to_draw(options: Options, dictionary: Dictionary) -> tuple[str, ...]:
    """Return what fonts are judged on: the entries, for lines also all clusters of the words and the space.

    Raises:
        DataError: no line of text can be made from the dictionary.
    """
    entries = [entry for entry in dictionary.entries if not entry.isspace()]
    if options.mode == "cluster":
        return tuple(entries)
    return tuple(dict.fromkeys([*entries, *sorted(_lines(options, dictionary, held_out=False).clusters)]))


def make_plan(options: Options, dictionary: Dictionary, splits: Splits) -> Plan:
    """Decide every image.

    Raises:
        DataError: no line of text can be made from the dictionary.
        EnvironmentProblem: the fonts of a split draw hardly any line.
    """
    families = {"train": splits.train, "val": splits.val, "test": splits.test}
    fonts = sorted(font.file for some in families.values() for family in some for font in family.fonts)
    numbers = {font: number for number, font in enumerate(fonts)}
    kinds = dict(SPLITS)
    if options.test_sets:
        kinds |= LINE_TEST_SETS if options.mode == "line" else TEST_SETS
    planned = (
        _plan_split(name, kind, options, dictionary, families[kind.families], numbers) for name, kind in kinds.items()
    )
    return Plan(options=options, dictionary=dictionary, fonts=tuple(fonts), splits=tuple(planned))


def balanced(entries: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Return `count` entries in random order, each as often as any other, give or take one."""
    order = rng.sample(entries, len(entries))
    texts = [order[number % len(order)] for number in range(count)]
    rng.shuffle(texts)
    return texts


def by_frequency(entries: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Return `count` entries in random order: each once as far as `count` allows, the rest by corpus frequency."""
    texts = rng.sample(entries, min(count, len(entries)))
    counts = cluster_counts()
    texts += rng.choices(entries, [counts.get(entry, 0) + 1 for entry in entries], k=count - len(texts))
    rng.shuffle(texts)
    return texts


def mixed(entries: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Return `count` entries in random order, half of them balanced, half by corpus frequency."""
    texts = [*balanced(entries, count - count // 2, rng), *by_frequency(entries, count // 2, rng)]
    rng.shuffle(texts)
    return texts


SAMPLERS: Final[Mapping[str, Callable[[Sequence[str], int, random.Random], list[str]]]] = {
    "balanced": balanced,
    "mixed": mixed,
    "frequency": by_frequency,
}


class FontChooser:
    """Chooses a font that draws a text: a family first, then one of its fonts, so that large families count as one."""

    def __init__(self, families: Sequence[Family], numbers: Mapping[FontFile, int]) -> None:
        self._families = [[(numbers[font.file], font.drawn) for font in family.fonts] for family in families]
        self._memo: dict[frozenset[str], list[list[int]]] = {}

    def choose(self, needed: frozenset[str], rng: random.Random) -> int | None:
        """Return the number of a font that draws all that is needed, or None."""
        fitting = self._memo.get(needed)
        if fitting is None:
            each = ([number for number, drawn in fonts if needed <= drawn] for fonts in self._families)
            fitting = [fonts for fonts in each if fonts]
            if len(needed) == 1:
                self._memo[needed] = fitting
        return rng.choice(rng.choice(fitting)) if fitting else None


def _plan_split(
    name: str,
    kind: _Kind,
    options: Options,
    dictionary: Dictionary,
    families: tuple[Family, ...],
    numbers: Mapping[FontFile, int],
) -> SplitPlan:
    rng = random.Random(f"{options.seed}/{name}/plan")
    chooser = FontChooser(families, numbers)
    count = {"train": options.count, "val": options.val_count}.get(name, options.test_count)
    if options.mode == "line":
        lines = _lines(options, dictionary, held_out=kind.held_out_words)
        placed = [_place_line(lines, chooser, rng) for _ in range(count)]
    else:
        sampling = options.sampling if name == "train" else "balanced"
        placed = _place_clusters(dictionary, sampling, count, chooser, rng)
    recipe = PRESETS[options.preset] if name == "train" else judged(PRESETS[options.preset])
    return SplitPlan(
        name=name,
        evaluation_set=kind.evaluation_set,
        damage=f"{options.preset} and held out" if kind.held_out_damage else options.preset,
        families=families,
        recipe=unseen(recipe) if kind.held_out_damage else recipe,
        jobs=tuple(Job(number, line.text, font) for number, (line, font) in enumerate(placed, start=1)),
        shown=Counter(entry for line, _ in placed for entry in line.entries),
        lengths=Counter(len(line.entries) for line, _ in placed),
    )


def _place_clusters(
    dictionary: Dictionary, sampling: str, count: int, chooser: FontChooser, rng: random.Random
) -> list[tuple[Line, int]]:
    entries = [entry for entry in dictionary.entries if chooser.choose(frozenset((entry,)), rng) is not None]
    placed = []
    for entry in SAMPLERS[sampling](entries, count, rng):
        font = chooser.choose(frozenset((entry,)), rng)
        assert font is not None
        placed.append((Line(text=entry, entries=(entry,)), font))
    return placed


def _place_line(lines: Lines, chooser: FontChooser, rng: random.Random) -> tuple[Line, int]:
    """Draw a line that a font can draw; what no font draws here is drawn again."""
    for _ in range(_TRIES):
        line = lines.draw(rng)
        font = chooser.choose(line.clusters, rng)
        if font is not None:
            return line, font
    raise EnvironmentProblem(f"the fonts of one split draw none of {_TRIES} lines; {HOW_TO_GET_FONTS}")


def _lines(options: Options, dictionary: Dictionary, *, held_out: bool) -> Lines:
    return _load_lines(dictionary, options.spaces, options.max_length, options.seed, held_out)


@functools.lru_cache(maxsize=2)
def _load_lines(dictionary: Dictionary, spaces: bool, longest: int, seed: int, held_out: bool) -> Lines:
    return Lines(dictionary, spaces=spaces, longest=longest, seed=seed, held_out=held_out)
