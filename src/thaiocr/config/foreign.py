"""Keys of public PaddleOCR files that have no field in the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def general(path: str) -> str:
    """Return the path with `*` for the name of one of several networks."""
    parts = path.split(".")
    return ".".join([*parts[:2], "*", *parts[3:]]) if parts[:2] == ["Architecture", "Models"] and parts[2:] else path


UNUSED_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "": _words("profiler_options"),
    "Global": _words("""
        cal_flops_during_train character_type d2s_train_image_shape debug distributed infer_img infer_mode
        log_smooth_window model_name print_mem_info save_inference_dir save_res_path uniform_output_enabled
        use_gcu use_metax_gpu use_mlu use_npu use_tensorrt use_xpu
    """),
    "Architecture": _words("Transform"),
    "Architecture.Models.*": _words("Transform"),
    "Architecture.Backbone": _words("disable_se"),  # of the networks that have no gates
    "Train.dataset": _words("ext_op_transform_idx"),  # what RecConAug attaches is as its step finds it
    "Train.dataset.transforms.MakeBorderMap": _words("total_epoch"),  # nothing tells PaddleOCR's step the epoch
    "Train.dataset.transforms.MakeShrinkMap": _words("total_epoch"),
    "Architecture.Head.head_list.NRTRHead": _words("max_text_length"),
    "Train.loader": _words("collate_batch use_shared_memory"),
    "Eval.loader": _words("collate_batch use_shared_memory"),
}
"""They change nothing here: accepted and listed as unused, by section."""

EMPTY_ONLY: Final[frozenset[str]] = _words("Architecture.Transform Architecture.Models.*.Transform")
"""Unused keys that are accepted only while they are empty."""

UNSUPPORTED_KEYS: Final[frozenset[str]] = _words("""
    cal_bleu_score calc_epoch_interval collate_fn dis_head ds_width eval_batch_epoch
    find_unused_parameters group_lr is_filter maps_name multi_head rec_char_dict_path start_ema to_static
    use_pool use_pos use_sync_bn
""")
"""They would change the result: refused in any section, as a thing that exists but not here."""
