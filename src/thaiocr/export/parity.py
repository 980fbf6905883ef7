"""The gate: an exported model must read what was evaluated, or it does not leave.

N images  T time steps  K classes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from thaiocr.data.loader import Batches
from thaiocr.errors import GateError
from thaiocr.predict.bundle import Bundle
from thaiocr.predict.decode import greedy_decode
from thaiocr.predict.runtime import FILES, RUNTIMES
from thaiocr.progress import Progress

IMAGES: Final = 256


class Tolerance(NamedTuple):
    """How far an exported model may be from the trained one."""

    difference: float
    """Of any probability."""
    other_text: float = 0.0
    """Share of images that may read as something else."""


TOLERANCES: Final[Mapping[str, Tolerance]] = {
    "paddle": Tolerance(1e-3),
    "onnx": Tolerance(1e-3),
    "int8": Tolerance(1.0, other_text=0.05),
}
"""Engine -> what is allowed.

With 8 bits a class may be found a time step earlier or later: a difference of up to 1, and the same text. Texts change
where the trained network is in doubt: of 1,024 images, 83 % of which one read right, 17 changed, 3 of them from wrong
to right and 4 from right to wrong.
"""


@dataclass(frozen=True, slots=True)
class Parity:
    """How close an exported model is to the trained one."""

    engine: str
    images: int
    same_text: int
    max_difference: float
    """Of any probability."""
    size: int
    """Bytes of the network's files."""

    @property
    def is_close(self) -> bool:
        """Tell whether it is within the tolerance of its engine; not when a difference is NaN."""
        allowed = TOLERANCES[self.engine]
        is_same = self.images - self.same_text <= allowed.other_text * self.images
        return is_same and self.max_difference <= allowed.difference


def check_parity(
    model: nn.Layer, bundle: Bundle, batches: Batches, engines: Sequence[str], *, progress: Progress
) -> list[Parity]:
    """Compare the trained network with the exported ones on up to 256 images of the evaluation set.

    Raises:
        GateError: texts or probabilities that differ by more than `TOLERANCES` allow.
    """
    count = min(IMAGES, len(batches.data.samples))
    networks = {engine: RUNTIMES[engine](bundle.folder, threads=1) for engine in engines}
    same, worst = dict.fromkeys(engines, 0), dict.fromkeys(engines, 0.0)
    model.eval()
    with progress("comparing the exported model", count) as advance:
        for row in range(count):
            # One image at a time: that is how clients run it, and no padding beside wider images is involved.
            x_1Chw = batches.batch(np.array([row])).x_NChw
            wanted_1TK = _trained(model, x_1Chw)
            for engine, network in networks.items():
                found_1TK = network(x_1Chw)
                # np.maximum keeps NaN, max would drop it.
                worst[engine] = float(np.maximum(worst[engine], np.abs(found_1TK - wanted_1TK).max()))
                same[engine] += _text(found_1TK, bundle) == _text(wanted_1TK, bundle)
            advance(1)
    sizes = {engine: sum((bundle.folder / file).stat().st_size for file in FILES[engine]) for engine in engines}
    found = [Parity(engine, count, same[engine], worst[engine], sizes[engine]) for engine in engines]
    failed = [each for each in found if not each.is_close]
    if failed:
        raise GateError(
            f"no bundle written: the {each.engine} model reads {each.same_text} of {each.images} images as the "
            f"trained one does (allowed {1 - TOLERANCES[each.engine].other_text:.0%}), probabilities differ by up to "
            f"{each.max_difference:.2g} (allowed {TOLERANCES[each.engine].difference:g})"
            for each in failed
        )
    return found


def _trained(model: nn.Layer, x_NChw: NDArray[np.float32]) -> NDArray[np.float32]:
    with paddle.no_grad():
        return np.asarray(model(paddle.to_tensor(x_NChw)))


def _text(probabilities_1TK: NDArray[np.float32], bundle: Bundle) -> str:
    return greedy_decode(probabilities_1TK, bundle.codec)[0].text
