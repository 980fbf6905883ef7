"""What `thaiocr data check` can find, and one record of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

Severity: TypeAlias = Literal["error", "warning", "note"]


class Kind(NamedTuple):
    """A kind of finding.

    Errors are lines that training rejects, and pictures that are both trained and tested on; warnings can be used, but
    make a model or its figures worse; notes are read as they should be, and said.
    """

    severity: Severity
    title: str


KINDS: Final[Mapping[str, Kind]] = {
    "no_line": Kind("error", "no usable line"),
    "no_delimiter": Kind("error", "no tab between image and text"),
    "no_image": Kind("error", "no image before the tab"),
    "empty_label": Kind("error", "empty label"),
    "no_text": Kind("error", "no page with text to learn or to find"),
    "bad_polygons": Kind("error", "boxes that cannot be read"),
    "unknown_character": Kind("error", "character that is not in the dictionary"),
    "too_long": Kind("error", "label longer than max_text_length"),
    "too_few_time_steps": Kind("error", "label needs more time steps than the network has"),
    "missing": Kind("error", "image file missing"),
    "unreadable": Kind("error", "image file cannot be opened"),
    "empty_file": Kind("error", "image file of 0 bytes"),
    "truncated": Kind("error", "truncated image"),
    "not_an_image": Kind("error", "not an image, or a damaged one"),
    "huge": Kind("error", "too many pixels"),
    "leak": Kind("error", "the same picture in Train and Eval"),
    "same_file": Kind("warning", "label file of both Train and Eval"),
    "near_duplicate": Kind("warning", "Train shows nearly a picture of Eval, with its label"),
    "conflicting_label": Kind("warning", "the same picture with another label"),
    "wrong_suffix": Kind("warning", "content of another format than the suffix says"),
    "blank": Kind("warning", "nothing to see on the picture"),
    "font_leak": Kind("warning", "font in both Train and Eval"),
    "unseen_class": Kind("warning", "class of Eval that Train never shows"),
    "outside": Kind("warning", "boxes outside the page"),
    "no_area": Kind("warning", "boxes without area"),
    "cut_off": Kind("warning", "boxes that reach out of the page"),
    "crossing_edges": Kind("warning", "boxes whose edges cross"),
    "only_ignored": Kind("note", "all boxes of a page are ignored"),
    "empty_page": Kind("note", "page without text"),
    "duplicate": Kind("note", "the same picture and label again"),
    "cmyk": Kind("note", "CMYK, read as RGB"),
    "sixteen_bit": Kind("note", "16 bits a channel, read as 8"),
    "alpha": Kind("note", "transparency, dropped"),
    "exif_rotation": Kind("note", "turned or mirrored by EXIF"),
    "several_frames": Kind("note", "several pictures in a file, the first is read"),
}
"""In the order of the report."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found."""

    kind: str
    split: str
    """`Train` or `Eval`."""
    place: str
    """Label file and line; for a whole file the file."""
    image: str
    reason: str

    @property
    def severity(self) -> Severity:
        """Return how bad it is."""
        return KINDS[self.kind].severity

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.image, self.reason) if part)

    def to_json(self) -> dict[str, Any]:
        """Return the finding as an entry of the JSON report."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "split": self.split,
            "place": self.place,
            "image": self.image,
            "reason": self.reason,
        }


def count(findings: Iterable[Finding], severity: str) -> int:
    """Return how many findings are errors, warnings or notes."""
    return sum(finding.severity == severity for finding in findings)


def kinds(findings: Iterable[Finding]) -> dict[str, Counter[str]]:
    """Return the kinds found -> split -> count."""
    counts: dict[str, Counter[str]] = {}
    for finding in findings:
        counts.setdefault(finding.kind, Counter())[finding.split] += 1
    return counts


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order of KINDS, those of a kind as they were."""
    order = {kind: number for number, kind in enumerate(KINDS)}
    return sorted(findings, key=lambda finding: order[finding.kind])


def summary(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what the JSON reports of a check begin with."""
    return {
        "ok": not count(findings, "error"),
        **{f"{severity}s": count(findings, severity) for severity in get_args(Severity)},
    }


def kinds_to_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return what the JSON reports of a check say of each kind."""
    return {
        kind: {"severity": KINDS[kind].severity, "title": KINDS[kind].title, "count": counts.total(), **counts}
        for kind, counts in kinds(findings).items()
    }
