"""Reading with a bundle: how long one image takes on one core, and how many images a second all cores read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2

from thaiocr.bench.measure import Result, latencies, machine, rates, take_turns
from thaiocr.bench.pictures import pictures
from thaiocr.bench.untrained import Size, bundle_to_measure
from thaiocr.errors import DataError
from thaiocr.predict.reader import Reader
from thaiocr.progress import Progress


def bench_predict(
    folder: Path | None, size: Size, *, images: int, engine: str | None, seconds: float, progress: Progress
) -> Result:
    """Measure decoded images, one at a time and many, and image files.

    Args:
        folder: A bundle; None: an untrained one of the given size is made.
        size: Of that one.
        images: Read at once.
        engine: As in `Reader`.
        seconds: As in `take_turns`, half of them for single images.
        progress: As in `take_turns`.

    Raises:
        DataError: the folder is no bundle, a damaged one, or one without a network for the engine.
        EnvironmentProblem: what runs the network is not installed.
    """
    before = machine()
    with bundle_to_measure(folder, size) as bundle, tempfile.TemporaryDirectory(prefix="thaiocr-") as name:
        decoded = pictures(images)
        files = [(f"{number}.jpg", Path(name, f"{number}.jpg")) for number in range(images)]
        for (_, path), image_HWC in zip(files, decoded, strict=True):
            cv2.imwrite(str(path), image_HWC)
        one, all_cores = (Reader(bundle.folder, engine=engine, threads=threads) for threads in (1, before["cores"]))
        singly = {"one image": lambda: one.read(decoded[:1])}
        many: dict[str, Callable[[], object]] = {
            "decoded images": lambda: all_cores.read(decoded),
            "image files": lambda: _read_files(all_cores, files),
        }
        latency = take_turns(singly, seconds=seconds / 2, label="one image", progress=progress)
        batches = take_turns(many, seconds=seconds / 2, label=f"{images} images", progress=progress)
        options = {
            "bundle": "untrained" if folder is None else folder.name,
            "image_shape": list(bundle.preprocess.image_shape),
            "classes": bundle.codec.num_classes,
            "images": images,
            "engine": engine or "default",
        }
    return Result(
        bench="predict", figures=[*latencies(latency), *rates(batches, images)], options=options, machine=before
    )


def _read_files(reader: Reader, files: list[tuple[str, Path]]) -> None:
    for prediction in reader.read_files(files):
        if prediction.error:
            raise DataError(prediction.error)
