from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import killed_save
import numpy as np
import paddle
import pytest
import tiny

from thaiocr.checkpoint import store
from thaiocr.config.load import load_config
from thaiocr.errors import DataError, EnvironmentProblem, UsageError
from thaiocr.models import build_model
from thaiocr.progress import Advance
from thaiocr.text.dictionary import Dictionary


def evaluated(run: Path) -> list[int]:
    return [record["step"] for record in tiny.records(run) if record["event"] == "eval"]


def test_training_makes_the_loss_fall_and_the_accuracy_rise(trained: tiny.Trained) -> None:
    epochs = [record["loss"] for record in tiny.records(trained.run) if record["event"] == "epoch"]
    accuracies = [found["acc"] for found in trained.report["history"]]
    assert len(epochs) == len(accuracies) == 6
    assert epochs[-1] < epochs[0] / 2
    assert accuracies[0] < 0.2
    assert accuracies[-1] > 0.5


def test_a_run_leaves_every_file_of_the_interface(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    report, lines = tiny.fit(tiny.config(data, run, *tiny.RUNS, "Global.save_epoch_step=2"))

    names = ("best_accuracy", "iter_epoch_2", "latest")
    assert {path.name for path in run.iterdir()} == {
        *(f"{name}{suffix}" for name in names for suffix in store.SUFFIXES),
        *("config.yml", "metrics.jsonl", "report.json", "train.log"),
    }
    assert [line.split(" ", 2)[2] for line in (run / "train.log").read_text("utf-8").splitlines()] == lines
    assert json.loads((run / "report.json").read_text("utf-8")) == report
    assert load_config(run / "config.yml").config == tiny.config(data, run, *tiny.RUNS, "Global.save_epoch_step=2")
    events = [record["event"] for record in tiny.records(run)]
    assert events == ["train", "train", "eval", "epoch"] * 3
    assert store.load(run / "iter_epoch_2").states["position"]["epoch"] == 2


def test_the_report_says_what_was_trained_and_on_what(trained: tiny.Trained) -> None:
    report = trained.report
    assert report["best"] == max(report["history"], key=lambda found: found["acc"])
    assert report["images"] == {"train": 192, "eval": 24}
    assert report["rejects"] == {"train": 0, "eval": 0}
    assert report["classes"] == len(tiny.ENTRIES) + 1
    assert report["fingerprints"]["dictionary"] == Dictionary.load(trained.data / "dict.txt").fingerprint
    assert report["fingerprints"]["train"] != report["fingerprints"]["eval"]
    assert report["versions"]["paddle"] == paddle.__version__
    assert report["config"]["Global"]["epoch_num"] == 6
    assert report["device"] == "cpu"
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["numpy"] == np.__version__
    assert (report["ended"], report["epochs"], report["steps"]) == ("all epochs", 6, 72)
    assert report["seconds"] > 0
    assert report["began"] <= report["finished"]


def test_a_resumed_run_adds_up_its_time(data: Path, tmp_path: Path) -> None:
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, "Global.epoch_num=2"))
    prefix = tmp_path / "latest"
    saved = store.load(prefix)
    saved.states["position"]["seconds"] = 1e6
    store.save(saved, prefix)
    report, _ = tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS), resume=Path())
    assert 1e6 < report["seconds"] < 1e6 + 1000


def test_speed_waiting_and_time_left_are_in_both_logs(trained: tiny.Trained) -> None:
    lines = [json.loads(line) for line in (trained.run / "metrics.jsonl").read_text("utf-8").splitlines()]
    steps = [line for line in lines if line["event"] == "train"]
    assert all(line["images_per_s"] > 0 and 0 <= line["data_wait"] <= 1 and line["eta_s"] >= 0 for line in steps)
    assert steps[-1]["eta_s"] == 0
    said = [line for line in trained.lines if "step 4:" in line]
    assert re.search(r"\d images/s, \d+% waiting for data, \d+:\d\d:\d\d left$", said[0])


def test_the_bar_of_an_epoch_shows_loss_accuracy_speed_waiting_and_the_time_to_the_end(
    data: Path, tmp_path: Path
) -> None:
    notes: list[str] = []

    @contextmanager
    def progress(_label: str, _total: int, /) -> Iterator[Advance]:
        yield lambda _count, note="": notes.append(note)

    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, "Global.epoch_num=2"), progress=progress)
    shown = r"loss \d+\.\d{3}  acc \d\.\d{3}  \d+ images/s  data \d+%  all in \d:\d\d:\d\d"
    assert len([note for note in notes if re.fullmatch(shown, note)]) == 4


def test_saved_weights_carry_the_networks_names_and_nothing_of_the_guide(trained: tiny.Trained) -> None:
    model = build_model(trained.config.architecture, len(tiny.ENTRIES) + 1)
    checkpoint = store.load(trained.run / "best_accuracy")
    assert set(checkpoint.weights) == set(model.state_dict())
    assert set(checkpoint.states["guide"]) == {
        f"heads.{part}.{name}" for part in ("base", "vowel", "tone", "am") for name in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("setting", "steps"),
    [("[1, 2]", [3, 5, 6]), ("1000", [6])],
)
def test_evaluation_is_where_eval_batch_step_says_and_at_the_end(
    data: Path, tmp_path: Path, setting: str, steps: list[int]
) -> None:
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, f"Global.eval_batch_step={setting}"))
    assert evaluated(tmp_path) == steps


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run(data: Path, reference: Path, tmp_path: Path) -> None:
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS))
    assert tiny.outcome(tmp_path) == tiny.outcome(reference)


