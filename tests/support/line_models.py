"""A recogniser of lines that needs no training: the colour of a few columns of a picture is the class they show."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from thaiocr.data.images import Preprocess
from thaiocr.export.onnx_model import write_onnx_model
from thaiocr.export.paddle_model import write_client_yaml, write_paddle_model
from thaiocr.predict.bundle import DICTIONARY, Bundle, seal
from thaiocr.text.dictionary import Dictionary

HEIGHT: Final = 48
WIDTH: Final = 480
STEP: Final = 4
"""Columns of a time step in what `draw` draws."""
LEVELS: Final = 6
"""Of a colour channel: 0, 51, …, 255."""
BLANK: Final = 127
"""Grey; what a picture is filled up with is next to it."""
SHARPNESS: Final = 200


def colour(number: int) -> NDArray[np.float64]:
    """Return blue, green and red of a class."""
    if number == 0:
        return np.full(3, BLANK, np.float64)
    digits = (number // LEVELS**2, number // LEVELS % LEVELS, number % LEVELS)
    return np.array(digits) * (255.0 / (LEVELS - 1))


class Colours(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """x_NChw -> probabilities_NTK: of the classes those are probable whose colour is near."""

    def __init__(self, classes: int, step: int) -> None:
        super().__init__()
        self.step = step
        levels_KC = np.stack([colour(number) for number in range(classes)]) / 127.5 - 1
        self.linear = nn.Linear(3, classes)
        # The squared distance but for what is the same of all classes.
        self.linear.weight.set_value((2 * SHARPNESS * levels_KC.T).astype(np.float32))
        self.linear.bias.set_value((-SHARPNESS * (levels_KC**2).sum(axis=1)).astype(np.float32))

    def forward(self, x_NChw: paddle.Tensor) -> paddle.Tensor:
        """Average, compare."""
        means_NC1T = nn.functional.avg_pool2d(x_NChw, (HEIGHT, self.step), (HEIGHT, self.step))
        return nn.functional.softmax(self.linear(means_NC1T.squeeze(2).transpose([0, 2, 1])), axis=-1)


def write_bundle(folder: Path, dictionary: Dictionary, *, step: int = STEP) -> Bundle:
    """Write a bundle of lines of 3 x 48 x 480, with the space, for both engines; `step` columns are a time step."""
    folder.mkdir(parents=True)
    preprocess = Preprocess(image_shape=(3, HEIGHT, WIDTH))
    bundle = Bundle(folder=folder, preprocess=preprocess, dictionary=dictionary, use_space_char=True)
    dictionary.save(folder / DICTIONARY)
    write_client_yaml(bundle)
    write_paddle_model(Colours(bundle.codec.num_classes, step), bundle)
    write_onnx_model(folder)
    seal(bundle)
    return bundle


def draw(numbers: Iterable[int]) -> NDArray[np.uint8]:
    """Return the picture of a line [48, 12 * classes, 3]: two steps of colour and one of blank for each class."""
    row_TC = np.stack([colour(each) for number in numbers for each in (number, number, 0)])
    return np.tile(row_TC.repeat(STEP, axis=0)[None], (HEIGHT, 1, 1)).round().astype(np.uint8)
