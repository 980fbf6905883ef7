"""Pictures that are there twice: byte for byte, or nearly so to the eye.

N pictures  P = 24 x 24 pixels of a thumbnail

Two pictures are nearly the same when their thumbnails (grey, any size squeezed to 24 x 24) correlate above `ALIKE`:
saved again, brighter, noisier or at another size. On synthetic clusters no two pictures of the same text in different
fonts came above 0.98, where difference hashes of 128 to 512 bits could not tell them from copies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.data.findings import Finding
from thaiocr.data.images import Pixels
from thaiocr.data.labels import Sample

SIDE: Final = 24
ALIKE: Final = 0.985
_BLOCK: Final = 128
"""Pictures of Eval compared at a time; bounds the memory for a data set of one label."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A line whose image can be read."""

    split: str
    sample: Sample
    digest: bytes
    """Of the file's content."""
    thumbnail_P: NDArray[np.uint8]


def thumbnail(image_HWC: Pixels) -> NDArray[np.uint8]:
    """Return what `near_duplicates` compares: uint8 [P]."""
    grey_HW = cv2.cvtColor(image_HWC, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey_HW, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8).ravel()


def exact_duplicates(pictures: Iterable[Picture]) -> Iterator[Finding]:
    """Yield what is wrong with pictures whose files have the same content.

    In Train and in Eval: a leak, for each line of Train. With another label: a conflict, for each line whose label
    differs from the first one's. Else: a duplicate, for each line after the first one of its split.
    """
    same: dict[bytes, list[Picture]] = defaultdict(list)
    for picture in pictures:
        same[picture.digest].append(picture)
    for group in same.values():
        if len(group) > 1:
            yield from _of_group(group)


def _of_group(group: Sequence[Picture]) -> Iterator[Finding]:
    first, tested = group[0], next((each for each in group if each.split == "Eval"), None)
    seen: set[str] = set()
    for picture in group:
        sample = picture.sample
        if picture.split == "Train" and tested is not None:
            yield _finding("leak", picture, f"the same picture as {_at(tested)} of Eval; leave it out of Train")
        if sample.text != first.sample.text:
            yield _finding(
                "conflicting_label",
                picture,
                f"labelled '{sample.text}', the same picture is '{first.sample.text}' at {_at(first)}",
            )
        elif picture.split in seen:
            yield _finding("duplicate", picture, f"the same picture and label as {_at(first)}")
        seen.add(picture.split)


def near_duplicates(pictures: Iterable[Picture], *, known: Collection[str]) -> Iterator[Finding]:
    """Yield the lines of Train whose picture nearly shows one of Eval with the same label.

    Args:
        pictures: Of both splits.
        known: Places of Train that are exact duplicates, which are left out.
    """
    by_text: dict[str, dict[str, list[Picture]]] = defaultdict(lambda: defaultdict(list))
    for picture in pictures:
        if picture.sample.place not in known:
            by_text[picture.sample.text][picture.split].append(picture)
    for of_text in by_text.values():
        if len(of_text) == 2:
            yield from _alike(of_text["Train"], of_text["Eval"])


def _alike(train: Sequence[Picture], tested: Sequence[Picture]) -> Iterator[Finding]:
    trained_NP = _centred(train)
    best_N, nearest_N = np.full(len(train), ALIKE, np.float32), np.full(len(train), -1)
    for start in range(0, len(tested), _BLOCK):
        alike_NE = trained_NP @ _centred(tested[start : start + _BLOCK]).T
        nearer_N = alike_NE.argmax(axis=1)
        value_N = alike_NE[np.arange(len(train)), nearer_N]
        nearest_N = np.where(value_N > best_N, nearer_N + start, nearest_N)
        best_N = np.maximum(value_N, best_N)
    for row in np.flatnonzero(nearest_N >= 0).tolist():
        other = tested[int(nearest_N[row])]
        reason = f"looks like {_at(other)} of Eval (correlation {best_N[row]:.3f})"
        yield _finding("near_duplicate", train[row], reason)


def _centred(pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """Return thumbnails [N, P] of mean 0 and length 1, so that a product is a correlation; an even one is all 0."""
    x_NP = np.stack([picture.thumbnail_P for picture in pictures]).astype(np.float32)
    x_NP -= x_NP.mean(axis=1, keepdims=True)
    length_N1 = np.linalg.norm(x_NP, axis=1, keepdims=True)
    return np.asarray(x_NP / np.maximum(length_N1, 1), np.float32)


def _at(picture: Picture) -> str:
    return f"{picture.sample.place} ({picture.sample.image})"


def _finding(kind: str, picture: Picture, reason: str) -> Finding:
    return Finding(kind, picture.split, picture.sample.place, picture.sample.image, reason)
