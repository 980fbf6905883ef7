"""What of this machine a job needs: the configuration, its files and its data, checked before anything is paid for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thaiocr.config.load import load_config
from thaiocr.config.schema import Config, Feed
from thaiocr.data.labels import read_lines
from thaiocr.errors import ConfigError, DataError
from thaiocr.launch.container_job import OWN
from thaiocr.launch.upload import local_files
from thaiocr.text.dictionary import find_dictionary

SHOWN: Final = 10
"""So many missing images are named; the others are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalRun:
    """A training that would run here, ready to be sent elsewhere."""

    config_name: str
    """Name of the file in the channel `config`."""
    config_files: Mapping[str, Path]
    """Name -> path of what travels in the channel `config`."""
    data: Mapping[str, Path]
    """Channel (`train`, and `eval` where it has a folder of its own) -> folder."""
    data_files: Mapping[str, Mapping[str, Path]]
    """Channel -> its files by name."""
    images: int
    """Pictures that all epochs together show to the network."""
    unused: tuple[str, ...]
    """Keys of the configuration that change nothing."""


def read_run(config_file: str, overrides: Sequence[str]) -> LocalRun:
    """Read and check a configuration and its data.

    Args:
        config_file: PaddleOCR-style YAML.
        overrides: Texts `KEY=VALUE`.

    Raises:
        ConfigError: the configuration cannot be used, here or in a job.
        DataError: data are missing; all problems at once.
    """
    loaded = load_config(config_file, overrides)
    refused = [f"-o {text}: {OWN[key]}" for text in overrides if (key := text.partition("=")[0].strip()) in OWN]
    if refused:
        raise ConfigError(refused)
    config, path = loaded.config, Path(config_file)
    feeds = {"train": config.train}
    if Path(config.eval.dataset.data_dir).resolve() != Path(config.train.dataset.data_dir).resolve():
        feeds["eval"] = config.eval
    data_files = {name: local_files(Path(feed.dataset.data_dir)) for name, feed in feeds.items()}
    counts = _check_labels(config, data_files)
    return LocalRun(
        config_name=path.name,
        config_files=_config_files(path, config),
        data={name: Path(feed.dataset.data_dir) for name, feed in feeds.items()},
        data_files=data_files,
        images=round(counts * config.run.epoch_num),
        unused=loaded.unused,
    )


def data_name(folder: Path) -> str:
    """Return the name of a data folder in S3: its own and a part that differs for another folder of that name."""
    whole = folder.resolve()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", whole.name).strip("-.") or "data"
    return f"{plain}-{hashlib.sha256(str(whole).encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def _config_files(path: Path, config: Config) -> dict[str, Path]:
    """Return the configuration and what it names outside of the data: dictionary, weights, label files."""
    named = [path, find_dictionary(config.run.character_dict_path)]
    if weights := config.run.pretrained_model:
        named.append(Path(weights if weights.endswith(".pdparams") else f"{weights}.pdparams"))
    for feed in (config.train, config.eval):
        inside = Path(feed.dataset.data_dir).resolve()
        named += [Path(each) for each in feed.dataset.label_file_list if inside not in Path(each).resolve().parents]
    files: dict[str, Path] = {}
    problems: list[str] = []
    for each in dict.fromkeys(named):
        if not each.is_file():
            problems.append(f"{each}: no such file (tried {each.absolute()})")
        elif each.name in files:
            problems.append(f"{each} and {files[each.name]}: files of a job need different names; rename one")
        files[each.name] = each
    if problems:
        raise DataError(problems)
    return files


def _check_labels(config: Config, data_files: Mapping[str, Mapping[str, Path]]) -> float:
    """Check that every image that a label file names will be there; return the images of one epoch."""
    counts, missing = 0.0, []
    for name, feed in (("train", config.train), ("eval", config.eval)):
        files = data_files.get(name, data_files["train"])
        labels = [_read_labels(Path(each), files) for each in feed.dataset.label_file_list]
        missing += [problem for _, problems in labels for problem in problems]
        if name == "train":
            counts = sum(count * ratio for (count, _), ratio in zip(labels, _ratios(feed), strict=True))
    if missing:
        more = [f"… and {len(missing) - SHOWN} more"] if len(missing) > SHOWN else []
        raise DataError([*missing[:SHOWN], *more, "`thaiocr data check` looks at all of it"])
    return counts


def _ratios(feed: Feed) -> Sequence[float]:
    ratios = feed.dataset.ratio_list
    return ratios if len(ratios) > 1 else [ratios[0]] * len(feed.dataset.label_file_list)


def _read_labels(path: Path, files: Mapping[str, Path]) -> tuple[int, list[str]]:
    count, missing = 0, []
    for place, line in read_lines(path):
        name = line.partition("\t")[0]
        count += 1
        if name not in files and Path(name).as_posix() not in files:
            missing.append(f"{place}: {name}: no such image in the data folder")
    return count, missing
