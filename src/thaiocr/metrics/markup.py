"""Pieces of an HTML page. Whatever is not `Html` is escaped on its way in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, NewType

from thaiocr.metrics.confusion import NOTHING

Html = NewType("Html", str)
"""Text that is safe to put into the page as it is."""

DOTTED_CIRCLE: Final = "\u25cc"
"""Carries a mark that has no letter to stand on."""
ODD_SPACES: Final = re.compile("^ +| +$| {2,}")
"""Spaces that a reader does not see: at an end, or several."""


def plain(text: object) -> Html:
    """Escape a text."""
    return Html(escape(str(text)))


def visible(text: str) -> str:
    """Show what would be overlooked: no text, a mark without a letter, spaces at an end, control characters."""
    if text == NOTHING:
        return "nothing"
    carried = DOTTED_CIRCLE + text if unicodedata.category(text[0]).startswith("M") else text
    spaced = ODD_SPACES.sub(lambda found: "␣" * len(found[0]), carried)
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in spaced)


def thai(text: str) -> Html:
    """Show a label or what was read as `visible` has it; the code points are in the tooltip."""
    if text == NOTHING:
        return Html('<em class="nothing">nothing</em>')
    points = " ".join(f"U+{ord(each):04X}" for each in text)
    return Html(f'<span class="t" lang="th" title="{points}">{escape(visible(text))}</span>')


def breakable(path: str) -> Html:
    """Show a path that, where it is too long for its line, breaks behind a slash."""
    return Html(escape(path).replace("/", "/<wbr>"))


def percent(value: float | None, digits: int = 2) -> Html:
    """Show a share of 1 in percent; a dash where it is not defined."""
    return Html("–" if value is None else f"{100 * value:.{digits}f} %")


def count(value: int) -> Html:
    """Show a count with thousands apart."""
    return Html(f"{value:,}")


def share_bar(value: float | None) -> Html:
    """Show a share of 1 in percent over a bar of that length."""
    width = 0.0 if value is None else 100 * min(max(value, 0.0), 1.0)
    return Html(f'<span class="bar" style="--part:{width:.1f}%">{percent(value)}</span>')


def join(pieces: Iterable[Html]) -> Html:
    """Put pieces below each other."""
    return Html("\n".join(pieces))


def section(anchor: str, heading: str, *pieces: Html) -> Html:
    """Make a section that the table of contents can point to."""
    return Html(f'<section id="{anchor}">\n<h2>{escape(heading)}</h2>\n{join(pieces)}\n</section>')


def paragraph(text: str) -> Html:
    """Make a paragraph of plain text."""
    return Html(f"<p>{escape(text)}</p>")


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[Html]], *, words: Sequence[int] = ()) -> Html:
    """Make a table that scrolls sideways where the window is narrow; the first column heads its rows.

    Args:
        caption: What the table shows.
        header: A title for each column.
        rows: Cells, as many as titles.
        words: Columns that hold words, aligned left as the first one is; the others hold numbers.
    """
    body = [_row(cells, words) for cells in rows]
    if not body:
        return paragraph(f"{caption}: none.")
    head = "".join(f'<th scope="col"{_style(at in words)}>{escape(title)}</th>' for at, title in enumerate(header))
    return Html(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>\n<tbody>\n{join(body)}\n</tbody></table></div>"
    )


def details(summary: str, *pieces: Html) -> Html:
    """Hide pieces until a reader asks for them."""
    return Html(f"<details><summary>{escape(summary)}</summary>\n{join(pieces)}\n</details>")


def beside(*pieces: Html) -> Html:
    """Put pieces beside each other where the window is wide enough."""
    return Html(f'<div class="beside">\n{join(pieces)}\n</div>')


def _row(cells: Sequence[Html], words: Sequence[int]) -> Html:
    first, *others = cells
    tail = "".join(f"<td{_style(at in words)}>{cell}</td>" for at, cell in enumerate(others, start=1))
    return Html(f'<tr><th scope="row">{first}</th>{tail}</tr>')


def _style(is_words: bool) -> str:
    return ' class="words"' if is_words else ""
