"""A copy of a configuration's data without the lines that cannot be used."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thaiocr.data.check import Checked
from thaiocr.data.labels import Sample
from thaiocr.data.splits import Split
from thaiocr.data.staging import new_folder
from thaiocr.errors import DataError
from thaiocr.progress import Progress

CHUNK: Final = 64
"""Images that a thread copies before it takes the next ones."""


@dataclass(frozen=True, slots=True)
class CleanCopy:
    """What was written."""

    folder: Path
    lines: Mapping[str, int]
    """Label file of the copy -> lines."""
    images: int
    overrides: tuple[str, ...]
    """`KEY=VALUE` for `-o`, so that the configuration reads the copy."""


def write_clean(checked: Checked, folder: Path, *, progress: Progress) -> CleanCopy:
    """Copy the lines without an error and their images; what was checked is only read.

    Folders and names stay as they are below the folder that all of the data lies in. Labels are written normalised, as
    training reads them. A file of both splits gets the lines that are good in both.

    Raises:
        DataError: a split has no usable line.
        UsageError: `folder` is not empty.
        EnvironmentProblem: something cannot be read or written.
    """
    for split in checked.splits:
        if not checked.kept[split.name]:
            files = ", ".join(split.dataset.label_file_list)
            raise DataError(f"{files}: not one usable line, there is nothing to copy")
    root = _common_folder(checked)
    with new_folder(folder) as staging:
        images = _copy_images(checked, root, staging, progress)
        lines: dict[str, int] = {}
        for file, (split, numbered) in _by_file(checked).items():
            name, data_dir = _below(root, file), root / _below(root, Path(split.dataset.data_dir))
            samples, delimiter = numbered.values(), split.dataset.delimiter
            text = "".join(f"{_relative(each.path, data_dir)}{delimiter}{each.text}\n" for each in samples)
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_bytes(text.encode())
            lines[(folder / name).as_posix()] = len(samples)
    overrides = tuple(override for split in checked.splits for override in _overrides(split, root, folder))
    return CleanCopy(folder, lines, images, overrides)


def _absolute(path: str | Path) -> Path:
    """Links are not followed: what they lead to may lie elsewhere, and the copy keeps the layout as it is named."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _below(root: Path, path: Path) -> Path:
    return _absolute(path).relative_to(root)


def _relative(image: Path, data_dir: Path) -> str:
    """Name an image as a label line does."""
    return Path(os.path.relpath(image, data_dir)).as_posix()


def _common_folder(checked: Checked) -> Path:
    """Return the deepest folder that holds all label files, data folders and images."""
    folders = {_absolute(split.dataset.data_dir) for split in checked.splits}
    for split in checked.splits:
        folders |= {_absolute(name).parent for name in split.dataset.label_file_list}
        folders |= {_absolute(sample.path).parent for sample in checked.kept[split.name]}
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # only where drives have letters
        raise DataError("label files and images lie on several drives; bring them together to clean them") from None


def _by_file(checked: Checked) -> dict[Path, tuple[Split, dict[str, Sample]]]:
    """Return the good lines of each label file by number; of a file of both splits those that are good in both."""
    files: dict[Path, tuple[Split, dict[str, Sample]]] = {}
    for split in checked.splits:
        lines: dict[Path, dict[str, Sample]] = {_absolute(name): {} for name in split.dataset.label_file_list}
        for sample in checked.kept[split.name]:
            lines[_absolute(sample.label_file)][sample.place.rpartition(":")[2]] = sample
        for file, samples in lines.items():
            good = files[file][1] if file in files else samples
            files[file] = split, {number: sample for number, sample in samples.items() if number in good}
    return files


def _copy_images(checked: Checked, root: Path, staging: Path, progress: Progress) -> int:
    """Copy every image once; returns how many there are."""
    kept = (sample.path for samples in checked.kept.values() for sample in samples)
    paths = list(dict.fromkeys(_absolute(path) for path in kept))
    for folder in {path.parent for path in paths}:
        (staging / _below(root, folder)).mkdir(parents=True, exist_ok=True)

    def copy(chunk: Sequence[Path]) -> int:
        for path in chunk:
            shutil.copyfile(path, staging / _below(root, path))
        return len(chunk)

    with progress("copying images", len(paths)) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(copy, (paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK))):
            advance(done)
    return len(paths)


def _overrides(split: Split, root: Path, folder: Path) -> tuple[str, str]:
    data_dir = folder / _below(root, Path(split.dataset.data_dir))
    files = [(folder / _below(root, Path(name))).as_posix() for name in split.dataset.label_file_list]
    dataset = f"{split.name}.dataset"
    listed = json.dumps(files, ensure_ascii=False)  # quoted: a name may hold a comma
    return f"{dataset}.data_dir={data_dir.as_posix()}", f"{dataset}.label_file_list={listed}"
