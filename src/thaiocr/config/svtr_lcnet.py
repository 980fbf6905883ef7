"""What the sections of SVTR_LCNet must hold together; each function returns what is wrong, as in `validate`."""

from __future__ import annotations

from typing import Final

from thaiocr.config import schema

KEYS: Final = ("image", "label_ctc", "label_gtc", "length")
"""What a batch for two heads carries."""


def encoder_is_of_heads(transforms: tuple[schema.Transform, ...], architecture: object) -> str | None:
    """Refuse labels for one head where there are two, and the other way round."""
    is_multi = isinstance(architecture, schema.SVTRLCNet)
    if is_multi == any(isinstance(each, schema.MultiLabelEncode) for each in transforms):
        return None
    if is_multi:
        return "the two heads of SVTR_LCNet need MultiLabelEncode: {gtc_encode: NRTRLabelEncode}, not CTCLabelEncode"
    return "one head needs CTCLabelEncode, not MultiLabelEncode"


def keys_are_of_encoder(transforms: tuple[schema.Transform, ...]) -> str | None:
    """Refuse the keys of one head's labels beside the labels of two, and the other way round."""
    is_multi = any(isinstance(each, schema.MultiLabelEncode) for each in transforms)
    keys = next((each.keep_keys for each in transforms if isinstance(each, schema.KeepKeys)), ())
    if is_multi == ("label_ctc" in keys):
        return None
    wanted = KEYS if is_multi else schema.KeepKeys().keep_keys
    encoder = "MultiLabelEncode" if is_multi else "CTCLabelEncode"
    return f"{encoder} goes with other keys than KeepKeys names; write [{', '.join(wanted)}] there"


def heads_divide(hidden_dims: int, num_heads: int) -> str | None:
    """Refuse features that cannot be split among the attention heads."""
    if hidden_dims % num_heads == 0:
        return None
    return f"{hidden_dims} features cannot be split among {num_heads} heads; write a multiple of num_heads"
