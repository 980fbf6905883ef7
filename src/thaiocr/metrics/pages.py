"""How well whole pages are read: what is found, what it says, and in which order.

Two error rates answer two questions. `line`: every label against the text of the polygon that ICDAR's matching pairs
with it; labels without one are deletions, texts without one insertions. `page`: all texts in the order they were read
in against all labels in theirs, one edit distance for the page; a line read at the wrong place counts twice there.

P pages  L lines: pairs of label and text of all pages
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from thaiocr.metrics import bootstrap
from thaiocr.metrics.bootstrap import Intervals
from thaiocr.metrics.detection import DetectionMetric, Matches, PageResult, match_page
from thaiocr.metrics.edit import Ints, Units, edit_counts
from thaiocr.metrics.recognition import spoken
from thaiocr.text.clusters import clusters
from thaiocr.text.normalize import normalize

UNITS: Final[Mapping[str, Callable[[str], Units]]] = {"cer": clusters, "cer_code_points": str}
"""Figure -> how texts are cut for it."""
SPACES: Final[Mapping[str, bool]] = {"with_space": False, "without_space": True}
"""Name -> whether spaces are left out of labels and texts."""
WORST: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class PageTexts:
    """What a page says, and what was read there."""

    result: PageResult
    labels: Sequence[str]
    """Of `result.truths`, in reading order; those of ignored truths make no difference."""
    texts: Sequence[str]
    """Of `result.found`, in the order they were read in."""
    design: str = ""
    """Of the page, where it is known."""


class TextRates(TypedDict):
    """Error rates and shares, computed with spaces or without."""

    line_acc: float
    """Share of the labels that are found and read exactly."""
    line_cer: float
    """Of lines, in grapheme clusters: `misread` + `missed` + `extra`."""
    line_cer_code_points: float
    misread: float
    """Edits in lines that were found, by all clusters of labels."""
    missed: float
    """Clusters of labels that were not found, by all clusters of labels."""
    extra: float
    """Clusters of texts where no label is, by all clusters of labels."""
    page_cer: float
    """Of pages in reading order, in grapheme clusters; a new line counts as one."""
    page_cer_code_points: float


class DesignRow(TypedDict):
    """The pages of one design; "" collects those whose design is not known. Texts are compared with spaces."""

    design: str
    pages: int
    hmean: float
    line_acc: float
    line_cer: float
    page_cer: float


class WorstRow(TypedDict):
    """A page with many edits."""

    image: str
    missed: int
    """Lines that were not found."""
    wrong: int
    """Polygons that are no line."""
    edits: int
    """In lines, in grapheme clusters with spaces."""


class PagesSummary(TypedDict):
    """All figures; they can be written as JSON."""

    pages: int
    regions: int
    """Lines that are to be found and read."""
    found: int
    """Polygons that count."""
    detection: dict[str, float]
    """As `DetectionMetric.brief`."""
    with_space: TextRates
    without_space: TextRates
    per_design: list[DesignRow]
    """Worst first; empty where no design is known."""
    worst: list[WorstRow]
    """Pages with the most edits."""
    intervals: Intervals
    """By "page"; of `hmean`, `precision`, `recall`, and `with_space.line_cer` and so on."""


class LineResult(NamedTuple):
    """What became of a line."""

    image: str
    result: str
    """right, misread, missed (label alone) or extra (text alone)."""
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class _Page:
    """A page as it is kept."""

    matches: Matches
    design: str
    found: list[tuple[str, str]]
    """Label and text of every line that was found."""
    missed: list[str]
    extra: list[str]
    label: list[str]
    """All labels that count, in reading order."""
    text: list[str]
    """All texts that count, in the order they were read in."""


_Ratio: TypeAlias = tuple[Ints, Ints]
"""Numerators and denominators by page, [P] each: every figure is a ratio of their sums."""


@dataclass(slots=True)
class PageMetric:
    """Collects pages; their order and the number of updates make no difference."""

    pages: list[_Page] = field(default_factory=list)

    def update(self, pages: Iterable[PageTexts]) -> None:
        """Add pages; labels and texts are normalised here."""
        self.pages.extend(map(_compare, pages))

    def lines(self) -> Iterator[LineResult]:
        """Yield every line of every page, those of a page in this order: found, missed, extra."""
        for page in self.pages:
            image = page.matches.image
            for label, text in page.found:
                yield LineResult(image, "right" if label == text else "misread", label, text)
            for label in page.missed:
                yield LineResult(image, "missed", label, "")
            for text in page.extra:
                yield LineResult(image, "extra", "", text)

    def summary(self) -> PagesSummary:
        """Return all figures. Of no page at all every one is the worst there is."""
        pages = sorted(self.pages, key=lambda page: (page.matches.image, page.label, page.text))
        shares, errors = _shares(pages), _errors(pages)
        detection = DetectionMetric([page.matches for page in pages])
        return PagesSummary(
            pages=len(pages),
            regions=sum(page.matches.truths for page in pages),
            found=sum(page.matches.counted for page in pages),
            detection=detection.brief(),
            with_space=_rates(shares, errors, "with_space"),
            without_space=_rates(shares, errors, "without_space"),
            per_design=_per_design(pages, shares, errors),
            worst=_worst(pages, errors["with_space.line_cer"][0]),
            intervals=Intervals(
                by="page",
                groups=len(pages),
                resamples=bootstrap.RESAMPLES,
                level=bootstrap.LEVEL,
                seed=bootstrap.SEED,
                figures=bootstrap.intervals(np.arange(len(pages)), {**shares, **errors}),
            ),
        )


def _compare(page: PageTexts) -> _Page:
    matches = match_page(page.result)
    labels = [normalize(page.labels[truth]) for truth in matches.truths_T]
    texts = [normalize(page.texts[found]) for found in matches.found_D]
    taken = set(matches.partners.values())
    counted = [place for place in range(len(texts)) if not matches.is_ignored_D[place]]
    return _Page(
        matches=matches,
        design=page.design,
        found=[(labels[truth], texts[found]) for truth, found in matches.partners.items()],
        missed=[label for place, label in enumerate(labels) if place not in matches.partners],
        extra=[texts[place] for place in counted if place not in taken],
        label=labels,
        text=[texts[place] for place in counted],
    )


def _shares(pages: Sequence[_Page]) -> dict[str, _Ratio]:
    """Return the figures that are shares of what is there."""
    matched, truths, counted = (
        np.array([getattr(page.matches, name) for page in pages], np.int64) for name in ("matched", "truths", "counted")
    )
    shares = {"hmean": (2 * matched, truths + counted), "precision": (matched, counted), "recall": (matched, truths)}
    for name, ignore_space in SPACES.items():
        right = [
            sum(
                spoken(label, ignore_space=ignore_space) == spoken(text, ignore_space=ignore_space)
                for label, text in page.found
            )
            for page in pages
        ]
        shares[f"{name}.line_acc"] = (np.array(right, np.int64), truths)
    return shares


def _errors(pages: Sequence[_Page]) -> dict[str, _Ratio]:
    """Return the figures that are edits by the length of the labels."""
    errors: dict[str, _Ratio] = {}
    for name, ignore_space in SPACES.items():
        for unit, cut in UNITS.items():

            def cut_spoken(text: str, cut: Callable[[str], Units] = cut, ignore_space: bool = ignore_space) -> Units:
                return cut(spoken(text, ignore_space=ignore_space))

            parts = {
                "misread": _counts(cut_spoken, [page.found for page in pages]),
                "missed": _counts(cut_spoken, [[(label, "") for label in page.missed] for page in pages]),
                "extra": _counts(cut_spoken, [[("", text) for text in page.extra] for page in pages]),
            }
            length = parts["misread"][1] + parts["missed"][1]
            lines = sum((edits for edits, _ in parts.values()), start=np.zeros(len(pages), np.int64))
            whole = [[(_joined(page.label), _joined(page.text))] for page in pages]
            errors[f"{name}.line_{unit}"] = (lines, length)
            errors[f"{name}.page_{unit}"] = _counts(cut_spoken, whole)
            if unit == "cer":
                errors |= {f"{name}.{part}": (edits, length) for part, (edits, _) in parts.items()}
    return errors


def _joined(texts: Iterable[str]) -> str:
    return "\n".join(text for text in texts if text)


def _counts(cut: Callable[[str], Units], pairs: Sequence[Sequence[tuple[str, str]]]) -> _Ratio:
    """Return edits and units of labels of each page, [P] each, from the pairs of label and text of each page."""
    page_L = np.repeat(np.arange(len(pairs)), [len(some) for some in pairs])
    labels = [cut(label) for some in pairs for label, _ in some]
    texts = [cut(text) for some in pairs for _, text in some]
    counts = edit_counts(labels, texts)
    edits_P, label_P = np.zeros((2, len(pairs)), np.int64)
    np.add.at(edits_P, page_L, counts.edits)
    np.add.at(label_P, page_L, counts.label)
    return edits_P, label_P


def _share(ratio: _Ratio, rows: NDArray[np.bool_] | slice) -> float:
    """Return a share over some pages; of nothing it is 0, the worst."""
    part, whole = (int(column[rows].sum()) for column in ratio)
    return part / whole if whole else 0.0


def _rate(ratio: _Ratio, rows: NDArray[np.bool_] | slice) -> float:
    """Return an error rate over some pages, see `EditCounts.error_rate`; of no pages it is 1, the worst."""
    edits, units = (int(column[rows].sum()) for column in ratio)
    if units:
        return edits / units
    return 1.0 if edits or not len(ratio[0][rows]) else 0.0


def _rates(shares: Mapping[str, _Ratio], errors: Mapping[str, _Ratio], spaces: str) -> TextRates:
    whole = slice(None)
    return TextRates(
        line_acc=_share(shares[f"{spaces}.line_acc"], whole),
        line_cer=_rate(errors[f"{spaces}.line_cer"], whole),
        line_cer_code_points=_rate(errors[f"{spaces}.line_cer_code_points"], whole),
        misread=_rate(errors[f"{spaces}.misread"], whole),
        missed=_rate(errors[f"{spaces}.missed"], whole),
        extra=_rate(errors[f"{spaces}.extra"], whole),
        page_cer=_rate(errors[f"{spaces}.page_cer"], whole),
        page_cer_code_points=_rate(errors[f"{spaces}.page_cer_code_points"], whole),
    )


def _per_design(pages: Sequence[_Page], shares: Mapping[str, _Ratio], errors: Mapping[str, _Ratio]) -> list[DesignRow]:
    designs = np.array([page.design for page in pages], object)
    if not any(designs):
        return []
    rows = []
    for design in sorted(set(designs)):
        chosen = designs == design
        rows.append(
            DesignRow(
                design=design,
                pages=int(chosen.sum()),
                hmean=_share(shares["hmean"], chosen),
                line_acc=_share(shares["with_space.line_acc"], chosen),
                line_cer=_rate(errors["with_space.line_cer"], chosen),
                page_cer=_rate(errors["with_space.page_cer"], chosen),
            )
        )
    return sorted(rows, key=lambda row: (-row["page_cer"], row["design"]))


def _worst(pages: Sequence[_Page], edits_P: Ints) -> list[WorstRow]:
    order = np.argsort(-edits_P, kind="stable")[:WORST]
    return [
        WorstRow(
            image=pages[place].matches.image,
            missed=len(pages[place].missed),
            wrong=len(pages[place].extra),
            edits=int(edits_P[place]),
        )
        for place in order
        if edits_P[place]
    ]
