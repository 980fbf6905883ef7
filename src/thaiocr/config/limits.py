"""What one value must hold beyond its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from thaiocr.config import schema
from thaiocr.config.detection import SIDE
from thaiocr.config.schema import detection, svtr_lcnet


@dataclass(frozen=True, slots=True)
class Limit:
    """What one value must hold; `rule` completes "KEY: …"."""

    rule: str
    holds: Callable[[Any], bool]


def _at_least(minimum: int) -> Limit:
    return Limit(f"must be at least {minimum}", lambda value: value >= minimum)


def _among(*choices: float) -> Limit:
    return Limit(f"must be one of {', '.join(map(str, choices))}", lambda value: value in choices)


def _in_order(*kinds: type) -> Limit:
    names = " and ".join(kind.__name__ for kind in kinds)
    return Limit(f"must be {names}, in this order", lambda value: tuple(map(type, value)) == kinds)


_ABOVE_0: Final = Limit("must be above 0", lambda value: value > 0)
_SHARE_BELOW_1: Final = Limit("must be at least 0 and below 1", lambda value: 0 <= value < 1)
_SHARE: Final = Limit("must be between 0 and 1", lambda value: 0 <= value <= 1)
_NOT_EMPTY: Final = Limit("must not be empty", lambda value: len(value) > 0)
_FACTOR: Final = Limit("must be above 0 and below 1", lambda value: 0 < value < 1)
_RISING: Final = Limit(
    "must be epochs from 1 on, each later than the one before",
    lambda value: len(value) > 0 and value[0] >= 1 and list(value) == sorted(set(value)),
)
_ALL_POSITIVE: Final = Limit("each must be above 0", lambda value: min(value) > 0)
_STRIDES: Final = Limit("strides must be 1 or 2", lambda value: all(stride in (1, 2) for stride in value))
_IN_QUARTERS: Final = Limit("must be a multiple of 4 of at least 16", lambda value: value >= 16 and value % 4 == 0)
_SIDES: Final = Limit(
    f"sides must be multiples of {SIDE}", lambda value: all(side > 0 and side % SIDE == 0 for side in value)
)

LIMITS: Final[Mapping[tuple[type, str], Limit]] = {
    (schema.Global, "epoch_num"): _at_least(1),
    (schema.Global, "print_batch_step"): _at_least(1),
    (schema.Global, "save_model_dir"): _NOT_EMPTY,
    (schema.Global, "save_epoch_step"): _at_least(0),
    (schema.Global, "eval_batch_step"): Limit(
        "needs a start of at least 0 and an interval of at least 1", lambda value: value[0] >= 0 and value[1] >= 1
    ),
    (schema.EMA, "decay"): _SHARE_BELOW_1,
    (schema.EarlyStop, "patience"): _at_least(1),
    (schema.EarlyStop, "min_delta"): _at_least(0),
    (schema.Global, "scale_loss"): _ABOVE_0,
    (schema.Global, "accumulation_steps"): _at_least(1),
    (schema.Global, "keep_last"): _at_least(0),
    (schema.Global, "keep_best"): _at_least(0),
    (schema.Global, "character_dict_path"): _NOT_EMPTY,
    (schema.Global, "max_text_length"): _at_least(1),
    (schema.Global, "seed"): Limit("must be between 0 and 4294967295", lambda value: 0 <= value < 2**32),
    (schema.Global, "max_reject_ratio"): _SHARE,
    (schema.Const, "learning_rate"): _ABOVE_0,
    (schema.Const, "warmup_epoch"): _at_least(0),
    (schema.Linear, "learning_rate"): _ABOVE_0,
    (schema.Linear, "end_lr"): _at_least(0),
    (schema.Linear, "power"): _ABOVE_0,
    (schema.Linear, "warmup_epoch"): _at_least(0),
    (schema.Cosine, "learning_rate"): _ABOVE_0,
    (schema.Cosine, "warmup_epoch"): _at_least(0),
    (schema.Step, "learning_rate"): _ABOVE_0,
    (schema.Step, "step_size"): _at_least(1),
    (schema.Step, "gamma"): _FACTOR,
    (schema.Step, "warmup_epoch"): _at_least(0),
    (schema.MultiStepDecay, "learning_rate"): _ABOVE_0,
    (schema.MultiStepDecay, "milestones"): _RISING,
    (schema.MultiStepDecay, "gamma"): _FACTOR,
    (schema.MultiStepDecay, "warmup_epoch"): _at_least(0),
    (schema.Piecewise, "decay_epochs"): _RISING,
    (schema.Piecewise, "values"): Limit(
        "each must be at least 0, the first above 0", lambda value: len(value) > 0 and value[0] > 0 and min(value) >= 0
    ),
    (schema.Piecewise, "warmup_epoch"): _at_least(0),
    (schema.ReduceOnPlateau, "learning_rate"): _ABOVE_0,
    (schema.ReduceOnPlateau, "factor"): _FACTOR,
    (schema.ReduceOnPlateau, "patience"): _at_least(0),
    (schema.ReduceOnPlateau, "threshold"): _at_least(0),
    (schema.ReduceOnPlateau, "cooldown"): _at_least(0),
    (schema.ReduceOnPlateau, "min_lr"): _at_least(0),
    (schema.ReduceOnPlateau, "warmup_epoch"): _at_least(0),
    (schema.OneCycle, "max_lr"): _ABOVE_0,
    (schema.OneCycle, "warmup_epoch"): _at_least(0),
    (schema.Regularizer, "factor"): _at_least(0),
    (schema.Adam, "beta1"): _SHARE_BELOW_1,
    (schema.Adam, "beta2"): _SHARE_BELOW_1,
    (schema.Adam, "epsilon"): _ABOVE_0,
    (schema.Adam, "clip_norm"): _ABOVE_0,
    (schema.Adam, "clip_norm_global"): _ABOVE_0,
    (schema.AdamW, "beta1"): _SHARE_BELOW_1,
    (schema.AdamW, "beta2"): _SHARE_BELOW_1,
    (schema.AdamW, "epsilon"): _ABOVE_0,
    (schema.AdamW, "weight_decay"): _at_least(0),
    (schema.AdamW, "clip_norm"): _ABOVE_0,
    (schema.AdamW, "clip_norm_global"): _ABOVE_0,
    (schema.Momentum, "momentum"): _SHARE_BELOW_1,
    (schema.Momentum, "clip_norm"): _ABOVE_0,
    (schema.Momentum, "clip_norm_global"): _ABOVE_0,
    (schema.RMSProp, "momentum"): _SHARE_BELOW_1,
    (schema.RMSProp, "rho"): _SHARE_BELOW_1,
    (schema.RMSProp, "epsilon"): _ABOVE_0,
    (schema.RMSProp, "clip_norm"): _ABOVE_0,
    (schema.RMSProp, "clip_norm_global"): _ABOVE_0,
    (schema.MobileNetV3, "scale"): _among(0.35, 0.5, 0.75, 1.0, 1.25),
    (schema.MobileNetV3, "large_stride"): _STRIDES,
    (schema.MobileNetV3, "small_stride"): _STRIDES,
    (schema.CompactResNet, "channels"): _ALL_POSITIVE,
    (schema.CompactResNet, "blocks"): Limit("must not be negative", lambda value: min(value) >= 0),
    (schema.SVTRNet, "img_size"): _ALL_POSITIVE,
    (schema.SVTRNet, "embed_dim"): _ALL_POSITIVE,
    (schema.SVTRNet, "depth"): _ALL_POSITIVE,
    (schema.SVTRNet, "num_heads"): _ALL_POSITIVE,
    (schema.SVTRNet, "local_mixer"): Limit(
        "must be three windows [height, width] of odd sides",
        lambda value: len(value) == 3 and all(side > 0 and side % 2 for window in value for side in window),
    ),
    (schema.SVTRNet, "mlp_ratio"): _ABOVE_0,
    (schema.SVTRNet, "qk_scale"): _ABOVE_0,
    (schema.SVTRNet, "drop_rate"): _SHARE_BELOW_1,
    (schema.SVTRNet, "last_drop"): _SHARE_BELOW_1,
    (schema.SVTRNet, "attn_drop_rate"): _SHARE_BELOW_1,
    (schema.SVTRNet, "drop_path_rate"): _SHARE_BELOW_1,
    (schema.SVTRNet, "epsilon"): _ABOVE_0,
    (schema.SVTRNet, "out_channels"): _at_least(1),
    (schema.SVTRNet, "out_char_num"): _at_least(1),
    (schema.PPLCNetV3, "scale"): _ABOVE_0,
    (schema.PPLCNetV3, "conv_kxk_num"): _at_least(1),
    (schema.PPLCNetV3, "lr_mult_list"): Limit("each must be at least 0", lambda value: min(value) >= 0),
    (schema.PPLCNetV3, "lab_lr"): _at_least(0),
    (schema.SVTREncoder, "dims"): _at_least(1),
    (schema.SVTREncoder, "depth"): _at_least(1),
    (schema.SVTREncoder, "hidden_dims"): _at_least(1),
    (schema.SVTREncoder, "kernel_size"): Limit(
        "sides must be odd", lambda value: all(side > 0 and side % 2 for side in value)
    ),
    (schema.SVTREncoder, "num_heads"): _at_least(1),
    (schema.SVTREncoder, "mlp_ratio"): _ABOVE_0,
    (schema.SVTREncoder, "drop_rate"): _SHARE_BELOW_1,
    (schema.SVTREncoder, "attn_drop_rate"): _SHARE_BELOW_1,
    (svtr_lcnet.CTCLayers, "fc_decay"): _at_least(0),
    (svtr_lcnet.CTCLayers, "mid_channels"): _at_least(1),
    (schema.NRTRHead, "nrtr_dim"): Limit("must be a multiple of 32", lambda value: value > 0 and value % 32 == 0),
    (schema.NRTRHead, "num_decoder_layers"): _at_least(1),
    (schema.MultiHead, "head_list"): _in_order(svtr_lcnet.CTCHead, svtr_lcnet.NRTRHead),
    (schema.MultiLoss, "loss_config_list"): _in_order(svtr_lcnet.CTCLoss, svtr_lcnet.NRTRLoss),
    (schema.MultiLoss, "weight_1"): _ABOVE_0,
    (schema.MultiLoss, "weight_2"): _ABOVE_0,
    (schema.SequenceEncoder, "hidden_size"): _at_least(1),
    (schema.CTCHead, "fc_decay"): _at_least(0),
    (schema.CTCHead, "mid_channels"): _at_least(1),
    (schema.PartsGuide, "weight"): _ABOVE_0,
    (schema.PartsGuide, "label_smoothing"): _FACTOR,
    (schema.PartsGuide, "focal_gamma"): _at_least(1),
    (schema.DistillationModel, "models"): Limit(
        "names must begin with a capital letter and be one word, as Teacher and Student",
        lambda value: all(name.isidentifier() and name[0].isupper() for name in value),
    ),
    (schema.CombinedLoss, "loss_config_list"): _NOT_EMPTY,
    (schema.DistillationCTCLoss, "weight"): _ABOVE_0,
    (schema.DistillationCTCLoss, "model_name_list"): _NOT_EMPTY,
    (schema.DistillationDMLLoss, "weight"): _ABOVE_0,
    (schema.DistillationDMLLoss, "model_name_pairs"): _NOT_EMPTY,
    (schema.DistillationDistanceLoss, "weight"): _ABOVE_0,
    (schema.DistillationDistanceLoss, "model_name_pairs"): _NOT_EMPTY,
    (schema.RecResizeImg, "image_shape"): Limit(
        "must be [3, height, width] with positive sides", lambda value: value[0] == 3 and min(value) > 0
    ),
    (schema.RecConAug, "prob"): _SHARE,
    (schema.RecConAug, "image_shape"): Limit(
        "must be [height, width, 3] with positive sides", lambda value: value[2] == 3 and min(value) > 0
    ),
    (schema.RecConAug, "max_text_length"): _at_least(1),
    (schema.RecConAug, "ext_data_num"): _at_least(1),
    (schema.RecAug, "tia_prob"): _SHARE,
    (schema.RecAug, "crop_prob"): _SHARE,
    (schema.RecAug, "reverse_prob"): _SHARE,
    (schema.RecAug, "noise_prob"): _SHARE,
    (schema.RecAug, "jitter_prob"): _SHARE,
    (schema.RecAug, "blur_prob"): _SHARE,
    (schema.RecAug, "hsv_aug_prob"): _SHARE,
    (schema.SimpleDataSet, "data_dir"): _NOT_EMPTY,
    (schema.SimpleDataSet, "label_file_list"): Limit(
        "needs at least one file", lambda value: len(value) > 0 and all(value)
    ),
    (schema.SimpleDataSet, "ratio_list"): Limit(
        "each must be above 0 and at most 1", lambda value: len(value) > 0 and all(0 < ratio <= 1 for ratio in value)
    ),
    (schema.SimpleDataSet, "delimiter"): _NOT_EMPTY,
    (schema.MultiScaleSampler, "scales"): Limit(
        "needs at least one scale, with a width and a height of at least 1",
        lambda value: len(value) > 0 and all(side > 0 for scale in value for side in scale),
    ),
    (schema.MultiScaleSampler, "first_bs"): _at_least(1),
    (schema.MultiScaleSampler, "divided_factor"): _ALL_POSITIVE,
    (schema.Loader, "batch_size_per_card"): _at_least(1),
    (schema.Loader, "num_workers"): _at_least(0),
    (detection.MobileNetV3, "scale"): _among(0.35, 0.5, 0.75, 1.0, 1.25),
    (detection.PPLCNetV3, "scale"): _ABOVE_0,
    (detection.PPLCNetV3, "conv_kxk_num"): _at_least(1),
    (detection.DBFPN, "out_channels"): _IN_QUARTERS,
    (detection.RSEFPN, "out_channels"): _IN_QUARTERS,
    (detection.DBHead, "k"): _ABOVE_0,
    (detection.DBLoss, "alpha"): _at_least(0),
    (detection.DBLoss, "beta"): _at_least(0),
    (detection.DBLoss, "ohem_ratio"): _ABOVE_0,
    (detection.DBLoss, "eps"): _ABOVE_0,
    (detection.DBPostProcess, "thresh"): _SHARE_BELOW_1,
    (detection.DBPostProcess, "box_thresh"): _SHARE,
    (detection.DBPostProcess, "max_candidates"): _at_least(1),
    (detection.DBPostProcess, "unclip_ratio"): _at_least(0),
    (detection.EastRandomCropData, "size"): _SIDES,
    (detection.EastRandomCropData, "multi_scale"): _SIDES,
    (detection.EastRandomCropData, "max_tries"): _at_least(1),
    (detection.EastRandomCropData, "min_crop_side_ratio"): _SHARE,
    (detection.MakeBorderMap, "shrink_ratio"): _FACTOR,
    (detection.MakeBorderMap, "thresh_min"): _SHARE,
    (detection.MakeBorderMap, "thresh_max"): _SHARE,
    (detection.MakeShrinkMap, "shrink_ratio"): _FACTOR,
    (detection.MakeShrinkMap, "min_text_size"): _at_least(0),
    (detection.DetResizeForTest, "image_shape"): _SIDES,
    (detection.DetResizeForTest, "limit_side_len"): _at_least(SIDE),
    (detection.DetResizeForTest, "resize_long"): _at_least(SIDE),
    (detection.NormalizeImage, "std"): _ALL_POSITIVE,
    (detection.SimpleDataSet, "data_dir"): _NOT_EMPTY,
    (detection.SimpleDataSet, "label_file_list"): Limit(
        "needs at least one file", lambda value: len(value) > 0 and all(value)
    ),
    (detection.SimpleDataSet, "ratio_list"): Limit(
        "each must be above 0 and at most 1", lambda value: len(value) > 0 and all(0 < ratio <= 1 for ratio in value)
    ),
    (detection.SimpleDataSet, "delimiter"): _NOT_EMPTY,
}
