"""How well texts are read: one object collects readings, a brief for every epoch, a summary for an evaluation.

N readings
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from thaiocr.metrics import bootstrap
from thaiocr.metrics.bootstrap import ClassHits, Intervals
from thaiocr.metrics.calibration import Calibration, calibrate
from thaiocr.metrics.ceiling import chance, same_picture
from thaiocr.metrics.confusion import (
    Pair,
    confusions,
    count_pairs,
    frequency_weighted_accuracy,
    macro_accuracy,
    pairs_of,
    per_class,
)
from thaiocr.metrics.decompose import decompose
from thaiocr.metrics.edit import EditCounts, Floats, Ints, cluster_units, edit_counts, mean
from thaiocr.metrics.lookalikes import FOLDED, fold, lookalike_rows
from thaiocr.metrics.separation import separate
from thaiocr.metrics.summary import Exactness, FontRow, Summary
from thaiocr.text.frequency import cluster_counts
from thaiocr.text.normalize import normalize

TOP_CONFUSIONS: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One evaluated image."""

    image: str
    """Path as in the label file."""
    label: str
    """Ground truth."""
    text: str
    """What was read."""
    score: float
    """0..1, mean probability of the kept time steps."""
    font: str = ""
    """Family, when the manifest knows it."""
    top: tuple[str, ...] = ()
    """Best alternative texts, most probable first, when known; may begin with `text` or leave it out."""
    raw_score: float | None = None
    """`score` as it was before a temperature, when a model has one."""
    twins: tuple[str, ...] = ()
    """Texts that look the same as the label in this font, when the manifest knows any."""


@lru_cache(maxsize=1 << 16)
def _normalize(text: str) -> str:
    return normalize(text)


def normalized(reading: Reading) -> Reading:
    """Spell label, text and alternatives in the one way that `thaiocr.text` defines, so that equal looks are equal."""
    label, text = _normalize(reading.label), _normalize(reading.text)
    top, twins = tuple(map(_normalize, reading.top)), tuple(map(_normalize, reading.twins))
    if (label, text, top, twins) == (reading.label, reading.text, reading.top, reading.twins):
        return reading
    return replace(reading, label=label, text=text, top=top, twins=twins)


def spoken(text: str, *, ignore_space: bool) -> str:
    """Return the text as it is compared: without U+0020 when spaces are ignored."""
    return text.replace(" ", "") if ignore_space else text


