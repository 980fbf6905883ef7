"""What the `manifest.json` of a synthetic data set knows about its images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thaiocr.errors import DataError


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of `thaiocr synth` in a folder, {} where there is none.

    Raises:
        DataError: there is one and it is damaged.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); make the data set again, or remove the file") from error
    return manifest if isinstance(manifest, dict) and "fonts" in manifest else {}


def font_families(folder: Path) -> dict[str, str]:
    """Return image name, as label files spell it -> font family; {} where nothing is known.

    Raises:
        DataError: as `read_manifest`.
    """
    manifest = read_manifest(folder)
    names = [font["family"] for font in manifest.get("fonts", ())]
    return {
        f"{split['folder']}/{number:06}.jpg": names[font]
        for split in manifest.get("splits", {}).values()
        for number, font in enumerate(split["images"]["font"], start=1)
    }


def same_pictures(folder: Path) -> dict[str, Mapping[str, tuple[str, ...]]]:
    """Return image name -> text -> the texts that look the same in the image's font; {} where nothing is known.

    Raises:
        DataError: as `read_manifest`.
    """
    manifest = read_manifest(folder)
    twins: dict[int, dict[str, tuple[str, ...]]] = {}
    for font, pairs in manifest.get("same_pictures", {}).items():
        others = twins.setdefault(int(font), {})
        for one, other in pairs:
            others[one] = (*others.get(one, ()), other)
            others[other] = (*others.get(other, ()), one)
    return {
        f"{split['folder']}/{number:06}.jpg": twins[font]
        for split in manifest.get("splits", {}).values()
        for number, font in enumerate(split["images"]["font"], start=1)
        if font in twins
    }


def page_designs(folder: Path) -> dict[str, str]:
    """Return image name, as label files spell it -> design of the page; {} where nothing is known.

    Raises:
        DataError: as `read_manifest`.
    """
    return {
        f"{split['folder']}/{number:06}.jpg": split["designs"][design]
        for split in read_manifest(folder).get("splits", {}).values()
        for number, design in enumerate(split["images"].get("design", ()), start=1)
    }
