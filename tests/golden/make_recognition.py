"""Run PaddleOCR's own training code on the cases of `tests/support/golden.py` and store what it computes.

PYTHONPATH=tests/support python tests/golden/make_recognition.py PADDLEOCR

PADDLEOCR is a checkout with its requirements installed. README.md beside this file says which one was used.
"""

from __future__ import annotations

import copy
import logging
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import golden
import numpy as np
import paddle

TINY_EPOCH: Final = 2


def build(case: golden.Case) -> Any:
    """Return PaddleOCR's network."""
    from ppocr.modeling.architectures import build_model

    return build_model(
        {
            "model_type": "rec",
            "algorithm": case.algorithm,
            "Transform": None,
            "Backbone": copy.deepcopy(dict(case.backbone)),
            "Neck": {"name": "SequenceEncoder", **case.neck},
            "Head": {"name": "CTCHead", "out_channels": case.classes, **case.head},
        }
    )


def build_optimizer(case: golden.Case, model: Any) -> tuple[Any, Any]:
    """Return PaddleOCR's optimizer and schedule."""
    from ppocr.optimizer import build_optimizer

    return build_optimizer(  # type: ignore[no-any-return]
        copy.deepcopy(dict(case.optimizer)),
        epochs=golden.EPOCHS,
        step_each_epoch=golden.STEPS_PER_EPOCH,
        model=model,
    )


def compute(case: golden.Case) -> dict[str, Any]:
    """Return everything that is compared, by name."""
    from ppocr.losses import build_loss

    model = build(case)
    golden.fill(model, golden.weight)
    loss_of = build_loss({"name": "CTCLoss", **case.loss})
    optimizer, schedule = build_optimizer(case, model)
    batch = golden.tensors(case)
    found: dict[str, Any] = {}

    model.eval()
    with paddle.no_grad():
        found["probabilities"] = outputs("probabilities", model(batch[0]))
    rates, losses = [], []
    for step in range(golden.STEPS):
        model.train()
        rates.append(optimizer.get_lr())
        logits = model(batch[0])
        loss = loss_of(logits.astype("float32"), batch)["loss"]  # as thaiocr does, and PaddleOCR in mixed precision
        loss.backward()
        losses.append(float(loss))
        if step == 0:
            found["logits"] = outputs("logits", logits)
            store(found, "gradient", {name: parameter.grad for name, parameter in golden.trainable(model)})
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()
    found["rates"], found["losses"] = np.array(rates), np.array(losses)
    store(found, "after", model.state_dict())
    return found


def outputs(name: str, tensor: Any) -> Any:
    """Return the digest of what the network gives."""
    return golden.digest(name, tensor.numpy(), golden.OUTPUTS).astype(np.float32)


def store(found: dict[str, Any], what: str, tensors: Mapping[str, Any]) -> None:
    """Add the digests of tensors as one table, and its names."""
    digests = golden.table(tensors.items())
    found[f"{what}_names"], found[what] = np.array(list(digests)), np.stack(list(digests.values())).astype(np.float32)


def write_checkpoint(folder: Path) -> None:
    """Let PaddleOCR save the small network: few different values per tensor, so that it packs well."""
    from ppocr.utils.save_load import save_model

    case = golden.TINY
    model = build(case)
    golden.fill(model, golden.tiny_weight)
    optimizer, schedule = build_optimizer(case, model)
    for name, parameter in golden.trainable(model):
        parameter.grad = paddle.full(parameter.shape, golden.tiny_gradient(name))
    optimizer.step()
    for _ in range(golden.STEPS_PER_EPOCH * TINY_EPOCH):
        schedule.step()
    best = {"acc": 0.25, "norm_edit_dis": 0.5, "fps": 1000.0, "best_epoch": 1}
    config = {"Architecture": {"model_type": "rec", "algorithm": "CRNN"}}
    logger = logging.getLogger("make_recognition")
    states = {"best_model_dict": best, "epoch": TINY_EPOCH, "global_step": TINY_EPOCH * golden.STEPS_PER_EPOCH}
    save_model(model, optimizer, str(folder), logger, config, prefix="latest", **states)


def go_on(prefix: Path) -> dict[str, Any]:
    """Load a checkpoint of the small network with PaddleOCR's `load_model` and make one more step."""
    from ppocr.losses import build_loss
    from ppocr.utils.save_load import load_model

    case = golden.TINY
    model = build(case)
    optimizer, _ = build_optimizer(case, model)
    found = load_model({"Global": {"checkpoints": str(prefix)}}, model, optimizer, "rec")
    batch = golden.tensors(case)
    model.eval()
    probabilities = model(batch[0]).numpy()
    model.train()
    build_loss({"name": "CTCLoss"})(model(batch[0]), batch)["loss"].backward()
    optimizer.step()
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    return {"probabilities": probabilities, "weights": weights, "start_epoch": found["start_epoch"]}


def nameless(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Forget who made a file and when, so that the same files make the same archive."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def main() -> None:
    """Write the files of this folder."""
    sys.path.insert(0, sys.argv[1])
    paddle.set_device("cpu")
    for name, case in golden.CASES.items():
        with paddle.utils.unique_name.guard(), golden.precision("float64"):
            np.savez_compressed(golden.FOLDER / f"{name}.npz", **compute(case))
    with tempfile.TemporaryDirectory() as folder, paddle.utils.unique_name.guard():
        write_checkpoint(Path(folder))
        with tarfile.open(golden.FOLDER / "latest.tar.xz", "w:xz") as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.add(path, path.name, filter=nameless)


if __name__ == "__main__":
    main()
