"""The report as one HTML page: no script, no other file, readable on a telephone."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from thaiocr.metrics import sections
from thaiocr.metrics.markup import Html, beside, breakable, details, join, paragraph, section, thai
from thaiocr.metrics.recognition import Reading
from thaiocr.metrics.summary import Summary

BANNER: Final = "Limits"
"""This key of `extra` is shown as a warning above everything else: "synthetic only"."""
STYLE: Final = Path(__file__).with_name("page.css")


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """An image that is embedded in the page."""

    content: bytes
    kind: str
    """"png" or "jpeg"."""
    width: int
    height: int

    def tag(self, alt: str, style: str = "") -> Html:
        """Return the <img> element."""
        data = base64.b64encode(self.content).decode("ascii")
        return Html(
            f'<img src="data:image/{self.kind};base64,{data}" width="{self.width}" height="{self.height}" '
            f'alt="{escape(alt)}" class="{style}" decoding="async">'
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GalleryItem:
    """A misread image."""

    reading: Reading
    picture: Picture | str
    """The image, or why it cannot be shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Everything that the page shows."""

    title: str
    extra: Mapping[str, str]
    summary: Summary
    matrix: Picture
    heat_map: Sequence[Html]
    """Empty when no class was read as another."""
    gallery: Sequence[GalleryItem]
    errors: int
    """Misread images in all, shown or not."""

    def html(self) -> str:
        """Return the document."""
        chapters = {
            "figures": ("Figures", sections.figures(self.summary)),
            "parts": ("Errors by part of the cluster", sections.parts(self.summary)),
            "lookalikes": ("Look-alikes", sections.lookalikes(self.summary)),
            "confusions": ("Confusions", self._confusions()),
            "calibration": ("Can the scores be believed?", sections.calibration(self.summary)),
            "fonts": ("Fonts", sections.fonts(self.summary)),
            "classes": ("Classes", sections.classes(self.summary)),
            "errors": ("Misread images", self._gallery()),
        }
        links = join(Html(f'<li><a href="#{anchor}">{heading}</a></li>') for anchor, (heading, _) in chapters.items())
        body = join(section(anchor, heading, *pieces) for anchor, (heading, pieces) in chapters.items())
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(self.title)}</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>{escape(self.title)}</h1>
{self._about()}
{sections.cards(self.summary)}
<nav aria-label="Sections"><ul>
{links}
</ul></nav>
</header>
<main>
{body}
</main>
</body>
</html>
"""

    def _about(self) -> Html:
        banner = f'<p class="banner" role="note">{escape(self.extra[BANNER])}</p>' if BANNER in self.extra else ""
        items = "".join(
            f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in self.extra.items() if key != BANNER
        )
        return Html(banner + (f'<dl class="about">{items}</dl>' if items else ""))

    def _confusions(self) -> list[Html]:
        classes = len(self.summary["per_class"])
        first = sections.confusions(self.summary)
        if not classes:
            return [first]
        alt = f"Confusion matrix of all {classes:,} classes; the most frequent confusions are in the table above."
        note = (
            f"All {classes:,} classes: a row is a label, a column what was read, both in the order of per_class.csv; "
            "the last column is anything else. Blue on the diagonal is right, red is not, darker is more of the row."
        )
        whole = details("The whole confusion matrix", paragraph(note), self.matrix.tag(alt, "matrix"))
        return [beside(first, *self.heat_map), whole]

    def _gallery(self) -> list[Html]:
        if not self.errors:
            return [paragraph("Every image was read right." if self.summary["images"] else "There are no images.")]
        left_out = self.errors - len(self.gallery)
        note = f"{self.errors:,} of {self.summary['images']:,} images were misread; the highest scores come first."
        more = f" {left_out:,} more are left out here; readings.csv has them all." if left_out else ""
        items = join(_gallery_item(item) for item in self.gallery)
        return [paragraph(note + more), Html(f'<ul class="gallery">\n{items}\n</ul>')]


def _gallery_item(item: GalleryItem) -> Html:
    reading = item.reading
    alt = f"Image labelled {reading.label or 'nothing'}, read as {reading.text or 'nothing'}"
    if isinstance(item.picture, str):
        image, style = Html(f"<small>not shown: {escape(item.picture)}</small>"), ""
    else:
        image, style = item.picture.tag(alt), "wide" if item.picture.width > 3 * item.picture.height else ""
    read = Html(f'<span class="read">{thai(reading.label)} → {thai(reading.text)}</span>')
    return Html(
        f'<li class="{style}"><figure>{image}<figcaption>{read} '
        f"<small>score {reading.score:.3f}</small> <small>{escape(reading.font)}</small> "
        f"<small>{breakable(reading.image)}</small></figcaption></figure></li>"
    )
