"""The trained model that comes with thaiocr: a bundle as `thaiocr export` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import thaiocr
from thaiocr.errors import UsageError
from thaiocr.predict.bundle import MANIFEST

NAME: Final = "thai_cluster"
_PACKAGE: Final = Path(thaiocr.__file__).parent
PLACES: Final = (_PACKAGE / "pretrained", _PACKAGE.parents[1] / "models")
"""In an installed package, in a source checkout."""


def pretrained_bundle(places: Sequence[Path] = PLACES) -> Path:
    """Return the folder of the bundle that comes with thaiocr; it reads single Thai grapheme clusters.

    Args:
        places: Folders that may hold it under its name.

    Raises:
        UsageError: none came with this installation.
    """
    for place in places:
        if (place / NAME / MANIFEST).is_file():
            return place / NAME
    raise UsageError("no trained model comes with this thaiocr; give --bundle DIR, which `thaiocr export` writes")
