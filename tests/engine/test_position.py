from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.engine.position import last_good, load_weights
from thaiocr.errors import DataError

LATEST = Path()


@pytest.fixture
def run(reference: Path, tmp_path: Path) -> Path:
    """A copy of the whole run, to be damaged."""
    return Path(shutil.copytree(reference, tmp_path / "run"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def test_a_damaged_latest_is_named_and_the_last_good_checkpoint_goes_on(data: Path, reference: Path, run: Path) -> None:
    cut(run / "latest.pdopt")
    _, lines = tiny.fit(tiny.config(data, run, *tiny.RUNS), resume=LATEST)
    assert any(line.startswith(f"{run}/latest.pdopt: refused, not a plain checkpoint file") for line in lines)
    assert any(line.startswith(f"resumed {run}/best_accuracy: ") for line in lines)
    assert tiny.outcome(run) == tiny.outcome(reference)


def test_of_several_whole_checkpoints_the_one_with_most_steps_is_taken(data: Path, tmp_path: Path) -> None:
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, "Global.save_epoch_step=1", "Global.epoch_num=2"))
    (tmp_path / "latest.pdopt").unlink()
    os.utime(tmp_path / "iter_epoch_1.states")
    prefix, found, problems = last_good(tmp_path)
    assert prefix == tmp_path / "iter_epoch_2"
    assert found.states["global_step"] == 4
    assert problems == [f"{tmp_path}/latest.pdopt: no such file"]


def test_when_nothing_is_whole_every_broken_file_is_named(run: Path) -> None:
    cut(run / "latest.pdparams")
    cut(run / "best_accuracy.states")
    with pytest.raises(DataError, match=r"latest\.pdparams.*\n.*best_accuracy\.states.*\n.*no whole checkpoint"):
        last_good(run)


def test_nothing_to_resume_says_how_to_start(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no whole checkpoint to go on from; leave --resume out to start"):
        tiny.fit(tiny.config(data, tmp_path / "run", *tiny.RUNS), resume=LATEST)
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_that_was_asked_for_is_not_replaced_by_another(data: Path, run: Path) -> None:
    cut(run / "latest.pdopt")
    with pytest.raises(DataError, match=r"latest\.pdopt: refused.*\n.*other checkpoints there: best_accuracy"):
        tiny.fit(tiny.config(data, run, *tiny.RUNS), resume=run / "latest")
    with pytest.raises(DataError, match=r"iter_epoch_9\.pdparams: no such file\n.*there: best_accuracy, latest"):
        tiny.fit(tiny.config(data, run, *tiny.RUNS), resume=run / "iter_epoch_9")


def test_a_folder_can_be_resumed_into_another_one(data: Path, reference: Path, run: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    tiny.fit(tiny.config(data, elsewhere, *tiny.RUNS, "Global.epoch_num=4"), resume=run)
    assert [record["epoch"] for record in tiny.records(elsewhere) if record["event"] == "epoch"] == [4]
    assert tiny.outcome(run) == tiny.outcome(reference)


@pytest.fixture
def other_dictionary(tmp_path: Path) -> Path:
    """The same data with a dictionary of the same entries in another order."""
    data = tiny.write_data(tmp_path / "other", images=24)
    (data / "dict.txt").write_text("".join(f"{entry}\n" for entry in reversed(tiny.ENTRIES)), "utf-8")
    return data


def test_another_dictionary_is_not_resumed_and_the_run_stays_as_it_is(
    other_dictionary: Path, reference: Path, run: Path
) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(DataError, match=r"latest: trained with another dictionary than .*dict\.txt; .* --init-from"):
        tiny.fit(tiny.config(other_dictionary, run, *tiny.RUNS), resume=LATEST)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_another_dictionary_of_the_same_size_starts_with_a_fresh_head_where_the_old_one_is_not_known(
    other_dictionary: Path, reference: Path, tmp_path: Path
) -> None:
    for file in reference.glob("latest.*"):
        shutil.copy(file, tmp_path)
    config = tiny.config(other_dictionary, tmp_path / "run", *tiny.RUNS, "Global.epoch_num=2")
    _, lines = tiny.fit(config, init_from=tmp_path / "latest")
    assert lines[0].endswith("fresh: head.fc.weight, head.fc.bias")
    assert lines[2].endswith("name its dictionary in Global.pretrained_dict_path to keep what both have")


def test_another_network_is_not_resumed_and_what_does_not_fit_is_named(data: Path, run: Path) -> None:
    config = tiny.config(data, run, *tiny.RUNS, "Architecture.Neck.hidden_size=16")
    with pytest.raises(DataError) as caught:
        tiny.fit(config, resume=LATEST)
    assert "parameter 'neck.encoder.lstm.weight_ih_l0' has shape [32, 200], the network has [64, 200]" in str(
        caught.value
    )
    assert caught.value.problems[-1] == f"{run}/latest: the weights of another architecture or dictionary size"


def test_another_kind_of_schedule_is_not_resumed(data: Path, run: Path) -> None:
    changes = (*tiny.RUNS, "Optimizer.lr={name: Cosine, learning_rate: 0.003}")
    with pytest.raises(DataError, match=r"latest\.pdopt: saved with another kind of Optimizer\.lr"):
        tiny.fit(tiny.config(data, run, *changes), resume=LATEST)


def test_weights_of_which_nothing_fits_are_refused(data: Path, tmp_path: Path) -> None:
    store.save(store.Checkpoint(weights={"x": tiny.picture(0, 0)}, optimizer={}, states={}), tmp_path / "x")
    with pytest.raises(DataError, match=r"x: no of \d+ parameters have a name and shape of this network"):
        tiny.fit(tiny.config(data, tmp_path / "run", *tiny.RUNS), init_from=tmp_path / "x")


def test_float32_weights_fill_a_network_of_half_precision() -> None:
    layer = paddle.nn.Linear(2, 3)
    weights = {name: np.array(tensor) for name, tensor in layer.state_dict().items()}
    half = paddle.nn.Linear(2, 3).to(dtype="bfloat16")
    load_weights(half, weights, Path("latest"))
    assert half.weight.dtype == paddle.bfloat16
    np.testing.assert_allclose(half.weight.astype("float32").numpy(), weights["weight"], rtol=2**-8)
