"""The CRNN against PaddleOCR's published facts: parameter names, shapes, count, strides."""

from __future__ import annotations

from typing import Literal

import numpy as np
import paddle
import pytest

from thaiocr.config import geometry, schema
from thaiocr.models import build_model
from thaiocr.models.mobilenet_v3 import MobileNetV3

CLASSES = 881

ARCHITECTURE = schema.Architecture(
    backbone=schema.MobileNetV3(model_name="large", scale=0.5),
    neck=schema.SequenceEncoder(hidden_size=96),
    head=schema.CTCHead(fc_decay=1e-5),
)


def expected_names() -> set[str]:
    """Return the 301 entries of PaddleOCR's checkpoint of this architecture."""

    def conv_bn(prefix: str) -> set[str]:
        return {f"{prefix}.conv.weight", *(f"{prefix}.bn.{name}" for name in ("weight", "bias", "_mean", "_variance"))}

    names = conv_bn("backbone.conv1") | conv_bn("backbone.conv2")
    for block in range(15):
        for part in ("expand_conv", "bottleneck_conv", "linear_conv"):
            names |= conv_bn(f"backbone.blocks.{block}.{part}")
    for block in (3, 4, 5, 10, 11, 12, 13, 14):
        names |= {f"backbone.blocks.{block}.mid_se.conv{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")}
    for kind in ("weight", "bias"):
        for side in ("ih", "hh"):
            for layer in (0, 1):
                names |= {f"neck.encoder.lstm.{kind}_{side}_l{layer}{way}" for way in ("", "_reverse")}
                names |= {f"neck.encoder.lstm.{layer}.cell_{way}.{kind}_{side}" for way in ("fw", "bw")}
    return names | {"head.fc.weight", "head.fc.bias"}


@pytest.fixture(scope="module")
def model() -> paddle.nn.Layer:
    paddle.seed(0)
    return build_model(ARCHITECTURE, CLASSES)


def test_parameter_names_are_paddleocrs(model: paddle.nn.Layer) -> None:
    names = set(model.state_dict())

    assert names == expected_names()
    assert len(names) == 301


def test_parameter_count_is_paddleocrs(model: paddle.nn.Layer) -> None:
    trainable = [parameter for parameter in model.parameters() if not parameter.stop_gradient]

    assert sum(int(np.prod(parameter.shape)) for parameter in trainable) == 1_614_679
    assert model.state_dict()["head.fc.weight"].shape == [192, CLASSES]


@pytest.mark.parametrize(("width", "steps"), [(32, 8), (48, 12), (100, 25), (320, 80)])
def test_an_image_of_32_pixels_becomes_a_quarter_of_its_width_in_time_steps(
    model: paddle.nn.Layer, width: int, steps: int
) -> None:
    model.eval()

    assert model(paddle.zeros([2, 3, 32, width])).shape == [2, steps, CLASSES]


def test_evaluation_gives_probabilities_and_training_gives_logits(model: paddle.nn.Layer) -> None:
    x = paddle.rand([2, 3, 32, 48])

    model.eval()
    probabilities_NTK = np.asarray(model(x))
    model.train()
    logits_NTK = np.asarray(model(x))

    np.testing.assert_allclose(probabilities_NTK.sum(axis=2), 1, atol=1e-5)
    assert (logits_NTK < 0).any()


@pytest.mark.parametrize("model_name", ["large", "small"])
@pytest.mark.parametrize("encoder_type", ["reshape", "rnn"])
@pytest.mark.parametrize("mid_channels", [None, 64])
def test_every_variant_of_the_schema_gives_class_scores(
    model_name: str, encoder_type: str, mid_channels: int | None
) -> None:
    architecture = schema.Architecture(
        backbone=schema.MobileNetV3(model_name=model_name, scale=0.35),  # type: ignore[arg-type]
        neck=schema.SequenceEncoder(encoder_type=encoder_type, hidden_size=16),  # type: ignore[arg-type]
        head=schema.CTCHead(mid_channels=mid_channels),
    )
    assert build_model(architecture, 12)(paddle.zeros([1, 3, 32, 64])).shape == [1, 16, 12]


def test_squeeze_gate_uses_paddleocrs_hard_sigmoid() -> None:
    from thaiocr.models.layers import SEModule

    gate = SEModule(8)
    for parameter in gate.parameters():
        parameter.set_value(paddle.zeros_like(parameter))
    gate.conv2.bias.set_value(paddle.full([8], 1.0))

    # slope 0.2 and offset 0.5; paddle's own default slope of 1/6 would give 0.667
    np.testing.assert_allclose(np.asarray(gate(paddle.ones([1, 8, 2, 2]))), 0.7, rtol=1e-6)


@pytest.mark.parametrize("model_name", ["large", "small"])
def test_the_heights_that_the_config_allows_are_those_that_become_one_row(
    model_name: Literal["large", "small"],
) -> None:
    options = schema.MobileNetV3(model_name=model_name, scale=0.35)
    backbone, heights = MobileNetV3(options), geometry.input_heights(options)
    backbone.eval()

    def rows(height: int) -> int:
        return int(backbone(paddle.zeros([1, 3, height, 16])).shape[2])

    assert [rows(heights[0]), rows(geometry.input_height(options)), rows(heights[-1])] == [1, 1, 1]
    assert rows(heights[-1] + 1) == 2
