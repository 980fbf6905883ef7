"""The sections of the report's page that a summary alone fills."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from thaiocr.metrics.bootstrap import Intervals
from thaiocr.metrics.confusion import ClassRow
from thaiocr.metrics.lookalikes import LookalikeRow
from thaiocr.metrics.markup import Html, beside, count, details, paragraph, percent, plain, share_bar, table, thai
from thaiocr.metrics.plots import reliability_diagram
from thaiocr.metrics.summary import Summary

FIRST_CONFUSIONS: Final = 25
WORST_CLASSES: Final = 30
PART_NAMES: Final = {"base": "base letter", "vowel": "vowel sign", "tone": "tone mark or other sign", "am": "SARA AM"}
KIND_NAMES: Final = {"right": "none: read right", **PART_NAMES}


def cards(summary: Summary) -> Html:
    """Show the figures that matter most."""
    cards = {
        "images": count(summary["images"]),
        "read exactly": percent(summary["acc"], 1),
        "macro accuracy": percent(summary["macro_acc"], 1),
        "CER in clusters": percent(summary["cer"], 1),
        "calibration error": percent(summary["calibration"]["ece"], 1),
    }
    items = "".join(f"<li><strong>{value}</strong><span>{name}</span></li>" for name, value in cards.items())
    return Html(f'<ul class="cards">{items}</ul>')


def figures(summary: Summary) -> list[Html]:
    """Show every figure with its interval, and what spaces change."""
    believed = summary["calibration"]
    spaces = "without spaces" if summary["ignore_space"] else "spaces count"
    rows: list[tuple[str, str, float | None, str]] = [
        ("Exact match (acc)", "acc", summary["acc"], f"images read exactly, {spaces}"),
        ("Macro accuracy", "macro_acc", summary["macro_acc"], "every class with the same weight"),
        (
            "Frequency-weighted accuracy",
            "frequency_weighted_acc",
            summary["frequency_weighted_acc"],
            "classes weighted by the Thai corpus",
        ),
        ("Top 5", "top5_acc", summary["top5_acc"], f"label among the five best, {summary['top5_images']:,} images"),
        ("Top 5, macro", "", summary["top5_macro_acc"], "every class with the same weight"),
        (
            "Top 5, frequency-weighted",
            "",
            summary["top5_frequency_weighted_acc"],
            "classes weighted by the Thai corpus",
        ),
        (
            "Exact match, folded",
            "folded_acc",
            summary["folded_acc"],
            "same after folding " + " ".join(summary["folded"]),
        ),
        ("Macro accuracy, folded", "", summary["folded_macro_acc"], "classes as in the macro accuracy"),
        (
            "Exact match or the same picture",
            "",
            summary["same_picture"]["acc"],
            f"{summary['same_picture']['errors']:,} errors that look like the label in their font counted as right",
        ),
        ("Shuffled labels", "", summary["chance_acc"], "what reading blindly would give"),
        ("1-NED (norm_edit_dis)", "norm_edit_dis", summary["norm_edit_dis"], "in code points, mean over images"),
        ("CER in clusters", "cer", summary["cer"], "edits / label length; lower is better"),
        ("CER in code points", "cer_code_points", summary["cer_code_points"], "lower is better"),
        ("WER", "wer", summary["wer"], "words between spaces: phrases in Thai; lower is better"),
        ("Calibration error (ECE)", "", believed["ece"], "|accuracy - score|; lower is better"),
        *_before(summary),
        ("Accuracy of the surest 90 %", "", believed["acc_at_coverage"], _threshold(summary)),
    ]
    found = summary["intervals"]
    return [
        table(
            "All figures" + _how(found),
            ("figure", "value", "interval", "what it is"),
            [(plain(name), percent(value), _interval(found, key), _note(note)) for name, key, value, note in rows],
            words=[3],
        ),
        _spaces(summary),
    ]


def _before(summary: Summary) -> list[tuple[str, str, float | None, str]]:
    before = summary["calibration_before"]
    return [("ECE before the temperature", "", before["ece"], "of the network's own scores")] if before else []


def _spaces(summary: Summary) -> Html:
    return table(
        "With and without spaces",
        ("spaces", "exact match", "1-NED, code points", "1-NED, clusters", "CER, clusters", "CER, code points"),
        [
            (
                plain(name),
                percent(each["acc"]),
                percent(each["norm_edit_dis"]),
                percent(each["norm_edit_dis_clusters"]),
                percent(each["cer"]),
                percent(each["cer_code_points"]),
            )
            for name, each in (("counted", summary["with_space"]), ("left out", summary["without_space"]))
        ],
    )


def parts(summary: Summary) -> list[Html]:
    """Show which part of a cluster was misread."""
    found = summary["decomposition"]
    total = found["clusters"]
    became = table(
        f"What became of the {total:,} clusters of the labels",
        ("kind of error", "clusters", "share"),
        [
            (plain(KIND_NAMES.get(kind, kind)), count(times), percent(times / total if total else None))
            for kind, times in found["kinds"].items()
        ],
    )
    by_part = table(
        f"Parts of the {found['compared']:,} clusters for which one cluster was read",
        ("part", "in labels", "errors", "missed", "added", "swapped"),
        [
            (
                plain(PART_NAMES[row["part"]]),
                *(
                    count(times)
                    for times in (row["present"], row["errors"], row["missed"], row["added"], row["swapped"])
                ),
            )
            for row in found["parts"]
        ],
    )
    return [beside(became, by_part), paragraph(f"Clusters read where the label has none: {found['inserted']:,}.")]


def lookalikes(summary: Summary) -> list[Html]:
    """Show the look-alikes that were confused, both directions in one row."""
    ways = {(row["label"], row["text"]): row for row in summary["lookalikes"]}
    pairs = [(ways[one, other], ways[other, one]) for one, other in ways if one < other]
    shown = [pair for pair in pairs if pair[0]["of"] or pair[1]["of"]]
    seen = sorted(
        (pair for pair in shown if pair[0]["count"] or pair[1]["count"]),
        key=lambda pair: (-pair[0]["count"] - pair[1]["count"], pair[0]["label"], pair[0]["text"]),
    )
    return [
        paragraph(
            f"Of {len(shown)} look-alike pairs that the labels can show, {len(seen)} were confused at least once."
        ),
        table(
            "Look-alikes that were confused",
            ("label → read as", "times", "share", "and back", "times", "share"),
            [(*_way(one), *_way(other)) for one, other in seen],
            words=[3],
        ),
    ]


def _way(row: LookalikeRow) -> tuple[Html, ...]:
    swap = Html(f"{thai(row['label'])} → {thai(row['text'])}")
    return swap, plain(f"{row['count']:,} of {row['of']:,}"), percent(row["rate"])


def confusions(summary: Summary) -> Html:
    """Show the most frequent confusions."""
    shown = summary["confusions"][:FIRST_CONFUSIONS]
    rows = [(thai(row["label"]), thai(row["text"]), count(row["count"]), percent(row["share"])) for row in shown]
    kinds = summary["confusion_kinds"]
    caption = f"The most frequent of {kinds:,} confusions" if kinds > len(shown) else "All confusions"
    return table(caption, ("label", "read as", "times", "share of the label"), rows, words=[1])


def calibration(summary: Summary) -> list[Html]:
    """Show whether scores mean what they say."""
    rows = [
        (
            plain(f"{each['low']:.2f} – {each['high']:.2f}"),
            count(each["count"]),
            percent(each["score"], 1),
            percent(each["acc"], 1),
        )
        for each in summary["calibration"]["bins"]
        if each["count"]
    ]
    note = "On the dashed line a score means what it says; bars below it are too sure, bars above too modest."
    numbers = table("Images by score", ("score", "images", "mean score", "read right"), rows)
    diagram = reliability_diagram(summary["calibration"]["bins"])
    return [paragraph(note), beside(diagram, numbers), *_separation(summary)]


def _separation(summary: Summary) -> list[Html]:
    """Show how far right readings score above what a threshold should refuse."""
    found = summary["separation"]
    if found["threshold"] is None:
        return []
    note = (
        "AUROC: how often a right reading scores higher than one of the others. "
        f"A threshold of {found['threshold']:.3f} keeps 95 % of the right readings; so many of the others pass it."
    )
    others = [
        (plain("wrong readings"), count(found["wrong"]), percent(found["auroc_wrong"]), percent(found["wrong_above"])),
        (
            plain("images with nothing to read"),
            count(found["negatives"]),
            percent(found["auroc_negatives"]),
            percent(found["negatives_above"]),
        ),
    ]
    rows = [
        (
            plain(f"{each['low']:.1f} – {each['high']:.1f}"),
            *(count(each[kind]) for kind in ("right", "wrong", "negatives")),
        )
        for each in found["bins"]
    ]
    return [
        paragraph(note),
        beside(
            table("Right readings against others", ("others", "images", "AUROC", "pass"), others),
            table("All images by score", ("score", "right", "wrong", "nothing to read"), rows),
        ),
    ]


def fonts(summary: Summary) -> list[Html]:
    """Show how each font was read."""
    rows = [
        (
            plain(row["font"] or "not known"),
            count(row["images"]),
            share_bar(row["acc"]),
            percent(row["cer"]),
            percent(row["mean_score"], 1),
        )
        for row in summary["per_font"]
    ]
    return [
        table(
            "Fonts, worst first", ("font", "images", "read exactly", "CER in clusters", "mean score"), rows, words=[2]
        )
    ]


def classes(summary: Summary) -> list[Html]:
    """Show the classes with the most errors, and all of them on demand."""
    rows = summary["per_class"]
    worst = sorted(rows, key=lambda row: (row["right"] - row["count"], row["acc"], row["label"]))[:WORST_CLASSES]
    wrong = [row for row in worst if row["right"] < row["count"]]
    pieces = [_class_table("Classes with the most errors", wrong)]
    return [*pieces, details(f"All {len(rows):,} classes", _class_table("All classes", rows))] if rows else pieces


def _class_table(caption: str, rows: Sequence[ClassRow]) -> Html:
    return table(
        caption,
        ("class", "mostly misread as", "in labels", "read right", "precision", "corpus count"),
        [
            (
                thai(row["label"]),
                plain("–") if row["confused_with"] is None else thai(row["confused_with"]),
                count(row["count"]),
                share_bar(row["acc"]),
                percent(row["precision"]),
                count(row["corpus"]),
            )
            for row in rows
        ],
        words=[1, 3],
    )


def _note(text: str) -> Html:
    return Html(f'<span class="note">{escape(text)}</span>')


def _threshold(summary: Summary) -> str:
    score = summary["calibration"]["score_at_coverage"]
    return "no images" if score is None else f"images with the highest scores, down to {score:.3f}"


def _how(found: Intervals) -> str:
    if found["groups"] < 2:
        return "; too few images for intervals"
    drawn = f"{found['resamples']:,} resamples of {found['groups']:,} {found['by']}s"
    return f"; {100 * found['level']:.0f} % intervals from {drawn}"


def _interval(found: Intervals, key: str) -> Html:
    edges = found["figures"].get(key)
    return plain("–" if edges is None else f"{100 * edges[0]:.2f} – {100 * edges[1]:.2f}")
