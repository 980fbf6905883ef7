"""One step of a training: parts of a batch, the loss scale, random numbers, the accuracy of training batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
import tiny
from paddle import nn

from thaiocr.engine.build import Run, build_run
from thaiocr.engine.evaluate import of_model
from thaiocr.engine.loop import parts, train_step
from thaiocr.engine.precision import GROWTH_STEPS, LossScale, Precision
from thaiocr.errors import EnvironmentProblem
from thaiocr.models.recognizer import Outputs, Recognizer
from thaiocr.progress import silent

PLAIN = (*tiny.RUNS, "Loss.parts_guide=null", "Optimizer={name: Momentum, lr: {name: Const, learning_rate: 0.1}}")


class Unnormalised(Recognizer):
    """A network without batch normalisation."""

    def __init__(self, classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2D(3, 8, 3, stride=(4, 1), padding=1), nn.ReLU(), nn.MaxPool2D((8, 2)))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, classes)

    def outputs(self, x_N3HW: paddle.Tensor, labels_NL: paddle.Tensor | None = None) -> Outputs:
        f_ND1T = self.backbone(x_N3HW)
        s_NTD = f_ND1T.squeeze(2).transpose([0, 2, 1])
        return Outputs(backbone_out=f_ND1T, neck_out=s_NTD, head_out=self.head(self.dropout(s_NTD)))


@pytest.fixture
def build(data: Path, tmp_path: Path) -> Callable[..., Run]:
    def new(*changes: str, dropout: float = 0.0) -> Run:
        run = build_run(tiny.config(data, tmp_path / "run", *PLAIN, *changes), echo=lambda _line: None, progress=silent)
        paddle.seed(3)
        run.model = Unnormalised(run.codec.num_classes, dropout)
        run.parameters = run.model.parameters()
        run.optimizer = paddle.optimizer.Momentum(0.1, parameters=run.parameters)
        return run

    return new


def weights(run: Run) -> dict[str, Any]:
    return {name: np.array(tensor) for name, tensor in run.model.state_dict().items()}


@pytest.mark.parametrize("count", [2, 3, 5, 16, 40])
def test_accumulated_gradients_make_the_step_of_the_whole_batch(build: Callable[..., Run], count: int) -> None:
    """Also in parts of unequal size, and in more parts than there are images."""
    whole, split = build(), build(f"Global.accumulation_steps={count}")
    batch = next(whole.train.epoch(0))
    expected, found = train_step(whole, batch), train_step(split, batch)
    assert found == pytest.approx(expected, rel=1e-5)
    for name, value in weights(whole).items():
        np.testing.assert_allclose(weights(split)[name], value, rtol=1e-5, atol=1e-7)


def test_parts_cover_the_batch_once_and_in_order(build: Callable[..., Run]) -> None:
    batch = next(build().train.epoch(0))
    found = list(parts(batch, 3))
    assert [len(part.samples) for part, _ in found] == [5, 5, 6]
    assert sum(share for _, share in found) == pytest.approx(1)
    assert [sample for part, _ in found for sample in part.samples] == batch.samples
    np.testing.assert_array_equal(np.concatenate([part.x_NChw for part, _ in found]), batch.x_NChw)


def test_a_scaled_loss_makes_the_same_step(build: Callable[..., Run]) -> None:
    plain, scaled = build(), build()
    scaled.precision = Precision(LossScale(2.0**16))
    batch = next(plain.train.epoch(0))
    assert train_step(scaled, batch) == train_step(plain, batch)
    for name, value in weights(plain).items():
        np.testing.assert_allclose(weights(scaled)[name], value, rtol=1e-6)


def test_an_overflow_skips_the_step_and_halves_the_scale_until_it_fits(build: Callable[..., Run]) -> None:
    run = build()
    run.precision = Precision(LossScale(2.0**127, is_dynamic=True))
    before = weights(run)
    batch = next(run.train.epoch(0))
    values = train_step(run, batch)
    assert math.isfinite(values["loss"])
    assert "grad_norm" not in values
    assert run.precision.scale.value == 2.0**126
    for name, value in weights(run).items():
        np.testing.assert_array_equal(value, before[name])
    for _ in range(30):
        values = train_step(run, batch)
    assert math.isfinite(values["grad_norm"])


def test_a_dynamic_scale_doubles_after_many_good_steps_and_blames_itself_only_above_one() -> None:
    scale = LossScale(2.0, is_dynamic=True)
    assert not scale.accepts(math.inf)
    assert scale.value == 1
    assert scale.accepts(math.nan), "no matter of the scale"
    for _ in range(GROWTH_STEPS - 1):
        assert scale.accepts(1.0)
    assert scale.value == 2
    assert LossScale(8.0).accepts(math.inf), "a fixed scale leaves it to the check for what is not finite"


def test_a_dynamic_scale_goes_on_from_its_state_and_a_fixed_one_is_what_the_configuration_says() -> None:
    state = Precision(LossScale(64.0, is_dynamic=True, good_steps=7)).state()
    dynamic, fixed = Precision(LossScale(2.0, is_dynamic=True)), Precision(LossScale(2.0))
    dynamic.resume(state)
    fixed.resume(state)
    assert (dynamic.scale.value, dynamic.scale.good_steps) == (64.0, 7)
    assert fixed.scale.value == 2.0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("level", ["O1", "O2"])
def test_mixed_precision_on_the_cpu_is_refused_not_ignored(data: Path, tmp_path: Path, level: str, dtype: str) -> None:
    changes = ("Global.use_amp=true", f"Global.amp_level={level}", f"Global.amp_dtype={dtype}")
    with pytest.raises(
        EnvironmentProblem, match=r"use_amp is true, but paddle has no half-precision kernels for the CPU"
    ):
        tiny.fit(tiny.config(data, tmp_path / "run", *tiny.RUNS, *changes))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_paddle_still_computes_no_half_precision_on_the_cpu(dtype: str) -> None:
    """When this fails mixed precision on the CPU can be let in."""
    x_11HW = paddle.ones([1, 1, 4, 4]).astype(dtype)
    operations: list[Callable[[], object]] = [
        lambda: x_11HW @ x_11HW,
        lambda: nn.functional.conv2d(x_11HW, x_11HW),
        lambda: nn.functional.relu(x_11HW),
    ]
    for operation in operations:
        with pytest.raises(RuntimeError, match="kernel"):
            operation()
    with pytest.warns(UserWarning, match="it makes no effect"), paddle.amp.auto_cast(level="O1", dtype=dtype):
        assert (paddle.ones([2, 2]) @ paddle.ones([2, 2])).dtype == paddle.float32


@pytest.mark.gpu
@pytest.mark.skipif(not paddle.is_compiled_with_cuda(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("level", ["O1", "O2"])
def test_mixed_precision_trains_and_is_resumed_on_a_gpu(data: Path, tmp_path: Path, level: str, dtype: str) -> None:
    changes = ("Global.use_gpu=true", "Global.use_amp=true", f"Global.amp_level={level}", f"Global.amp_dtype={dtype}")
    scaling = ("Global.scale_loss=1024", "Global.use_dynamic_loss_scaling=true")
    config = tiny.config(data, tmp_path / "run", *tiny.RUNS, *changes, *scaling)
    report, _ = tiny.fit(config)
    assert len(report["history"]) == 3
    losses = [record["loss"] for record in tiny.records(tmp_path / "run") if record["event"] == "train"]
    assert all(math.isfinite(loss) for loss in losses)
    more = tiny.config(data, tmp_path / "run", *tiny.RUNS, *changes, *scaling, "Global.epoch_num=4")
    assert len(tiny.fit(more, resume=Path())[0]["history"]) == 4


def test_what_a_network_of_bfloat16_answers_is_read_as_numbers() -> None:
    """With O2 the last layer gives bfloat16, of which numpy would show the bits."""

    class Halves(nn.Layer):  # type: ignore[misc] # paddle ships no types
        def forward(self, x_NChw: paddle.Tensor) -> paddle.Tensor:
            return x_NChw.astype("bfloat16")

    found = of_model(Halves())(np.full((1, 3, 2, 2), 0.25, np.float32))
    assert found.dtype == np.float32
    assert (found == 0.25).all()


def test_random_numbers_depend_on_the_step_alone(build: Callable[..., Run]) -> None:
    first, resumed, later = (build(dropout=0.5) for _ in range(3))
    resumed.position.step = first.position.step = 41
    paddle.rand([100])
    batch = next(first.train.epoch(0))
    expected = train_step(first, batch)
    paddle.rand([7])  # as an evaluation might draw
    assert train_step(resumed, batch) == expected
    assert train_step(later, batch) != expected


def test_the_accuracy_of_training_batches_is_logged_where_it_is_wanted(data: Path, tmp_path: Path) -> None:
    for wanted in (True, False):
        run = tmp_path / str(wanted)
        changes = (f"Global.cal_metric_during_train={str(wanted).lower()}", "Global.epoch_num=2")
        tiny.fit(tiny.config(data, run, *tiny.RUNS, *changes))
        for record in tiny.records(run):
            assert ("acc" in record) == (wanted or record["event"] == "eval")


def test_the_accuracy_of_a_training_batch_is_that_of_its_best_path(trained: tiny.Trained, tmp_path: Path) -> None:
    config = tiny.config(trained.data, tmp_path, *tiny.LEARNS)
    run = build_run(config, echo=lambda _line: None, progress=silent)
    batch = next(run.train.epoch(0))
    logits_NTK = np.full((16, 3, run.codec.num_classes), 0.0, np.float32)
    for image, sample in enumerate(batch.samples[:12]):
        logits_NTK[image, 1:, sample.ids[0]] = 1.0  # twice the same: read once
    assert run.accuracy(paddle.to_tensor(logits_NTK), batch) == {"acc": 12 / 16}
