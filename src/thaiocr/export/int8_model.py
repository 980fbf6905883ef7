"""The ONNX model with weights of 8 bits where that makes it smaller and faster: in MatMul and LSTM.

Convolutions stay as they are: with 8 bits ONNX Runtime takes several times as long for them. Activations get 8 bits
while the network runs, on a scale that suits all images of a batch: probabilities depend a little on which images are
read together. `export.parity` says how far they may be from the trained network's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from thaiocr.errors import EnvironmentProblem
from thaiocr.predict.bundle import INT8, ONNX

OPERATORS: Final = ("MatMul", "LSTM")


def write_int8_model(folder: Path) -> None:
    """Write `inference.int8.onnx` beside `inference.onnx`.

    Raises:
        EnvironmentProblem: a package that ONNX Runtime's quantization needs is not installed.
    """
    try:
        from onnxruntime.quantization import QuantType, quant_pre_process, quantize_dynamic
    except ImportError as error:
        raise EnvironmentProblem(
            f"--int8 needs a package that is missing: {error}; run: pip install ml_dtypes"
        ) from error
    with TemporaryDirectory(dir=folder) as scratch, _quiet():
        # Makes constants of what paddle2onnx computes in nodes; only constants can be quantized.
        prepared = Path(scratch) / ONNX
        quant_pre_process(folder / ONNX, prepared, skip_symbolic_shape=True)
        quantize_dynamic(
            prepared, folder / INT8, op_types_to_quantize=list(OPERATORS), per_channel=True, weight_type=QuantType.QInt8
        )


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
