"""A training step: on the CPU paddle's own operations against `models/fast`, in turns; on a GPU paddle's.

N images  H, W pixels
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final, Literal

import paddle

from thaiocr.bench.measure import Result, machine, rates, take_turns
from thaiocr.config import schema
from thaiocr.config.presets import preset
from thaiocr.engine.device import has_gpu
from thaiocr.engine.loop import train_step
from thaiocr.engine.optim import peak
from thaiocr.engine.precision import build_precision
from thaiocr.engine.trial import trial_run
from thaiocr.errors import EnvironmentProblem
from thaiocr.losses.ctc import CTCLoss
from thaiocr.models import build_model, fast
from thaiocr.models.recognizer import Recognizer
from thaiocr.progress import Progress

HEIGHT: Final = 32
BATCHES: Final = 4
"""Of a configuration's first epoch, which steps take in turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Of the input, and of the output."""

    width: int = 100
    """Pixels; the height is the network's."""
    batch: int = 128
    classes: int = 881
    """Blank among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """What computes, and how exactly."""

    name: Literal["cpu", "gpu"] = "cpu"
    amp_level: Literal["O1", "O2"] | None = None
    """Mixed precision; None: float32."""
    amp_dtype: Literal["float16", "bfloat16"] = "bfloat16"

    def options(self) -> schema.Global:
        """Return what a configuration says of it."""
        return replace(
            preset("rec", "dev").run,
            use_gpu=self.name == "gpu",
            use_amp=self.amp_level is not None,
            amp_level=self.amp_level or "O1",
            amp_dtype=self.amp_dtype,
        )


def bench_step(size: Size, device: Device, *, seconds: float, progress: Progress) -> Result:
    """Measure forward, CTC loss, backward and Adam of the reference's CRNN (MobileNetV3-large 0.5) on random images.

    Raises:
        EnvironmentProblem: there is no GPU, or it cannot compute in that precision.
    """
    options = device.options()
    if options.use_gpu and not has_gpu():
        raise EnvironmentProblem(
            "bench step: --device gpu, but paddle sees no GPU here; install paddlepaddle-gpu and its driver, or leave "
            "--device out"
        )
    fast.tune_process()
    paddle.set_device(device.name)
    before, step = machine(), make_step(size, options)
    ways = _ways(step, is_on_gpu=options.use_gpu)
    times = take_turns(ways, seconds=seconds, label="training steps", progress=progress)
    return _result(times, size.batch, {**asdict(size), **_computing(options)}, before)


def bench_config(config: schema.Config, name: str, *, seconds: float, progress: Progress) -> Result:
    """Measure whole steps of a configuration, on its own data: guide, clipping, averaging and precision included.

    Raises:
        ThaiOcrError: as `trial_run`; dictionary, labels and images have to be there.
        KeyboardInterrupt: stopped by a signal.
    """
    before = machine()
    with trial_run(config, peak(config.optimizer.lr), progress=progress) as (run, _stop):
        batches = list(islice(run.train.epoch(0), BATCHES))
        images = min(batch.all_images for batch in batches)
        served = cycle(batch for batch in batches if batch.all_images == images)

        def step() -> None:
            train_step(run, next(served))

        ways = _ways(step, is_on_gpu=config.run.use_gpu)
        times = take_turns(ways, seconds=seconds, label="training steps", progress=progress)
        options = {"config": Path(name).name, "batch": images, "classes": run.codec.num_classes}
        shape = list(batches[0].x_NChw.shape[1:])
    return _result(times, images, {**options, "image_shape": shape, **_computing(config.run)}, before)


def build_crnn(classes: int) -> Recognizer:
    """Return the reference's network: CRNN, MobileNetV3-large 0.5, a BiLSTM of 96."""
    return build_model(preset("rec", "dev").architecture, classes)


def make_step(size: Size, options: schema.Global | None = None) -> Callable[[], None]:
    """Return a function that makes one training step on random images, on paddle's current device.

    Args:
        size: Of input and output.
        options: With the precision; left out: float32.

    Raises:
        EnvironmentProblem: the device cannot compute in that precision.
    """
    model = build_crnn(size.classes)
    model.train()
    optimizer = paddle.optimizer.Adam(parameters=model.parameters())
    precision = build_precision(options or Device().options(), model, optimizer)
    loss = CTCLoss()
    x_N3HW = paddle.rand([size.batch, 3, HEIGHT, size.width])
    labels_N1, lengths_N = paddle.ones([size.batch, 1], dtype="int32"), paddle.ones([size.batch], dtype="int64")

    def step() -> None:
        with precision.training():
            logits_NTK = model(x_N3HW)
        precision.backward(loss(logits_NTK, labels_N1, lengths_N))
        optimizer.step()
        optimizer.clear_grad()

    return step


def _ways(step: Callable[[], None], *, is_on_gpu: bool) -> dict[str, Callable[[], None]]:
    """Return the ways in which a step can be made here: the kernels are for CPUs that have numba."""
    if is_on_gpu:
        return {"paddle": partial(_to_its_end, step)}
    names = {"paddle": False, "fast": True} if fast.IS_WANTED else {"paddle": False}
    return {name: partial(_with_kernels, step, is_wanted=is_wanted) for name, is_wanted in names.items()}


def _to_its_end(step: Callable[[], None]) -> None:
    """Make a step and wait for the GPU, which has only been told what to compute when a call returns."""
    step()
    paddle.device.synchronize()


def _with_kernels(step: Callable[[], None], *, is_wanted: bool) -> None:
    before = fast.IS_WANTED
    fast.IS_WANTED = is_wanted
    try:
        step()
    finally:
        fast.IS_WANTED = before


def _computing(options: schema.Global) -> dict[str, str]:
    """Return what a result says of device and precision."""
    gpu = {"gpu": str(paddle.device.cuda.get_device_name())} if options.use_gpu else {}
    amp = {"amp": f"{options.amp_level} {options.amp_dtype}"} if options.use_amp else {}
    return {"device": str(paddle.get_device()), **gpu, **amp}


def _result(
    times: Mapping[str, list[float]], images: int, options: Mapping[str, Any], before: Mapping[str, Any]
) -> Result:
    figures = rates(times, images)
    medians = {figure.name: figure.median for figure in figures}
    ratios = {"fast / paddle": medians["fast"] / medians["paddle"]} if "fast" in medians else {}
    return Result(bench="step", figures=figures, options=options, ratios=ratios, machine=before)