class RecognitionMetric:
    """Collects readings; their order and the number of updates make no difference.

    Args:
        ignore_space: Leave out spaces in labels and texts, as PaddleOCR does unless told otherwise. The summary has
            both in any case.
    """

    def __init__(self, *, ignore_space: bool = True) -> None:
        self.ignore_space = ignore_space
        self.readings: list[Reading] = []

    def update(self, readings: Iterable[Reading]) -> None:
        """Add readings; label and text are normalised here."""
        self.readings.extend(map(normalized, readings))

    def reset(self) -> None:
        """Forget all readings."""
        self.readings.clear()

    def brief(self) -> dict[str, float]:
        """Return what every epoch wants to know: images, acc, norm_edit_dis, macro_acc, cer, cer_code_points.

        They are those of `summary`, and quick. Of an empty set all are the worst there is.
        """
        compared = _Compared(self.readings, ignore_space=self.ignore_space)
        exact = compared.exactness()
        return {
            "images": len(self.readings),
            "acc": exact["acc"],
            "norm_edit_dis": exact["norm_edit_dis"],
            "macro_acc": macro_accuracy(count_pairs(compared.labels, compared.texts)),
            "cer": exact["cer"],
            "cer_code_points": exact["cer_code_points"],
        }

    def summary(self, negatives: Sequence[float] = ()) -> Summary:
        """Return all figures.

        Args:
            negatives: The scores of images that show nothing to read.
        """
        # Sorted, so that sums of fractions do not depend on the order of the updates.
        readings = sorted(self.readings, key=lambda each: (each.image, each.label, each.text, each.score, each.font))
        both = {ignore: _Compared(readings, ignore_space=ignore) for ignore in (False, True)}
        compared = both[self.ignore_space]
        exact = compared.exactness()
        pairs = count_pairs(compared.labels, compared.texts)
        rows, errors, parts = per_class(pairs), confusions(pairs), decompose(pairs)
        top5 = _top5(readings, ignore_space=self.ignore_space)
        words = edit_counts([each.label.split() for each in readings], [each.text.split() for each in readings])
        folded = _equal(map(fold, compared.labels), map(fold, compared.texts))
        of_top5 = _as_if_right(compared, top5.right, top5.known)
        return Summary(
            images=len(readings),
            clusters=parts["clusters"],
            ignore_space=self.ignore_space,
            acc=exact["acc"],
            norm_edit_dis=exact["norm_edit_dis"],
            macro_acc=macro_accuracy(pairs),
            cer=exact["cer"],
            cer_code_points=exact["cer_code_points"],
            with_space=both[False].exactness(),
            without_space=both[True].exactness(),
            wer=words.error_rate(),
            frequency_weighted_acc=frequency_weighted_accuracy(rows),
            top5_acc=int(top5.right.sum()) / int(top5.known.sum()) if top5.known.any() else None,
            top5_images=int(top5.known.sum()),
            top5_macro_acc=macro_accuracy(of_top5) if of_top5 else None,
            top5_frequency_weighted_acc=frequency_weighted_accuracy(per_class(of_top5)),
            folded_acc=mean(folded),
            folded_macro_acc=macro_accuracy(_as_if_right(compared, folded, np.ones_like(folded))),
            folded=list(FOLDED),
            same_picture=same_picture(compared.labels, compared.texts, [each.twins for each in readings]),
            chance_acc=chance(compared.labels, compared.texts),
            calibration=calibrate([each.score for each in readings], compared.right),
            calibration_before=_calibrate_raw(readings, compared),
            separation=separate([each.score for each in readings], compared.right, negatives),
            decomposition=parts,
            lookalikes=lookalike_rows(pairs),
            confusions=errors[:TOP_CONFUSIONS],
            confusion_kinds=len(errors),
            per_class=rows,
            per_font=_per_font(readings, compared),
            intervals=_intervals(
                readings,
                compared,
                {
                    "folded_acc": (folded, np.ones(len(readings), np.int64)),
                    "top5_acc": (top5.right, top5.known),
                    "wer": (words.edits, words.label),
                },
            ),
        )


class _Compared:
    """Labels and texts of N readings in the form in which they are compared, and what came out of it."""

    def __init__(self, readings: Sequence[Reading], *, ignore_space: bool) -> None:
        self.labels = [spoken(each.label, ignore_space=ignore_space) for each in readings]
        self.texts = [spoken(each.text, ignore_space=ignore_space) for each in readings]
        self.right = _equal(self.labels, self.texts)
        self.code_points: EditCounts = edit_counts(self.labels, self.texts)
        self.clusters: EditCounts = edit_counts(
            [cluster_units(label) for label in self.labels], [cluster_units(text) for text in self.texts]
        )

    def exactness(self) -> Exactness:
        return Exactness(
            acc=mean(self.right),
            norm_edit_dis=mean(self.code_points.similarity()),
            norm_edit_dis_clusters=mean(self.clusters.similarity()),
            cer=self.clusters.error_rate(),
            cer_code_points=self.code_points.error_rate(),
        )


def _as_if_right(compared: _Compared, right: Floats | Ints, counts: Floats | Ints) -> Counter[Pair]:
    """Pair labels and texts, taking as read right what `right` says; only the readings that count. Both [N]."""
    chosen = np.flatnonzero(counts)
    labels = [compared.labels[at] for at in chosen]
    texts = [compared.labels[at] if right[at] else compared.texts[at] for at in chosen]
    return count_pairs(labels, texts)


