"""`PostProcess` and `Metric`: from logits to texts and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLabelDecode:
    """Best class per time step, repeats and blanks removed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationCTCLabelDecode:
    """CTCLabelDecode of an output of these networks; here only that of `Metric.key` is read."""

    model_name: tuple[str, ...] = ("Student",)
    key: Literal["head_out"]


PostProcess: TypeAlias = CTCLabelDecode | DistillationCTCLabelDecode


@dataclass(frozen=True, kw_only=True, slots=True)
class RecMetric:
    """Share of texts that are right, and normalised edit distance."""

    main_indicator: Literal["acc", "norm_edit_dis"] = "acc"
    ignore_space: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class DistillationMetric:
    """RecMetric of one of the networks."""

    base_metric_name: Literal["RecMetric"] = "RecMetric"
    main_indicator: Literal["acc", "norm_edit_dis"] = "acc"
    key: str
    """The network that is evaluated, whose best state is kept, and that is exported."""
    ignore_space: bool = True


Metric: TypeAlias = RecMetric | DistillationMetric
