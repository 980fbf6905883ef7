"""A data set of a config: its usable samples, their decoded images, and every line that cannot be used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thaiocr.config.schema import MultiScaleDataSet, RecAug, RecConAug, SimpleDataSet
from thaiocr.data.cache import Pack, open_pack
from thaiocr.data.images import Preprocess
from thaiocr.data.joining import Joining
from thaiocr.data.labels import Limits, Reject, Sample, read_labels
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec


@dataclass(frozen=True, slots=True)
class DataSet:
    """What training and evaluation serve batches from."""

    samples: Sequence[Sample]
    rows_S: NDArray[np.int64]
    """Where each sample's image lies in the pack."""
    pack: Pack
    rejects: list[Reject]
    images_root: Path
    """What the samples' image names are relative to."""
    augmentation: RecAug | None = None
    """How an epoch of training changes the pictures."""
    joining: Joining | None = None
    """How it joins them before."""
    more_packs: tuple[Pack, ...] = ()
    """The same images in other sizes."""
    columns_a_step: int | None = None
    """Given where pictures of like width share a batch of an epoch: the columns that become one time step."""

    @property
    def packs(self) -> tuple[Pack, ...]:
        """The images in all sizes that training shows."""
        return (self.pack, *self.more_packs)

    @property
    def reject_ratio(self) -> float:
        """Rejected share of all lines; 0 for a data set without lines."""
        lines = len(self.samples) + len(self.rejects)
        return len(self.rejects) / lines if lines else 0.0


def load_dataset(
    dataset: SimpleDataSet,
    codec: Codec,
    limits: Limits,
    *,
    seed: int,
    progress: Progress,
    sizes: Sequence[Preprocess] = (),
) -> DataSet:
    """Read labels and images; an image that cannot be read makes its line a reject.

    Args:
        dataset: Label files, image folder, transforms.
        codec: Turns labels into ids.
        limits: How long a label may be.
        seed: Draws the share that `ratio_list` asks for.
        progress: Shows the decoding.
        sizes: How images become network input, once for each size; left out: as the data set's transforms say.

    Raises:
        DataError: a label file cannot be read.
        EnvironmentProblem: the cache cannot be written.
    """
    labels = read_labels(dataset, codec, limits, seed=seed)
    pack, *more_packs = (
        open_pack(labels.samples, size, progress=progress) for size in sizes or [Preprocess.of(dataset.transforms)]
    )
    unreadable = [
        Reject(labels.samples[row].place, labels.samples[row].image, reason) for row, reason in pack.unreadable.items()
    ]
    rows_S = np.delete(np.arange(len(labels.samples)), list(pack.unreadable))
    samples = labels.samples.take(rows_S) if pack.unreadable else labels.samples
    rejects, images_root = labels.rejects + unreadable, Path(dataset.data_dir)
    augmentation = next((each for each in dataset.transforms if isinstance(each, RecAug)), None)
    joining = next((Joining(each, limits) for each in dataset.transforms if isinstance(each, RecConAug)), None)
    columns_a_step = None
    if isinstance(dataset, MultiScaleDataSet) and dataset.ds_width and limits.time_steps is not None:
        columns_a_step = math.ceil(pack.images_NhwC.shape[2] / limits.time_steps)
    return DataSet(
        samples=samples,
        rows_S=rows_S,
        pack=pack,
        rejects=rejects,
        images_root=images_root,
        augmentation=augmentation,
        joining=joining,
        more_packs=tuple(more_packs),
        columns_a_step=columns_a_step,
    )
