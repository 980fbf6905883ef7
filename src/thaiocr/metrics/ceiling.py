"""What a figure can be at best and at worst: errors that no eye could avoid, and the accuracy of blind guesses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from thaiocr.metrics.confusion import ConfusionRow, confusions


class SamePicture(TypedDict):
    """Errors that are none to the eye."""

    errors: int
    acc: float
    """Accuracy with these counted as right."""
    pairs: list[ConfusionRow]
    """Which they are; `share` is of these errors' labels."""


def same_picture(labels: Sequence[str], texts: Sequence[str], twins: Sequence[Sequence[str]]) -> SamePicture:
    """Count the N readings whose text is not the label but looks the same.

    Args:
        labels: What the images show. Shape [N].
        texts: What was read. Shape [N].
        twins: For each reading the texts that look like its label in its font. Shape [N].
    """
    alike = [(label, text) for label, text, same in zip(labels, texts, twins, strict=True) if text in same]
    right = sum(label == text for label, text in zip(labels, texts, strict=True))
    return SamePicture(
        errors=len(alike),
        acc=(right + len(alike)) / len(labels) if labels else 0.0,
        pairs=confusions(Counter(alike)),
    )


def chance(labels: Sequence[str], texts: Sequence[str]) -> float:
    """Return the accuracy to be expected when the N labels are shuffled: that of texts that know nothing of the images.

    An accuracy near it says that a model learnt nothing, whatever the accuracy is.
    """
    said, read = Counter(labels), Counter(texts)
    return sum(times * read[label] for label, times in said.items()) / len(labels) ** 2 if labels else 0.0
