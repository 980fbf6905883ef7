"""Fonts that are both trained and tested on, where a synthetic data set's manifest knows what its images show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thaiocr.data.findings import Finding
from thaiocr.data.manifest import read_manifest
from thaiocr.data.splits import Split
from thaiocr.errors import DataError

SEEN_ON_PURPOSE: Final = frozenset({"A", "C", "E"})
"""Evaluation sets of `thaiocr synth` that are meant to show the fonts of train: they test damage or words."""


@dataclass(frozen=True, slots=True)
class Fonts:
    """What the images of one label file are drawn with."""

    families: frozenset[str]
    hashes: frozenset[str]
    """SHA-256 of the font files."""
    evaluation_set: str


def fonts_of(label_file: Path, data_dir: Path) -> Fonts | None:
    """Return the fonts of a label file's images by the manifest beside it or in its data folder; None: not known."""
    for folder in dict.fromkeys((label_file.parent, data_dir)):
        # A manifest of another tool, or a damaged one, knows nothing of fonts.
        with suppress(DataError, LookupError, TypeError, AttributeError):
            manifest = read_manifest(folder)
            for split in manifest.get("splits", {}).values():
                if (folder / split["labels"]).resolve() == label_file.resolve():
                    return _fonts(manifest["fonts"], split)
    return None


def _fonts(fonts: Sequence[dict[str, Any]], split: dict[str, Any]) -> Fonts:
    used = [fonts[number] for number in sorted(set(split["images"]["font"]))]
    families, hashes = (frozenset(str(font[key]) for font in used) for key in ("family", "sha256"))
    return Fonts(families, hashes, str(split.get("evaluation_set", "")))


def font_leaks(train: Split, evaluation: Split) -> Iterator[Finding]:
    """Yield a finding for each label file of Eval that shows font families, or font files, of one of Train."""
    trained = [(name, fonts_of(Path(name), Path(train.dataset.data_dir))) for name in train.dataset.label_file_list]
    for tested_name in evaluation.dataset.label_file_list:
        tested = fonts_of(Path(tested_name), Path(evaluation.dataset.data_dir))
        if tested is None or tested.evaluation_set in SEEN_ON_PURPOSE:
            continue
        for name, fonts in trained:
            if fonts is None or name == tested_name:
                continue
            families, files = sorted(fonts.families & tested.families), len(fonts.hashes & tested.hashes)
            if families or files:
                reason = (
                    f"shows fonts of {name}: families {', '.join(families) or 'of other names'}; {files} font files"
                )
                yield Finding("font_leak", "Eval", tested_name, "", f"{reason} are the same")
