"""Checkpoints under PaddleOCR's names, each all there or not there.

A checkpoint NAME is `NAME.pdparams` (weights), `NAME.pdopt` (optimizer) and `NAME.states` (position and the rest).
The three are first written beside their final names, then a journal that lists their hashes; only then do they take
their final names and the journal goes. A kill before the journal leaves the old checkpoint; after it, the next reader
finishes the save. `.states` is written last and holds the hashes of the other two, so that a damaged file, or one of
another save, is found out when it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from thaiocr.checkpoint.unpickle import read_pickle
from thaiocr.errors import DataError, EnvironmentProblem

SUFFIXES: Final = (".pdparams", ".pdopt", ".states")
PROTOCOL: Final = 4
"""PaddleOCR's own pickle protocol."""
HASHES: Final = "sha256"
"""Key of `.states`: suffix -> hash of the file that belongs to it. PaddleOCR's own files have none."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a training run needs to go on exactly where it was."""

    weights: Arrays
    """PaddleOCR's parameter name -> array."""
    optimizer: Mapping[str, Any]
    """As `paddle.optimizer.Optimizer.state_dict` gives it, arrays instead of tensors."""
    states: Mapping[str, Any]
    """PaddleOCR's `epoch`, `global_step`, `best_model_dict`, and the engine's own keys; plain data only."""


def save(checkpoint: Checkpoint, prefix: Path) -> None:
    """Write a checkpoint as `prefix.pdparams/.pdopt/.states`, replacing the one of that name at once.

    Raises:
        EnvironmentProblem: the folder cannot be written or the disk is full; the old checkpoint is untouched.
    """
    try:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        finish(prefix)
        hashes = {
            suffix: _write(_staged(prefix, suffix), content)
            for suffix, content in zip(SUFFIXES, (checkpoint.weights, checkpoint.optimizer), strict=False)
        }
        states = {**checkpoint.states, HASHES: dict(hashes)}
        hashes[SUFFIXES[-1]] = _write(_staged(prefix, SUFFIXES[-1]), states)
        _write_journal(prefix, hashes)
        finish(prefix)
    except OSError as error:
        if not _journal(prefix).exists():
            _discard(prefix)
        raise EnvironmentProblem(
            f"{prefix.parent}: cannot save the checkpoint {prefix.name}: {error.strerror}; "
            "the one saved before is untouched: make room or the folder writable, then go on with --resume"
        ) from error


def load(prefix: Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        prefix: Path without suffix, as PaddleOCR names checkpoints; one of the three files is accepted as well.

    Raises:
        DataError: a file is missing, damaged or holds more than plain data.
    """
    prefix = without_suffix(prefix)
    finish(prefix)
    weights, optimizer, states = (read_pickle(prefix.with_name(prefix.name + suffix)) for suffix in SUFFIXES)
    for content, suffix in zip((weights, optimizer, states), SUFFIXES, strict=True):
        _check_mapping(content, prefix, suffix)
    for suffix, expected in states.pop(HASHES, {}).items():
        path = prefix.with_name(prefix.name + suffix)
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise DataError(f"{path}: damaged, or of another save than {prefix.name}.states")
    return Checkpoint(weights=_weights(weights), optimizer=_arrays(optimizer), states=states)


def load_weights(prefix: Path) -> Arrays:
    """Read the weights alone, ours or PaddleOCR's.

    Raises:
        DataError: as in `load`.
    """
    prefix = without_suffix(prefix)
    finish(prefix)
    weights = read_pickle(prefix.with_name(prefix.name + SUFFIXES[0]))
    _check_mapping(weights, prefix, SUFFIXES[0])
    return _weights(weights)


def exists(prefix: Path) -> bool:
    """Tell whether a whole checkpoint of that name is there."""
    finish(prefix)
    return all(prefix.with_name(prefix.name + suffix).is_file() for suffix in SUFFIXES)


def prefixes(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, sorted; saves that were interrupted after their journal are completed first.

    Otherwise one of them could come to light later, in the middle of another run.
    """
    for journal in folder.glob(".*.journal"):
        finish(folder / journal.name.removeprefix(".").removesuffix(".journal"))
    return sorted(path.with_suffix("") for path in folder.glob("*.states"))


def remove(prefix: Path) -> None:
    """Delete a checkpoint, where it is; `.states` goes first, so that a rest of it is not taken for a whole one.

    Raises:
        EnvironmentProblem: it cannot be deleted.
    """
    try:
        for suffix in reversed(SUFFIXES):
            prefix.with_name(prefix.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentProblem(f"{prefix}: cannot be deleted: {error.strerror}") from error


def without_suffix(path: Path) -> Path:
    """Return `output/latest` for `output/latest.pdparams`."""
    return path.with_suffix("") if path.suffix in SUFFIXES else path


def finish(prefix: Path) -> None:
    """Complete a save that was interrupted after its journal was written.

    What was interrupted before is left to the next save, which writes over it: here it could be a save in progress.
    """
    journal = _journal(prefix)
    if journal.exists():
        for suffix, digest in json.loads(journal.read_text(encoding="utf-8")).items():
            staged = _staged(prefix, suffix)
            if staged.exists() and hashlib.sha256(staged.read_bytes()).hexdigest() == digest:
                staged.replace(prefix.with_name(prefix.name + suffix))
        _sync_folder(prefix.parent)
        journal.unlink(missing_ok=True)


def _staged(prefix: Path, suffix: str) -> Path:
    return prefix.with_name(f".{prefix.name}{suffix}.new")


def _partial(prefix: Path) -> Path:
    return prefix.with_name(f".{prefix.name}.journal.partial")


def _journal(prefix: Path) -> Path:
    return prefix.with_name(f".{prefix.name}.journal")


def _write(path: Path, content: Mapping[str, Any]) -> str:
    encoded = pickle.dumps(dict(content), protocol=PROTOCOL)
    with path.open("wb") as file:
        file.write(encoded)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(encoded).hexdigest()


def _write_journal(prefix: Path, hashes: Mapping[str, str]) -> None:
    partial = _partial(prefix)
    with partial.open("w", encoding="utf-8") as file:
        json.dump(hashes, file)
        file.flush()
        os.fsync(file.fileno())
    # What it lists must not be lost by a failing power supply that keeps the journal.
    _sync_folder(prefix.parent)
    partial.replace(_journal(prefix))
    _sync_folder(prefix.parent)


def _discard(prefix: Path) -> None:
    """Remove what a save that failed has written."""
    for path in (*(_staged(prefix, suffix) for suffix in SUFFIXES), _partial(prefix)):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_mapping(content: object, prefix: Path, suffix: str) -> None:
    if not isinstance(content, dict):
        raise DataError(f"{prefix}{suffix}: holds a {type(content).__name__}, a checkpoint holds a dict")


def _arrays(content: Mapping[str, Any]) -> dict[str, Any]:
    """Undo paddle.save's spelling: a tensor is pickled as (name, array), and a table of names comes along."""
    return {key: _array(value) for key, value in content.items() if key != "StructuredToParameterName@@"}


def _array(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _arrays(value)
    is_named = isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], np.ndarray)
    return value[1] if is_named else value


def _weights(content: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return weights in float32. PaddleOCR saves what it trains at amp_level O2 in half precision, bfloat16 as bits."""
    weights = {name: value for name, value in _arrays(content).items() if isinstance(value, np.ndarray)}
    for name, value in weights.items():
        if value.dtype == np.uint16:
            weights[name] = (value.astype(np.uint32) << 16).view(np.float32)
        elif value.dtype == np.float16:
            weights[name] = value.astype(np.float32)
    return weights
