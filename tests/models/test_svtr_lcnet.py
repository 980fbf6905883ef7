"""SVTR_LCNet: what golden tensors do not show (tests/engine/test_golden_svtr_lcnet.py has those)."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
import svtr_lcnet_golden as golden
from paddle import nn

from thaiocr.config import schema
from thaiocr.config.geometry import time_steps
from thaiocr.config.schema import svtr_lcnet
from thaiocr.models import build_model
from thaiocr.models.nrtr import waves
from thaiocr.models.pplcnet_v3 import PPLCNetV3, RepLayer
from thaiocr.models.recognizer import Recognizer

CLASSES = 13


def architecture(*, is_guided: bool = True) -> schema.SVTRLCNet:
    neck = schema.SVTREncoder(dims=16, depth=1, hidden_dims=16, kernel_size=(1, 3), use_guide=is_guided)
    heads = svtr_lcnet.CTCHead(neck=neck, head=svtr_lcnet.CTCLayers()), schema.NRTRHead(nrtr_dim=32)
    return schema.SVTRLCNet(
        backbone=schema.PPLCNetV3(scale=0.125, conv_kxk_num=2), head=schema.MultiHead(head_list=heads)
    )


def network(*, is_guided: bool = True) -> Recognizer:
    """Return a network whose weights and statistics are no round numbers."""
    model = build_model(architecture(is_guided=is_guided), CLASSES)
    golden.fill(model)
    return model


@pytest.fixture(scope="module")
def shared() -> Recognizer:
    return network()


@pytest.fixture
def model(shared: Recognizer) -> Recognizer:
    shared.eval()
    return shared


@pytest.fixture(scope="module")
def x_N3HW() -> paddle.Tensor:  # noqa: N802 - its shape is in its name
    return paddle.to_tensor(np.random.default_rng(0).uniform(-1, 1, (2, 3, 48, 64)).astype(np.float32))


def test_merged_branches_read_the_same(model: Recognizer, x_N3HW: paddle.Tensor) -> None:
    merged = model.for_export()

    before, after = (np.asarray(each.backbone(x_N3HW)) for each in (model, merged))
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4 * np.abs(before).max())
    np.testing.assert_allclose(np.asarray(merged(x_N3HW)), np.asarray(model(x_N3HW)), atol=1e-4)


def test_an_exported_network_has_one_convolution_where_the_trained_one_has_branches(model: Recognizer) -> None:
    merged = model.for_export()

    layers = [layer for layer in merged.sublayers() if isinstance(layer, RepLayer)]
    assert len(layers) == 2 * 14
    # The convolution, and the activation's affine block.
    assert all(len(layer.parameters()) == 4 for layer in layers)
    assert len(layers[0].parameters()) < len(model.backbone.blocks2[0].dw_conv.parameters())


def test_a_merged_copy_leaves_the_network_as_it_is(model: Recognizer, x_N3HW: paddle.Tensor) -> None:
    names, before = set(model.state_dict()), np.asarray(model(x_N3HW))
    model.for_export()
    assert set(model.state_dict()) == names
    np.testing.assert_array_equal(np.asarray(model(x_N3HW)), before)


def test_an_export_names_its_parameters_alike_every_time(model: Recognizer) -> None:
    first, second = ([parameter.name for parameter in model.for_export().parameters()] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)


@pytest.mark.parametrize(("stride", "channels"), [(1, 8), ((2, 1), 8), (1, 12)])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_every_kind_of_branches_is_merged(
    kernel_size: int, groups: int, channels: int, stride: int | tuple[int, int]
) -> None:
    layer = RepLayer(8, channels, kernel_size, stride=stride, groups=groups, options=schema.PPLCNetV3(), rate=1.0)
    golden.fill(layer)
    layer.eval()
    x = paddle.to_tensor(np.random.default_rng(1).normal(size=(2, 8, 7, 9)).astype(np.float32))
    before = np.asarray(layer(x))
    layer.merge()
    np.testing.assert_allclose(np.asarray(layer(x)), before, rtol=1e-4, atol=1e-4 * np.abs(before).max())


@pytest.mark.parametrize(("width", "steps"), [(320, 40), (160, 20), (321, 40), (333, 42), (8, 1), (64, 8)])
def test_an_eighth_of_the_width_becomes_time_steps_and_40_while_training(width: int, steps: int) -> None:
    backbone = PPLCNetV3(architecture().backbone)
    x = paddle.zeros([2, 3, 48, width])
    backbone.eval()
    assert backbone(x).shape[2:] == [1, steps]
    assert time_steps(architecture().backbone, width) == min(steps, 40)
    backbone.train()
    assert backbone(x).shape[2:] == [1, 40]


def test_ctc_does_not_train_the_backbone_that_nrtr_guides(x_N3HW: paddle.Tensor) -> None:
    for is_guided in (True, False):
        model = network(is_guided=is_guided)
        model.train()
        model.outputs(x_N3HW).head_out.sum().backward()
        assert (model.backbone.conv1.conv.weight.grad is None) == is_guided


def test_the_guide_sees_no_entry_that_is_still_to_come(model: Recognizer, x_N3HW: paddle.Tensor) -> None:
    labels = [paddle.to_tensor([label] * 2) for label in ([1, 2, 3], [1, 5, 3])]
    one_NSV, other_NSV = (np.asarray(model.outputs(x_N3HW, labels_NL).gtc_out) for labels_NL in labels)
    np.testing.assert_array_equal(one_NSV[:, :2], other_NSV[:, :2])
    assert not np.array_equal(one_NSV[:, 2], other_NSV[:, 2])


def test_positions_are_told_apart_by_sines_and_cosines() -> None:
    table = waves(50, 6)
    np.testing.assert_allclose(table[3, 0], np.sin(3), rtol=1e-6)
    np.testing.assert_allclose(table[3, 1], np.cos(3), rtol=1e-6)
    np.testing.assert_allclose(table[3, 2], np.sin(3 * 10000 ** (-2 / 6)), rtol=1e-6)


def test_what_drops_out_is_what_paddleocr_drops_out(model: Recognizer) -> None:
    layers = [layer.p for layer in model.sublayers() if isinstance(layer, nn.Dropout)]
    assert sorted(layers) == [0.0] * 8 + [0.1] * (3 + 1 + 4 * 4)
