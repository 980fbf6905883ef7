"""Kills a save at each of its calls in turn, in a fork each, and prints what a reader then finds, as JSON.

Started as a program with a folder; answers [[step of the checkpoint found, names of files left over], …], one pair per
call, where the checkpoint of step 1 is being replaced by that of step 2.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
from stage import Moments

from thaiocr.checkpoint import store


def checkpoint(step: int) -> store.Checkpoint:
    """Return a checkpoint whose three parts tell its step."""
    values = np.full(100_000, step, np.float32)
    return store.Checkpoint(weights={"w": values}, optimizer={"w_moment": values}, states={"global_step": step})


def killed_at(moment: int, prefix: Path) -> bool:
    """Replace step 1 by step 2 in a fork that is killed there; tell whether it was."""
    store.save(checkpoint(1), prefix)
    process = os.fork()
    if process == 0:
        sys.setprofile(Moments(moment))
        store.save(checkpoint(2), prefix)
        os._exit(0)
    return os.waitpid(process, 0)[1] != 0


def found(prefix: Path) -> int:
    """Return the step of a checkpoint, of all its parts.

    Raises:
        DataError: it is not whole.
    """
    content = store.load(prefix)
    steps = {content.states["global_step"], *content.weights["w"], *content.optimizer["w_moment"]}
    (step,) = {int(step) for step in steps}
    return step


def leave_unfinished(prefix: Path) -> None:
    """Make of a saved checkpoint one whose save was killed right after its journal."""
    hashes = {}
    for suffix in store.SUFFIXES:
        path = prefix.with_name(prefix.name + suffix)
        hashes[suffix] = hashlib.sha256(path.read_bytes()).hexdigest()
        path.rename(prefix.with_name(f".{path.name}.new"))
    prefix.with_name(f".{prefix.name}.journal").write_text(json.dumps(hashes))


if __name__ == "__main__":
    prefix = Path(sys.argv[1]) / "latest"
    results: list[tuple[int, list[str]]] = []
    while killed_at(len(results) + 1, prefix):
        step = found(prefix)
        store.save(checkpoint(1), prefix)  # what is left over must not disturb the next save, and goes with it
        results.append((step, sorted(path.name for path in prefix.parent.glob(".*"))))
    sys.stdout.write(json.dumps(results))
