"""How sure a network is of images that show nothing to read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from thaiocr.data.images import Pixels, Preprocess, find_images, fit, normalize, read_image
from thaiocr.engine.evaluate import Network
from thaiocr.errors import DataError
from thaiocr.predict.decode import greedy_decode
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec

BATCH: Final = 32
SHOWN: Final = 5
"""Unreadable images that a message names."""


def score_negatives(
    network: Network,
    folders: Sequence[str],
    preprocess: Preprocess,
    codec: Codec,
    *,
    temperature: float,
    progress: Progress,
) -> list[float]:
    """Return the score of every image of folders; 0 where nothing is read.

    Args:
        network: What reads.
        folders: With images of blank paper, noise, drawings, other scripts: anything that no entry is in.
        preprocess: How images become its input.
        codec: Of its dictionary.
        temperature: Of scores.
        progress: Shows the images done.

    Raises:
        DataError: a folder holds no image, or images cannot be read.
    """
    found = {folder: find_images(Path(folder)) for folder in folders}
    if empty := [f"{folder}: no image in this folder" for folder, paths in found.items() if not paths]:
        raise DataError(empty)
    paths = list(chain.from_iterable(found.values()))
    scores: list[float] = []
    problems: list[str] = []
    with progress("reading negatives", len(paths)) as advance:
        for first in range(0, len(paths), BATCH):
            batch = paths[first : first + BATCH]
            if fitted := _fit(batch, preprocess, problems):
                pixels_NhwC, filled_N = np.stack([pixels for pixels, _ in fitted]), [filled for _, filled in fitted]
                probabilities_NTK = network(normalize(pixels_NhwC, np.array(filled_N)))
                scores += [each.score for each in greedy_decode(probabilities_NTK, codec, temperature=temperature)]
            advance(len(batch))
    if problems:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise DataError([*problems[:SHOWN], *more])
    return scores


def _fit(paths: Sequence[Path], preprocess: Preprocess, problems: list[str]) -> list[tuple[Pixels, int]]:
    """Return the images that can be read, as `fit` gives them; what is wrong with the others goes to `problems`."""
    fitted = []
    for path in paths:
        try:
            fitted.append(fit(read_image(path), preprocess))
        except DataError as error:
            problems += error.problems
    return fitted
