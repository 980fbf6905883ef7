"""Run a bundle's network: x_NChw -> probabilities_NTK, on ONNX Runtime or on Paddle Inference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thaiocr.errors import DataError, EnvironmentProblem
from thaiocr.predict.bundle import INT8, ONNX, PADDLE

Network: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""May be called from several threads at once."""


def load_network(folder: Path, engine: str | None = None, *, threads: int) -> Network:
    """Load a bundle's network.

    Args:
        folder: The bundle.
        engine: A name of `RUNTIMES`; the first that the bundle has the files for when left out.
        threads: Of one call.

    Raises:
        DataError: the bundle has no such model, or one that cannot be loaded.
        EnvironmentProblem: what runs it is not installed.
    """
    there = [name for name, files in FILES.items() if all((folder / file).exists() for file in files)]
    if not there:
        raise DataError(f"{folder}: the bundle holds no network; export it again")
    if engine and engine not in there:
        raise DataError(
            f"{folder / FILES[engine][0]}: the bundle has no such model; "
            f"export it with --{engine}, or read with --engine {' or '.join(there)}"
        )
    return RUNTIMES[engine or there[0]](folder, threads=threads)


def load_onnx(folder: Path, *, threads: int, file: str = ONNX) -> Network:
    """Load an ONNX model; needs no paddle.

    Raises:
        DataError: ONNX Runtime cannot load it.
        EnvironmentProblem: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise EnvironmentProblem("--engine onnx needs onnxruntime; run: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(folder / file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no class in common
        reason = str(error).strip().splitlines()[-1]
        version = onnxruntime.__version__
        raise DataError(f"{folder / file}: ONNX Runtime {version} cannot load the model: {reason}") from error
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
    turn = Lock()

    def run(x_NChw: NDArray[np.float32]) -> NDArray[np.float32]:
        with turn:
            entrance.copy_from_cpu(x_NChw)
            predictor.run()
            return np.asarray(exit_.copy_to_cpu())

    return run


RUNTIMES: Final[Mapping[str, Callable[..., Network]]] = {
    "onnx": load_onnx,
    "int8": partial(load_onnx, file=INT8),
    "paddle": load_paddle,
}
"""Engine -> what loads its network, the one to prefer first."""
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "onnx": (ONNX,),
    "int8": (INT8,),
    "paddle": (f"{PADDLE}.json", f"{PADDLE}.pdiparams"),
}
"""Engine -> the files that it needs."""
