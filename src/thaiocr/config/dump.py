"""A configuration -> PaddleOCR's YAML: its keys, in its order, every value written out."""

from __future__ import annotations

import math
from typing import Any

import yaml

from thaiocr.config.keys import is_named, keyed_kind, keys_of
from thaiocr.config.schema import UNNAMED, AnyConfig


def to_dict(config: AnyConfig) -> dict[str, object]:
    """Return the configuration as plain data: what a YAML reader gives for `to_yaml`. What is None is left out."""
    return _section(config)


def to_yaml(config: AnyConfig) -> str:
    """Return the text of a file that loads as this very configuration; the same configuration gives the same text."""
    return "\n".join(_dump({name: section}) for name, section in to_dict(config).items())


def _section(section: Any) -> dict[str, object]:
    kind: type = type(section)
    name = {"name": kind.__name__} if is_named({kind.__name__: kind}) and kind not in UNNAMED else {}
    values = {
        key.name: _plain(getattr(section, key.attribute), key.kind, single_is_plain=key.single_is_plain)
        for key in keys_of(kind).values()
        if getattr(section, key.attribute) is not None
    }
    return {**name, **values}


def _plain(value: Any, kind: Any, *, single_is_plain: bool = False) -> object:
    if isinstance(value, tuple):
        items = [_plain(item, None) for item in value]
        return items[0] if single_is_plain and len(items) == 1 else items
    if isinstance(value, str | int | float):
        return float(value) if kind is float else value
    if isinstance(value, dict):
        return {name: _section(each) for name, each in value.items()}
    if keyed_kind({type(value).__name__: type(value)}):
        return {type(value).__name__: _section(value) or None}
    return _section(value)


class _Dumper(yaml.SafeDumper):
    """Sections in block style, lists of plain values in one line, nothing for None: as in PaddleOCR's own files."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)


def _represent_list(dumper: yaml.SafeDumper, items: list[object]) -> yaml.Node:
    is_flat = not any(isinstance(item, dict) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=is_flat)


_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


def _dump(value: object) -> str:
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=math.inf
    )
