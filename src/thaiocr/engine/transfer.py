"""The weights of a checkpoint for another network: what fits is kept, and heads are translated class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from paddle import nn

from thaiocr.engine.source_dictionary import Source
from thaiocr.errors import DataError
from thaiocr.models.recognizer import ClassAxis, Recognizer
from thaiocr.text.normalize import normalize

SHOWN: Final = 10
"""So many names or entries does a line of the log show; `report.json` has all."""
LEAST_SHARE: Final = 0.5
"""Of the tensors that no dictionary changes: where fewer fit, it is another network."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """What a run started with."""

    checkpoint: str
    kept: list[str]
    """Tensors that are the checkpoint's."""
    adapted: list[str]
    """Tensors of a head: what belongs to entries of both dictionaries is the checkpoint's, the rest is fresh."""
    fresh: list[str]
    """Tensors with fresh values."""
    unused: list[str]
    """Tensors of the checkpoint that the network does not have, or has in another shape."""
    dictionary: str | None = None
    """The checkpoint's, where it is known and another one."""
    kept_entries: list[str] = field(default_factory=list)
    fresh_entries: list[str] = field(default_factory=list)
    """Of the run's dictionary, not in the checkpoint's."""
    dropped_entries: list[str] = field(default_factory=list)
    """Of the checkpoint's dictionary, not in the run's."""
    remarks: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return what the log says."""
        lines = [f"weights from {self.checkpoint}; fresh: {_shown(self.fresh)}"]
        if self.unused:
            lines.append(f"not used: {_shown(self.unused)}")
        if self.adapted:
            lines.append(
                f"adapted from {self.dictionary}: {_shown(self.adapted)}; "
                f"{len(self.kept_entries)} of {len(self.kept_entries) + len(self.fresh_entries)} entries kept, "
                f"fresh: {_shown(self.fresh_entries)}; dropped: {_shown(self.dropped_entries)}"
            )
        return [*lines, *self.remarks]

    def to_json(self) -> dict[str, Any]:
        """Return what `report.json` says."""
        return {
            "checkpoint": self.checkpoint,
            "tensors": {"kept": len(self.kept), **{n: getattr(self, n) for n in ("adapted", "fresh", "unused")}},
            "dictionary": self.dictionary,
            "entries": {
                "kept": len(self.kept_entries),
                "fresh": self.fresh_entries,
                "dropped": self.dropped_entries,
            },
            "remarks": self.remarks,
        }


def class_axes(model: nn.Layer) -> Mapping[str, ClassAxis]:
    """Return the parameters that belong to classes; a network for detection has none."""
    return model.class_axes if isinstance(model, Recognizer) else {}


def head_classes(model: nn.Layer, weights: Arrays) -> int | None:
    """Return K of a checkpoint's head, blank among them; None where it has no head of this network."""
    sizes = (
        weights[name].shape[axis.axis] - axis.extra
        for name, axis in class_axes(model).items()
        if name in weights and weights[name].ndim > axis.axis
    )
    return next(sizes, None)


def check_architecture(model: nn.Layer, weights: Arrays, prefix: Path) -> None:
    """Refuse the weights of another network.

    Raises:
        DataError: names some tensors that do not fit, and what the checkpoint has instead.
    """
    axes = class_axes(model)
    wanted = {name: list(each.shape) for name, each in model.state_dict().items() if name not in axes}
    missing = [name for name, shape in wanted.items() if name not in weights or list(weights[name].shape) != shape]
    fitting = len(wanted) - len(missing)
    if fitting >= LEAST_SHARE * len(wanted):
        return
    first = f"{prefix}: {fitting or 'no'} of {len(wanted)} parameters have a name and shape of this network"
    shown = [f"{prefix}: {_instead(name, wanted[name], weights)}" for name in missing[:5]]
    raise DataError([first, *shown, f"{prefix}: the weights of another architecture; set Architecture as it was there"])


