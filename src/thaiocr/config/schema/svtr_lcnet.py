"""SVTR_LCNet (PP-OCRv4 and v5 mobile): two heads on one backbone, of which CTC reads and NRTR guides the training.

Sections that differ from those of the same name elsewhere have their own class here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from thaiocr.config.schema import architecture, loss


@dataclass(frozen=True, kw_only=True, slots=True)
class PPLCNetV3:
    """Depthwise separable convolutions that train in branches; each is one convolution once exported."""

    scale: float = 1.0
    """Width of the network."""
    conv_kxk_num: int = 4
    """Parallel convolutions of a layer while training."""
    lr_mult_list: tuple[float, float, float, float, float, float] = (1.0,) * 6
    """What the learning rate is multiplied by, for the stem and the five stages."""
    lab_lr: float = 0.1
    """What it is multiplied by besides, for the scale and the bias that follow a convolution or an activation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SVTREncoder:
    """Transformer blocks that mix the columns of a line."""

    name: Literal["svtr"] = "svtr"
    dims: int = 64
    """Features that CTC reads."""
    depth: int = 2
    """Blocks."""
    hidden_dims: int = 120
    """Features within the blocks."""
    kernel_size: tuple[int, int] = (3, 3)
    """Of the convolutions before and after the blocks."""
    num_heads: int = 8
    mlp_ratio: float = 2.0
    drop_rate: float = 0.1
    attn_drop_rate: float = 0.1
    use_guide: bool = False
    """No gradient of CTC goes into the backbone: NRTR alone trains that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLayers(architecture.CTCHead):
    """What `Head` holds there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCHead:
    """The head that reads."""

    neck: SVTREncoder = field(metadata={"key": "Neck"})
    head: CTCLayers = field(metadata={"key": "Head"})


@dataclass(frozen=True, kw_only=True, slots=True)
class NRTRHead:
    """The head that guides: a transformer which is told the entries so far and names the next one."""

    nrtr_dim: int = 256
    """Features; a multiple of 32, for there is one attention head to every 32."""
    num_decoder_layers: int = 4


Branch: TypeAlias = CTCHead | NRTRHead


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiHead:
    """Both heads."""

    head_list: tuple[Branch, ...]
    """CTCHead, NRTRHead."""

    @property
    def ctc(self) -> CTCHead:
        """The head that reads."""
        return next(each for each in self.head_list if isinstance(each, CTCHead))

    @property
    def nrtr(self) -> NRTRHead:
        """The head that guides."""
        return next(each for each in self.head_list if isinstance(each, NRTRHead))


@dataclass(frozen=True, kw_only=True, slots=True)
class SVTRLCNet:
    """`Architecture` where `algorithm` is SVTR_LCNet."""

    model_type: Literal["rec"] = "rec"
    algorithm: architecture.Algorithm = "SVTR_LCNet"
    backbone: PPLCNetV3 = field(metadata={"key": "Backbone"})
    head: MultiHead = field(metadata={"key": "Head"})


@dataclass(frozen=True, kw_only=True, slots=True)
class CTCLoss:
    """Of the head that reads."""

    use_focal_loss: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NRTRLoss:
    """Cross entropy of the head that guides."""

    smoothing: bool = True
    """The right symbol gets 0.9 of the target, the others share the rest."""


MultiLossTerm: TypeAlias = CTCLoss | NRTRLoss


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiLoss:
    """The weighted sum of both heads' losses."""

    loss_config_list: tuple[MultiLossTerm, ...]
    """CTCLoss, NRTRLoss."""
    weight_1: float = 1.0
    """Of CTCLoss."""
    weight_2: float = 1.0
    """Of NRTRLoss."""
    parts_guide: loss.PartsGuide | None = None
    """Ours. As in CTCLoss of one head."""

    @property
    def ctc(self) -> CTCLoss:
        """Of the head that reads."""
        return next(each for each in self.loss_config_list if isinstance(each, CTCLoss))

    @property
    def nrtr(self) -> NRTRLoss:
        """Of the head that guides."""
        return next(each for each in self.loss_config_list if isinstance(each, NRTRLoss))
