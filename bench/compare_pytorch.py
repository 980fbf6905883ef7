"""A training step of the reference's CRNN (MobileNetV3-large 0.5) in PyTorch and here, in turns; one JSON line.

    python bench/compare_pytorch.py [--width 100] [--batch 128] [--classes 881] [--seconds 60]

Forward, CTC loss, backward, Adam on random images. Each framework runs in one process on all cores and in as many
processes as there are cores, one core each, which share the batch; none of them exchanges gradients. PyTorch also runs
with both layouts of images.

PyTorch is no dependency: TORCH_PYTHON names the Python of an environment that has it (`pip install torch numpy`; a
wheel without CUDA does); without it, this environment's own is asked.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack

from workers import serve, side_by_side

PARAMETERS_AT_881 = 1_614_679
TORCH = os.environ.get("TORCH_PYTHON", sys.executable)


def main() -> None:
    """Run the comparison, or be one of its workers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--classes", type=int, default=881)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--worker", choices=("pytorch", "thaiocr"), help=argparse.SUPPRESS)
    parser.add_argument("--channels-last", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        serve({"pytorch": pytorch_step, "thaiocr": thaiocr_step}[args.worker](args))
    else:
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """Measure all in turns and print."""
    from thaiocr.bench.measure import Result, machine, rates, take_turns
    from thaiocr.cli.common import bar

    version = subprocess.run([TORCH, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True)
    if version.returncode:
        sys.exit(f"{TORCH} has no PyTorch; set TORCH_PYTHON to a Python that has it, see --help")
    before, cores = machine(), len(os.sched_getaffinity(0))

    def words(framework: str, batch: int, *more: str) -> list[str]:
        python = TORCH if framework == "pytorch" else sys.executable
        size = ["--width", str(args.width), "--batch", str(batch), "--classes", str(args.classes)]
        return [python, __file__, "--worker", framework, *size, *more]

    share = args.batch // cores
    setups = {
        "PyTorch, 1 process": (words("pytorch", args.batch), 1),
        "PyTorch, 1 process, channels last": (words("pytorch", args.batch, "--channels-last"), 1),
        f"PyTorch, {cores} processes, channels last": (words("pytorch", share, "--channels-last"), cores),
        "thaiocr, 1 process": (words("thaiocr", args.batch), 1),
        f"thaiocr, {cores} processes": (words("thaiocr", share), cores),
    }
    with ExitStack() as stack:
        ways = {name: stack.enter_context(side_by_side(*setup)) for name, setup in setups.items()}
        times = take_turns(ways, seconds=args.seconds, label="training steps", progress=bar)
    figures = rates(times, share * cores)
    best = {
        framework: max(figure.median for figure in figures if figure.name.startswith(framework))
        for framework in ("thaiocr", "PyTorch")
    }
    result = Result(
        bench="compare_pytorch",
        figures=figures,
        options={"width": args.width, "batch": share * cores, "classes": args.classes},
        ratios={"thaiocr / PyTorch, each at its best": best["thaiocr"] / best["PyTorch"]},
        machine=before,
    )
    line = result.to_json()
    print(json.dumps({**line, "versions": {**line["versions"], "torch": version.stdout.strip()}}))


def pytorch_step(args: argparse.Namespace) -> Callable[[], None]:
    """Return one training step in PyTorch."""
    import torch
    from crnn_pytorch import CRNN
    from torch import nn

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    count = sum(each.numel() for each in CRNN(881).parameters())
    assert count == PARAMETERS_AT_881, f"{count} parameters: not the network that it is compared with"
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    model = CRNN(args.classes).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters())
    loss = nn.CTCLoss()
    x_N3HW = torch.rand(args.batch, 3, 32, args.width).contiguous(memory_format=layout)
    labels_N1, lengths_N = torch.ones(args.batch, 1, dtype=torch.long), torch.ones(args.batch, dtype=torch.long)

    def step() -> None:
        log_probabilities_TNK = model(x_N3HW).log_softmax(2)
        steps_N = torch.full((args.batch,), len(log_probabilities_TNK), dtype=torch.long)
        loss(log_probabilities_TNK, labels_N1, steps_N, lengths_N).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def thaiocr_step(args: argparse.Namespace) -> Callable[[], None]:
    """Return one training step as `thaiocr bench step` measures it."""
    from thaiocr.bench.step import Size, build_crnn, make_step
    from thaiocr.models import fast

    fast.tune_process()
    count = sum(each.size for each in build_crnn(881).parameters() if not each.stop_gradient)
    assert count == PARAMETERS_AT_881, f"{count} parameters: not the network that it is compared with"
    return make_step(Size(width=args.width, batch=args.batch, classes=args.classes))


if __name__ == "__main__":
    main()
