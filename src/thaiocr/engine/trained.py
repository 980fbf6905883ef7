"""A trained model with what it takes to measure or export it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paddle import nn

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.data.dataset import load_dataset
from thaiocr.data.labels import Limits
from thaiocr.data.loader import Batches
from thaiocr.engine.build import build_codec, use_device
from thaiocr.engine.position import load_weights
from thaiocr.errors import DataError
from thaiocr.models import build_model
from thaiocr.progress import Progress
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A network with its weights, its dictionary, and an evaluation set."""

    model: nn.Layer
    dictionary: Dictionary
    codec: Codec
    batches: Batches
    checkpoint: Path
    metrics: Mapping[str, Any]
    """What was measured when the checkpoint was saved; empty where only weights are there."""


def open_trained(config: schema.Config, checkpoint: str | None, *, progress: Progress) -> Trained:
    """Build the network, load its weights and the evaluation set of a configuration.

    Args:
        config: What was trained; `Eval` may point at other data.
        checkpoint: Path without suffix; `best_accuracy` of `save_model_dir` when left out.
        progress: Shows the decoding of images.

    Raises:
        DataError: no such checkpoint, another architecture, no usable image.
    """
    prefix = store.without_suffix(Path(checkpoint or Path(config.run.save_model_dir) / "best_accuracy"))
    use_device(config)
    dictionary, codec = build_codec(config)
    model = build_model(config.architecture, codec.num_classes)
    load_weights(model, store.load_weights(prefix), prefix)
    states = store.load(prefix).states if store.exists(prefix) else {}
    if states.get("dictionary", dictionary.fingerprint) != dictionary.fingerprint:
        raise DataError(f"{prefix}: trained with another dictionary than {config.run.character_dict_path}")
    data = load_dataset(
        config.eval.dataset, codec, Limits(config.run.max_text_length), seed=config.run.seed, progress=progress
    )
    if not data.samples:
        files = ", ".join(config.eval.dataset.label_file_list)
        raise DataError([*map(str, data.rejects[:5]), f"{files}: no usable image"])
    return Trained(
        model=model,
        dictionary=dictionary,
        codec=codec,
        batches=Batches(data, config.eval.loader, seed=config.run.seed),
        checkpoint=prefix,
        metrics=dict(states.get("best_model_dict", {})),
    )
