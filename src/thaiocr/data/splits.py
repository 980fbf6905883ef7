"""`Train` and `Eval` of a configuration as data: what to read, and how long a label may be. Needs no paddle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from thaiocr.config import schema
from thaiocr.config.validate import time_steps
from thaiocr.data.images import Preprocess
from thaiocr.data.labels import Limits
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary, find_dictionary

SplitName: TypeAlias = Literal["Train", "Eval"]


@dataclass(frozen=True, slots=True)
class Split:
    """One of the two data sets of a configuration, with the limits that training sets for its labels."""

    name: SplitName
    dataset: schema.SimpleDataSet
    limits: Limits


def splits(config: schema.Config) -> tuple[Split, Split]:
    """Return `Train` and `Eval`; only what CTC is trained on has to fit into the network's time steps."""
    length, backbone = config.run.max_text_length, config.reader.backbone
    width = Preprocess.of(config.train.dataset.transforms).image_shape[2]
    steps = time_steps(backbone.model_name, backbone.large_stride, width)
    return (
        Split("Train", config.train.dataset, Limits(length, steps)),
        Split("Eval", config.eval.dataset, Limits(length)),
    )


def open_codec(config: schema.Config) -> Codec:
    """Return the codec of the configured dictionary.

    Raises:
        DataError: the dictionary is missing or malformed.
    """
    dictionary = Dictionary.load(find_dictionary(config.run.character_dict_path))
    return Codec(dictionary, use_space_char=config.run.use_space_char)
