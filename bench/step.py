"""Images per second of a CPU training step: paddle's own operations against `models/fast`, in turns in one run.

CRNN, MobileNetV3-large 0.5, forward, CTC, backward, Adam. Prints one JSON line.

    python bench/step.py --width 100 --batch 128 --classes 881
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from thaiocr.models import fast

fast.tune_process()

import paddle  # noqa: E402 - after the choice of MKL's code path

from thaiocr.config import schema  # noqa: E402
from thaiocr.losses.ctc import CTCLoss  # noqa: E402
from thaiocr.models import build_model  # noqa: E402


def make_step(width: int, batch: int, classes: int) -> Callable[[], None]:
    """Return a function that does one training step on random images."""
    architecture = schema.Architecture(
        backbone=schema.MobileNetV3(model_name="large", scale=0.5),
        neck=schema.SequenceEncoder(hidden_size=96),
        head=schema.CTCHead(fc_decay=1e-5),
    )
    model = build_model(architecture, classes)
    model.train()
    optimizer = paddle.optimizer.Adam(parameters=model.parameters())
    loss = CTCLoss()
    x_N3HW = paddle.rand([batch, 3, 32, width])
    labels_N1, lengths_N = paddle.ones([batch, 1], dtype="int32"), paddle.ones([batch], dtype="int64")

    def step() -> None:
        loss(model(x_N3HW), labels_N1, lengths_N).backward()
        optimizer.step()
        optimizer.clear_grad()

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--classes", type=int, default=881)
    parser.add_argument("--steps", type=int, default=5)
    args = parser.parse_args()
    step = make_step(args.width, args.batch, args.classes)
    seconds: dict[str, list[float]] = {"paddle": [], "fast": []}
    for turn in range(args.steps + 1):
        for name, times in seconds.items():
            fast.IS_WANTED = name == "fast"
            started = time.perf_counter()
            step()
            if turn:  # the first turn compiles
                times.append(time.perf_counter() - started)
    rates = {name: sorted(args.batch / each for each in times) for name, times in seconds.items()}
    medians = {name: statistics.median(values) for name, values in rates.items()}
    result = {
        "bench": "step",
        "images_per_s": {name: round(value, 1) for name, value in medians.items()},
        "spread": {name: [round(values[0], 1), round(values[-1], 1)] for name, values in rates.items()},
        "ratio": round(medians["fast"] / medians["paddle"], 2),
        "width": args.width,
        "batch": args.batch,
        "classes": args.classes,
        "paddle": paddle.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
