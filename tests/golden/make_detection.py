"""Run PaddleOCR's own detection code on the cases of `tests/support/detection_golden.py` and store what it computes.

PYTHONPATH=tests/support python tests/golden/make_detection.py PADDLEOCR

PADDLEOCR is a checkout with its requirements installed. README.md beside this file says which one was used.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from runpy import run_path
from typing import Any

import detection_golden as golden
import golden as recognition
import numpy as np
import paddle


def boxes() -> dict[str, Any]:
    """Return the corners and scores of all maps, under all options."""
    from ppocr.postprocess.db_postprocess import DBPostProcess

    found: dict[str, Any] = {}
    for name, options in golden.BOXES.items():
        process = DBPostProcess(**options)
        read = process.polygons_from_bitmap if process.box_type == "poly" else process.boxes_from_bitmap
        for number in range(golden.MAPS):
            map_HW = golden.probability_map(number)
            is_text_HW = map_HW > process.thresh
            if process.dilation_kernel is not None:
                import cv2

                is_text_HW = cv2.dilate(is_text_HW.astype(np.uint8), process.dilation_kernel)
            points, scores = read(map_HW, is_text_HW, golden.PAGE[1], golden.PAGE[0])
            found[f"{name}_{number}_corners"] = np.array([len(each) for each in points])
            found[f"{name}_{number}_points"] = np.concatenate([np.array(each) for each in points]).astype(np.int32)
            found[f"{name}_{number}_scores"] = np.array(scores)
    return found


def maps() -> dict[str, Any]:
    """Return the targets of the polygons."""
    # Beside their package, which imports albumentations.
    border, shrink = (run_path(f"{sys.argv[1]}/ppocr/data/imaug/make_{name}_map.py") for name in ("border", "shrink"))
    polygons, ignored = golden.polygons()
    blank = np.zeros((golden.SIZE[1], golden.SIZE[0], 3), np.uint8)
    data = {"image": blank, "polys": np.array(polygons), "ignore_tags": np.array(ignored)}
    found = shrink["MakeShrinkMap"]()(border["MakeBorderMap"]()(data))
    names = ("threshold_mask", "shrink_map", "shrink_mask")
    return {"threshold_map": found["threshold_map"].astype(np.float16), **{name: found[name] > 0 for name in names}}


def compute(case: golden.Case) -> dict[str, Any]:
    """Return everything of a network that is compared, by name."""
    from ppocr.losses import build_loss
    from ppocr.modeling.architectures import build_model
    from ppocr.optimizer import build_optimizer

    model = build_model({**copy.deepcopy(case.architecture), "Transform": None})
    recognition.fill(model, recognition.weight)
    loss_of = build_loss({"name": "DBLoss", **case.loss})
    optimizer, schedule = build_optimizer(
        copy.deepcopy(dict(case.optimizer)),
        epochs=recognition.EPOCHS,
        step_each_epoch=recognition.STEPS_PER_EPOCH,
        model=model,
    )
    batch = golden.tensors()
    found: dict[str, Any] = {}

    model.eval()
    with paddle.no_grad():
        found["probability"] = outputs("probability", model(batch[0])["maps"])
    terms = []
    for step in range(recognition.STEPS):
        model.train()
        maps = model(batch[0])
        losses = loss_of(maps, batch)
        losses["loss"].backward()
        terms.append([float(losses[f"loss{term}"].sum()) for term in golden.TERMS])
        if step == 0:
            found["maps"] = outputs("maps", maps["maps"])
            store(found, "gradient", golden.gradients(model))
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


def main() -> None:
    """Write the files of this folder."""
    sys.path.insert(0, sys.argv[1])
    paddle.set_device("cpu")
    np.savez_compressed(golden.FOLDER / "detection_boxes.npz", **boxes())
    np.savez_compressed(golden.FOLDER / "detection_maps.npz", **maps())
    for name, case in golden.CASES.items():
        with paddle.utils.unique_name.guard(), recognition.precision("float64"):
            np.savez_compressed(golden.FOLDER / f"{name}.npz", **compute(case))


if __name__ == "__main__":
    main()
