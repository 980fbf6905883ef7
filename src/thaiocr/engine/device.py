"""What a process computes on."""

from __future__ import annotations

import paddle

from thaiocr.config import schema
from thaiocr.errors import EnvironmentProblem
from thaiocr.models import fast


def has_gpu() -> bool:
    """Tell whether paddle can compute on a GPU here."""
    return bool(paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count())


def use_device(config: schema.AnyConfig) -> None:
    """Select GPU or CPU, and with `Global.deterministic` what makes the same run on any number of cores.

    Raises:
        EnvironmentProblem: a GPU is asked for and there is none.
    """
    if not config.run.use_gpu:
        fast.tune_process()
        if config.run.deterministic:
            fast.use_one_core()
        paddle.set_device("cpu")
    elif has_gpu():
        paddle.set_flags({"FLAGS_cudnn_deterministic": config.run.deterministic})
        paddle.set_device("gpu")
    else:
        raise EnvironmentProblem(
            "Global.use_gpu is true, but paddle sees no GPU here; "
            "add -o Global.use_gpu=false to train on the CPU, or install paddlepaddle-gpu and its driver"
        )
