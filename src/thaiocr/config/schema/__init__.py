"""The sections of a PaddleOCR YAML file as types. A key that has no field here is refused by name.

Fields carry PaddleOCR's key names, defaults and order; the few keys that are ours say so. A section's own keys come
before those of its base class. Metadata of a field: `key` (where it differs from the field's name), `before_single`
(what precedes a value that stands alone for a list of fixed length), `single_is_plain` (a list of one is written as its
value).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, get_args

from thaiocr.config.schema import detection, svtr_lcnet
from thaiocr.config.schema.architecture import (
    Algorithm,
    Architecture,
    Backbone,
    CompactResNet,
    CTCHead,
    DistillationModel,
    Head,
    Mixer,
    MobileNetV3,
    Neck,
    ResNet,
    SequenceEncoder,
    SubModel,
    SVTRNet,
)
from thaiocr.config.schema.data import (
    CTCLabelEncode,
    DecodeImage,
    Feed,
    KeepKeys,
    Loader,
    MultiLabelEncode,
    MultiScaleDataSet,
    MultiScaleSampler,
    RecAug,
    RecConAug,
    RecResizeImg,
    SimpleDataSet,
    Transform,
)
from thaiocr.config.schema.loss import (
    CombinedLoss,
    CTCLoss,
    DistillationCTCLoss,
    DistillationDistanceLoss,
    DistillationDMLLoss,
    DistillationTerm,
    OutputName,
    PartsGuide,
)
from thaiocr.config.schema.metric import (
    CTCLabelDecode,
    DistillationCTCLabelDecode,
    DistillationMetric,
    Metric,
    PostProcess,
    RecMetric,
)
from thaiocr.config.schema.optimizer import (
    Adam,
    AdamW,
    Const,
    Cosine,
    LearningRate,
    Linear,
    Momentum,
    MultiStepDecay,
    OneCycle,
    Optimizer,
    Piecewise,
    ReduceOnPlateau,
    Regularizer,
    RMSProp,
    Step,
)
from thaiocr.config.schema.run import EMA, EarlyStop, Global, WandB
from thaiocr.config.schema.svtr_lcnet import MultiHead, MultiLoss, NRTRHead, PPLCNetV3, SVTREncoder, SVTRLCNet

Loss: TypeAlias = CTCLoss | CombinedLoss | MultiLoss


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """A whole file."""

    run: Global = field(metadata={"key": "Global"})
    optimizer: Optimizer = field(metadata={"key": "Optimizer"})
    architecture: Architecture | SVTRLCNet | DistillationModel = field(metadata={"key": "Architecture"})
    loss: Loss = field(metadata={"key": "Loss"})
    postprocess: PostProcess = field(metadata={"key": "PostProcess"})
    metric: Metric = field(metadata={"key": "Metric"})
    train: Feed = field(metadata={"key": "Train"})
    eval: Feed = field(metadata={"key": "Eval"})
    wandb: WandB | None = None

    @property
    def key(self) -> str | None:
        """Name of the network that is evaluated, where several are trained together."""
        return self.metric.key if isinstance(self.metric, DistillationMetric) else None

    @property
    def reader(self) -> Architecture | SVTRLCNet | SubModel:
        """The network that is evaluated."""
        if isinstance(self.architecture, DistillationModel):
            return self.architecture.models[str(self.key)]
        return self.architecture


AnyConfig: TypeAlias = Config | detection.Config
"""Of recognition or of detection."""


def _sections(*kinds: Any) -> frozenset[type]:
    """Return the sections of these unions."""
    return frozenset(section for kind in kinds for section in get_args(kind) or (kind,))


NAMED: Final = _sections(
    *(
        Optimizer,
        LearningRate,
        Architecture | SVTRLCNet | DistillationModel,
        Backbone | PPLCNetV3,
        Neck,
        Head | MultiHead,
    ),
    *(Loss, PostProcess, Metric, SimpleDataSet | MultiScaleDataSet, MultiScaleSampler),
    *(detection.Backbone, detection.Neck, detection.Head),
    *(detection.Loss, detection.PostProcess, detection.Metric, detection.SimpleDataSet),
)
"""Sections that a file chooses with `name: <class>`."""

KEYED: Final[Mapping[str, frozenset[type]]] = {
    "transform": _sections(Transform, detection.Transform),
    "loss": _sections(DistillationTerm),
    "head": _sections(svtr_lcnet.Branch),
    "loss of a head": _sections(svtr_lcnet.MultiLossTerm),
}
"""Sections that a file chooses with their one key: `- <class>: {…}`."""

EXAMPLES: Final[Mapping[str, str]] = {
    "transform": "RecResizeImg",
    "loss": "DistillationCTCLoss",
    "head": "NRTRHead",
    "loss of a head": "NRTRLoss",
}
"""One of KEYED each."""

DEFAULT_NAMES: Final[Mapping[str, str]] = {"Optimizer.lr": "Const", "Architecture": "Architecture"}
"""The variant that a section without `name` means."""

ALGORITHMS: Final[Mapping[str, str]] = {"SVTR_LCNet": "SVTRLCNet"}
"""The variant of Architecture that an `algorithm` means, where it is not the usual one."""

UNNAMED: Final[frozenset[type]] = frozenset({Architecture, SVTRLCNet})
"""Variants that PaddleOCR's files have no `name` for."""
