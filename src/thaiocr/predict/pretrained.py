"""The trained models that come with thaiocr: bundles as `thaiocr export` writes them, called by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import thaiocr
from thaiocr.errors import DataError, UsageError, did_you_mean
from thaiocr.predict.bundle import MANIFEST

CLUSTER: Final = "thai_cluster"
"""Reads an image of one Thai grapheme cluster."""
LINE: Final = "thai_line"
"""Reads an image of one line of Thai."""
DETECTION: Final = "thai_det"
"""Finds the lines of a page."""
_PACKAGE: Final = Path(thaiocr.__file__).parent
PLACES: Final = (_PACKAGE / "pretrained", _PACKAGE.parents[1] / "models")
"""In an installed package, in a source checkout."""


def pretrained_names() -> list[str]:
    """Return the names of the models that come with this installation."""
    return sorted({manifest.parent.name for place in PLACES for manifest in place.glob(f"*/{MANIFEST}")})


def pretrained_bundle(name: str) -> Path:
    """Return the folder of a bundle that comes with thaiocr.

    Raises:
        UsageError: it did not come with this installation.
    """
    for place in PLACES:
        if (place / name / MANIFEST).is_file():
            return place / name
    raise UsageError(
        f"{name}: this trained model does not come with this thaiocr; name a folder that `thaiocr export` wrote"
    )


def find_bundle(given: str | None, default: str) -> Path:
    """Return the folder of the bundle that a user asked for.

    Args:
        given: A folder, or the name of a model that comes with thaiocr; a folder of that name comes first.
        default: The name that stands in where nothing was given.

    Raises:
        UsageError: nothing was given, and no model came with this installation.
        DataError: neither such a folder nor such a model exists.
    """
    if given is None:
        return pretrained_bundle(default)
    if Path(given).exists():
        return Path(given)
    names = pretrained_names()
    if given in names:
        return pretrained_bundle(given)
    advice = f"; models that come with thaiocr: {', '.join(names)}{did_you_mean(given, names)}" if names else ""
    raise DataError(f"{given}: not a bundle, there is no such folder{advice}")
