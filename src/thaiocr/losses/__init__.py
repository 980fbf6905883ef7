"""Tensors -> a scalar to minimise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from paddle import Tensor

from thaiocr.config import schema
from thaiocr.losses.distillation import CombinedLoss
from thaiocr.losses.multi import MultiLoss
from thaiocr.losses.recognition import RecognitionLoss
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Outputs

Loss: TypeAlias = Callable[[Outputs, Tensor, Tensor], Mapping[str, Tensor]]
"""(outputs, labels_NL, lengths_N) -> `loss` and its terms by name."""
LOSSES: Final[Mapping[type, Callable[[Any, PartsGuide | None], Loss]]] = {
    schema.CTCLoss: RecognitionLoss,
    schema.CombinedLoss: CombinedLoss,
    schema.MultiLoss: MultiLoss,
}


def build_loss(options: schema.Loss, guide: PartsGuide | None) -> Loss:
    """Return what `Loss` asks for; the guide is used where the options have one."""
    return LOSSES[type(options)](options, guide)
