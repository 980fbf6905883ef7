"""What SageMaker says in `/opt/ml/input/config` -> the configuration to train, with the paths of this machine.

Hyperparameters are the dotted keys that `-o` takes (`Global.epoch_num`), and `config`: a preset (dev, main, prod,
compact), or a path in the channel `config`. The channel `train` holds the data folder, the channel `eval`, where there
is one, that of `Eval`. Files that a configuration names elsewhere, the dictionary or weights, travel in any channel
under their names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, get_args

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import Loaded, load_config, load_text
from thaiocr.config.presets import DICTIONARY, PresetName, preset
from thaiocr.errors import ConfigError, DataError, did_you_mean
from thaiocr.launch.container_cluster import Cluster
from thaiocr.launch.container_folders import Folders
from thaiocr.text.dictionary import find_dictionary

CONFIG: Final = "config"
"""Name of the hyperparameter and of the channel."""
TRAIN: Final = "train"
EVAL: Final = "eval"
PRESETS: Final[tuple[PresetName, ...]] = get_args(PresetName)
OWN: Final[Mapping[str, str]] = {
    "Global.save_model_dir": "the job keeps its run in /opt/ml/checkpoints; leave it out",
    "Global.checkpoints": "a job goes on from what is in /opt/ml/checkpoints; leave it out",
}
"""Hyperparameters that would break the resuming of a job -> what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What to train, and on what."""

    config: schema.Config
    unused: tuple[str, ...]
    """Keys of PaddleOCR that change nothing here."""
    cluster: Cluster


def read_job(folders: Folders) -> Job:
    """Read the job's settings and find its files.

    Raises:
        ConfigError: a setting is wrong or unknown, or a channel or file is missing; all of them are named.
    """
    hyperparameters = _hyperparameters(folders)
    channels = _channels(folders)
    loaded = _load(hyperparameters, channels)
    config = _Finder(channels).relocate(loaded.config)
    run = replace(config.run, save_model_dir=str(folders.checkpoints), checkpoints=None)
    return Job(config=replace(config, run=run), unused=loaded.unused, cluster=_cluster(folders))


# -- Settings ----------------------------------------------------------------------------------------------------------


def _hyperparameters(folders: Folders) -> dict[str, str]:
    found = _read_json(folders.settings / "hyperparameters.json")
    problems = [
        f"hyperparameter {key}: unknown{did_you_mean(key, [CONFIG]) or ';'} "
        f"hyperparameters are '{CONFIG}' and keys of the configuration, such as Global.epoch_num"
        for key in found
        if "." not in key and key != CONFIG
    ]
    problems += [f"hyperparameter {key}: {OWN[key]}" for key in found if key in OWN]
    if problems:
        raise ConfigError(problems)
    return {key: str(value) for key, value in found.items()}


def _channels(folders: Folders) -> dict[str, Path]:
    """Return channel -> folder."""
    found = _read_json(folders.settings / "inputdataconfig.json")
    channels = {name: folders.channels / name for name in found}
    problems = [
        f"channel '{name}': Pipe mode has no files to read; use File or FastFile"
        for name, options in found.items()
        if isinstance(options, Mapping) and options.get("TrainingInputMode") == "Pipe"
    ]
    problems += [f"channel '{name}': {folder} is not there" for name, folder in channels.items() if not folder.is_dir()]
    if TRAIN not in channels:
        problems.append(
            f"no channel '{TRAIN}': it holds the data folder{did_you_mean(TRAIN, channels)} "
            f"(channels of this job: {', '.join(channels) or 'none'})"
        )
    if problems:
        raise ConfigError(problems)
    return channels


def _cluster(folders: Folders) -> Cluster:
    path = folders.settings / "resourceconfig.json"
    found = _read_json(path)
    alone = Cluster()
    cluster = Cluster(
        hosts=tuple(found.get("hosts", alone.hosts)),
        current_host=found.get("current_host", alone.current_host),
        network_interface=found.get("network_interface_name", alone.network_interface),
    )
    if cluster.current_host not in cluster.hosts:
        raise ConfigError(f"{path}: current_host '{cluster.current_host}' is not among hosts {list(cluster.hosts)}")
    return cluster


def _read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file; nothing when there is no file."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: expected an object of names and values")
    return found


# -- Configuration -----------------------------------------------------------------------------------------------------


def _load(hyperparameters: Mapping[str, str], channels: Mapping[str, Path]) -> Loaded[schema.Config]:
    """Return the configuration as it was written, with the hyperparameters applied."""
    name = hyperparameters.get(CONFIG) or _only_file(channels)
    overrides = [f"{key}={value}" for key, value in hyperparameters.items() if key != CONFIG]
    for chosen in PRESETS:
        if name == chosen:
            dictionary = "dict.txt" if (channels[TRAIN] / "dict.txt").is_file() else DICTIONARY
            text = to_yaml(preset("rec", chosen, data_dir=".", dictionary=dictionary))
            return load_text(text, file=f"preset {name}", overrides=overrides, option="hyperparameter")
    return load_config(_config_file(name, channels), overrides, option="hyperparameter")


def _only_file(channels: Mapping[str, Path]) -> str:
    names = _yaml_files(channels)
    if len(names) != 1:
        raise ConfigError(
            f"no hyperparameter '{CONFIG}': give a preset ({', '.join(PRESETS)}), or a file of the channel '{CONFIG}' "
            f"(there: {', '.join(names) or 'none'})"
        )
    return names[0]


def _config_file(name: str, channels: Mapping[str, Path]) -> Path:
    parts = PurePosixPath(name)
    folder = channels.get(CONFIG)
    if folder is None or parts.is_absolute() or ".." in parts.parts or not (folder / parts).is_file():
        choices = [*PRESETS, *_yaml_files(channels)]
        raise ConfigError(
            f"hyperparameter {CONFIG}={name}: no preset, and no file of the channel '{CONFIG}'"
            f"{did_you_mean(name, choices) or ';'} there are: {', '.join(choices)}"
        )
    return folder / parts


def _yaml_files(channels: Mapping[str, Path]) -> list[str]:
    folder = channels.get(CONFIG)
    if folder is None:
        return []
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".yml", ".yaml"))


# -- Paths -------------------------------------------------------------------------------------------------------------


class _Finder:
    """Finds the files of a configuration, written with the paths of another machine, in the job's channels."""

    def __init__(self, channels: Mapping[str, Path]) -> None:
        self.channels = channels
        self.problems: list[str] = []

    def relocate(self, config: schema.Config) -> schema.Config:
        """Return the configuration with the paths of this machine.

        Raises:
            ConfigError: names every file that is in no channel.
        """
        evaluation = EVAL if EVAL in self.channels else TRAIN
        moved = replace(
            config,
            run=self._run(config.run, config.train.dataset.data_dir),
            train=self._feed("Train", config.train, TRAIN),
            eval=self._feed("Eval", config.eval, evaluation),
        )
        if self.problems:
            raise ConfigError(self.problems)
        return moved

    def _run(self, run: schema.Global, data_dir: str) -> schema.Global:
        weights = run.pretrained_model
        return replace(
            run,
            character_dict_path=self._dictionary(run.character_dict_path, data_dir),
            pretrained_model=weights and self._weights(weights, data_dir),
        )

    def _dictionary(self, path: str, data_dir: str) -> str:
        if found := self._find(path, data_dir, TRAIN):
            return str(found)
        try:
            return str(find_dictionary(path))
        except DataError:
            self._missing("Global.character_dict_path", path)
            return path

    def _weights(self, path: str, data_dir: str) -> str:
        suffix = "" if path.endswith(".pdparams") else ".pdparams"
        if found := self._find(path + suffix, data_dir, TRAIN):
            return str(found)
        self._missing("Global.pretrained_model", path + suffix)
        return path

    def _feed(self, section: str, feed: schema.Feed, channel: str) -> schema.Feed:
        dataset = feed.dataset
        labels = []
        for path in dataset.label_file_list:
            found = self._find(path, dataset.data_dir, channel)
            if found is None:
                self._missing(f"{section}.dataset.label_file_list", path)
            labels.append(str(found or path))
        folder = str(self.channels[channel])
        return replace(feed, dataset=replace(dataset, data_dir=folder, label_file_list=tuple(labels)))

    def _find(self, path: str, data_dir: str, channel: str) -> Path | None:
        return next((place for place in self._places(path, data_dir, channel) if place.is_file()), None)

    def _places(self, path: str, data_dir: str, channel: str) -> Iterator[Path]:
        """Yield where a file may be: below the channel as it was below `data_dir`, else by its name in any channel."""
        written, folder = PurePosixPath(path), self.channels[channel]
        if written.is_relative_to(data_dir):
            yield folder / written.relative_to(data_dir)
        for other in (self.channels.get(CONFIG), folder, *self.channels.values()):
            if other is not None:
                yield other / written.name

    def _missing(self, key: str, path: str) -> None:
        names = ", ".join(self.channels)
        self.problems.append(f"{key}: {path}: '{PurePosixPath(path).name}' is in no channel of this job ({names})")
