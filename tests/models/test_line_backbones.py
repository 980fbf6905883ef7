"""ResNet and SVTRNet where the golden files do not look: names in optimizer files, sizes, what is random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import paddle
import pytest

from thaiocr.config import schema
from thaiocr.config.geometry import input_heights, time_steps
from thaiocr.models import build_model
from thaiocr.models.compact_resnet import CompactResNet
from thaiocr.models.recognizer import Recognizer
from thaiocr.models.resnet_vd import DEPTHS, ResNet
from thaiocr.models.svtrnet import DropPath, SVTRNet, window_mask

SMALL = schema.SVTRNet(
    img_size=(16, 32),
    embed_dim=(16, 16, 16),
    depth=(1, 1, 1),
    num_heads=(2, 2, 2),
    mixer=("Local", "Conv", "Global"),
    out_channels=12,
    out_char_num=7,
    last_drop=0.0,
    drop_path_rate=0.0,
)


def recognizer(backbone: schema.Backbone) -> Recognizer:
    paddle.seed(0)
    parts = schema.Architecture(backbone=backbone, neck=schema.SequenceEncoder(hidden_size=8), head=schema.CTCHead())
    return build_model(parts, num_classes=5)


def test_an_optimizer_of_a_resnet_keeps_its_state_by_paddleocrs_names() -> None:
    names = {name: parameter.name for name, parameter in recognizer(schema.ResNet(layers=18)).named_parameters()}

    assert names["backbone.conv1_2._conv.weight"] == "conv1_2_weights"
    assert names["backbone.conv1_2._batch_norm.weight"] == "bnv1_2_scale"
    assert names["backbone.bb_0_1.conv1._batch_norm.bias"] == "bn2b_branch2b_offset"
    assert names["backbone.bb_3_0.short._conv.weight"] == "res5a_branch1_weights"


def test_a_stage_with_more_blocks_than_letters_numbers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEPTHS, 101, (1, 1, 3, 1))  # as the deep ones, but small
    backbone = ResNet(schema.ResNet(layers=101))

    assert [block.conv2._conv.weight.name for block in backbone.blocks[2:5]] == [
        "res4a_branch2c_weights",
        "res4b1_branch2c_weights",
        "res4b2_branch2c_weights",
    ]
    assert backbone.out_channels == 2048


def test_networks_of_a_distillation_keep_their_optimizer_states_apart() -> None:
    one = schema.SubModel(
        return_all_feats=True,
        backbone=schema.ResNet(layers=18),
        neck=schema.SequenceEncoder(hidden_size=8),
        head=schema.CTCHead(),
    )
    model = build_model(schema.DistillationModel(models={"Teacher": one, "Student": one}), 5, "Student")
    names = [parameter.name for parameter in model.parameters()]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("width", [98, 99, 100, 320])
def test_a_resnet_gives_one_row_and_the_time_steps_that_the_configuration_counts(width: int) -> None:
    backbone = ResNet(schema.ResNet(layers=18))
    backbone.eval()

    assert backbone(paddle.zeros([1, 3, 32, width])).shape == [1, 512, 1, time_steps(schema.ResNet(layers=18), width)]


def test_svtrnet_gives_out_channels_and_out_char_num() -> None:
    backbone = SVTRNet(SMALL)

    assert backbone(paddle.zeros([2, 3, 16, 32])).shape == [2, 12, 1, 7]
    assert backbone.out_channels == 12


def test_an_image_of_another_width_is_resized() -> None:
    backbone = SVTRNet(SMALL)
    backbone.eval()
    x_N3HW = paddle.rand([2, 3, 16, 32])
    wide_N3HW = x_N3HW.repeat_interleave(2, axis=3)  # each column twice

    np.testing.assert_allclose(backbone(wide_N3HW).numpy(), backbone(x_N3HW).numpy(), rtol=1e-5, atol=1e-6)


def test_a_window_is_centred_on_its_patch_and_ends_at_the_edge() -> None:
    mask_PP = window_mask((4, 5), (3, 5))
    near_hw = np.isfinite(mask_PP[1 * 5 + 1].reshape(4, 5))

    assert np.argwhere(near_hw).min(axis=0).tolist() == [0, 0]
    assert np.argwhere(near_hw).max(axis=0).tolist() == [2, 3]
    assert near_hw.sum() == 3 * 4


def test_the_last_dropout_shrinks_what_is_evaluated() -> None:
    """PaddleOCR's `downscale_in_infer`: trained weights expect it."""
    x_N3HW = paddle.rand([2, 3, 16, 32])
    outputs = []
    for rate in (0.0, 0.25):
        paddle.seed(3)
        backbone = SVTRNet(replace(SMALL, last_drop=rate))
        backbone.eval()
        outputs.append(backbone(x_N3HW).numpy())

    np.testing.assert_allclose(outputs[1], outputs[0] * 0.75, rtol=1e-5, atol=1e-7)


def test_dropped_paths_are_whole_images_and_the_mean_stays() -> None:
    paddle.seed(1)
    drop = DropPath(0.25)
    x_NPC = paddle.ones([4000, 2, 3])
    y_NPC = drop(x_NPC).numpy()

    assert set(np.unique(y_NPC.round(4))) == {np.float32(0), np.float32(1.3333)}
    assert (y_NPC == y_NPC[:, :1, :1]).all()
    assert y_NPC.mean() == pytest.approx(1, abs=0.05)
    drop.eval()
    assert (drop(x_NPC).numpy() == 1).all()


def test_a_mask_is_no_entry_of_a_checkpoint() -> None:
    assert not [name for name in SVTRNet(SMALL).state_dict() if "mask" in name]


@pytest.mark.parametrize("height", [17, 32, 48, 128])
@pytest.mark.parametrize("width", [17, 18, 32, 99, 480])
def test_compact_resnet_makes_one_row_of_any_height_and_a_time_step_of_four_columns(height: int, width: int) -> None:
    options = schema.CompactResNet(channels=(8, 8, 8, 16), blocks=(0, 0, 1, 0))

    assert height in input_heights(options)
    features = CompactResNet(options)(paddle.zeros([1, 3, height, width]))
    assert features.shape == [1, 16, 1, time_steps(options, width)]
