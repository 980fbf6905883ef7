"""Several networks that see the same images, so that one can learn from another: PaddleOCR's DistillationModel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import paddle
from paddle import Tensor

from thaiocr.config import schema
from thaiocr.models.crnn import CRNN
from thaiocr.models.recognizer import Outputs, Recognizer


class DistillationModel(Recognizer):
    """x_N3HW -> what the evaluated network gives. Parameters are named `<network>.<parameter>`.

    A frozen network evaluates even while the others train: its batch normalisation uses and keeps the statistics that
    it was trained with. (PaddleOCR lets them drift, and normalises with those of the batch.)

    Args:
        architecture: The networks; fresh weights.
        num_classes: K.
        key: Name of the evaluated network.
    """

    def __init__(self, architecture: schema.DistillationModel, num_classes: int, key: str) -> None:
        super().__init__()
        self.key = key
        taken: set[str] = set()
        self.frozen_networks = tuple(name for name, each in architecture.models.items() if each.freeze_params)
        for name, options in architecture.models.items():
            network = self.add_sublayer(name, CRNN(options, num_classes))
            for parameter in network.parameters():
                # An optimizer keeps its state by these names, and some backbones have fixed ones.
                parameter.name = f"{name}_{parameter.name}" if parameter.name in taken else parameter.name
                taken.add(parameter.name)
        for tensor in self.frozen:
            tensor.stop_gradient = True

    @property
    def reader(self) -> Recognizer:
        """The network that is evaluated and exported."""
        return self.networks[self.key]

    @property
    def networks(self) -> Mapping[str, Recognizer]:
        """The networks, by name."""
        return dict(self.named_children())

    @property
    def frozen(self) -> list[Tensor]:
        """Parameters and statistics of the frozen networks."""
        return [tensor for name in self.frozen_networks for tensor in self.networks[name].state_dict().values()]

    def train(self) -> None:
        """Let all networks train but the frozen ones."""
        super().train()
        for name in self.frozen_networks:
            self.networks[name].eval()

    def forward(self, x_N3HW: Tensor) -> Tensor:
        return self.reader(x_N3HW)

    def outputs(self, x_N3HW: Tensor, labels_NL: Tensor | None = None) -> Outputs:
        """Return the outputs of the evaluated network, and beside them those of all; frozen ones have no gradient."""
        found = {}
        for name, network in self.networks.items():
            with paddle.set_grad_enabled(name not in self.frozen_networks and paddle.is_grad_enabled()):
                found[name] = network.outputs(x_N3HW, labels_NL)
        return replace(found[self.key], models=found)
