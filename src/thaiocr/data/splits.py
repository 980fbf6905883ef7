"""`Train` and `Eval` of a configuration as data: what to read, and how long a label may be. Needs no paddle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from thaiocr.config import schema
from thaiocr.config.geometry import time_steps
from thaiocr.data.images import Preprocess
from thaiocr.data.labels import Limits
from thaiocr.data.scales import preprocessing
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary, find_dictionary

SplitName: TypeAlias = Literal["Train", "Eval"]


@dataclass(frozen=True, slots=True)
class Split:
    """One of the two data sets of a configuration, with the limits that training sets for its labels."""

    name: SplitName
    dataset: schema.SimpleDataSet
    limits: Limits
    sizes: tuple[Preprocess, ...]
    """How images become network input, once for each size."""


def splits(config: schema.Config) -> tuple[Split, Split]:
    """Return `Train` and `Eval`; only what CTC is trained on has to fit into the network's time steps."""
    length, backbone = config.run.max_text_length, config.reader.backbone
    train, evaluation = preprocessing(config.train), preprocessing(config.eval)
    steps = min(time_steps(backbone, each.image_shape[2]) for each in train)
    return (
        Split("Train", config.train.dataset, Limits(length, steps), train),
        Split("Eval", config.eval.dataset, Limits(length), evaluation),
    )


def open_codec(config: schema.Config) -> Codec:
    """Return the codec of the configured dictionary.

    Raises:
        DataError: the dictionary is missing or malformed.
    """
    dictionary = Dictionary.load(find_dictionary(config.run.character_dict_path))
    return Codec(dictionary, use_space_char=config.run.use_space_char)
