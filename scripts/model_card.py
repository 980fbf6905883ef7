"""Put the figures of an evaluation into the model card; `scripts/train_default_model` runs this at its end.

    python scripts/model_card.py docs/model_card.md output/thai_cluster --parts DIR DIR --data DIR --bundle DIR

Everything between the two marks in the card is replaced. Refuses a small bundle that reads worse than the float one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from thaiocr.metrics.sets import markdown, rows_of_sets

START: Final = "<!-- figures: written by scripts/model_card.py -->"
END: Final = "<!-- end of figures -->"
HEADLINE: Final = "test_D"
MOST_LOST: Final = 0.002
"""Accuracy on set D that 8-bit weights may cost."""
SHOWN: Final = 15


def main() -> int:
    """Read the reports and write the card."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("card", type=Path)
    parser.add_argument(
        "run",
        type=Path,
        help="folder with evaluation/report.json, float.json and report.json",
    )
    parser.add_argument(
        "--parts",
        type=Path,
        nargs="*",
        default=[],
        help="folders of the parts of the training before the last one: report.json, and search.json where hard images "
        "were searched for afterwards",
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    args = parser.parse_args()
    sets = _load(args.run / "evaluation" / "report.json")["sets"]
    before, after = _load(args.run / "float.json")["acc"], sets[HEADLINE]["acc"]
    if before - after > MOST_LOST:
        print(
            f"8-bit weights cost {100 * (before - after):.2f} points on set D; ship the float bundle", file=sys.stderr
        )
        return 4
    text = args.card.read_text("utf-8")
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    body = "\n\n".join(_chapters(sets, before, args))
    args.card.write_text(f"{head}{START}\n{body}\n{END}{tail}", "utf-8")
    print(f"{args.card}: figures of {args.run}")
    return 0


def _chapters(sets: dict[str, Any], before: float, args: argparse.Namespace) -> Iterator[str]:
    bundle = _load(args.bundle / "bundle.json")
    manifest = _load(args.data / "manifest.json")
    size = sum(path.stat().st_size for path in args.bundle.iterdir())
    yield "### Where they come from"
    yield "\n".join(
        (
            f"- thaiocr {manifest['thaiocr']}, data of seed {manifest['request']['seed']}; "
            f"{_training(args.parts, args.run)}",
            f"- bundle of {size / 1e6:.1f} MB, scores at temperature {bundle['temperature']:.3f}; on set D it reads "
            f"{100 * sets[HEADLINE]['acc']:.2f} %, the float network {100 * before:.2f} %",
            *(
                f"- families of {name}: {', '.join(manifest['splits'][name]['families'])}"
                for name in ("train", "val", "test")
            ),
        )
    )
    yield "### All sets"
    yield "A: fonts and damage of training; B: held-out families; C: held-out kinds of damage; D: both."
    yield markdown(*rows_of_sets(sets))
    yield "### Families, set D"
    yield markdown(
        ["family", "images", "top-1, %", "CER, %"],
        [
            [row["font"], f"{row['images']:,}", f"{100 * row['acc']:.2f}", f"{100 * row['cer']:.2f}"]
            for row in sets[HEADLINE]["per_font"]
        ],
    )
    yield "### Look-alikes, set D: the most frequent, both ways"
    yield markdown(["label → read as", "times", "of", "and back", "times", "of"], list(_lookalikes(sets[HEADLINE])))
    if (args.run / "tesseract.json").is_file():
        yield "### Tesseract on images of set D"
        yield "\n".join(_tesseract(_load(args.run / "tesseract.json")))


def _training(parts: list[Path], run: Path) -> str:
    """Return how long training took, with the search for hard images."""
    trained = [_load(folder / "report.json")["seconds"] / 60 for folder in (*parts, run)]
    searched = sum(_load(path)["seconds"] / 60 for folder in parts if (path := folder / "search.json").is_file())
    text = f"trained for {sum(trained) + searched:.1f} minutes"
    if parts:
        text += f": {' + '.join(f'{minutes:.1f}' for minutes in trained)}"
    return text + (f", and {searched:.1f} to search for hard images" if searched else "")


def _lookalikes(found: dict[str, Any]) -> Iterator[list[str]]:
    ways = {(row["label"], row["text"]): row for row in found["lookalikes"]}
    pairs = [(ways[one, other], ways[other, one]) for one, other in ways if one < other]
    pairs.sort(key=lambda pair: -pair[0]["count"] - pair[1]["count"])
    for there, back in pairs[:SHOWN]:
        yield [cell for way in (there, back) for cell in _way(way)]


def _way(row: dict[str, Any]) -> tuple[str, str, str]:
    return f"{row['label']} → {row['text']}", str(row["count"]), f"{row['of']:,}"


def _tesseract(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['tesseract']}, its best of {len(found['all']['settings'])} settings, chosen on these images."
    yield ""
    header = ["entries", "reader", *found["all"]["thaiocr"]]
    rows = [
        [title, name, *(_percent(*figure) for figure in figures.values())]
        for title in ("all", "thai")
        for name, figures in found[title].items()
        if isinstance(figures, dict) and name != "settings"
    ]
    yield markdown(header, rows)


def _percent(value: float | None, bounds: list[float] | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}" + (f" ({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})" if bounds else "")


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


if __name__ == "__main__":
    raise SystemExit(main())
