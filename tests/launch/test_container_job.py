from __future__ import annotations

import json
from pathlib import Path

import opt_ml
import pytest
import tiny

from thaiocr.config import schema
from thaiocr.config.presets import preset
from thaiocr.errors import ConfigError
from thaiocr.launch.container_cluster import Cluster
from thaiocr.launch.container_folders import Folders
from thaiocr.launch.container_job import read_job


def write_channel(root: Path, name: str, *files: str) -> Path:
    folder = root / "input" / "data" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("ก\n", "utf-8")
    return folder


def write_data(root: Path, *more: str) -> Path:
    return write_channel(root, "train", "rec_gt_train.txt", "rec_gt_val.txt", *more)


def problems(root: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_job(Folders(root))
    return str(caught.value)


def test_a_file_written_elsewhere_gets_the_paths_of_the_channels(tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS)
    config = read_job(Folders(tmp_path)).config
    data = str(tmp_path / "input/data/train")
    assert config.train.dataset.data_dir == config.eval.dataset.data_dir == data
    assert config.train.dataset.label_file_list == (f"{data}/rec_gt_train.txt",)
    assert config.eval.dataset.label_file_list == (f"{data}/rec_gt_val.txt",)
    assert config.run.character_dict_path == f"{data}/dict.txt"
    assert config.run.save_model_dir == str(tmp_path / "checkpoints")
    assert config.train.loader == tiny.config(Path(data), tmp_path, *tiny.RUNS).train.loader


def test_hyperparameters_are_typed_overrides(tmp_path: Path) -> None:
    given = {
        "Global.epoch_num": "7",
        "Global.use_gpu": "true",
        "Optimizer.lr.learning_rate": "7e-4",
        "Train.dataset.transforms.RecResizeImg.image_shape": "[3,32,16]",
        "Eval.dataset.transforms.RecResizeImg.image_shape": "3,32,16",
    }
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters=given)
    config = read_job(Folders(tmp_path)).config
    assert (config.run.epoch_num, config.run.use_gpu) == (7, True)
    assert config.optimizer.lr == schema.Cosine(learning_rate=0.0007, warmup_epoch=1.0)


def test_all_wrong_hyperparameters_are_named_at_once_with_a_way_out(tmp_path: Path) -> None:
    given = {"Global.epoch_nums": "3", "Optimizer.lr.learning_rate": "fast"}
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters=given)
    assert problems(tmp_path).splitlines() == [
        "hyperparameter Global.epoch_nums=3: unknown key; did you mean 'epoch_num'?",
        "hyperparameter Optimizer.lr.learning_rate=fast: expected a number, got text 'fast'",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("confg", "hyperparameter confg: unknown; did you mean 'config'? hyperparameters are 'config' and keys"),
        ("epochs", "hyperparameter epochs: unknown; hyperparameters are 'config' and keys"),
        ("Global.save_model_dir", "hyperparameter Global.save_model_dir: the job keeps its run in /opt/ml/checkpoints"),
        ("Global.checkpoints", "hyperparameter Global.checkpoints: a job goes on from what is in /opt/ml/checkpoints"),
    ],
)
def test_a_hyperparameter_that_no_job_has_is_refused(tmp_path: Path, name: str, message: str) -> None:
    write_data(tmp_path)
    opt_ml.write_settings(tmp_path, {"config": "dev", name: "1"}, channels=("train",))
    assert message in problems(tmp_path)


@pytest.mark.parametrize("has_dictionary", [True, False])
def test_a_preset_needs_the_data_channel_only(tmp_path: Path, has_dictionary: bool) -> None:
    data = write_data(tmp_path, *(["dict.txt"] if has_dictionary else []))
    opt_ml.write_settings(tmp_path, {"config": "dev"}, channels=("train",))
    config = read_job(Folders(tmp_path)).config
    expected = preset("rec", "dev", data_dir=str(data), dictionary=config.run.character_dict_path)
    assert (config.train, config.eval, config.architecture) == (expected.train, expected.eval, expected.architecture)
    dictionary = Path(config.run.character_dict_path)
    assert (dictionary == data / "dict.txt") is has_dictionary
    assert dictionary.name == ("dict.txt" if has_dictionary else "th_dict.txt")
    assert dictionary.is_file()


def test_the_only_file_of_the_config_channel_needs_no_name(tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS)
    opt_ml.write_settings(tmp_path, {})
    assert read_job(Folders(tmp_path)).config.run.epoch_num == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("thay.yml", "hyperparameter config=thay.yml: no preset, and no file of the channel 'config'; did you mean"),
        ("../train/rec_gt_train.txt", "there are: dev, main, prod, compact, thai.yml"),
        ("/etc/passwd", "there are: dev, main, prod, compact, thai.yml"),
    ],
)
def test_a_config_outside_of_its_channel_is_refused(tmp_path: Path, name: str, message: str) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters={"config": name})
    assert message in problems(tmp_path)


