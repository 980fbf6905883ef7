"""Run PaddleOCR's own SVTR_LCNet on the cases of `tests/support/svtr_lcnet_golden.py` and store what it computes.

PYTHONPATH=tests/support python tests/golden/make_svtr_lcnet.py PADDLEOCR

PADDLEOCR is a checkout with its requirements installed. README.md beside this file says which one was used.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from typing import Any

import golden as recognition
import numpy as np
import paddle
import svtr_lcnet_golden as golden


def build(architecture: Mapping[str, Any], classes: int) -> Any:
    """Return PaddleOCR's network in single precision."""
    from ppocr.modeling.architectures import build_model

    options = copy.deepcopy(dict(architecture))
    options["Head"]["out_channels_list"] = {"CTCLabelDecode": classes, "NRTRLabelDecode": classes + 3}
    dtype = paddle.get_default_dtype()
    with recognition.precision("float32"):
        model = build_model({"model_type": "rec", "Transform": None, **options})
    paddle.set_default_dtype(dtype)
    return model


def labelled(batch: list[Any]) -> list[Any]:
    """Return PaddleOCR's batch: image, label_ctc, label_gtc (as NRTRLabelEncode makes it), length, valid_ratio."""
    x_N3HW, labels_NL, lengths_N = batch
    symbols_NS = np.zeros((len(lengths_N), golden.LABEL_LENGTH + 2), np.int64)
    for row, (label_L, length) in enumerate(zip(labels_NL.tolist(), lengths_N.tolist(), strict=True)):
        symbols_NS[row, : length + 2] = [2, *(number + 3 for number in label_L[:length]), 3]
    return [x_N3HW, labels_NL, paddle.to_tensor(symbols_NS), lengths_N, paddle.ones([len(lengths_N)])]


def compute(case: golden.Case) -> dict[str, Any]:
    """Return everything that is compared, by name."""
    from ppocr.losses import build_loss
    from ppocr.optimizer import build_optimizer

    model = build(case.architecture, golden.CLASSES)
    golden.fill(model)
    loss_of = build_loss({"name": "MultiLoss", "loss_config_list": copy.deepcopy(case.loss), **case.weights})
    optimizer, schedule = build_optimizer(
        copy.deepcopy(dict(case.optimizer)),
        epochs=recognition.EPOCHS,
        step_each_epoch=recognition.STEPS_PER_EPOCH,
        model=model,
    )
    batch = labelled(golden.tensors())
    found: dict[str, Any] = {}

    model.eval()
    with paddle.no_grad():
        found["probabilities"] = outputs("probabilities", model(batch[0]))
    terms = []
    for step in range(recognition.STEPS):
        model.train()
        paddle.seed(step)  # of what drops out
        heads = model(batch[0], batch[1:])
        logits = {name: heads[name].astype("float32") for name in ("ctc", "gtc")}
        losses = loss_of(logits, batch)
        losses["loss"].backward()
        terms.append([float(losses[name]) for name in ("loss", "CTCLoss", "NRTRLoss")])
        if step == 0:
            found["ctc"] = outputs("ctc", heads["ctc"])
            found["gtc"] = outputs("gtc", golden.counted(heads["gtc"]))
            store(found, "gradient", {name: parameter.grad for name, parameter in recognition.trainable(model)})
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()
    found["terms"] = np.array(terms)
    store(found, "after", model.state_dict())
    return found


def outputs(name: str, tensor: Any) -> Any:
    """Return the digest of what the network gives."""
    return recognition.digest(name, tensor.numpy(), recognition.OUTPUTS).astype(np.float32)


def store(found: dict[str, Any], what: str, tensors: Mapping[str, Any]) -> None:
    """Add the digests of tensors as one table, and its names."""
    digests = recognition.table(tensors.items())
    found[f"{what}_names"], found[what] = np.array(list(digests)), np.stack(list(digests.values())).astype(np.float32)


def entries() -> dict[str, Any]:
    """Return the names and shapes of a checkpoint of the public configuration, and what .pdopt files call them."""
    with paddle.utils.unique_name.guard():
        model = build(golden.PUBLIC, golden.PUBLIC_CLASSES)
    return {
        "entries": np.array([f"{name} {list(tensor.shape)}" for name, tensor in model.state_dict().items()]),
        "parameters": np.array([f"{name} {parameter.name}" for name, parameter in model.named_parameters()]),
    }


def main() -> None:
    """Write the files of this folder."""
    sys.path.insert(0, sys.argv[1])
    paddle.set_device("cpu")
    np.savez_compressed(recognition.FOLDER / "svtr_lcnet_entries.npz", **entries())
    for name, case in golden.CASES.items():
        with paddle.utils.unique_name.guard(), recognition.precision("float64"):
            np.savez_compressed(recognition.FOLDER / f"{name}.npz", **compute(case))


if __name__ == "__main__":
    main()
