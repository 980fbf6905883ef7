"""Read PaddleOCR's pickled files without running anything that they contain.

`.pdparams`, `.pdopt` and `.states` are pickles. A pickle may name any function for the reader to call; this one knows
the handful that numpy arrays and plain containers need and refuses the file at the first other name.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy._core.multiarray import _reconstruct, scalar

from thaiocr.errors import DataError


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, which old pickles use to hold bytes as latin-1 text."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"encoding {encoding!r} is not expected")
    return text.encode("latin1")


ALLOWED: Final[Mapping[tuple[str, str], Callable[..., Any]]] = {
    ("builtins", "tuple"): tuple,
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _latin1,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): scalar,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "scalar"): scalar,
    ("numpy._core.numeric", "_frombuffer"): np.frombuffer,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks to run {module}.{name}") from None


def read_pickle(path: Path) -> Any:
    """Return the plain data of a pickled file: dicts, lists, numbers, text, numpy arrays.

    Raises:
        DataError: missing, unreadable, damaged, or it contains anything but plain data.
    """
    try:
        return _Reader(io.BytesIO(path.read_bytes())).load()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot read: {error.strerror}") from error
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(f"{path}: refused, not a plain checkpoint file: {error}") from error
