"""Networks, weights and batches that PaddleOCR and thaiocr are compared on, made of nothing but a seed.

`tests/golden/make_recognition.py` runs PaddleOCR on them and stores what it computes; the tests run thaiocr. Numbers
come from RandomState, whose stream NumPy keeps for good. Gradients and steps are compared in double precision: in
single precision, rounding alone changes a gradient of these deep networks by a thousandth of its norm.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import paddle
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FOLDER: Final = Path(__file__).parents[1] / "golden"
IMAGES: Final = 3
SAMPLES: Final = 8
"""Values stored of a tensor, beside its norm."""
OUTPUTS: Final = 512
"""Values stored of what a network gives."""
EPOCHS: Final = 3
STEPS_PER_EPOCH: Final = 2
STEPS: Final = 4
"""Of the six that the schedules are for: two of warm-up, two of what follows it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One comparison, in PaddleOCR's own words."""

    algorithm: str = "CRNN"
    backbone: Mapping[str, Any]
    neck: Mapping[str, Any]
    head: Mapping[str, Any]
    loss: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    classes: int
    tolerance: float = 1e-5
    """Of logits in single precision."""
    image_shape: tuple[int, int, int]
    label_length: int


CASES: Final[Mapping[str, Case]] = {
    "large": Case(
        backbone={"name": "MobileNetV3", "model_name": "large", "scale": 0.5},
        neck={"encoder_type": "rnn", "hidden_size": 96},
        head={"fc_decay": 1e-5},
        loss={},
        optimizer={
            "name": "Adam",
            "lr": {"name": "Cosine", "learning_rate": 0.001, "warmup_epoch": 1},
            "regularizer": {"name": "L2", "factor": 3e-5},
        },
        classes=881,
        image_shape=(3, 32, 100),
        label_length=5,
    ),
    "small": Case(
        backbone={"name": "MobileNetV3", "model_name": "small", "scale": 0.35, "small_stride": [1, 2, 2, 2]},
        neck={"encoder_type": "rnn", "hidden_size": 8},
        head={"fc_decay": 4e-4, "mid_channels": 24},
        loss={"use_focal_loss": True},
        optimizer={
            "name": "Momentum",
            "momentum": 0.9,
            "lr": {"name": "Linear", "learning_rate": 0.1, "end_lr": 0.01, "power": 2.0, "warmup_epoch": 1},
            "regularizer": {"name": "L2", "factor": 1e-3},
            "clip_norm_global": 1.0,
        },
        classes=13,
        image_shape=(3, 32, 32),
        label_length=2,
    ),
    "resnet_34": Case(
        backbone={"name": "ResNet", "layers": 34},
        neck={"encoder_type": "rnn", "hidden_size": 16},
        head={"fc_decay": 0.0},
        loss={},
        optimizer={"name": "Adam", "lr": {"name": "Cosine", "learning_rate": 0.0005, "warmup_epoch": 1}},
        classes=40,
        image_shape=(3, 32, 64),
        label_length=6,
    ),
    "resnet_50": Case(
        backbone={"name": "ResNet", "layers": 50},
        neck={"encoder_type": "rnn", "hidden_size": 8},
        head={"fc_decay": 0.0},
        loss={},
        optimizer={
            "name": "Momentum",
            "momentum": 0.9,
            "lr": {"name": "Cosine", "learning_rate": 0.01, "warmup_epoch": 1},
        },
        classes=13,
        tolerance=1e-4,
        image_shape=(3, 32, 32),
        label_length=3,
    ),
    "svtr": Case(  # the reference's: windows and the whole image, merging by convolution
        algorithm="SVTR",
        backbone={
            "name": "SVTRNet",
            "img_size": [64, 256],
            "out_char_num": 64,
            "out_channels": 192,
            "patch_merging": "Conv",
            "prenorm": False,
            "last_drop": 0.0,
            "drop_path_rate": 0.0,
            "depth": [1, 2, 1],
            "mixer": ["Local", "Local", "Global", "Global"],
        },
        neck={"encoder_type": "reshape"},
        head={},
        loss={},
        optimizer={
            "name": "AdamW",
            "beta1": 0.9,
            "beta2": 0.99,
            "epsilon": 1e-8,
            "weight_decay": 0.05,
            "no_weight_decay_name": "norm pos_embed",
            "one_dim_param_no_weight_decay": True,
            "lr": {"name": "Cosine", "learning_rate": 0.0005, "warmup_epoch": 1},
        },
        classes=100,
        image_shape=(3, 64, 256),
        label_length=25,
    ),
    "svtr_other": Case(  # the other value of each key
        algorithm="SVTR",
        backbone={
            "name": "SVTRNet",
            "img_size": [32, 64],
            "out_char_num": 9,
            "out_channels": 24,
            "sub_num": 3,
            "embed_dim": [16, 32, 64],
            "depth": [1, 1, 1],
            "num_heads": [2, 4, 8],
            "mixer": ["Conv", "Local", "Conv"],
            "local_mixer": [[3, 3], [3, 5], [5, 3]],
            "patch_merging": "Pool",
            "mlp_ratio": 2,
            "qkv_bias": False,
            "qk_scale": 0.5,
            "epsilon": 1e-5,
            "last_drop": 0.0,
            "drop_path_rate": 0.0,
        },
        neck={"encoder_type": "rnn", "hidden_size": 8},
        head={"mid_channels": 12},
        loss={},
        optimizer={"name": "Adam", "lr": {"name": "Cosine", "learning_rate": 0.001, "warmup_epoch": 1}},
        classes=13,
        image_shape=(3, 32, 64),
        label_length=4,
    ),
}

