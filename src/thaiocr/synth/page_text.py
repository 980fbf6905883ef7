"""What pages say: words, prose, titles, numbers, and how they fit into a width.

A text is a sequence of pieces that are drawn one after the other: Thai writes no spaces between words, so a piece says
whether a space precedes it. Every piece is spelled by the dictionary and drawn by one of the pen's fonts.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from thaiocr.synth.corpus import NUMBERS, ROUND_A_WORD, Lines, load_words
from thaiocr.text.dictionary import Dictionary
from thaiocr.text.thai import DIGITS


class Piece(NamedTuple):
    """A word, a number or a sign."""

    text: str
    spaced: bool = False
    """A space stands before it, unless it begins a line."""


Text: TypeAlias = Sequence[Piece]


class Drawable(Protocol):
    """What a pen says of texts."""

    def draws(self, text: str) -> bool:
        """Tell whether one of its fonts draws the text."""
        ...

    def prefers(self, text: str) -> bool:
        """Tell whether its first font draws the text."""
        ...


_LONGEST: Final = 12
"""Dictionary entries in the longest word."""
_TRIES: Final = 30
_DAMPED: Final = 0.7
"""Exponent of the words' counts."""
_TO_THAI_DIGITS: Final = str.maketrans("0123456789", DIGITS)

KINDS: Final[Mapping[str, int]] = {"thai": 86, "number": 7, "latin": 7}
"""What a piece of prose is, with weights."""

AMOUNTS: Final[Mapping[str, Callable[[random.Random], str]]] = {
    "price": lambda rng: f"{rng.randrange(5, 10 ** rng.randint(2, 5)):,}.{rng.choice(('00', '50', '25', '75'))}",
    "count": lambda rng: str(rng.randint(1, 99)),
    "date": lambda rng: f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(2540, 2575)}",
    "time": lambda rng: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
    "phone": lambda rng: f"0{rng.randint(2, 9)}-{rng.randrange(10**3):03}-{rng.randrange(10**4):04}",
    "code": lambda rng: f"{''.join(rng.choices('ABCDEFGHJKLMNPQRSTUVWXYZ', k=2))}-{rng.randrange(10**5):05}",
    "percent": lambda rng: f"{rng.randrange(1000) / 10:.1f}%",
    "citizen": lambda rng: (
        f"{rng.randint(1, 8)}-{rng.randrange(10**4):04}-{rng.randrange(10**5):05}-{rng.randrange(100):02}"
    ),
    "any": lambda rng: rng.choice(NUMBERS)(rng).replace(" ", ""),
}


