"""What the `manifest.json` of a synthetic data set knows about its images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from thaiocr.errors import DataError


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of `thaiocr synth rec` in a folder, {} where there is none.

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
