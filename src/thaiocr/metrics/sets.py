"""Several evaluations of one model beside each other: test sets A to E, and what else there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final, TypeAlias

from thaiocr.errors import EnvironmentProblem
from thaiocr.metrics.markup import Html, join, plain, table
from thaiocr.metrics.page import BANNER, STYLE
from thaiocr.metrics.summary import Summary

Figure: TypeAlias = Callable[[Summary], float | None]

FIGURES: Final[Mapping[str, tuple[Figure, str]]] = {
    "top-1": (lambda found: found["acc"], "acc"),
    "top-1 macro": (lambda found: found["macro_acc"], "macro_acc"),
    "top-1 weighted": (lambda found: found["frequency_weighted_acc"], "frequency_weighted_acc"),
    "top-5": (lambda found: found["top5_acc"], "top5_acc"),
    "top-5 macro": (lambda found: found["top5_macro_acc"], ""),
    "top-5 weighted": (lambda found: found["top5_frequency_weighted_acc"], ""),
    "folded": (lambda found: found["folded_acc"], "folded_acc"),
    "folded macro": (lambda found: found["folded_macro_acc"], ""),
    "same picture": (lambda found: found["same_picture"]["acc"], ""),
    "CER clusters": (lambda found: found["cer"], "cer"),
    "CER code points": (lambda found: found["cer_code_points"], "cer_code_points"),
    "1-NED": (lambda found: found["norm_edit_dis"], "norm_edit_dis"),
    "top-1 without spaces": (lambda found: found["without_space"]["acc"], ""),
    "CER code points without spaces": (lambda found: found["without_space"]["cer_code_points"], ""),
    "ECE before": (lambda found: (found["calibration_before"] or found["calibration"])["ece"], ""),
    "ECE": (lambda found: found["calibration"]["ece"], ""),
    "top-1 of the surest 90 %": (lambda found: found["calibration"]["acc_at_coverage"], ""),
    "AUROC, right v. wrong": (lambda found: found["separation"]["auroc_wrong"], ""),
    "AUROC, right v. no text": (lambda found: found["separation"]["auroc_negatives"], ""),
    "AUROC, right v. both": (lambda found: found["separation"]["auroc"], ""),
    "shuffled labels": (lambda found: found["chance_acc"], ""),
}
"""Heading -> the figure, and the name of its interval ("" for none)."""


def rows_of_sets(sets: Mapping[str, Summary]) -> tuple[list[str], list[list[str]]]:
    """Return a table: its header, and a row for each figure, all in percent, intervals in brackets.

    Args:
        sets: Name of a test set -> what was found on it.
    """
    header = ["figure, %", *sets]
    images = ["images", *(f"{found['images']:,}" for found in sets.values())]
    body = [
        [heading, *(_cell(figure(found), found, interval) for found in sets.values())]
        for heading, (figure, interval) in FIGURES.items()
    ]
    return header, [images, *body]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown, its columns padded to be read as plain text too."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [_line(row, widths) for row in (header, ["-" * width for width in widths], *rows)]
    return "\n".join(lines)


def write_sets(
    directory: Path, sets: Mapping[str, Summary], *, title: str, extra: Mapping[str, str], notes: Sequence[Html] = ()
) -> Path:
    """Write index.html, with links to `<set>/index.html`, and report.json.

    Args:
        directory: Made when it is not there; each set's own report lies below it.
        sets: Name of a test set -> what was found on it.
        title: Heading of the page.
        extra: What else to say, as of `report.write_report`.
        notes: More of the page.

    Returns:
        The path of index.html.

    Raises:
        EnvironmentProblem: the directory or a file cannot be written.
    """
    header, rows = rows_of_sets(sets)
    links = join(Html(f'<li><a href="{escape(name)}/index.html">{escape(name)}</a></li>') for name in sets)
    about = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in extra.items() if key != BANNER)
    banner = f'<p class="banner" role="note">{escape(extra[BANNER])}</p>' if BANNER in extra else ""
    figures = table("All sets, 95 % intervals in brackets", header, [[plain(cell) for cell in row] for row in rows])
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{banner}
<dl class="about">{about}</dl>
<nav aria-label="Sets"><ul>
{links}
</ul></nav>
</header>
<main>
{join([figures, *notes])}
</main>
</body>
</html>
"""
    whole = {"title": title, "extra": dict(extra), "sets": sets}
    path = directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in (
            ("report.json", json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1) + "\n"),
            ("index.html", page),
        ):
            path = directory / name
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(f"{path}: cannot write the report: {error.strerror}") from error
    return path


def _cell(value: float | None, found: Summary, interval: str) -> str:
    if value is None:
        return "-"
    bounds = found["intervals"]["figures"].get(interval)
    return f"{100 * value:.2f}" + (f" ({100 * bounds[0]:.2f} to {100 * bounds[1]:.2f})" if bounds else "")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
