"""A run that trains a detector, and what a trained one finds on pages."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor, nn

from thaiocr.checkpoint import store
from thaiocr.config.schema import detection
from thaiocr.data.detection_labels import Pages, read_pages
from thaiocr.data.detection_loader import PageBatch, PageBatches, WholePage, check_images
from thaiocr.engine.build import check_data, common_parts
from thaiocr.engine.device import use_device
from thaiocr.engine.position import load_weights
from thaiocr.engine.precision import check_device
from thaiocr.engine.run import BaseRun
from thaiocr.engine.runlog import RunLog
from thaiocr.engine.stop import StopRequest
from thaiocr.engine.trained import checkpoint_prefix
from thaiocr.engine.workers import Workers, join
from thaiocr.errors import DataError
from thaiocr.losses.detection import DBLoss, Targets
from thaiocr.metrics.detection import DetectionMetric, PageResult
from thaiocr.models.db import DB
from thaiocr.predict.boxes import find_polygons
from thaiocr.progress import Progress

LINE: Final = 'a line is an image path, a tab and [{"transcription": …, "points": [[x, y], …]}, …]'
"""What a label file holds, for messages."""

MapNetwork: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""x_1Chw -> map_11hw: a trained model, or an exported one."""


@dataclass(kw_only=True, slots=True)
class DetectionRun(BaseRun):
    """A run that trains a detector."""

    config: detection.Config
    loss: DBLoss
    train: PageBatches
    eval: PageBatches

    @property
    def fingerprint(self) -> str:
        """Empty: there is no dictionary."""
        return ""

    @property
    def entries(self) -> Sequence[str]:
        """Nothing: there are no classes."""
        return ()

    def outputs(self, part: PageBatch) -> Tensor:
        """Return probability, threshold and binarised map, maps_N3HW."""
        return self.model(paddle.to_tensor(part.x_NChw))

    def losses(self, outputs: Tensor, part: PageBatch) -> Mapping[str, Tensor]:
        """Return `loss`, which is minimised, and its terms by name."""
        return self.loss(outputs, Targets(*(paddle.to_tensor(each) for each in part.maps)))

    def measure(self, progress: Progress, stop: StopRequest) -> Mapping[str, float]:
        """Find the text on all pages of `Eval`."""
        network = of_model(self.model)

        def find(x_1Chw: NDArray[np.float32]) -> NDArray[np.float32]:
            self.workers.check(stop)
            return network(x_1Chw)

        metric = DetectionMetric()
        shares = list(detect_batches(find, self.eval, self.config.postprocess, progress=progress))
        metric.update(self.workers.gather(shares))
        return metric.brief()

    def remarks(self) -> Sequence[str]:
        """Return that pages are no packed images, where it was asked to keep those on the device."""
        wanted = self.config.run.images_on_device
        return (
            ["Global.images_on_device: pages are not packed; they are read and prepared on the host"] if wanted else []
        )

    def about(self) -> Mapping[str, Any]:
        """Return what the labels are."""
        return {"fingerprints": {"train": _fingerprint(self.train.data), "eval": _fingerprint(self.eval.data)}}


def _fingerprint(pages: Pages) -> str:
    digest = hashlib.sha256()
    for page in pages.samples:
        digest.update(f"{page.image}\0".encode())
        for region in page.regions:
            digest.update(region.points_K2.tobytes() + region.text.encode())
    return digest.hexdigest()


def build_detection_run(config: detection.Config, *, echo: Callable[[str], object], progress: Progress) -> DetectionRun:
    """Return a run at its beginning. Call it, and train, under `paddle.utils.unique_name.guard()`.

    Args:
        config: What to train.
        echo: Gets the lines of `train.log` as well.
        progress: Shows the reading of images.

    Raises:
        DataError: labels or images cannot be used.
        EnvironmentProblem: no GPU where one is asked for, a folder cannot be written.
    """
    check_device(config.run)
    use_device(config)
    paddle.seed(config.run.seed)
    model = DB(config.architecture)
    workers = join()
    log = RunLog(Path(config.run.save_model_dir), echo=echo)
    train = build_pages(config.train, config, workers, log=log, progress=progress)
    evaluation = build_pages(config.eval, config, workers, log=log, progress=progress)
    return DetectionRun(
        loss=DBLoss(config.loss),
        train=train,
        eval=evaluation,
        log=log,
        workers=workers,
        **common_parts(config, model, list(model.named_parameters()), steps_per_epoch=len(train), log=log),
    )