TINY: Final = Case(
    backbone={"name": "MobileNetV3", "model_name": "small", "scale": 0.35, "small_stride": [1, 2, 2, 2]},
    neck={"encoder_type": "rnn", "hidden_size": 8},
    head={"fc_decay": 1e-5},
    loss={},
    optimizer={"name": "Adam", "lr": {"name": "Cosine", "learning_rate": 0.003, "warmup_epoch": 1}},
    classes=13,
    image_shape=(3, 32, 8),
    label_length=1,
)
"""The network of `tiny.RUNS`, for a whole checkpoint."""


def weight(name: str, shape: list[int]) -> Floats:
    """Return the values of a parameter or of a batch norm's statistics."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    uniform = random.uniform(-1, 1, shape)
    kind = name.rsplit(".", 1)[-1]
    if kind == "_variance" or (kind == "weight" and len(shape) == 1):
        return 1 + 0.3 * uniform
    if kind == "weight" or kind.startswith("weight_"):
        fan_in = int(np.prod(shape[1:])) if len(shape) == 4 else shape[-1]
        return np.asarray(uniform * np.sqrt(3 / fan_in))
    return 0.1 * uniform


def batch(case: Case) -> tuple[Floats, NDArray[np.int32], NDArray[np.int64]]:
    """Return images, labels and lengths; labels repeat entries and differ in length."""
    random = np.random.RandomState(7)
    x_N3HW = random.uniform(-1, 1, (IMAGES, *case.image_shape))
    labels_NL = random.randint(1, case.classes, (IMAGES, case.label_length)).astype(np.int32)
    labels_NL[0, 1:2] = labels_NL[0, 0]
    lengths_N = np.array([max(1, case.label_length - number % 2) for number in range(IMAGES)], np.int64)
    for label_L, length in zip(labels_NL, lengths_N, strict=True):
        label_L[length:] = 0
    return x_N3HW, labels_NL, lengths_N


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Make new layers `float32` or `float64`."""
    paddle.set_default_dtype(dtype)
    try:
        yield
    finally:
        paddle.set_default_dtype("float32")


def fill(model: Any, recipe: Callable[[str, list[int]], Floats]) -> None:
    """Give a network the weights of a recipe, in the precision that is set."""
    dtype = paddle.get_default_dtype()
    for layer in model.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm):
            layer.to(dtype=dtype)  # it is float32 whatever is set
    for name, tensor in tensors_of(model):
        tensor.set_value(recipe(name, tensor.shape).astype(dtype))


def tensors_of(model: Any) -> list[tuple[str, Any]]:
    """Return what a checkpoint holds, each tensor under its first name: those of an LSTM have two."""
    first: dict[str, tuple[str, Any]] = {}
    for name, tensor in model.state_dict().items():
        first.setdefault(tensor.name, (name, tensor))
    return list(first.values())


def tensors(case: Case) -> list[Any]:
    """Return `batch` as tensors, in the precision that is set."""
    x_N3HW, labels_NL, lengths_N = batch(case)
    return [paddle.to_tensor(each) for each in (x_N3HW.astype(paddle.get_default_dtype()), labels_NL, lengths_N)]


def trainable(model: Any) -> list[tuple[str, Any]]:
    """Return what an optimizer changes, by PaddleOCR's names."""
    return [(name, parameter) for name, parameter in model.named_parameters() if not parameter.stop_gradient]


def digest(name: str, value: NDArray[Any], samples: int = SAMPLES) -> Floats:
    """Return the norm of a tensor and some of its values, [1 + samples]."""
    flat = value.ravel()
    at = np.random.RandomState(zlib.crc32(name.encode()) ^ 1).randint(0, flat.size, samples)
    norm = np.sqrt(np.square(flat.astype(np.float64)).sum())
    return np.array([norm, *flat[at]])


def table(named: Iterable[tuple[str, Any]]) -> dict[str, Floats]:
    """Return the digest of every tensor of a network by name."""
    return {name: digest(name, tensor.numpy()) for name, tensor in named}


def tiny_weight(name: str, shape: list[int]) -> Floats:
    """Return values for a checkpoint that packs well: three different ones, and plain statistics for a batch norm."""
    if name.endswith("_variance") or (name.endswith(".weight") and len(shape) == 1):
        return np.ones(shape)
    signs = np.random.RandomState(zlib.crc32(name.encode())).randint(-1, 2, shape)
    return signs / 8


def tiny_gradient(name: str) -> float:
    """Return what every value of a parameter's gradient is; each parameter has another one."""
    return zlib.crc32(name.encode()) % 4096 / 4096