def _calibrate_raw(readings: Sequence[Reading], compared: _Compared) -> Calibration | None:
    raw = [each.raw_score for each in readings if each.raw_score is not None]
    return calibrate(raw, compared.right) if raw and len(raw) == len(readings) else None


def _equal(labels: Iterable[str], texts: Iterable[str]) -> Floats:
    return np.array([label == text for label, text in zip(labels, texts, strict=True)], np.float64)


class _Top5(NamedTuple):
    """Of N readings; each array has shape [N] and holds 1 or 0."""

    known: Ints
    """Whether the reading has alternatives."""
    right: Ints
    """Whether it has, and its label is among the five most probable texts."""


def _top5(readings: Sequence[Reading], *, ignore_space: bool) -> _Top5:
    known, right = np.zeros(len(readings), np.int64), np.zeros(len(readings), np.int64)
    for at, each in enumerate(readings):
        if each.top:
            best = list(dict.fromkeys(spoken(text, ignore_space=ignore_space) for text in (each.text, *each.top)))[:5]
            known[at], right[at] = 1, spoken(each.label, ignore_space=ignore_space) in best
    return _Top5(known, right)


def _per_font(readings: Sequence[Reading], compared: _Compared) -> list[FontRow]:
    fonts = np.array([each.font for each in readings], dtype=object)
    score = np.array([each.score for each in readings], np.float64)
    rows = []
    for font in sorted(set(fonts)):
        at = fonts == font
        counts = EditCounts(
            edits=compared.clusters.edits[at], label=compared.clusters.label[at], longest=compared.clusters.longest[at]
        )
        rows.append(
            FontRow(
                font=font,
                images=int(at.sum()),
                acc=mean(compared.right[at]),
                cer=counts.error_rate(),
                mean_score=mean(np.nan_to_num(score[at])),
            )
        )
    return sorted(rows, key=lambda row: (row["acc"], -row["cer"], row["font"]))


def _intervals(
    readings: Sequence[Reading], compared: _Compared, others: Mapping[str, tuple[Floats | Ints, Floats | Ints]]
) -> Intervals:
    """Return the intervals of all figures that have one; `others` are ratios as `bootstrap.intervals` takes them."""
    by, groups = bootstrap.group_by_font([each.font for each in readings])
    one = np.ones(len(readings), np.int64)
    figures = bootstrap.intervals(
        groups,
        {
            "acc": (compared.right, one),
            "norm_edit_dis": (compared.code_points.similarity(), one),
            "cer": (compared.clusters.edits, compared.clusters.label),
            "cer_code_points": (compared.code_points.edits, compared.code_points.label),
            **others,
        },
    )
    classes, hits = _class_hits(compared)
    corpus = cluster_counts()
    weights_C = np.array([corpus.get(label, 0) for label in classes], np.int64)
    figures["macro_acc"] = bootstrap.macro_interval(groups, hits)
    figures["frequency_weighted_acc"] = bootstrap.macro_interval(groups, hits, weights_C=weights_C)
    return Intervals(
        by=by,
        groups=int(groups.max()) + 1 if groups.size else 0,
        resamples=bootstrap.RESAMPLES,
        level=bootstrap.LEVEL,
        seed=bootstrap.SEED,
        figures=figures,
    )


def _class_hits(compared: _Compared) -> tuple[list[str], ClassHits]:
    """Return the classes, numbered in this order, and their occurrences."""
    number: dict[str, int] = {}
    hits = [
        (reading, number.setdefault(expected, len(number)), expected == found)
        for reading, (label, text) in enumerate(zip(compared.labels, compared.texts, strict=True))
        for expected, found in pairs_of(label, text)
        if expected
    ]
    columns: Ints = np.array(hits, np.int64).reshape(-1, 3)
    return list(number), ClassHits(reading=columns[:, 0], label=columns[:, 1], right=columns[:, 2])
