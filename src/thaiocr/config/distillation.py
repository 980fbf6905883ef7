"""What the sections of a distillation must hold together; each function returns what is wrong, as in `validate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from thaiocr.config import schema
from thaiocr.errors import did_you_mean

PARTNERS: Final[Mapping[type, frozenset[type]]] = {
    schema.Architecture: frozenset({schema.CTCLoss, schema.CTCLabelDecode, schema.RecMetric}),
    schema.SVTRLCNet: frozenset({schema.MultiLoss, schema.CTCLabelDecode, schema.RecMetric}),
    schema.DistillationModel: frozenset(
        {schema.CombinedLoss, schema.DistillationCTCLabelDecode, schema.DistillationMetric}
    ),
}
"""Which loss, decoding and metric an architecture goes with."""


def is_of_architecture(section: object, architecture: Any) -> str | None:
    """Refuse what belongs to one network beside several, and the other way round."""
    partners = PARTNERS[type(architecture)]
    if type(section) in partners:
        return None
    names = ", ".join(sorted(partner.__name__ for partner in partners))
    found = type(section).__name__
    return f"{found} does not go with Architecture.algorithm {architecture.algorithm}; that one needs {names}"


def loss_names_models(loss: Any, models: Mapping[str, schema.SubModel]) -> str | None:
    """Refuse losses of networks that do not exist."""
    named = (name for term in getattr(loss, "loss_config_list", ()) for name in _names(term))
    return _all_known(named, models)


def decoding_names_models(names: tuple[str, ...], models: Mapping[str, schema.SubModel]) -> str | None:
    """Refuse the decoding of networks that do not exist."""
    return _all_known(names, models)


def metric_names_model(key: str, names: tuple[str, ...], models: Mapping[str, schema.SubModel]) -> str | None:
    """Refuse the evaluation of a network that does not exist, is not decoded, or does not learn."""
    if key not in models:
        return _all_known([key], models)
    if key not in names:
        return f"'{key}' is not among PostProcess.model_name {list(names)}; add it there"
    if models[key].freeze_params:
        return f"'{key}' is frozen and learns nothing; name the network that is to be trained"
    return None


def teachers_know(models: Mapping[str, schema.SubModel]) -> str | None:
    """Refuse a teacher that would teach its fresh weights."""
    for name, options in models.items():
        if options.freeze_params and options.pretrained is None:
            return f"'{name}' has freeze_params and no pretrained weights: it would teach noise; give it a checkpoint"
    return None


def _names(term: schema.DistillationTerm) -> Iterable[str]:
    if isinstance(term, schema.DistillationCTCLoss):
        return term.model_name_list
    return [name for pair in term.model_name_pairs for name in pair]


def _all_known(names: Iterable[str], models: Mapping[str, schema.SubModel]) -> str | None:
    for name in names:
        if name not in models:
            hint = did_you_mean(name, models)
            return f"no network '{name}' in Architecture.Models{hint or ';'} networks there: {', '.join(models)}"
    return None
