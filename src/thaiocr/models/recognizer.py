"""What training asks of a network, whether it is one or several that are trained together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paddle import Tensor, nn


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """What a forward pass gives, by PaddleOCR's names. N images, D and E features, T time steps, K classes."""

    backbone_out: Tensor
    """f_ND1T."""
    neck_out: Tensor
    """s_NTE."""
    head_out: Tensor
    """logits_NTK."""
    models: Mapping[str, Outputs] = field(default_factory=dict)
    """Where several networks are trained together, the outputs of each by name; the above are the evaluated one's."""


class Recognizer(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """x_N3HW -> logits_NTK while training, probabilities_NTK otherwise (also in an exported model)."""

    @property
    def reader(self) -> Recognizer:
        """The network that is evaluated and exported: this one."""
        return self

    @property
    def networks(self) -> Mapping[str, Recognizer]:
        """The networks that are trained together, by name; empty where there is one."""
        return {}

    @property
    def frozen(self) -> list[Tensor]:
        """Parameters and statistics that no step changes."""
        return []

    def outputs(self, x_N3HW: Tensor) -> Outputs:
        """Return what losses look at; the head's logits also where the network evaluates."""
        raise NotImplementedError
