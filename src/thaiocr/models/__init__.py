"""Networks, and the one table of what exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from paddle import nn

from thaiocr.config import schema
from thaiocr.models.crnn import CRNN

RECOGNIZERS: Final[Mapping[str, Callable[[schema.Architecture, int], nn.Layer]]] = {"CRNN": CRNN}


def build_model(architecture: schema.Architecture, num_classes: int) -> nn.Layer:
    """Return the network that `Architecture.algorithm` names, with fresh weights."""
    return RECOGNIZERS[architecture.algorithm](architecture, num_classes)
