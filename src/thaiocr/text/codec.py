"""Labels <-> class ids: a class is a dictionary entry of any length, id 0 is CTC's blank."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby
from typing import Final

from thaiocr.errors import DataError
from thaiocr.text.clusters import clusters, describe
from thaiocr.text.dictionary import Dictionary
from thaiocr.text.normalize import normalize

BLANK: Final = 0
SPACE: Final = " "
_NAMED: Final = 5
"""How many unknown characters a message names."""


class UnknownCharacter(DataError):  # noqa: N818 - what it is called in messages and reject lists
    """A text that no sequence of dictionary entries spells.

    Args:
        problems: The message.
        unknown: The grapheme clusters at which every spelling breaks off, each once, in the order of the text.
    """

    def __init__(self, problems: str | Iterable[str], unknown: Sequence[str] = ()) -> None:
        super().__init__(problems)
        self.unknown = tuple(unknown)


class Codec:
    """Turns texts into class ids and back.

    Args:
        dictionary: Class id k + 1 is entry k.
        use_space_char: Append the space as the last class, as PaddleOCR does. (With a dictionary that lists the space
            already it becomes a second class there and here, and labels use the last one.)
    """

    def __init__(self, dictionary: Dictionary, *, use_space_char: bool = False) -> None:
        self.dictionary = dictionary
        self.entries: tuple[str, ...] = dictionary.entries + (SPACE,) * use_space_char
        self.num_classes: int = len(self.entries) + 1
        self._texts = ("", *self.entries)
        self._ids = {entry: number for number, entry in enumerate(self.entries, start=1)}
        self._lengths = sorted({len(entry) for entry in self.entries}, reverse=True)
        self._is_by_cluster = all(len(clusters(entry)) == 1 for entry in self.entries)

    def encode(self, text: str) -> list[int]:
        """Return the class ids of a text, which is normalised first.

        From left to right the longest entry is taken that the rest of the text allows: runs of whole grapheme clusters
        before pieces of a cluster, so that one dictionary may list กี่ and another ก, ี and ่. Every text that is a
        sequence of entries can be encoded, and `decode` gives the normalised text back.

        Raises:
            UnknownCharacter: names the clusters that the dictionary cannot spell, their code points and names.
        """
        text = normalize(text)
        if text in self._ids:
            return [self._ids[text]]
        pieces = clusters(text)
        if self._is_by_cluster:  # else a run of clusters may be an entry, which goes before its pieces
            found = [number for number in map(self._ids.get, pieces) if number is not None]
            if len(found) == len(pieces):
                return found
        bounds = [0, *accumulate(map(len, pieces))]
        if self._reach(text, 0) < len(text):
            raise self._unknown(text, bounds)
        # ends[p]: where the entry taken at p ends; 0 where the rest of the text cannot be spelt.
        ends, is_bound = [0] * len(text) + [len(text)], set(bounds)
        for start in reversed(range(len(text))):
            ends[start] = self._longest(text, start, ends, is_bound)
        ids, start = [], 0
        while start < len(text):
            ids.append(self._ids[text[start : ends[start]]])
            start = ends[start]
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the entries of class ids, one after the other; blanks add nothing.

        Raises:
            DataError: an id is outside of the dictionary, so that another dictionary is meant.
        """
        texts = []
        for number in ids:
            if not 0 <= number < self.num_classes:
                raise DataError(
                    f"class {number} does not exist, the dictionary makes {self.num_classes} with blank; "
                    "was the model trained with another dictionary?"
                )
            texts.append(self._texts[number])
        return "".join(texts)

    @staticmethod
    def collapse(ids: Iterable[int]) -> list[int]:
        """Return the label of a CTC path: repeats merged, then blanks dropped (Graves et al. 2006)."""
        return [number for number, _ in groupby(ids) if number != BLANK]

    def _longest(self, text: str, start: int, ends: Sequence[int], bounds: set[int]) -> int:
        """Return the end of the entry to take at `start`, or 0; `ends` is known to the right of it."""
        piece = 0
        for length in self._lengths:
            end = start + length
            if end <= len(text) and ends[end] and text[start:end] in self._ids:
                if start not in bounds or end in bounds:
                    return end
                piece = piece or end
        return piece

    def _unknown(self, text: str, bounds: Sequence[int]) -> UnknownCharacter:
        unknown: dict[str, None] = {}
        start = 0
        while (reached := self._reach(text, start)) < len(text):
            after = bisect_right(bounds, reached)
            start = bounds[after]
            unknown[text[bounds[after - 1] : start]] = None
        named = [describe(cluster) for cluster in list(unknown)[:_NAMED]]
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        hint = "; use_space_char: true adds the space" if SPACE in unknown else ""
        verb = "is" if len(unknown) == 1 else "are"
        return UnknownCharacter(f"{', '.join(named)}{more} {verb} not in the dictionary{hint}", list(unknown))

    def _reach(self, text: str, start: int) -> int:
        """Return how far entries can spell the text from `start`."""
        reached, waiting = {start}, [start]
        while waiting:
            position = waiting.pop()
            for length in self._lengths:
                end = position + length
                if end <= len(text) and end not in reached and text[position:end] in self._ids:
                    reached.add(end)
                    waiting.append(end)
        return max(reached)
