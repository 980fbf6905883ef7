"""Networks, and the one table of what exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from thaiocr.config import schema
from thaiocr.models.crnn import CRNN
from thaiocr.models.distillation import DistillationModel
from thaiocr.models.recognizer import Recognizer
from thaiocr.models.svtr_lcnet import SVTRLCNet

RECOGNIZERS: Final[Mapping[str, Callable[..., Recognizer]]] = {
    "CRNN": CRNN,
    "SVTR": CRNN,  # the parts differ, not what is done with them
    "SVTR_LCNet": SVTRLCNet,
    "Distillation": DistillationModel,
}


def build_model(
    architecture: schema.Architecture | schema.SVTRLCNet | schema.DistillationModel,
    num_classes: int,
    key: str | None = None,
) -> Recognizer:
    """Return the network that `Architecture.algorithm` names, with fresh weights.

    Args:
        architecture: What to build.
        num_classes: K, blank among them.
        key: Which of several networks is evaluated, `Metric.key`; None where there is one.
    """
    which: Mapping[str, Any] = {} if key is None else {"key": key}
    return RECOGNIZERS[architecture.algorithm](architecture, num_classes, **which)
