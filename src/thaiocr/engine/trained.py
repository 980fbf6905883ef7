"""A trained model with what it takes to measure or export it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import paddle
from paddle import nn

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.data.dataset import load_dataset
from thaiocr.data.labels import Limits
from thaiocr.data.loader import Batches
from thaiocr.data.splits import open_codec
from thaiocr.engine.device import use_device
from thaiocr.engine.position import load_weights
from thaiocr.errors import DataError
from thaiocr.models import build_model
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A network with its weights and dictionary."""

    model: nn.Layer
    """Of several that were trained together, the one of `Metric.key`."""
    dictionary: Dictionary
    codec: Codec
    checkpoint: Path
    metrics: Mapping[str, Any]
    """What was measured when the checkpoint was saved; empty where only weights are there."""


def checkpoint_prefix(config: schema.AnyConfig, checkpoint: str | None) -> Path:
    """Return the path without suffix of a checkpoint that is there; `best_accuracy` when left out.

    Raises:
        DataError: no such checkpoint.
    """
    prefix = store.without_suffix(Path(checkpoint or Path(config.run.save_model_dir) / "best_accuracy"))
    if not prefix.with_name(prefix.name + ".pdparams").is_file():
        found = sorted(path.stem for path in prefix.parent.glob("*.pdparams"))
        way_out = f"checkpoints there: {', '.join(found)}" if found else "train first, or name one with --checkpoint"
        raise DataError(f"{prefix}.pdparams: no such checkpoint; {way_out}")
    return prefix


def open_trained(config: schema.Config, checkpoint: str | None) -> Trained:
    """Build the network of a configuration and load its weights.

    Args:
        config: What was trained.
        checkpoint: Path without suffix; `best_accuracy` of `save_model_dir` when left out.

    Raises:
        DataError: no such checkpoint, or of another architecture or dictionary.
        EnvironmentProblem: a GPU is asked for and there is none.
    """
    prefix = checkpoint_prefix(config, checkpoint)
    use_device(config)
    codec = open_codec(config)
    dictionary = codec.dictionary
    # Parameters get the same names every time, so that an export is the same file every time.
    with paddle.utils.unique_name.guard():
        model = build_model(config.architecture, codec.num_classes, config.key)
    load_weights(model, store.load_weights(prefix), prefix)
    states = store.load(prefix).states if store.exists(prefix) else {}
    if states.get("dictionary", dictionary.fingerprint) != dictionary.fingerprint:
        raise DataError(f"{prefix}: trained with another dictionary than {config.run.character_dict_path}")
    metrics = dict(states.get("best_model_dict", {}))
    return Trained(model=model.reader, dictionary=dictionary, codec=codec, checkpoint=prefix, metrics=metrics)


def evaluation_set(config: schema.Config, codec: Codec, *, labels: str | None, progress: Progress) -> Batches:
    """Load what to evaluate on: `Eval` of the configuration, or another label file.

    Args:
        config: Transforms, batch size, and the data unless `labels` is given.
        codec: Turns labels into ids.
        labels: A label file whose images are named relative to its folder.
        progress: Shows the decoding of images.

    Raises:
        DataError: a label file cannot be read, or holds no usable image.
    """
    dataset = config.eval.dataset
    if labels is not None:
        folder = str(Path(labels).parent)
        dataset = replace(dataset, label_file_list=(labels,), data_dir=folder, ratio_list=(1.0,))
    limits = Limits(config.run.max_text_length)
    data = load_dataset(dataset, codec, limits, seed=config.run.seed, progress=progress)
    if not data.samples:
        files = ", ".join(dataset.label_file_list)
        raise DataError([*map(str, data.rejects[:5]), f"{files}: no usable image"])
    return Batches(data, config.eval.loader, seed=config.run.seed)
