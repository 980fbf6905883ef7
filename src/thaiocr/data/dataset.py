"""A data set of a config: its usable samples, their decoded images, and every line that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thaiocr.config.schema import RecAug, SimpleDataSet
from thaiocr.data.cache import Pack, open_pack
from thaiocr.data.images import Preprocess
from thaiocr.data.labels import Limits, Reject, Sample, read_labels
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec


@dataclass(frozen=True, slots=True)
class DataSet:
    """What training and evaluation serve batches from."""

    samples: list[Sample]
    rows_S: NDArray[np.int64]
    """Where each sample's image lies in the pack."""
    pack: Pack
    rejects: list[Reject]
    images_root: Path
    """What the samples' image names are relative to."""
    augmentation: RecAug | None = None
    """How an epoch of training changes the pictures."""

    @property
    def reject_ratio(self) -> float:
        """Rejected share of all lines; 0 for a data set without lines."""
        lines = len(self.samples) + len(self.rejects)
        return len(self.rejects) / lines if lines else 0.0


def load_dataset(dataset: SimpleDataSet, codec: Codec, limits: Limits, *, seed: int, progress: Progress) -> DataSet:
    """Read labels and images; an image that cannot be read makes its line a reject.

    Args:
        dataset: Label files, image folder, transforms.
        codec: Turns labels into ids.
        limits: How long a label may be.
        seed: Draws the share that `ratio_list` asks for.
        progress: Shows the decoding.

    Raises:
        DataError: a label file cannot be read.
        EnvironmentProblem: the cache cannot be written.
    """
    labels = read_labels(dataset, codec, limits, seed=seed)
    pack = open_pack(labels.samples, Preprocess.of(dataset.transforms), progress=progress)
    unreadable = [
        Reject(labels.samples[row].place, labels.samples[row].image, reason) for row, reason in pack.unreadable.items()
    ]
    rows = [row for row in range(len(labels.samples)) if row not in pack.unreadable]
    samples = [labels.samples[row] for row in rows]
    rejects, images_root = labels.rejects + unreadable, Path(dataset.data_dir)
    augmentation = next((each for each in dataset.transforms if isinstance(each, RecAug)), None)
    return DataSet(samples, np.array(rows, np.int64), pack, rejects, images_root, augmentation)
