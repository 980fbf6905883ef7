"""Lines of text: real words by their frequency, rare words for rare letters, numbers in both scripts, Latin words.

The words come from pythainlp's lists (the Thai National Corpus with counts, and a Thai word list); nothing of them is
shipped. Every text is normalised and spelled by the dictionary, or it is not used.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from thaiocr.errors import DataError
from thaiocr.text.clusters import clusters
from thaiocr.text.codec import Codec, UnknownCharacter
from thaiocr.text.dictionary import Dictionary
from thaiocr.text.normalize import normalize
from thaiocr.text.thai import DIGITS, is_thai

Words: TypeAlias = Mapping[str, int]
"""Word -> how often it occurs."""

HELD_OUT_SHARE: Final = 10
"""One long word in so many is kept for test set E."""
_LONG: Final = 4
"""Clusters; the common short words cannot be held out, no line does without them."""
_DAMPED: Final = 0.6
"""Exponent of the counts: lines of nothing but the ten commonest words teach little."""
_LATIN: Final = re.compile(r"[A-Za-z][A-Za-z-]+")
_TO_THAI_DIGITS: Final = str.maketrans("0123456789", DIGITS)
_TRIES: Final = 200

NUMBERS: Final[Sequence[Callable[[random.Random], str]]] = (
    lambda rng: f"{rng.randrange(10 ** rng.randint(1, 6)):,}",
    lambda rng: f"{rng.randrange(10 ** rng.randint(1, 4))}",
    lambda rng: f"{rng.randrange(1000) / 10:.1f}%",
    lambda rng: f"{rng.randrange(10**4) / 100:.2f}",
    lambda rng: f"{rng.randint(1, 28)}/{rng.randint(1, 12)}/{rng.randint(2480, 2580)}",
    lambda rng: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
    lambda rng: f"{rng.randint(0, 23)}.{rng.choice(('00', '15', '30', '45'))} น.",
    lambda rng: f"พ.ศ. {rng.randint(2480, 2580)}",
    lambda rng: f"0{rng.randint(2, 9)}-{rng.randrange(10**3):03}-{rng.randrange(10**4):04}",
    lambda rng: f"฿{rng.randrange(10, 5000)}",
)
KINDS: Final = {"word": 500, "rare": 120, "number": 40, "thai number": 30, "latin": 40}
"""What a piece of a line is, with weights; "rare" is a word with an entry that is drawn evenly from the dictionary."""
SPACE_IN_THAI: Final = 0.15
SPACE_ELSEWHERE: Final = 0.85
"""How often a space stands between two Thai words, and beside what is none. A Latin letter that is glued to Thai ones
could be any of them: without loops น is u, and only the other letters tell."""
ROUND_A_WORD: Final = ("{}ๆ", "{}ฯ", "({})", "“{}”", '"{}"', "{},", "{}:", "{}!", "{}?", "{}...", "-{}", "{}/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A text and the dictionary entries that spell it."""

    text: str
    entries: tuple[str, ...]

    @property
    def clusters(self) -> frozenset[str]:
        """What a font has to draw."""
        return frozenset(clusters(self.text))


@functools.cache
def load_words() -> tuple[Words, Words]:
    """Return the Thai and the Latin words with their counts, in an order that is always the same."""
    from pythainlp.corpus.common import thai_words  # reads its lists when it is imported
    from pythainlp.corpus.tnc import word_freqs

    counts = {normalize(word): count for word, count in sorted(word_freqs())}
    thai = {normalize(word): 1 for word in sorted(thai_words()) if is_thai(word)}
    thai.update((word, count) for word, count in counts.items() if is_thai(word) and count >= 5)
    latin = {word: count for word, count in counts.items() if _LATIN.fullmatch(word) and count >= 5}
    return thai, latin


def is_held_out(word: str, length: int, seed: int) -> bool:
    """Say whether a word of `length` clusters belongs to test set E and so is kept out of every other split."""
    digest = hashlib.sha256(f"{seed}/{word}".encode()).digest()
    return length >= _LONG and digest[0] * 256 + digest[1] < 65536 // HELD_OUT_SHARE


