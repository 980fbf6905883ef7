"""A bundle of a network that has learnt nothing: it takes as long to read as a trained one of the same size."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thaiocr.bench.step import build_crnn
from thaiocr.data.images import Preprocess
from thaiocr.errors import UsageError
from thaiocr.export.onnx_model import write_onnx_model
from thaiocr.export.paddle_model import write_client_yaml, write_paddle_model
from thaiocr.predict.bundle import DICTIONARY, Bundle, open_bundle, seal
from thaiocr.text.dictionary import Dictionary

HEIGHT: Final = 32
FIRST_ENTRY: Final = 0xAC00
MOST_CLASSES: Final = 1 + 11172
"""Blank and the Hangul syllables, which make a dictionary of any size: each is one code point in normal form."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Of the input, and of the output, of a network that is made for the bench."""

    width: int = 100
    """Pixels; the height is the network's."""
    classes: int = 881
    """Blank among them."""


@contextmanager
def bundle_to_measure(folder: Path | None, size: Size) -> Iterator[Bundle]:
    """Open the bundle in `folder`, or one that is made for the while: the reference's CRNN without any training.

    Raises:
        DataError: the folder is no bundle, or a damaged one.
        UsageError: more classes than a dictionary can be made up for.
    """
    if folder is not None:
        yield open_bundle(folder)
        return
    if size.classes > MOST_CLASSES:
        raise UsageError(f"--classes {size.classes}: at most {MOST_CLASSES} here")
    with tempfile.TemporaryDirectory(prefix="thaiocr-") as name:
        bundle = Bundle(
            folder=Path(name),
            preprocess=Preprocess(image_shape=(3, HEIGHT, size.width)),
            dictionary=Dictionary(tuple(chr(FIRST_ENTRY + index) for index in range(size.classes - 1))),
            use_space_char=False,
        )
        write_paddle_model(build_crnn(size.classes), bundle)
        write_client_yaml(bundle)
        bundle.dictionary.save(bundle.folder / DICTIONARY)
        write_onnx_model(bundle.folder)
        seal(bundle)
        yield bundle
