"""Images per second of `thaiocr train` in one process and in several, in turns, at the same size of a step.

Takes any configuration whose data are there; nothing of its run is touched. Prints one JSON line.

    python bench/compare_processes.py -c rec.yml --nproc 1 2 --steps 100
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from thaiocr.bench.measure import Figure, Result, machine
from thaiocr.config.load import load_config

EVERY = 10
"""Steps between two figures; the first one, which compiles and warms up, does not count."""


def figures(run: Path) -> list[float]:
    """Return the images per second that a run has recorded so far."""
    path = run / "metrics.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [record["images_per_s"] for record in map(json.loads, lines) if record["event"] == "train"][1:]


def measure(config: str, processes: int, batch: int, steps: int) -> list[float]:
    """Train for a while, then stop."""
    with tempfile.TemporaryDirectory() as folder:
        changes = [
            f"Global.save_model_dir={folder}/run",
            f"Global.print_batch_step={EVERY}",
            f"Train.loader.batch_size_per_card={batch // processes}",
        ]
        words = [sys.executable, "-m", "thaiocr", "train", "-c", config, "--nproc", str(processes), "-o", *changes]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as training:
            while training.poll() is None and len(figures(Path(folder, "run"))) < steps // EVERY:
                time.sleep(0.2)
            found = figures(Path(folder, "run"))
            training.send_signal(signal.SIGTERM)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-c", "--config", required=True)
    parser.add_argument("--nproc", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--turns", type=int, default=2)
    args = parser.parse_args()
    batch = load_config(args.config, []).config.train.loader.batch_size_per_card
    before = machine()
    rates: dict[str, list[float]] = {f"{count} process{'es' * (count > 1)}": [] for count in args.nproc}
    for _ in range(args.turns):
        for count, found in zip(args.nproc, rates.values(), strict=True):
            found.extend(measure(args.config, count, batch, args.steps))
    result = Result(
        bench="compare_processes",
        figures=[Figure(name=name, unit="images_per_s", values=found) for name, found in rates.items()],
        options={"config": Path(args.config).name, "batch": batch, "steps": args.steps},
        machine=before,
    )
    print(json.dumps(result.to_json()))


if __name__ == "__main__":
    main()