def test_a_folder_that_holds_a_run_is_refused_and_untouched(data: Path, reference: Path) -> None:
    before = {path: path.read_bytes() for path in reference.iterdir()}
    with pytest.raises(UsageError, match=r"holds a run already; go on with --resume, or start anew with --force"):
        tiny.fit(tiny.config(data, reference, *tiny.RUNS))
    assert {path: path.read_bytes() for path in reference.iterdir()} == before


def test_a_run_whose_first_save_was_killed_after_its_journal_is_a_run_as_well(
    data: Path, reference: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(reference, tmp_path / "run")
    store.remove(run / "latest")
    killed_save.leave_unfinished(run / "best_accuracy")
    with pytest.raises(UsageError, match=r"holds a run already; go on with --resume, or start anew with --force"):
        tiny.fit(tiny.config(data, run, *tiny.RUNS))
    tiny.fit(tiny.config(data, run, *tiny.RUNS), resume=Path())
    assert tiny.outcome(run) == tiny.outcome(reference)


@pytest.mark.slow
def test_force_leaves_nothing_of_the_run_that_was_there(data: Path, reference: Path, tmp_path: Path) -> None:
    changes = ("Global.save_epoch_step=1", "Global.seed=5", "Global.epoch_num=2")
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, *changes))
    assert tiny.records(tmp_path)[0]["loss"] != tiny.records(reference)[0]["loss"], "another seed, another run"
    tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS), is_forced=True)
    assert tiny.outcome(tmp_path) == tiny.outcome(reference)


@pytest.mark.parametrize("name", ["head.fc.bias", "backbone.conv2.bn.bias"])
def test_what_is_no_number_names_the_files_of_its_batch(data: Path, reference: Path, tmp_path: Path, name: str) -> None:
    saved = store.load(reference / "latest")
    weights = {**saved.weights, name: np.full_like(saved.weights[name], np.nan)}
    store.save(store.Checkpoint(weights=weights, optimizer={}, states={}), tmp_path / "nan")
    with pytest.raises(DataError, match="not finite; lower the learning rate") as caught:
        tiny.fit(tiny.config(data, tmp_path / "run", *tiny.RUNS), init_from=tmp_path / "nan")
    first, *shown, more = caught.value.problems
    assert "grad_norm" in first
    assert len(shown) == 5
    assert more == "… and 11 more"
    for line in shown:
        assert line.startswith(f"{data / 'rec_gt_train.txt'}:")
        assert (data / line.split(": ")[1]).is_file()


def test_rejected_lines_are_listed_and_training_goes_on_only_when_allowed(tmp_path: Path) -> None:
    data = tiny.write_data(tmp_path / "data", images=24)
    labels = data / "rec_gt_train.txt"
    labels.write_text(labels.read_text("utf-8") + "train/0000.png\tฮ\n", "utf-8")
    run = tmp_path / "run"
    with pytest.raises(DataError, match=r"rec_gt_train\.txt: 4\.0% of the lines cannot be used") as caught:
        tiny.fit(tiny.config(data, run, *tiny.RUNS))
    assert caught.value.problems[0].startswith(f"{labels}:25: train/0000.png: ")

    report, lines = tiny.fit(tiny.config(data, run, *tiny.RUNS, "Global.max_reject_ratio=0.1", "Global.epoch_num=2"))

    assert report["rejects"] == {"train": 1, "eval": 0}
    assert lines[0] == f"24 training images, 1 lines rejected: {run / 'rejects.tsv'}"
    assert (run / "rejects.tsv").read_text("utf-8").startswith(f"{labels}:25\ttrain/0000.png\t")


def test_fewer_images_than_a_batch_that_must_be_full_are_refused(data: Path, tmp_path: Path) -> None:
    changes = ("Train.loader.batch_size_per_card=64", "Train.loader.drop_last=true")
    with pytest.raises(DataError, match=r"24 images do not fill one batch of 64; lower batch_size_per_card"):
        tiny.fit(tiny.config(data, tmp_path, *tiny.RUNS, *changes))


def test_a_folder_that_cannot_be_made_is_an_environment_problem(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match=r"file.run: cannot write the run there: Not a directory"):
        tiny.fit(tiny.config(data, tmp_path / "file" / "run", *tiny.RUNS))


def test_weights_of_another_dictionary_keep_the_backbone_and_what_both_dictionaries_have(
    data: Path, reference: Path, tmp_path: Path
) -> None:
    other = tiny.write_data(tmp_path / "other", images=32, entries=("ก", "ข", "ค", "ง"))
    changes = (*tiny.RUNS, "Global.epoch_num=1", "Optimizer.lr={name: Const, learning_rate: 1.0e-30}")
    report, lines = tiny.fit(tiny.config(other, tmp_path / "run", *changes), init_from=reference / "latest")

    assert lines[0] == f"weights from {reference / 'latest'}; fresh: none"
    assert lines[1].startswith(f"adapted from {data / 'dict.txt'}: head.fc.weight, head.fc.bias; ")
    assert "; 1 of 4 entries kept, fresh: ข, ค, ง; dropped: " in lines[1]
    assert report["start"]["tensors"]["adapted"] == ["head.fc.weight", "head.fc.bias"]
    assert report["start"]["entries"] == {
        "kept": 1,
        "fresh": ["ข", "ค", "ง"],
        "dropped": [entry for entry in tiny.ENTRIES if entry != "ก"],
    }
    then, now = store.load_weights(reference / "latest"), store.load_weights(tmp_path / "run" / "latest")
    kept = [name for name in now if not name.startswith("head.") and not name.endswith(("_mean", "_variance"))]
    assert kept
    assert all((then[name] == now[name]).all() for name in kept)
    assert now["head.fc.bias"].shape == (5,)
    np.testing.assert_array_equal(now["head.fc.weight"][:, :2], then["head.fc.weight"][:, :2])