def test_which_config_is_meant_must_be_said_where_there_are_several(tmp_path: Path) -> None:
    write_data(tmp_path)
    write_channel(tmp_path, "config", "a.yml", "more/b.yaml")
    opt_ml.write_settings(tmp_path, {})
    assert (
        "give a preset (dev, main, prod, compact), or a file of the channel 'config' (there: a.yml, more/b.yaml)"
        in problems(tmp_path)
    )


def test_a_missing_or_mistyped_channel_is_named(tmp_path: Path) -> None:
    write_channel(tmp_path, "trian")
    opt_ml.write_settings(tmp_path, {"config": "dev"}, channels=("trian", "config"))
    assert problems(tmp_path).splitlines() == [
        f"channel 'config': {tmp_path}/input/data/config is not there",
        "no channel 'train': it holds the data folder; did you mean 'trian'? (channels of this job: trian, config)",
    ]


def test_pipe_mode_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path)
    opt_ml.write_settings(tmp_path, {"config": "dev"}, channels=("train",))
    settings = Folders(tmp_path).settings / "inputdataconfig.json"
    settings.write_text(json.dumps({"train": {"TrainingInputMode": "Pipe"}}), "utf-8")
    assert problems(tmp_path) == "channel 'train': Pipe mode has no files to read; use File or FastFile"


def test_files_beside_the_data_travel_in_any_channel(tmp_path: Path) -> None:
    """As the launcher uploads them: the configuration and what it names elsewhere lie in the channel `config`."""
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters={"Global.pretrained_model": "old/run/best_accuracy"})
    folder = write_channel(tmp_path, "config", "my_dict.txt", "best_accuracy.pdparams")
    config = folder / "thai.yml"
    text = config.read_text("utf-8").replace(f"{opt_ml.WRITTEN_DATA}/dict.txt", "/home/me/my_dict.txt")
    config.write_text(text, "utf-8")
    run = read_job(Folders(tmp_path)).config.run
    assert run.character_dict_path == str(folder / "my_dict.txt")
    assert run.pretrained_model == str(folder / "best_accuracy.pdparams")


def test_an_eval_channel_holds_the_data_of_eval(tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS)
    folder = write_channel(tmp_path, "eval", "rec_gt_val.txt")
    opt_ml.write_settings(tmp_path, {}, channels=("train", "eval", "config"))
    dataset = read_job(Folders(tmp_path)).config.eval.dataset
    assert (dataset.data_dir, dataset.label_file_list) == (str(folder), (str(folder / "rec_gt_val.txt"),))


def test_files_that_are_in_no_channel_are_all_named(tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters={"Global.pretrained_model": "old/best_accuracy"})
    for name in ("dict.txt", "rec_gt_train.txt", "rec_gt_val.txt"):
        (tmp_path / "input/data/train" / name).unlink()
    assert problems(tmp_path).splitlines() == [
        f"{key}: {path}: '{Path(path).name}' is in no channel of this job (train, config)"
        for key, path in (
            ("Global.character_dict_path", "train_data/thai/dict.txt"),
            ("Global.pretrained_model", "old/best_accuracy.pdparams"),
            ("Train.dataset.label_file_list", "train_data/thai/rec_gt_train.txt"),
            ("Eval.dataset.label_file_list", "train_data/thai/rec_gt_val.txt"),
        )
    ]


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_settings_that_are_no_json_object_are_refused(tmp_path: Path, content: str) -> None:
    write_data(tmp_path)
    opt_ml.write_settings(tmp_path, {"config": "dev"}, channels=("train",))
    path = Folders(tmp_path).settings / "hyperparameters.json"
    path.write_bytes(content.encode("latin-1"))
    assert problems(tmp_path).startswith(f"{path}: ")


def test_hosts_give_the_rank_and_no_resources_mean_one_machine(tmp_path: Path) -> None:
    write_data(tmp_path)
    opt_ml.write_settings(tmp_path, {"config": "dev"}, channels=("train",), hosts=("algo-2", "algo-3", "algo-1"))
    cluster = read_job(Folders(tmp_path)).cluster
    assert (cluster.rank, cluster.network_interface, len(cluster.hosts)) == (0, "eth0", 3)
    (Folders(tmp_path).settings / "resourceconfig.json").unlink()
    assert read_job(Folders(tmp_path)).cluster == Cluster()


def test_a_host_that_is_not_of_the_cluster_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path)
    opt_ml.write_settings(tmp_path, {"config": "dev"}, channels=("train",))
    (Folders(tmp_path).settings / "resourceconfig.json").write_text('{"current_host": "x", "hosts": ["a"]}', "utf-8")
    assert "current_host 'x' is not among hosts ['a']" in problems(tmp_path)
