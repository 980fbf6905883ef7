"""Run a bundle's network: x_NChw -> probabilities_NTK, on ONNX Runtime or on Paddle Inference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thaiocr.errors import DataError, EnvironmentProblem
from thaiocr.predict.bundle import ONNX, PADDLE

Network: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def load_onnx(folder: Path, *, threads: int) -> Network:
    """Load `inference.onnx`; needs no paddle.

    Raises:
        DataError: the bundle has no ONNX model.
    """
    import onnxruntime

    path = folder / ONNX
    if not path.exists():
        raise DataError(f"{path}: the bundle has no ONNX model; export it with --onnx, or read with --engine paddle")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(x_NChw: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {name: x_NChw})[0])

    return run


def load_paddle(folder: Path, *, threads: int) -> Network:
    """Load `inference.json` and `.pdiparams`.

    Raises:
        EnvironmentProblem: paddle is not installed.
    """
    try:
        from paddle import inference
    except ImportError as error:
        raise EnvironmentProblem("--engine paddle needs paddlepaddle; run: pip install paddlepaddle") from error
    config = inference.Config(str(folder / f"{PADDLE}.json"), str(folder / f"{PADDLE}.pdiparams"))
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(threads)
    predictor: Any = inference.create_predictor(config)
    entrance = predictor.get_input_handle(predictor.get_input_names()[0])
    exit_ = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(x_NChw: NDArray[np.float32]) -> NDArray[np.float32]:
        entrance.copy_from_cpu(x_NChw)
        predictor.run()
        return np.asarray(exit_.copy_to_cpu())

    return run


RUNTIMES: Final[Mapping[str, Callable[..., Network]]] = {"onnx": load_onnx, "paddle": load_paddle}
