"""What training asks of a network, whether it is one or several that are trained together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

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
    gtc_out: Tensor | None = None
    """logits_NSV of a second head that guides the training, where there is one and labels to tell it; see `nrtr`."""
    models: Mapping[str, Outputs] = field(default_factory=dict)
    """Where several networks are trained together, the outputs of each by name; the above are the evaluated one's."""


class ClassAxis(NamedTuple):
    """Where a parameter holds something for each class: class id k, from 1, is at index k + offset of the axis."""

    axis: int
    offset: int = 0
    """What lies before class 1 is the same with every dictionary: blank, and what else a head knows."""
    extra: int = 0
    """The axis is so much longer than there are classes."""


class ClassLayer(nn.Layer):  # type: ignore[misc]  # paddle has no types
    """A layer with parameters that belong to classes."""

    class_axes: Mapping[str, ClassAxis]
    """By the parameter's name in the layer."""


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

    def outputs(self, x_N3HW: Tensor, labels_NL: Tensor | None = None) -> Outputs:
        """Return what losses look at; the head's logits also where the network evaluates.

        Args:
            x_N3HW: Images.
            labels_NL: Class ids, filled up with 0, for a head that is told them while training.
        """
        raise NotImplementedError

    @property
    def class_axes(self) -> Mapping[str, ClassAxis]:
        """The parameters that belong to classes, by name."""
        return {
            f"{path}.{name}": axis
            for path, layer in self.named_sublayers()
            if isinstance(layer, ClassLayer)
            for name, axis in layer.class_axes.items()
        }

    def for_export(self) -> Recognizer:
        """Return what is exported: a network that reads the same in evaluation, but need not be able to train."""
        return self
