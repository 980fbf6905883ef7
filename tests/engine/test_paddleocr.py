"""Checkpoints move in both directions. The one in tests/golden was written by PaddleOCR's own `save_model`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import golden
import numpy as np
import paddle
import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.engine import position
from thaiocr.engine.build import Run, build_run
from thaiocr.errors import DataError
from thaiocr.models import fast
from thaiocr.progress import silent

pytestmark = pytest.mark.slow

LIKE_THEIRS: Final = (*tiny.RUNS, "Loss.parts_guide=null")
"""The configuration that golden.TINY is in PaddleOCR's words."""
DECAY: Final = 1e-5
"""Of the head alone."""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of PaddleOCR after the second of three epochs, without suffix."""
    folder = tmp_path_factory.mktemp("paddleocr")
    with tarfile.open(golden.FOLDER / "latest.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "latest"


@pytest.fixture
def begun(data: Path, tmp_path: Path) -> Iterator[Run]:
    with paddle.utils.unique_name.guard():
        yield build_run(tiny.config(data, tmp_path / "run", *LIKE_THEIRS), echo=lambda _: None, progress=silent)


def moments(run: Run) -> Mapping[str, Any]:
    return {name: np.asarray(value) for name, value in run.optimizer.state_dict().items() if name != "LR_Scheduler"}


def test_every_weight_and_every_moment_arrives_where_it_belongs(begun: Run, theirs: Path) -> None:
    position.resume(begun, store.load(theirs), theirs)

    for name, tensor in golden.tensors_of(begun.model):
        np.testing.assert_array_equal(np.asarray(tensor), golden.tiny_weight(name, tensor.shape).astype(np.float32))
    found = moments(begun)
    for name, parameter in golden.trainable(begun.model):
        decay = DECAY * golden.tiny_weight(name, parameter.shape) if name.startswith("head.") else 0
        gradient = golden.tiny_gradient(name) + decay
        first, second = (found[f"{parameter.name}_moment{number}_0"] for number in (1, 2))
        np.testing.assert_allclose(first, np.broadcast_to(0.1 * gradient, first.shape), rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(second, np.broadcast_to(0.001 * gradient**2, second.shape), rtol=1e-4, err_msg=name)
    assert begun.schedule.last_epoch == 4
    assert begun.position.best == {"epoch": 1, "acc": 0.25, "norm_edit_dis": 0.5}


@pytest.mark.parametrize("changes", [LIKE_THEIRS, tiny.RUNS], ids=["theirs", "with our guide"])
def test_a_run_of_paddleocr_goes_on_at_the_epoch_after_its_last(
    data: Path, theirs: Path, reference: Path, tmp_path: Path, changes: tuple[str, ...]
) -> None:
    report, lines = tiny.fit(tiny.config(data, tmp_path, *changes), resume=theirs)

    assert f"resumed {theirs}: epoch 3, step 4" in lines
    steps = {record["step"]: record["lr"] for record in tiny.records(tmp_path) if record["event"] == "train"}
    uninterrupted = {record["step"]: record["lr"] for record in tiny.records(reference) if record["event"] == "train"}
    assert steps == pytest.approx({step: uninterrupted[step] for step in (5, 6)})
    assert report["best"]["acc"] >= 0.25
    assert store.load(tmp_path / "latest").states["epoch"] == 3


def test_what_paddleocr_counted_anew_after_its_own_resume_is_counted_right(
    begun: Run, theirs: Path, tmp_path: Path
) -> None:
    """Its `global_step` is that of the last start, its schedule's that of the whole run."""
    loaded = store.load(theirs)
    states = {**loaded.states, "global_step": 2, "best_model_dict": {"acc": 0, "is_float16": False}}
    again = store.Checkpoint(weights=loaded.weights, optimizer=loaded.optimizer, states=states)

    position.resume(begun, again, theirs)

    assert begun.position.step == 4
    assert begun.position.best == {}


def test_weights_alone_start_a_run(data: Path, theirs: Path, tmp_path: Path) -> None:
    """PaddleOCR 3 keeps them as best_model/model.pdparams, without a position."""
    prefix = tmp_path / "best_model" / "model"
    prefix.parent.mkdir()
    shutil.copy(theirs.with_suffix(".pdparams"), prefix.with_suffix(".pdparams"))
    config = tiny.config(data, tmp_path / "run", *LIKE_THEIRS, "Global.epoch_num=2")

    _, lines = tiny.fit(config, init_from=prefix)

    assert lines[0] == f"weights from {prefix}; fresh: none"


def test_the_state_of_another_optimizer_is_refused_before_the_first_step(
    data: Path, theirs: Path, tmp_path: Path
) -> None:
    config = tiny.config(
        data, tmp_path, *LIKE_THEIRS, "Optimizer={name: Momentum, lr: {name: Cosine, warmup_epoch: 1}}"
    )
    assert isinstance(config.optimizer, schema.Momentum)
    with pytest.raises(
        DataError, match=r"latest\.pdopt: holds nothing of 'backbone\.conv1\.conv\.weight'.*than Momentum"
    ):
        tiny.fit(config, resume=theirs)


