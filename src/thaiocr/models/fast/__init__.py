"""MobileNetV3 on the CPU, channels last: same parameters, same numbers, several times the speed.

Paddle's CPU kernels filter depthwise on one thread, multiply matrices one image at a time and read every activation
once more for each small operation. Here an image is [H, W, C]: a 1 x 1 convolution of a whole batch is one matrix
product, a depthwise one runs along the channels, and normalisation and activation are one pass. Figures:
docs/performance.md.

Nothing depends on this package: without numba, on a GPU, in an exported network or with THAIOCR_FAST_CPU=0 the same
layers run through paddle's own operations.
"""

from __future__ import annotations

import os
import platform
from importlib.util import find_spec
from pathlib import Path

import paddle

IS_WANTED = os.environ.get("THAIOCR_FAST_CPU", "1") != "0" and find_spec("numba") is not None


def is_usable(x: paddle.Tensor) -> bool:
    """Tell whether the kernels can take this tensor now."""
    return IS_WANTED and paddle.in_dynamic_mode() and x.place.is_cpu_place() and x.dtype == paddle.float32


def prefer_avx2_on_amd() -> None:
    """Let the old MKL inside paddle's wheel use AVX2 on AMD processors, where it otherwise falls back to SSE.

    Has to be called before the first matrix product of the process.
    """
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() == "x86_64" and cpuinfo.exists() and "AuthenticAMD" in cpuinfo.read_text(encoding="utf-8"):
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")
