"""What an evaluation of texts found: the types of all figures, ready to be written as JSON."""

from __future__ import annotations

from typing import TypedDict

from thaiocr.metrics.bootstrap import Intervals
from thaiocr.metrics.calibration import Calibration
from thaiocr.metrics.ceiling import SamePicture
from thaiocr.metrics.confusion import ClassRow, ConfusionRow
from thaiocr.metrics.decompose import Decomposition
from thaiocr.metrics.lookalikes import LookalikeRow
from thaiocr.metrics.separation import Separation


class Exactness(TypedDict):
    """The figures that spaces change, computed with them or without."""

    acc: float
    """Share of images read exactly."""
    norm_edit_dis: float
    """PaddleOCR's name for mean 1-NED in code points: 1 - edits / length of the longer text, 1 for two empty texts."""
    norm_edit_dis_clusters: float
    cer: float
    """Edits / label length in grapheme clusters, over all images (see `EditCounts.error_rate` for empty labels)."""
    cer_code_points: float


class FontRow(TypedDict):
    """One font family; "" collects the images whose font is not known."""

    font: str
    images: int
    acc: float
    cer: float
    mean_score: float


class Summary(TypedDict):
    """All figures. Those at the top level follow `ignore_space`; all can be written as JSON.

    Of an empty set every rate is the worst one: accuracies and 1-NED 0, error rates 1; what is then undefined is None.
    """

    images: int
    clusters: int
    """In labels."""
    ignore_space: bool
    acc: float
    norm_edit_dis: float
    macro_acc: float
    """Mean over label classes (clusters) of their accuracy."""
    cer: float
    """In grapheme clusters."""
    cer_code_points: float
    with_space: Exactness
    without_space: Exactness
    wer: float
    """Edits / label length in words between spaces. Thai has them between phrases: a phrase error rate."""
    frequency_weighted_acc: float | None
    """Mean over classes weighted by corpus frequency; None when the corpus has none of them."""
    top5_acc: float | None
    """Share of the images with `top` whose label is among their five most probable texts; None when there are none."""
    top5_images: int
    top5_macro_acc: float | None
    """Mean over classes of `top5_acc`, of the same images."""
    top5_frequency_weighted_acc: float | None
    folded_acc: float
    """`acc` with the signs of one group of `folded` taken as equal, in label and text."""
    folded_macro_acc: float
    """Mean over label classes, not folded, of `folded_acc`."""
    folded: list[str]
    same_picture: SamePicture
    chance_acc: float
    """`acc` to be expected of the same texts with shuffled labels."""
    calibration: Calibration
    calibration_before: Calibration | None
    """Of the scores before the temperature; None when no model with one read the images."""
    separation: Separation
    """Of right readings from wrong ones, and from images without text where some were given."""
    decomposition: Decomposition
    lookalikes: list[LookalikeRow]
    confusions: list[ConfusionRow]
    """The most frequent; at most TOP_CONFUSIONS."""
    confusion_kinds: int
    """How many kinds there are in all."""
    per_class: list[ClassRow]
    per_font: list[FontRow]
    """Worst first."""
    intervals: Intervals
