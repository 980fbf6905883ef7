"""The packed images of `Train` in the memory of the device: there a batch is picked, changed and normalised.

    N images of a batch  h, w pixels

What reaches the device with a batch is which images it holds, what happens to them, and their labels.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from thaiocr.config import schema
from thaiocr.data.device_augment import augment
from thaiocr.data.images import Pixels
from thaiocr.data.loader import Batch, Batches, needed_width, padded_labels

SHARE: Final = 0.5
"""Of the free memory of a device that images may take; network, gradients and activations need the rest."""
CHUNK_BYTES: Final = 64 * 2**20
"""What is copied at once, so that a pack larger than the host's memory can be copied as well."""


class DeviceBatches(Batches):
    """The same batches in the same order, with their images as tensors on paddle's current device.

    Args:
        batches: To serve; without `RecConAug`.
    """

    def __init__(self, batches: Batches) -> None:
        super().__init__(
            batches.data,
            batches.loader,
            seed=batches.seed,
            rank=batches.rank,
            processes=batches.processes,
            sizes=batches.sizes,
        )
        self._images = [copy_to_device(pack.images_NhwC) for pack in batches.data.packs]

    def batch(self, rows_N: NDArray[np.integer], rng: np.random.Generator | None = None, scale: int = 0) -> Batch:
        """Return the batch of the given samples in one of the sizes; with `rng` augmented, where wanted."""
        data, packed_N = self.data, self.data.rows_S[rows_N]
        samples, filled_N = [data.samples[row] for row in rows_N], data.packs[scale].filled_N[packed_N]
        images_NhwC = paddle.gather(self._images[scale], paddle.to_tensor(packed_N)).astype("float32")
        if rng is not None:
            images_NhwC = images_NhwC[:, :, : needed_width(samples, filled_N, data)]
        x_N3hw = images_NhwC.transpose([0, 3, 1, 2])
        if rng is not None and data.augmentation is not None:
            x_N3hw = augment(x_N3hw, filled_N, data.augmentation, rng)
        return Batch(normalize(x_N3hw, filled_N), *padded_labels(samples), samples)


def normalize(x_N3hw: Tensor, filled_N: NDArray[np.integer]) -> Tensor:
    """Scale values of 0 .. 255 to -1 .. 1 and set the columns without image to 0, as `data.images.normalize` does."""
    is_filled_Nw = paddle.arange(x_N3hw.shape[3]) < paddle.to_tensor(filled_N, dtype="int64").unsqueeze(1)
    return (x_N3hw / 255 - 0.5) / 0.5 * is_filled_Nw.unsqueeze([1, 2]).astype("float32")


def copy_to_device(images_NhwC: Pixels) -> Tensor:
    """Return packed images on paddle's current device; the host holds a part of them at a time."""
    copied_NhwC = paddle.empty(images_NhwC.shape, dtype="uint8")
    rows = max(1, CHUNK_BYTES // max(1, images_NhwC[:1].nbytes))
    for first in range(0, len(images_NhwC), rows):
        copied_NhwC[first : first + rows] = paddle.to_tensor(np.array(images_NhwC[first : first + rows]))
    return copied_NhwC


def place_images(batches: Batches, options: schema.Global, *, free: int | None) -> tuple[Batches, str]:
    """Return the batches of `Train` with their images where they belong, and what the log says of it, or "".

    Args:
        batches: Whose images lie on the host.
        options: With `images_on_device`.
        free: Bytes of the device's memory, of which images take `SHARE` at most; None: they may take any.
    """
    is_wanted = options.use_gpu if options.images_on_device is None else options.images_on_device
    if not is_wanted:
        return batches, ""
    size = sum(pack.images_NhwC.nbytes for pack in batches.data.packs)
    on_host = "the training images stay on the host and are prepared there"
    if batches.data.joining is not None:
        return batches, f"{on_host}: RecConAug has no version for the device"
    if free is not None and size > SHARE * free:
        return batches, (
            f"{on_host}: they take {megabytes(size)}, more than {SHARE:.0%} of the {megabytes(free)} that are free on "
            "the device"
        )
    return DeviceBatches(batches), f"the training images lie in the memory of the device: {megabytes(size)}"


def free_memory() -> int | None:
    """Return the bytes free on paddle's current device; None for the CPU, where images were asked for by name."""
    if paddle.get_device() == "cpu":
        return None
    free, _ = paddle.cuda.mem_get_info()
    return int(free)


def megabytes(size: int) -> str:
    """Return a size as a log shows it."""
    return f"{size / 1e6:,.1f} MB"
