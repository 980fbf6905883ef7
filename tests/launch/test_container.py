from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import opt_ml
import pytest
import tiny

from thaiocr.launch.container import FAILURE_LENGTH, KEPT, METRIC_DEFINITIONS, STOPPED, train
from thaiocr.predict.bundle import open_bundle


def command(root: Path) -> list[str]:
    return [sys.executable, "-m", "thaiocr.launch.container", "train", "--root", str(root)]


def run(root: Path) -> tuple[int, list[str]]:
    found = subprocess.run(command(root), capture_output=True, text=True, timeout=300, check=False)
    assert found.stderr == ""
    return found.returncode, found.stdout.splitlines()


def failure(root: Path) -> str:
    return (root / "output" / "failure").read_text("utf-8")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A job that trained to its end, and the lines it wrote."""
    root = tmp_path_factory.mktemp("ml")
    opt_ml.write_job(root, *tiny.RUNS)
    code, lines = run(root)
    assert code == 0, "\n".join(lines)
    return root, lines


@pytest.mark.slow
def test_a_job_leaves_a_whole_bundle_and_its_logs_and_no_failure(done: tuple[Path, list[str]]) -> None:
    root, _ = done
    bundle = open_bundle(root / "model")
    assert bundle.dictionary.entries == tiny.ENTRIES
    assert {path.name for path in (root / "model").iterdir()} == {
        *("bundle.json", "dict.txt", "inference.json", "inference.onnx", "inference.pdiparams", "inference.yml")
    }
    assert {path.name for path in (root / "output" / "data").iterdir()} == {*KEPT, "job.yml"} - {"rejects.tsv"}
    assert json.loads((root / "output/data/report.json").read_text("utf-8"))["folder"] == str(root / "checkpoints")
    assert not (root / "output" / "failure").exists()


@pytest.mark.slow
@pytest.mark.parametrize("definition", METRIC_DEFINITIONS, ids=lambda definition: definition["Name"])
def test_a_metric_definition_reads_the_figures_of_the_run(
    done: tuple[Path, list[str]], definition: dict[str, str]
) -> None:
    root, lines = done
    event, name = definition["Name"].split(":")
    records = [json.loads(line) for line in (root / "checkpoints/metrics.jsonl").read_text("utf-8").splitlines()]
    recorded = [record[name] for record in records if record["event"] == event]
    read = [float(found[1]) for line in lines if (found := re.search(definition["Regex"], line))]
    assert len(read) == len(recorded) > 0
    assert read == pytest.approx(recorded, rel=0.01, abs=1e-4 if name != "images_per_s" else 0.6)


def test_metric_definitions_keep_sagemakers_limits() -> None:
    assert len(METRIC_DEFINITIONS) <= 40
    assert len({each["Name"] for each in METRIC_DEFINITIONS}) == len(METRIC_DEFINITIONS)
    for each in METRIC_DEFINITIONS:
        assert set(each) == {"Name", "Regex"}
        assert len(each["Regex"]) <= 500
        assert re.compile(each["Regex"]).groups == 1


@pytest.mark.slow
def test_a_finished_job_that_is_run_again_only_exports(done: tuple[Path, list[str]], tmp_path: Path) -> None:
    """As after a spot interruption between training and export."""
    root, _ = done
    opt_ml.copy_input(root, tmp_path)
    opt_ml.copy_checkpoints(root, tmp_path)
    code, lines = run(tmp_path)
    assert code == 0
    assert not any(re.search("step [0-9]+: loss", line) for line in lines)
    assert open_bundle(tmp_path / "model").dictionary.entries == tiny.ENTRIES


def read_until(lines: Iterator[str], text: str) -> None:
    assert any(text in line for line in lines), f"the job ended before it wrote '{text}'"


@pytest.mark.slow
def test_sigterm_saves_exports_and_the_next_start_goes_on_to_the_same_weights(
    done: tuple[Path, list[str]], tmp_path: Path
) -> None:
    reference, _ = done
    opt_ml.copy_input(reference, tmp_path)
    with subprocess.Popen(command(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        read_until(process.stdout, "epoch 2 step 3: loss")
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait() == STOPPED == 143
    assert "go on with the same command and --resume" in rest
    assert open_bundle(tmp_path / "model").dictionary.entries == tiny.ENTRIES, "the best model so far"
    assert not (tmp_path / "output" / "failure").exists()

    code, lines = run(tmp_path)
    assert code == 0
    assert f"{tmp_path}/checkpoints: going on from there" in lines
    assert not any("epoch 1 step" in line for line in lines)
    assert tiny.outcome(tmp_path / "checkpoints") == tiny.outcome(reference / "checkpoints")


@pytest.mark.slow
def test_several_processes_are_stopped_and_go_on(tmp_path: Path) -> None:
    """As on an instance with two GPUs, here on the CPU."""
    opt_ml.write_job(tmp_path, *tiny.RUNS, "Train.loader.batch_size_per_card=8", "Eval.loader.batch_size_per_card=8")
    program = "import sys; from thaiocr.launch import container; container.check_machines = lambda *_, **__: 2; " + (
        f"sys.exit(container.main(['train', '--root', {str(tmp_path)!r}]))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        read_until(process.stdout, "epoch 2 step 3: loss")
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait() == STOPPED, rest
    assert "go on with the same command and --resume" in rest
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout
    assert "epoch 3 step 6: acc" in found.stdout
    assert open_bundle(tmp_path / "model").dictionary.entries == tiny.ENTRIES


def test_a_wrong_setting_fails_within_a_second_and_names_it(tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters={"Global.epoch_nums": "3"})
    code, lines = run(tmp_path)
    message = "hyperparameter Global.epoch_nums=3: unknown key; did you mean 'epoch_num'?"
    assert (code, lines, failure(tmp_path)) == (2, [message], message)


def test_a_failure_is_cut_to_what_sagemaker_takes(tmp_path: Path) -> None:
    opt_ml.write_settings(tmp_path, {f"ภาษาไทย{number}": "1" for number in range(90)})
    assert train(tmp_path) == 2
    assert len(failure(tmp_path)) == FAILURE_LENGTH


def test_an_unforeseen_error_reaches_the_failure_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_folders: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("thaiocr.launch.container.read_job", broken)
    assert train(tmp_path) == 1
    assert failure(tmp_path) == "ZeroDivisionError: a bug"


def test_folders_that_cannot_be_written_are_a_failure(tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS)
    (tmp_path / "model").write_text("a file")
    assert train(tmp_path) == 5
    assert f"{tmp_path}/model: cannot be written: File exists" in failure(tmp_path)


def test_a_gpu_that_is_missing_ends_the_job_before_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters={"Global.use_gpu": "true"})
    assert train(tmp_path) == 5
    assert failure(tmp_path).startswith("Global.use_gpu is true, but nvidia-smi does not run here")
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.slow
def test_what_training_says_of_bad_data_is_the_failure(tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS)
    with (tmp_path / "input/data/train/rec_gt_train.txt").open("a", encoding="utf-8") as file:
        file.writelines(f"train/0000.png\tไม่มี{number}\n" for number in range(3))
    code, lines = run(tmp_path)
    assert code == 3
    text = failure(tmp_path)
    assert text.startswith("training ended with exit code 3 (data)\n")
    assert "set -o Global.max_reject_ratio=1 to train without them" in text
    assert text.splitlines()[-1] == lines[-1]
    assert (tmp_path / "output/data/rejects.tsv").read_text("utf-8").count("\n") == 3


@pytest.mark.slow
def test_a_job_whose_training_is_killed_says_that_memory_may_be_why(tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS)
    with subprocess.Popen(command(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        read_until(process.stdout, "step 1: loss")
        (child,) = opt_ml.children(process.pid)
        opt_ml.kill(child)
        process.stdout.read()
        assert process.wait() == 128 + signal.SIGKILL
    assert "training ended with exit code 137 (killed; most often the memory was full" in failure(tmp_path)


def test_other_words_are_verbs_of_thaiocr() -> None:
    def run_words(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "thaiocr.launch.container", *words]
        return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)

    assert run_words("--version").stdout.startswith("thaiocr ")
    help_of_train = run_words("train", "--help")
    assert (help_of_train.returncode, "--resume" in help_of_train.stdout) == (0, True)
    assert run_words("serve").returncode == 2
