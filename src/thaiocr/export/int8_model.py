"""The ONNX model in 8 bits where that makes it smaller and faster: in plain convolutions, MatMul and LSTM.

Plain convolutions are quantized statically: what flows between them has 8 bits on scales that are written into the
model, from the smallest to the largest value that 256 images of the evaluation set gave. Three stay as they are: the
convolution that reads the image, where 8 bits cost accuracy and save no time; networks with depthwise convolutions,
whose speed is lost in converting to and fro; and sums that no convolution leads to. MatMul and LSTM find the scale of
their input while the network runs, one for all images of a batch: probabilities depend a little on which images are
read together. `export.parity` says how far they may be from the trained network's.

Weights of convolutions have 7 of the 8 bits. Processors without VNNI add two products in 16 bits, where those of 8 bits
would overflow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from thaiocr.data.loader import Batches
from thaiocr.errors import EnvironmentProblem
from thaiocr.predict.bundle import INT8, ONNX
from thaiocr.predict.reader import BATCH

IMAGES: Final = 256
"""Of the evaluation set, taken at equal distances; with 1,000 the scales read no better."""
DYNAMIC: Final = ("MatMul", "LSTM")
AFTER_CONVOLUTIONS: Final = ("Add", "Relu")
"""What passes 8 bits on from convolution to convolution."""


def write_int8_model(folder: Path, batches: Batches) -> None:
    """Write `inference.int8.onnx` beside `inference.onnx`; the same images make the same file.

    Args:
        folder: Where `inference.onnx` is.
        batches: The evaluation set, for the scales of what flows between convolutions.

    Raises:
        EnvironmentProblem: a package that ONNX Runtime's quantization needs is not installed.
    """
    try:
        from onnxruntime.quantization import QuantType, quant_pre_process, quantize_dynamic, quantize_static
    except ImportError as error:
        raise EnvironmentProblem(
            f"--int8 needs a package that is missing: {error}; run: pip install ml_dtypes"
        ) from error
    import onnx

    with TemporaryDirectory(dir=folder) as scratch, _quiet():
        # Makes constants of what paddle2onnx computes in nodes; only constants can be quantized.
        prepared = Path(scratch) / ONNX
        quant_pre_process(folder / ONNX, prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        if nodes := plain_convolutions(graph):
            half = Path(scratch) / INT8
            images = _Images(graph.input[0].name, batches)
            quantize_static(
                prepared,
                half,
                images,
                nodes_to_quantize=nodes,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            prepared = half
        quantize_dynamic(
            prepared, folder / INT8, op_types_to_quantize=list(DYNAMIC), per_channel=True, weight_type=QuantType.QInt8
        )


def plain_convolutions(graph: Any) -> list[str]:
    """Return the names of the nodes of an ONNX graph to quantize statically; none where a convolution is depthwise."""
    image = graph.input[0].name
    names: list[str] = []
    outputs: set[str] = set()
    for node in graph.node:  # each after those whose outputs it reads
        groups = next((each.i for each in node.attribute if each.name == "group"), 1)
        if node.op_type == "Conv" and groups > 1:
            return []
        is_inner = node.op_type == "Conv" and image not in node.input
        if is_inner or (node.op_type in AFTER_CONVOLUTIONS and outputs.intersection(node.input)):
            names.append(node.name)
            outputs.update(node.output)
    return names


class _Images:
    """Images in the form in which ONNX Runtime asks for them: a batch per call, then None."""

    def __init__(self, name: str, batches: Batches) -> None:
        last = len(batches.data.samples) - 1
        self.rows_N = np.unique(np.linspace(0, last, IMAGES).round().astype(np.intp))
        self.name = name
        self.batches = batches
        self.first = 0

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        rows_N = self.rows_N[self.first : self.first + BATCH]
        self.first += BATCH
        return {self.name: np.asarray(self.batches.batch(rows_N).x_NChw)} if rows_N.size else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what it says about nodes that it leaves out and tensors that it does not quantize."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        onnxruntime.set_default_logger_severity(2)