def test_a_constant_rate_after_a_warm_up_has_no_state_in_paddleocrs_files(
    data: Path, theirs: Path, tmp_path: Path
) -> None:
    loaded = store.load(theirs)
    schedule = {key: value for key, value in loaded.optimizer["LR_Scheduler"].items() if key != "LinearWarmup_LR"}
    optimizer = {**loaded.optimizer, "LR_Scheduler": {**schedule, "last_lr": 0.003}}
    prefix = tmp_path / "constant" / "latest"
    store.save(store.Checkpoint(weights=loaded.weights, optimizer=optimizer, states=loaded.states), prefix)
    changes = (*LIKE_THEIRS, "Optimizer.lr={name: Const, learning_rate: 0.003, warmup_epoch: 1}")

    tiny.fit(tiny.config(data, tmp_path / "run", *changes), resume=prefix)

    rates = [record["lr"] for record in tiny.records(tmp_path / "run") if record["event"] == "train"]
    assert rates == pytest.approx([0.003, 0.003])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_that_were_trained_in_half_precision_are_read_in_single_precision(
    begun: Run, theirs: Path, tmp_path: Path, dtype: str
) -> None:
    """As PaddleOCR saves them at amp_level O2, with float32 copies among the state of the optimizer."""
    prefix = tmp_path / "o2" / "latest"
    weights = {name: tensor.astype(dtype) for name, tensor in begun.model.state_dict().items()}
    paddle.save(weights, f"{prefix}.pdparams")
    masters = {parameter.name: parameter for parameter in begun.model.parameters()}
    paddle.save({"master_weights": masters, "LR_Scheduler": begun.schedule.state_dict()}, f"{prefix}.pdopt")
    shutil.copy(theirs.with_suffix(".states"), prefix.with_suffix(".states"))
    expected = {name: tensor.astype("float32").numpy() for name, tensor in weights.items()}

    found = store.load(prefix)
    position.resume(begun, found, prefix)

    assert {type(value) for value in found.optimizer["master_weights"].values()} == {np.ndarray}
    for name, tensor in begun.model.state_dict().items():
        assert tensor.dtype == paddle.float32
        np.testing.assert_array_equal(tensor.numpy(), expected[name])


# -- Ours in PaddleOCR -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ours(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of ours after two epochs of three, without suffix."""
    run = tmp_path_factory.mktemp("ours")
    tiny.fit(tiny.config(data, run, *LIKE_THEIRS, "Global.save_epoch_step=2"))
    return run / "iter_epoch_2"


def described(prefix: Path, suffix: str) -> dict[str, object]:
    """Return name -> shape and type of what paddle makes of a file, as PaddleOCR's load_model does."""
    return {name: _described(value) for name, value in paddle.load(f"{prefix}{suffix}").items()}


def _described(value: Any) -> object:
    if isinstance(value, dict):
        return {name: _described(each) for name, each in value.items()}
    return (list(value.shape), str(value.dtype)) if isinstance(value, paddle.Tensor) else type(value).__name__


@pytest.mark.parametrize("suffix", [".pdparams", ".pdopt"])
def test_our_files_hold_the_names_shapes_and_types_of_paddleocrs(ours: Path, theirs: Path, suffix: str) -> None:
    assert described(ours, suffix) == described(theirs, suffix)


def test_our_position_is_where_paddleocr_looks_for_it(ours: Path, theirs: Path) -> None:
    found, expected = store.load(ours).states, store.load(theirs).states
    for key in ("epoch", "global_step"):
        assert found[key] == expected[key]
    assert {"acc", "norm_edit_dis"} <= found["best_model_dict"].keys()


@pytest.mark.skipif("PADDLEOCR" not in os.environ, reason="set PADDLEOCR to a checkout of PaddleOCR to run it")
@pytest.mark.filterwarnings("default")
def test_paddleocr_itself_goes_on_with_our_checkpoint_as_we_do(
    data: Path, ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same probabilities, and the same weights after one more step."""
    monkeypatch.syspath_prepend(os.environ["PADDLEOCR"])
    monkeypatch.setattr(fast, "IS_WANTED", False)  # Adam makes whole steps of rounding errors where a gradient is 0
    script = importlib.util.spec_from_file_location("make_recognition", golden.FOLDER / "make_recognition.py")
    assert script is not None
    assert script.loader is not None
    upstream = importlib.util.module_from_spec(script)
    monkeypatch.setitem(sys.modules, "make_recognition", upstream)
    script.loader.exec_module(upstream)
    with paddle.utils.unique_name.guard():
        theirs = upstream.go_on(ours)
    with paddle.utils.unique_name.guard():
        run = build_run(tiny.config(data, tmp_path, *LIKE_THEIRS), echo=lambda _: None, progress=silent)
        position.resume(run, store.load(ours), ours)
        x_N3HW, labels_NL, lengths_N = golden.tensors(golden.TINY)
        run.model.eval()
        probabilities = run.model(x_N3HW).numpy()
        run.model.train()
        run.loss(run.model.outputs(x_N3HW), labels_NL, lengths_N)["loss"].backward()
        run.optimizer.step()

    np.testing.assert_allclose(probabilities, theirs["probabilities"], atol=1e-5)
    assert run.model.state_dict().keys() == theirs["weights"].keys()
    for name, tensor in run.model.state_dict().items():
        np.testing.assert_allclose(tensor.numpy(), theirs["weights"][name], atol=1e-5, err_msg=name)
    assert theirs["start_epoch"] == 3
