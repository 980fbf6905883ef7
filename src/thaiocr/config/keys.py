"""What keys a section of the schema has, and of what kind their values are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from thaiocr.config import schema


@dataclass(frozen=True, slots=True)
class Key:
    """One field as a file sees it."""

    name: str
    """PaddleOCR's key."""
    attribute: str
    kind: Any
    """The annotation without None: str, a Literal, a tuple, a section, or a tuple of the sections to choose from."""
    is_optional: bool
    is_required: bool
    default: object
    """None when required."""
    before_single: tuple[object, ...]
    single_is_plain: bool


@cache
def keys_of(section: type) -> Mapping[str, Key]:
    """Return the keys of a section by name, in PaddleOCR's order: its own, then those of its base class."""
    hints = get_type_hints(section)
    fields = sorted(dataclasses.fields(section), key=lambda field: field.name not in section.__annotations__)
    keys = (_key(field, hints[field.name]) for field in fields)
    return {key.name: key for key in keys}


def _key(field: dataclasses.Field[object], hint: object) -> Key:
    kinds = tuple(kind for kind in _members(hint) if kind is not NoneType)
    factory = field.default_factory
    default = field.default if factory is dataclasses.MISSING else factory()
    return Key(
        name=field.metadata.get("key", field.name),
        attribute=field.name,
        kind=kinds[0] if len(kinds) == 1 else kinds,
        is_optional=NoneType in _members(hint),
        is_required=default is dataclasses.MISSING,
        default=None if default is dataclasses.MISSING else default,
        before_single=field.metadata.get("before_single", ()),
        single_is_plain=field.metadata.get("single_is_plain", False),
    )


def _members(hint: object) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def sections_of(kind: Any) -> Mapping[str, type]:
    """Return the sections that `kind` stands for, by class name; empty when it is no section."""
    kinds: tuple[type, ...] = kind if isinstance(kind, tuple) else _members(kind)
    return {section.__name__: section for section in kinds if dataclasses.is_dataclass(section)}


def is_named(sections: Mapping[str, type]) -> bool:
    """Whether a file chooses among these with `name`."""
    return bool(sections) and schema.NAMED.issuperset(sections.values())


def keyed_kind(sections: Mapping[str, type]) -> str:
    """Return what these are called among which a file chooses with their one key; empty when they are no such."""
    kinds = (kind for kind, all_of_it in schema.KEYED.items() if sections and all_of_it.issuperset(sections.values()))
    return next(kinds, "")


def mapped_kind(kind: Any) -> type | None:
    """Return the section of which `kind` has several by name; None when it is no such mapping."""
    return get_args(kind)[1] if get_origin(kind) is Mapping else None