class Words:
    """Draws texts that a dictionary spells.

    Args:
        dictionary: What texts may be made of.

    Raises:
        DataError: the dictionary spells hardly any word.
    """

    def __init__(self, dictionary: Dictionary) -> None:
        self._lines = Lines(dictionary, spaces=True, longest=_LONGEST, seed=0)
        thai, latin = load_words()
        self._thai = _weighted({word: thai[word] for word in sorted(self._lines.words)})
        self._latin = _weighted({word: count for word, count in latin.items() if self._lines.spell(word)})
        self.clusters: frozenset[str] = self._lines.clusters
        """What texts can be made of."""

    def words(self, rng: random.Random, pen: Drawable, count: int) -> list[Piece]:
        """Return Thai words that follow each other without a space."""
        return [Piece(self._word(self._thai, rng, pen)) for _ in range(count)]

    def prose(self, rng: random.Random, pen: Drawable, count: int) -> list[Piece]:
        """Return `count` pieces: phrases of Thai words with spaces between them, here and there numbers and Latin."""
        pieces: list[Piece] = []
        kinds = rng.choices(list(KINDS), list(KINDS.values()), k=count)
        phrase = 0
        for before, kind in zip(["", *kinds], kinds, strict=False):
            phrase = phrase - 1 if phrase else rng.randint(3, 9)
            spaced = not phrase or kind != "thai" or before not in ("thai", "")
            pieces.append(Piece(self._piece(kind, rng, pen), spaced))
        return pieces

    def title(self, rng: random.Random, pen: Drawable) -> list[Piece]:
        """Return two to six words, sometimes with a number."""
        pieces = self.words(rng, pen, rng.randint(2, 6))
        return [*pieces, Piece(self.amount(rng, pen, "count"), spaced=True)] if rng.random() < 0.15 else pieces

    def amount(self, rng: random.Random, pen: Drawable, kind: str) -> str:
        """Return a number of a kind of AMOUNTS, one in eight in Thai digits."""
        number = AMOUNTS[kind](rng)
        texts = (number.translate(_TO_THAI_DIGITS), number) if rng.random() < 0.125 else (number,)
        return next((text for text in texts if self.is_possible(text, pen)), "") or self.words(rng, pen, 1)[0].text

    def latin(self, rng: random.Random, pen: Drawable, count: int) -> list[Piece]:
        """Return words in Latin letters."""
        return [Piece(self._word(self._latin, rng, pen).capitalize(), spaced=True) for _ in range(count)]

    def is_possible(self, text: str, pen: Drawable) -> bool:
        """Tell whether the dictionary spells a text and the pen draws it."""
        return self._lines.spell(text) is not None and pen.draws(text)

    def _piece(self, kind: str, rng: random.Random, pen: Drawable) -> str:
        if kind == "number":
            return self.amount(rng, pen, "any")
        word = self._word(self._thai if kind == "thai" else self._latin, rng, pen)
        decorated = rng.choice(ROUND_A_WORD).format(word) if rng.random() < 0.05 else word
        return decorated if decorated != word and self.is_possible(decorated, pen) else word

    def _word(self, words: _Weighted, rng: random.Random, pen: Drawable) -> str:
        """Return a word for the pen's first font, or one for its others, or the commonest Thai word that it draws."""
        second = ""
        for _ in range(_TRIES):
            word = words.draw(rng)
            if word and pen.prefers(word):
                return word
            second = second or (word if word and pen.draws(word) else "")
        return second or next(word for word in self._thai.by_count if pen.draws(word))


class _Weighted(NamedTuple):
    words: Sequence[str]
    sums: Sequence[float]
    by_count: Sequence[str]

    def draw(self, rng: random.Random) -> str:
        return rng.choices(self.words, cum_weights=self.sums)[0] if self.words else ""


def _weighted(counts: Mapping[str, int]) -> _Weighted:
    sums = list(itertools.accumulate(count**_DAMPED for count in counts.values()))
    return _Weighted(list(counts), sums, sorted(counts, key=lambda word: -counts[word]))


@functools.lru_cache(maxsize=2)
def load(dictionary: Dictionary) -> Words:
    """Return the words that a dictionary spells; read once a process."""
    return Words(dictionary)


def join(text: Iterable[Piece]) -> str:
    """Return what a line of pieces says.

    >>> join([Piece("ไป", True), Piece("ตลาด"), Piece("12", True)])
    'ไปตลาด 12'
    """
    return "".join((" " if piece.spaced else "") + piece.text for piece in text).lstrip(" ")


def break_lines(text: Text, width: float, length: Callable[[str], float], *, indent: float = 0.0) -> list[list[Piece]]:
    """Break a text between pieces so that no line is longer than `width`, unless one piece alone is.

    Args:
        text: The pieces.
        width: In pixels.
        length: Of a string, in pixels.
        indent: Of the first line, in pixels.
    """
    lines: list[list[Piece]] = []
    used, space = indent, length(" ")
    for piece in text:
        needed = length(piece.text) + (space if piece.spaced else 0.0)
        if lines and used + needed <= width:
            lines[-1].append(piece)
            used += needed
        else:
            used = length(piece.text) + (0.0 if lines else indent)
            lines.append([piece])
    return lines
