"""The Paddle model as ONNX."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Final

from thaiocr.errors import ThaiOcrError
from thaiocr.predict.bundle import ONNX, PADDLE

OPSET: Final = 14


def write_onnx_model(folder: Path) -> None:
    """Convert the bundle's Paddle model to `inference.onnx`.

    Raises:
        ThaiOcrError: the converter refuses the network.
    """
    import paddle2onnx

    target = folder / ONNX
    with _quiet():
        paddle2onnx.export(
            str(folder / f"{PADDLE}.json"),
            str(folder / f"{PADDLE}.pdiparams"),
            str(target),
            opset_version=OPSET,
            # Its default optimizer installs packages with pip while it runs.
            optimize_tool="None",
        )
    if not target.exists():
        raise ThaiOcrError(f"{target}: paddle2onnx could not convert the model")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the converter, whose Python and C++ code write to the standard output, where `--json` prints."""
    saved = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)