def build_pages(
    feed: detection.Feed, config: detection.Config, workers: Workers, *, log: RunLog, progress: Progress
) -> PageBatches:
    """Read labels and images of `Train` or `Eval`; rejects are listed in `rejects.tsv` of the run's folder.

    Raises:
        DataError: no usable page, no whole batch, or more rejects than `Global.max_reject_ratio` allows.
    """
    pages = read_pages(feed.dataset, seed=config.run.seed)
    data = check_images(pages, threads=os.cpu_count() or 1, progress=progress)
    batches = PageBatches(data, feed, seed=config.run.seed, rank=workers.rank, processes=workers.size)
    check_data(batches, feed, config.run, log=log, line=LINE)
    return batches


def of_model(model: nn.Layer) -> MapNetwork:
    """Return the network of a model as it is after training."""

    def run(x_1Chw: NDArray[np.float32]) -> NDArray[np.float32]:
        model.eval()
        with paddle.no_grad():
            return np.asarray(model(paddle.to_tensor(x_1Chw)).astype("float32"))

    return run


def detect_batches(
    network: MapNetwork, batches: PageBatches, options: detection.DBPostProcess, *, progress: Progress
) -> Iterator[list[PageResult]]:
    """Find the text on this process's share of every batch of a data set.

    Args:
        network: What makes the maps.
        batches: The data set.
        options: How a map becomes polygons.
        progress: Shows the pages done.
    """
    with progress("evaluating", len(batches.data.samples)) as advance:
        for pages, whole in batches.in_order():
            yield [detect(network, page, options) for page in pages]
            advance(whole)


def detect(network: MapNetwork, page: WholePage, options: detection.DBPostProcess) -> PageResult:
    """Find the text on one page."""
    width, height = page.shown
    found = find_polygons(network(page.x_1Chw)[0, 0], options, width=width, height=height)
    return PageResult(
        image=page.sample.image,
        truths=[region.points_K2 for region in page.regions],
        ignored=[region.is_ignored for region in page.regions],
        found=[polygon.points_K2 for polygon in found],
        scores=[polygon.score for polygon in found],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedDetector:
    """A network with its weights."""

    model: DB
    checkpoint: Path
    metrics: Mapping[str, Any]
    """What was measured when the checkpoint was saved; empty where only weights are there."""


def open_trained_detector(config: detection.Config, checkpoint: str | None) -> TrainedDetector:
    """Build the network of a configuration and load its weights.

    Args:
        config: What was trained.
        checkpoint: Path without suffix; `best_accuracy` of `save_model_dir` when left out.

    Raises:
        DataError: no such checkpoint, or of another architecture.
        EnvironmentProblem: a GPU is asked for and there is none.
    """
    prefix = checkpoint_prefix(config, checkpoint)
    use_device(config)
    # Parameters get the same names every time, so that an export is the same file every time.
    with paddle.utils.unique_name.guard():
        model = DB(config.architecture)
    load_weights(model, store.load_weights(prefix), prefix)
    states = store.load(prefix).states if store.exists(prefix) else {}
    return TrainedDetector(model=model, checkpoint=prefix, metrics=dict(states.get("best_model_dict", {})))


def evaluation_pages(config: detection.Config, *, labels: str | None, progress: Progress) -> PageBatches:
    """Load what to evaluate on: `Eval` of the configuration, or another label file.

    Args:
        config: Transforms, and the data unless `labels` is given.
        labels: A label file whose images are named relative to its folder.
        progress: Shows the reading of images.

    Raises:
        DataError: a label file cannot be read, or holds no usable page.
    """
    dataset = config.eval.dataset
    if labels is not None:
        folder = str(Path(labels).parent)
        dataset = replace(dataset, label_file_list=(labels,), data_dir=folder, ratio_list=(1.0,))
    pages = read_pages(dataset, seed=config.run.seed)
    data = check_images(pages, threads=os.cpu_count() or 1, progress=progress)
    if not data.samples:
        files = ", ".join(dataset.label_file_list)
        raise DataError([*map(str, data.rejects[:5]), f"{files}: no usable page"])
    return PageBatches(data, replace(config.eval, dataset=dataset), seed=config.run.seed)
