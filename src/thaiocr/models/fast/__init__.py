"""MobileNetV3 on the CPU, channels last: same parameters, same numbers, several times the speed.

Paddle's CPU kernels filter depthwise on one thread, multiply matrices one image at a time and read every activation
once more for each small operation. Here an image is [H, W, C]: a 1 x 1 convolution of a whole batch is one matrix
product, a depthwise one runs along the channels, and normalisation and activation are one pass. Figures:
docs/performance.md.

Nothing depends on this package: without numba, on a GPU, in an exported network or with THAIOCR_FAST_CPU=0 the same
layers run through paddle's own operations.
"""

from __future__ import annotations

import ctypes
import os
import platform
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import paddle
from threadpoolctl import threadpool_limits

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
"""From glibc's malloc.h."""

IS_WANTED = os.environ.get("THAIOCR_FAST_CPU", "1") != "0" and find_spec("numba") is not None


def is_usable(x: paddle.Tensor) -> bool:
    """Tell whether the kernels can take these images now; they give no gradient by the images."""
    return takes(x) and bool(x.stop_gradient)


def takes(x: paddle.Tensor) -> bool:
    """Tell whether the kernels can take this tensor now."""
    if not IS_WANTED or not paddle.in_dynamic_mode():  # a tensor of an exported network has no place
        return False
    return bool(x.place.is_cpu_place() and x.dtype == paddle.float32)


def cores() -> int:
    """Return over how many cores the kernels spread; only where numba is installed."""
    from thaiocr.models.fast import parallel

    return parallel.in_use()


def use_one_core() -> None:
    """Compute on one core from now on: how a sum is split over threads changes its last bits."""
    paddle.base.core.set_num_threads(1)
    threadpool_limits(1)
    if find_spec("numba") is not None:
        from thaiocr.models.fast import parallel

        parallel.use_cores(1)


def tune_process() -> None:
    """Set what this process's libraries read once: call it before the first matrix product.

    The old MKL inside paddle's wheel falls back to SSE on AMD processors unless it is told to use AVX2. And glibc gives
    every large block back to the system when it is freed, only to have the next step fault it in again, page by page.
    """
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() == "x86_64" and cpuinfo.exists() and "AuthenticAMD" in cpuinfo.read_text(encoding="utf-8"):
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, 1 << 30)
