"""An untrained CompactResNet in 8 bits; `test_bundle` has a trained network with depthwise convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import paddle
import pytest
import tiny
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from thaiocr.data.images import Preprocess
from thaiocr.data.loader import Batches
from thaiocr.data.splits import open_codec
from thaiocr.engine.trained import evaluation_set
from thaiocr.export.int8_model import plain_convolutions, write_int8_model
from thaiocr.export.onnx_model import write_onnx_model
from thaiocr.export.paddle_model import write_paddle_model
from thaiocr.models import build_model
from thaiocr.predict.bundle import Bundle
from thaiocr.predict.runtime import RUNTIMES
from thaiocr.progress import silent

BACKBONE = "Architecture.Backbone={name: CompactResNet, channels: [8, 8, 16, 16], blocks: [1, 1, 0, 0]}"
CONVOLUTIONS = 8


@dataclass(frozen=True, slots=True)
class Written:
    """A folder with `inference.onnx` and what it was quantized with."""

    folder: Path
    batches: Batches

    @property
    def graph(self) -> onnx.GraphProto:
        return onnx.load(self.folder / "inference.int8.onnx").graph


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tiny.write_data(tmp_path_factory.mktemp("int8"), images=1)
    config = tiny.config(folder, folder / "run", *tiny.NETWORK, BACKBONE, "Architecture.Neck.hidden_size=8")
    codec = open_codec(config)
    paddle.seed(5)
    model = build_model(config.architecture, codec.num_classes, config.key)
    model.eval()
    preprocess = Preprocess.of(config.eval.dataset.transforms)
    write_paddle_model(
        model, Bundle(folder=folder, preprocess=preprocess, dictionary=codec.dictionary, use_space_char=False)
    )
    write_onnx_model(folder)
    found = Written(folder, evaluation_set(config, codec, labels=None, progress=silent))
    write_int8_model(folder, found.batches)
    return found


def pictures(batches: Batches, width: int) -> NDArray[np.float32]:
    """Return all images of a set side by side with themselves, [N, 3, 32, width]."""
    images_NChw = np.asarray(batches.batch(np.arange(len(batches.data.samples))).x_NChw)
    return np.tile(images_NChw, width // images_NChw.shape[3] + 1)[:, :, :, :width]


def test_all_convolutions_but_the_first_compute_with_8_bits(written: Written) -> None:
    nodes = written.graph.node
    made_by = {output: node.op_type for node in nodes for output in node.output}
    first, *others = sorted((each for each in nodes if each.op_type == "Conv"), key=lambda node: node.input[0] != "x")

    assert [made_by.get(name) for name in first.input[:2]] == [None, None]
    assert len(others) == CONVOLUTIONS - 1
    for node in others:
        assert [made_by[name] for name in node.input] == ["DequantizeLinear"] * 3
        (reader,) = (each for each in nodes if node.output[0] in each.input)
        assert reader.op_type == "QuantizeLinear"
    sums = [[made_by.get(name) for name in each.input] for each in nodes if each.op_type == "Add"]
    assert sorted(sums, key=str) == [["DequantizeLinear"] * 2, ["DequantizeLinear"] * 2, ["Mul", None]]
    assert {"DynamicQuantizeLSTM", "MatMulInteger"} <= set(made_by.values())


def test_two_products_of_a_pixel_and_a_weight_fit_in_16_bits(written: Written) -> None:
    weights = [numpy_helper.to_array(each) for each in written.graph.initializer if len(each.dims) == 4]

    quantized = [weight_DCHW for weight_DCHW in weights if weight_DCHW.dtype == np.int8]

    assert len(quantized) == CONVOLUTIONS - 1
    assert all(2 * 255 * int(np.abs(weight_DCHW.astype(int)).max()) < 2**15 for weight_DCHW in quantized)


@pytest.mark.parametrize("width", [8, 40])
def test_any_number_of_images_of_any_width_reads_almost_the_same(written: Written, width: int) -> None:
    small, whole = (RUNTIMES[engine](written.folder, threads=1) for engine in ("int8", "onnx"))
    for count in (1, 5):
        x_NChw = pictures(written.batches, width)[:count]
        found_NTK, wanted_NTK = small(x_NChw), whole(x_NChw)
        assert found_NTK.shape == wanted_NTK.shape == (count, width // 4, len(tiny.ENTRIES) + 1)
        assert 0 < np.abs(found_NTK - wanted_NTK).max() < 0.01


def test_the_same_images_make_the_same_file(written: Written) -> None:
    before = (written.folder / "inference.int8.onnx").read_bytes()
    write_int8_model(written.folder, written.batches)
    assert (written.folder / "inference.int8.onnx").read_bytes() == before
    assert not [path for path in written.folder.iterdir() if path.name.startswith("tmp")]


def graph(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    image = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 3, 32, None])
    return helper.make_graph(list(nodes), "network", [image], [])


def convolution(entrance: str, exit_: str, *, group: int = 1) -> onnx.NodeProto:
    return helper.make_node("Conv", [entrance, f"{exit_}.w"], [exit_], name=exit_, group=group)


def after(kind: str, exit_: str, *entrances: str) -> onnx.NodeProto:
    return helper.make_node(kind, entrances, [exit_], name=exit_)


def test_what_leads_from_convolution_to_convolution_is_quantized_and_nothing_behind() -> None:
    network = graph(
        convolution("x", "first"),
        after("Relu", "a", "first"),
        convolution("a", "second"),
        after("Add", "sum", "a", "second"),
        after("Relu", "b", "sum"),
        convolution("b", "third"),
        after("MaxPool", "pooled", "third"),
        after("MatMul", "product", "pooled", "w"),
        after("Add", "logits", "product", "bias"),
    )
    assert plain_convolutions(network) == ["second", "sum", "b", "third"]


def test_networks_with_depthwise_convolutions_keep_them_and_all_others() -> None:
    network = graph(convolution("x", "first"), convolution("first", "deep", group=8), convolution("deep", "wide"))
    assert plain_convolutions(network) == []