class Lines:
    """Draws lines that a dictionary can spell.

    Args:
        dictionary: What a line may be made of.
        spaces: Lines may hold spaces.
        longest: Dictionary entries in the longest line.
        seed: Decides which words are held out.
        held_out: Draw held-out Thai words only; False leaves them out.

    Raises:
        DataError: the dictionary spells hardly any word.
    """

    def __init__(
        self, dictionary: Dictionary, *, spaces: bool, longest: int, seed: int, held_out: bool = False
    ) -> None:
        self._codec = Codec(dictionary, use_space_char=spaces)
        self._letters = frozenset("".join(self._codec.entries))
        longer = any(len(clusters(entry)) > 1 for entry in self._codec.entries)
        self._clusters: frozenset[str] = frozenset() if longer else frozenset(self._codec.entries)
        self._spaces, self._longest = spaces, longest
        self._rare_entries = [entry for entry in dictionary.entries if not held_out and not entry.isspace()]
        thai, latin = load_words()
        spelled = {line.text: line.entries for line in self._spell(thai) if len(line.entries) <= longest}
        kept = {word: thai[word] for word in spelled if is_held_out(word, len(spelled[word]), seed) == held_out}
        if len(kept) < 20:
            raise DataError(
                f"the dictionary spells only {len(kept)} words of the word lists, too few for lines of text; "
                "use --mode cluster, or a dictionary with vowels and tone marks (thaiocr dict build)"
            )
        self._thai = _Weighted(kept)
        latin_lines = [
            line for line in self._spell(latin) if is_held_out(line.text, len(line.entries), seed) == held_out
        ]
        self._latin = _Weighted({line.text: latin[line.text] for line in latin_lines})
        self.clusters: frozenset[str] = frozenset(clusters(" ".join([*dictionary.entries, *kept])))
        """What the lines can be made of."""
        self.words: frozenset[str] = frozenset(kept)
        """The Thai words."""
        self._with_entry: dict[str, list[str]] = {}
        for word, entries in itertools.chain(
            ((word, spelled[word]) for word in kept), ((line.text, line.entries) for line in latin_lines)
        ):
            for entry in dict.fromkeys(entries):
                self._with_entry.setdefault(entry, []).append(word)
        self._kinds = _Weighted(
            {kind: weight for kind, weight in KINDS.items() if not (held_out and kind == "rare")}, damped=1.0
        )

    def draw(self, rng: random.Random) -> Line:
        """Return a line whose length is drawn evenly from 1 … `longest` entries."""
        for _ in range(_TRIES):
            if line := self._compose(rng.randint(1, self._longest), rng):
                return line
        raise DataError(f"no word has at most {self._longest} dictionary entries; raise --max-length")

    def spell(self, text: str) -> Line | None:
        """Return a normalised text with its entries, or None when the dictionary cannot spell it."""
        if not self._letters.issuperset(text):
            return None
        pieces = clusters(text)
        if self._clusters.issuperset(pieces):  # what the codec would say, six times as fast
            return Line(text=text, entries=tuple(pieces))
        try:
            return Line(
                text=text, entries=tuple(self._codec.entries[number - 1] for number in self._codec.encode(text))
            )
        except UnknownCharacter:
            return None

    def _spell(self, texts: Iterable[str]) -> list[Line]:
        return [line for text in texts if (line := self.spell(text)) and line.entries]

    def _compose(self, target: int, rng: random.Random) -> Line | None:
        text, line = "", None
        for _ in range(target):
            piece = self._piece(self._kinds.draw(rng), rng)
            longer = self.spell(normalize(text + self._glue(text, piece, rng) + piece)) if piece else None
            if longer is None or len(longer.entries) > target:
                continue
            text, line = longer.text, longer
            if len(line.entries) == target:
                break
        return line

    def _glue(self, text: str, piece: str, rng: random.Random) -> str:
        if not (self._spaces and text and piece):
            return ""
        is_in_thai = all(is_thai(character) and character not in DIGITS for character in (text[-1], piece[0]))
        return " " if rng.random() < (SPACE_IN_THAI if is_in_thai else SPACE_ELSEWHERE) else ""

    def _piece(self, kind: str, rng: random.Random) -> str:
        if kind == "latin":
            return self._latin.draw(rng)
        if kind.endswith("number"):
            number = rng.choice(NUMBERS)(rng)
            return number.translate(_TO_THAI_DIGITS) if kind == "thai number" else number
        word = self._thai.draw(rng)
        if kind == "rare" and self._rare_entries:
            entry = rng.choice(self._rare_entries)
            word = rng.choice(self._with_entry.get(entry, [entry]))
        return rng.choice(ROUND_A_WORD).format(word) if rng.random() < 0.06 else word


class _Weighted:
    """Draws keys by their damped counts; "" when there are none."""

    def __init__(self, counts: Mapping[str, int], damped: float = _DAMPED) -> None:
        self._keys = list(counts)
        self._sums = list(itertools.accumulate(count**damped for count in counts.values()))

    def draw(self, rng: random.Random) -> str:
        return rng.choices(self._keys, cum_weights=self._sums)[0] if self._keys else ""
