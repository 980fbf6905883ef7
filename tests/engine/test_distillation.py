"""A teacher and a student in one run: who learns, what is saved, and what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import distillation
import numpy as np
import paddle
import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.data.images import Preprocess
from thaiocr.engine.build import build_run
from thaiocr.engine.evaluate import of_model, read_all
from thaiocr.engine.loop import train_step
from thaiocr.engine.trained import evaluation_set, open_trained
from thaiocr.errors import ConfigError, DataError
from thaiocr.export.bundle import export_bundle
from thaiocr.metrics.recognition import RecognitionMetric
from thaiocr.predict.bundle import Bundle
from thaiocr.progress import silent

pytestmark = pytest.mark.slow

EMA = "Global.ema={decay: 0.9}"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> schema.Config:
    """A network that was trained alone for two steps."""
    folder = tmp_path_factory.mktemp("alone")
    data = tiny.write_data(folder / "data", images=24)
    config = distillation.plain(
        data, folder / "teacher", *tiny.RUNS, "Global.epoch_num=1", "Optimizer.lr={name: Const}"
    )
    tiny.fit(config)
    return config


def checkpoint(config: schema.Config, name: str = "latest") -> Path:
    return Path(config.run.save_model_dir) / name


def weights(prefix: Path, network: str = "") -> dict[str, bytes]:
    found = store.load_weights(prefix)
    names = [name for name in found if name.startswith(network)]
    return {name.removeprefix(network): found[name].tobytes() for name in names}


def taught(alone: schema.Config, run: Path, *changes: str, is_frozen: bool = True) -> schema.Config:
    return distillation.config(alone, run, *changes, teacher=checkpoint(alone), is_frozen=is_frozen)


@pytest.mark.parametrize("changes", [(), (EMA,), ("Global.accumulation_steps=2",)], ids=["plain", "ema", "accumulated"])
def test_a_frozen_teacher_stays_bit_for_bit_while_its_student_learns(
    alone: schema.Config, tmp_path: Path, changes: tuple[str, ...]
) -> None:
    """Statistics of batch normalisation included."""
    config = taught(alone, tmp_path / "run", "Global.save_epoch_step=1", "Global.epoch_num=2", *changes)
    tiny.fit(config)

    assert weights(checkpoint(config), "Teacher.") == weights(checkpoint(alone))
    first, last = (weights(checkpoint(config, name), "Student.") for name in ("iter_epoch_1", "latest"))
    assert all(last[name] != value for name, value in first.items())


def test_a_teacher_that_is_not_frozen_learns_too(alone: schema.Config, tmp_path: Path) -> None:
    config = taught(alone, tmp_path / "run", "Global.epoch_num=1", "Optimizer.lr={name: Const}", is_frozen=False)
    tiny.fit(config)

    before, after = weights(checkpoint(alone)), weights(checkpoint(config), "Teacher.")
    assert all(after[name] != value for name, value in before.items() if name.endswith("weight"))


def test_a_step_has_all_terms_and_its_gradient_is_the_students(alone: schema.Config, tmp_path: Path) -> None:
    with paddle.utils.unique_name.guard():
        config = taught(alone, tmp_path / "run", "Global.cal_metric_during_train=false")
        run = build_run(config, echo=lambda _line: None, progress=silent)
    values = train_step(run, next(run.train.epoch(0)))

    terms = {"loss_ctc_Student", "dml_0", "loss_distance_l2_Student_Teacher_0"}
    assert set(values) == {"loss", "grad_norm", *terms}
    assert values["loss"] == pytest.approx(sum(values[name] for name in terms), rel=1e-5)
    assert len(run.parameters) == len(run.model.reader.parameters())


def test_a_resumed_run_ends_as_one_that_was_never_interrupted(alone: schema.Config, tmp_path: Path) -> None:
    whole = taught(alone, tmp_path / "whole", EMA, "Global.epoch_num=2", "Global.save_epoch_step=1")
    tiny.fit(whole)
    part = taught(alone, tmp_path / "part", EMA, "Global.epoch_num=2", "Global.save_epoch_step=1")
    tiny.fit(part)
    store.remove(checkpoint(part))

    tiny.fit(part, resume=checkpoint(part, "iter_epoch_1"))

    assert tiny.outcome(tmp_path / "part") == tiny.outcome(tmp_path / "whole")


def test_a_run_is_resumed_without_the_teachers_own_checkpoint(alone: schema.Config, tmp_path: Path) -> None:
    config = taught(alone, tmp_path / "run", "Global.epoch_num=1")
    tiny.fit(config)
    tiny.fit(
        distillation.config(alone, tmp_path / "run", "Global.epoch_num=2", teacher=tmp_path / "gone"),
        resume=checkpoint(config),
    )
    assert weights(checkpoint(config), "Teacher.") == weights(checkpoint(alone))


def accuracy(network: Any, config: schema.Config) -> float:
    found = open_trained(config, str(checkpoint(config)))
    batches = evaluation_set(config, found.codec, labels=None, progress=silent)
    metric = RecognitionMetric(ignore_space=False)
    metric.update(read_all(network, batches, found.codec, progress=silent, is_single=True))
    return float(metric.brief()["acc"])


def test_the_student_is_what_is_evaluated_and_exported(alone: schema.Config, tmp_path: Path) -> None:
    config = taught(alone, tmp_path / "run", "Global.epoch_num=1")
    report, _ = tiny.fit(config)
    found = open_trained(config, str(checkpoint(config)))
    student = {name: np.array(tensor).tobytes() for name, tensor in found.model.state_dict().items()}
    assert student == weights(checkpoint(config), "Student.")
    assert accuracy(of_model(found.model), config) == report["best"]["acc"]

    bundle = Bundle(
        folder=tmp_path / "bundle",
        preprocess=Preprocess.of(config.eval.dataset.transforms),
        dictionary=found.dictionary,
        use_space_char=False,
        details={},
    )
    batches = evaluation_set(config, found.codec, labels=None, progress=silent)
    (parity,) = export_bundle(
        found.model, bundle, batches, engines=["paddle"], is_calibrated=False, progress=silent
    ).parities
    assert parity.same_text == parity.images
    size = (tmp_path / "bundle" / "inference.pdiparams").stat().st_size
    assert size < 1.1 * sum(map(len, weights(checkpoint(config), "Student.").values()))


def test_a_teacher_of_another_size_is_refused(alone: schema.Config, tmp_path: Path) -> None:
    config = taught(alone, tmp_path / "run", "Architecture.Models.Teacher.Neck.hidden_size=4")
    with pytest.raises(DataError, match="has shape"):
        tiny.fit(config)


def test_a_teacher_of_another_dictionary_is_refused(alone: schema.Config, tmp_path: Path) -> None:
    data = tiny.write_data(tmp_path / "data", images=24, entries=(*tiny.ENTRIES[1:], tiny.ENTRIES[0]))
    other = distillation.plain(data, tmp_path / "run", *tiny.RUNS)
    config = distillation.config(other, tmp_path / "run", teacher=checkpoint(alone))
    with pytest.raises(
        DataError, match=r"trained with another dictionary than .*Architecture\.Models\.Teacher\.pretrained"
    ):
        tiny.fit(config)


def test_outputs_that_cannot_be_compared_are_refused_before_training(alone: schema.Config, tmp_path: Path) -> None:
    config = taught(
        alone,
        tmp_path / "run",
        "Architecture.Models.Student.Neck.hidden_size=4",
        "Loss.loss_config_list.2.DistillationDistanceLoss.key=neck_out",
    )
    with pytest.raises(ConfigError, match="neck_out of 'Student' has shape"):
        tiny.fit(config)
