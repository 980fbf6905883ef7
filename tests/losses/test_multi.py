"""Losses of two heads; golden tensors from PaddleOCR are in tests/engine/test_golden_svtr_lcnet.py."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.config.schema import svtr_lcnet
from thaiocr.losses import build_loss
from thaiocr.losses.ctc import CTCLoss
from thaiocr.losses.multi import NRTRLoss, next_symbols
from thaiocr.models.parts_guide import PartsGuide
from thaiocr.models.recognizer import Outputs

LABELS = paddle.to_tensor([[1, 2, 2], [5, 0, 0]], dtype="int32")
LENGTHS = paddle.to_tensor([3, 1])


def logits(*shape: int) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(3).normal(size=shape).astype(np.float32), stop_gradient=False)


def log_softmax(x: NDArray[np.float32]) -> NDArray[np.float64]:
    x = x.astype(np.float64)
    return np.asarray(x - np.log(np.exp(x).sum(axis=-1, keepdims=True)))


def test_what_comes_next_is_each_entry_then_the_end_then_nothing() -> None:
    assert next_symbols(LABELS, LENGTHS).tolist() == [[4, 5, 5, 3], [8, 3, 0, 0]]


def test_what_lies_beyond_a_label_does_not_count() -> None:
    filled = paddle.to_tensor([[1, 2, 2], [5, 7, 9]], dtype="int32")
    assert next_symbols(filled, LENGTHS).tolist() == next_symbols(LABELS, LENGTHS).tolist()


@pytest.mark.parametrize("is_smooth", [True, False])
def test_every_symbol_counts_alike_and_padding_does_not(is_smooth: bool) -> None:
    x_NSV = logits(2, 4, 10)
    p = log_softmax(np.asarray(x_NSV))
    wrong = 0.1 / 9 if is_smooth else 0.0
    losses = [
        -sum((0.9 if is_smooth else 1.0) * p[n, s, v] if v == symbol else wrong * p[n, s, v] for v in range(10))
        for n, symbols in enumerate([[4, 5, 5, 3], [8, 3]])
        for s, symbol in enumerate(symbols)
    ]
    assert float(NRTRLoss(is_smooth=is_smooth)(x_NSV, LABELS, LENGTHS)) == pytest.approx(np.mean(losses), rel=1e-5)


def test_no_gradient_comes_from_what_follows_the_end() -> None:
    x_NSV = logits(2, 4, 10)
    NRTRLoss()(x_NSV, LABELS, LENGTHS).backward()
    gradient = np.asarray(x_NSV.grad)
    assert (gradient[1, 2:] == 0).all()
    assert (np.abs(gradient[1, :2]).sum(axis=1) > 0).all()


def multi_loss(**options: float) -> schema.MultiLoss:
    return schema.MultiLoss(loss_config_list=(svtr_lcnet.CTCLoss(), svtr_lcnet.NRTRLoss()), **options)  # type: ignore[arg-type]


def outputs() -> Outputs:
    return Outputs(
        backbone_out=logits(2, 8, 1, 6), neck_out=logits(2, 6, 8), head_out=logits(2, 6, 7), gtc_out=logits(2, 4, 11)
    )


def test_the_sum_weighs_both_heads() -> None:
    found = outputs()
    ctc = float(CTCLoss()(found.head_out, LABELS, LENGTHS))
    nrtr = float(NRTRLoss()(found.gtc_out, LABELS, LENGTHS))

    terms = build_loss(multi_loss(weight_1=0.5, weight_2=3.0), None)(found, LABELS, LENGTHS)

    assert list(terms) == ["loss", "ctc", "nrtr"]
    assert float(terms["ctc"]) == pytest.approx(0.5 * ctc)
    assert float(terms["nrtr"]) == pytest.approx(3 * nrtr)
    assert float(terms["loss"]) == pytest.approx(0.5 * ctc + 3 * nrtr)


def test_the_parts_guide_is_added_where_it_is_wanted() -> None:
    entries = ("ก", "ที่", "น้ำ", "ปี", "ผู้", "กั้")
    guide = PartsGuide(8, entries)
    loss = build_loss(
        schema.MultiLoss(
            loss_config_list=(svtr_lcnet.CTCLoss(), svtr_lcnet.NRTRLoss()), parts_guide=schema.PartsGuide(weight=2.0)
        ),
        guide,
    )
    terms = {name: float(value) for name, value in loss(outputs(), LABELS, LENGTHS).items()}
    assert terms["guide"] > 0
    assert terms["loss"] == pytest.approx(terms["ctc"] + terms["nrtr"] + terms["guide"])
