"""The first weights of a new run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.engine.build import Run
from thaiocr.engine.position import fill, is_of_dictionary, load_weights
from thaiocr.engine.run import BaseRun
from thaiocr.engine.source_dictionary import UNKNOWN, Source, as_entries, find_source
from thaiocr.engine.transfer import Transfer, check_architecture, head_classes, transfer
from thaiocr.errors import DataError


def start(run: BaseRun, weights: Path | None) -> Transfer | None:
    """Give a new run its first weights: those that a distillation's networks are `pretrained` with, then `weights`.

    Returns:
        As `init_from`; None without `weights`.

    Raises:
        DataError: as `init_from`; of another network or dictionary, where a whole network is loaded.
    """
    if isinstance(run.config.architecture, schema.DistillationModel):
        for name, options in run.config.architecture.models.items():
            if options.pretrained is not None:
                _load_network(run, name, store.without_suffix(Path(options.pretrained)))
        run.average.resume(None)
    return None if weights is None else init_from(run, weights)


def _load_network(run: BaseRun, name: str, prefix: Path) -> None:
    weights = store.load_weights(prefix)
    if not is_of_dictionary(_states(prefix), run):
        raise DataError(
            f"{prefix}: trained with another dictionary than {run.config.run.character_dict_path}; "
            f"name a checkpoint of that dictionary in Architecture.Models.{name}.pretrained"
        )
    load_weights(run.model.networks[name], weights, prefix)


def init_from(run: BaseRun, prefix: Path) -> Transfer:
    """Start from the weights of a checkpoint; parameters that do not fit keep their fresh values.

    With another dictionary the head keeps what belongs to the entries of both, as far as it is known which entry each
    of the checkpoint's classes means; where it is not, the head stays fresh, even where its size is the same.

    Returns:
        What was kept, adapted and left fresh.

    Raises:
        DataError: missing, damaged, of another architecture, or `Global.pretrained_dict_path` is not its dictionary.
    """
    prefix = store.without_suffix(prefix)
    weights = store.load_weights(prefix)
    check_architecture(run.model, weights, prefix)
    source: Source = UNKNOWN
    entries: tuple[str, ...] = ()
    if isinstance(run, Run):
        source, entries = _source(run, prefix, head_classes(run.model, weights)), run.codec.entries
    given, found = transfer(run.model, weights, prefix, source=source, entries=entries)
    fill(run.model, given)
    run.average.resume(None)
    run.position.start = found.to_json()
    return found


def _source(run: Run, prefix: Path, classes: int | None) -> Source:
    """Return what the classes of a checkpoint mean; nothing where it has no head.

    Args:
        run: That starts from it.
        prefix: The checkpoint.
        classes: K of its head.
    """
    if classes is None:
        return UNKNOWN
    own, options, fingerprint = run.dictionary, run.config.run, _states(prefix).get("dictionary")
    if options.pretrained_dict_path is None and fingerprint == own.fingerprint:
        return Source(as_entries(own.entries, classes), options.character_dict_path)
    found = find_source(prefix, options.pretrained_dict_path, classes=classes, fingerprint=fingerprint)
    if found.entries is not None:
        return found
    unknown = f"{prefix}: it is not known which dictionary it was trained with"
    if fingerprint is None and classes == run.codec.num_classes:
        taken = f"{unknown}; its {classes} classes are taken for those of {options.character_dict_path}"
        return Source(run.codec.entries, options.character_dict_path, (*found.remarks, taken))
    way_out = "; the head starts fresh: name its dictionary in Global.pretrained_dict_path to keep what both have"
    return Source(None, None, (*found.remarks, unknown + way_out))


def _states(prefix: Path) -> Mapping[str, Any]:
    return store.load(prefix).states if store.exists(prefix) else {}