def _instead(name: str, shape: list[int], weights: Arrays) -> str:
    if name in weights:
        return f"'{name}' has shape {list(weights[name].shape)}, the network has {shape}"
    nearest = get_close_matches(name, weights, n=1, cutoff=0.4)
    near = f"; the nearest name there: '{nearest[0]}' {list(weights[nearest[0]].shape)}" if nearest else ""
    return f"no '{name}' {shape}{near}"


def transfer(
    model: nn.Layer, weights: Arrays, prefix: Path, *, source: Source, entries: Sequence[str]
) -> tuple[dict[str, NDArray[Any]], Transfer]:
    """Return the tensors to give the network, and what became of all.

    Args:
        model: With fresh weights.
        weights: The checkpoint's.
        prefix: What reports call it.
        source: What the checkpoint's classes mean.
        entries: What the network's classes mean, from 1 on.
    """
    axes = class_axes(model)
    is_same = source.entries == tuple(entries)
    ids = {} if is_same or source.entries is None else shared(source.entries, entries)
    given: dict[str, NDArray[Any]] = {}
    adapted = []
    for name, parameter in model.state_dict().items():
        if name not in weights:
            continue
        if name in axes and not is_same:
            if ids and _fits(weights[name], parameter.shape, axes[name]):
                given[name] = translate(weights[name], np.array(parameter), ids, axes[name])
                adapted.append(name)
        elif list(weights[name].shape) == list(parameter.shape):
            given[name] = weights[name]
    has_head = any(name in given for name in axes)
    reused = set(entries) if has_head and is_same else {entries[number - 1] for number in ids if adapted}
    taken = {source.entries[number - 1] for number in ids.values()} if source.entries else set()
    return given, Transfer(
        checkpoint=str(prefix),
        kept=[name for name in given if name not in adapted],
        adapted=adapted,
        fresh=[name for name in model.state_dict() if name not in given],
        unused=[name for name in weights if name not in given],
        dictionary=source.path if adapted else None,
        kept_entries=[entry for entry in entries if entry in reused],
        fresh_entries=[entry for entry in entries if entry not in reused],
        dropped_entries=[entry for entry in source.entries or () if entry not in taken] if adapted else [],
        remarks=list(source.remarks),
    )


def shared(source: Sequence[str], target: Sequence[str]) -> dict[int, int]:
    """Return class id -> the source's class id, for entries of both, also where the source spells one otherwise.

    Where the source lists an entry twice it is the last one that its labels used, as PaddleOCR has it.
    """
    exact = {entry: number for number, entry in enumerate(source, start=1)}
    normal = {normalize(entry): number for entry, number in exact.items()}
    found = {number: exact.get(entry, normal.get(entry)) for number, entry in enumerate(target, start=1)}
    return {number: other for number, other in found.items() if other is not None}


def translate(old: NDArray[Any], fresh: NDArray[Any], ids: Mapping[int, int], axis: ClassAxis) -> NDArray[Any]:
    """Return the fresh tensor with the old one's values for blank and for the entries of both dictionaries.

    Args:
        old: The checkpoint's.
        fresh: The network's.
        ids: Class id -> class id in the checkpoint.
        axis: Where both hold classes.
    """
    known = range(axis.offset + 1)
    to, of = ([*known, *(number + axis.offset for number in numbers)] for numbers in (ids, ids.values()))
    moved = np.moveaxis(fresh.copy(), axis.axis, 0)
    moved[to] = np.moveaxis(old, axis.axis, 0)[of]
    return np.moveaxis(moved, 0, axis.axis)


def _fits(old: NDArray[Any], shape: Sequence[int], axis: ClassAxis) -> bool:
    """Tell whether two tensors differ in the number of classes only."""
    rest = [[size for index, size in enumerate(sizes) if index != axis.axis] for sizes in (old.shape, shape)]
    return rest[0] == rest[1]


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(names[:SHOWN]) or "none") + more
