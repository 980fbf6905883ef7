"""Node tree -> sections of the schema: types come from the schema, and every problem is noted, not only the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, Final, Literal, get_args, get_origin

from thaiocr.config import schema
from thaiocr.config.foreign import EMPTY_ONLY, UNSUPPORTED_KEYS, UNUSED_KEYS, general
from thaiocr.config.keys import Key, is_named, keyed_kind, keys_of, mapped_kind, sections_of
from thaiocr.config.limits import LIMITS
from thaiocr.config.nodes import Entry, List, Map, Node, Place, Problems, Scalar, got, is_null, join, quote
from thaiocr.config.overrides import split_list
from thaiocr.config.scalars import READERS
from thaiocr.errors import did_you_mean

INVALID: Final = object()
"""Stands for a value whose problem is already noted."""


class Converter:
    """Converts one tree; afterwards `values` and `places` know every key by its dotted path, defaults included."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.unused: list[str] = []
        self.values: dict[str, object] = {}
        self.places: dict[str, Place] = {}

    def config(self, root: Node) -> schema.AnyConfig | None:
        """Return the whole configuration, or None when any part of it is wrong."""
        if not isinstance(root, Map):
            self._wrong(
                root,
                "",
                f"expected sections such as 'Global:', got {got(root)}; a complete file is written by: "
                "thaiocr config new rec --preset dev -o FILE",
            )
            return None
        value = self._fill(_kind(root), root.entries, root, Place(), "")
        return value if isinstance(value, schema.Config | schema.detection.Config) else None

    # -- sections ------------------------------------------------------------------------------------------------------

    def _section(self, sections: Mapping[str, type], entry: Entry, path: str) -> object:
        node = entry.node
        if not isinstance(node, Map):
            content = "with 'name: …' and its keys" if is_named(sections) else "of keys and values"
            return self._wrong(node, path, f"expected a section {content}, got {got(node)}")
        if not is_named(sections):
            (section,) = sections.values()
            return self._fill(section, node.entries, node, entry.place, path)
        name = self._name(sections, node, entry.place, path)
        if name is None:
            return INVALID
        self.values[join(path, "name")] = name
        keys = {key: value for key, value in node.entries.items() if key != "name"}
        return self._fill(sections[name], keys, node, entry.place, path)

    def _name(self, sections: Mapping[str, type], node: Map, place: Place, path: str) -> str | None:
        entry = node.entries.get("name")
        at = join(path, "name")
        if entry is None or is_null(entry.node):
            default = _default_name(sections, node, path)
            if default is None:
                where = entry.place if entry else node.removed.get("name", place)
                self.problems.add(where, at, f"missing; available: {', '.join(sections)}")
            return default
        name = entry.node.text if isinstance(entry.node, Scalar) else None
        if name is None:
            self._wrong(entry.node, at, f"expected one name, got {got(entry.node)}; available: {', '.join(sections)}")
        elif name not in sections:
            self._not_supported(entry.node.place, at, name, sections)
            return None
        return name

    def _fill(self, section: type, entries: Mapping[str, Entry], node: Map, place: Place, path: str) -> object:
        """Make a section of these entries; `node` knows what overrides removed, `place` is where the section starts."""
        keys = keys_of(section)
        foreign = {name: entry for name, entry in entries.items() if name not in keys}
        hints = "".join(self._foreign_key(section, name, entry, path) for name, entry in foreign.items())
        fields = {}
        for key in keys.values():
            at = join(path, key.name)
            if key.name in entries:
                fields[key.attribute] = self._present(section, key, entries[key.name], at)
            elif key.is_required and f"'{key.name}'" in hints:
                fields[key.attribute] = INVALID  # mistyped, and reported as that
            else:
                fields[key.attribute] = self._absent(key, node.removed.get(key.name, place), at)
        return INVALID if INVALID in fields.values() else section(**fields)

    def _foreign_key(self, section: type, name: str, entry: Entry, path: str) -> str:
        """Judge a key that the schema does not have; return the hint, if any, at what was meant."""
        at = join(path, name)
        hint = ""
        if general(at) in EMPTY_ONLY and not _is_empty(entry.node):
            variant = entry.node.entries.get("name") if isinstance(entry.node, Map) else None
            what = quote(variant.node.text) if variant and isinstance(variant.node, Scalar) else got(entry.node)
            self.problems.add(entry.node.place, at, f"{what} is not supported; leave {name} empty")
        elif name in UNUSED_KEYS.get(general(path), ()):
            self.unused.append(at)
        elif name in UNSUPPORTED_KEYS:
            self.problems.add(entry.place, at, "this key of PaddleOCR is not supported; remove it")
        else:
            known = [*(["name"] if section in schema.NAMED else []), *keys_of(section)]
            hint = did_you_mean(name, known)
            self.problems.add(entry.place, at, f"unknown key{hint or '; keys here: ' + (', '.join(known) or 'none')}")
        return hint

    def _mapping(self, kind: type, entry: Entry, path: str) -> object:
        """Read sections of one kind, under names that the file makes up."""
        if not isinstance(entry.node, Map) or not entry.node.entries:
            return self._wrong(entry.node, path, f"expected sections by name, got {got(entry.node)}")
        found = {name: self._value(kind, each, join(path, name)) for name, each in entry.node.entries.items()}
        return INVALID if INVALID in found.values() else found

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _absent(self, key: Key, place: Place, at: str) -> object:
        if key.is_required:
            self.problems.add(place, at, "missing; write it, it has no default")
            return INVALID
        self.values[at] = key.default
        self.places[at] = place
        return key.default

    def _present(self, section: type, key: Key, entry: Entry, at: str) -> object:
        if is_null(entry.node) and (key.is_optional or (entry.place.override and not key.is_required)):
            return self._absent(key, entry.place, at)
        value = self._value(key.kind, entry, at, key.before_single)
        limit = LIMITS.get((section, key.attribute))
        if value is not INVALID and limit is not None and not limit.holds(value):
            return self._wrong(entry.node, at, f"{limit.rule}, got {_shown(entry.node, value)}")
        if value is not INVALID:
            self.values[at] = value
            self.places[at] = entry.node.place
        return value

    def _value(self, kind: Any, entry: Entry, at: str, before_single: tuple[object, ...] = ()) -> object:
        sections = sections_of(kind)
        if sections:
            return self._section(sections, entry, at)
        if mapped := mapped_kind(kind):
            return self._mapping(mapped, entry, at)
        if get_origin(kind) is tuple:
            return self._tuple(get_args(kind), entry.node, at, before_single)
        if get_origin(kind) is Literal:
            return self._choice(get_args(kind), entry.node, at)
        return self._read(kind, entry.node, at)

    def _read(self, kind: type, node: Node, at: str) -> object:
        try:
            return READERS[kind](node)
        except ValueError as error:
            return self._wrong(node, at, f"{error}{'; write a value' if is_null(node) else ''}")

    def _choice(self, choices: tuple[object, ...], node: Node, at: str) -> object:
        """Read a Literal: one of several texts, or of several values of another type."""
        value = self._read(type(choices[0]), node, at)
        if value is not INVALID and value not in choices:
            return self._not_supported(node.place, at, _word(value), {_word(choice): choice for choice in choices})
        return value

    # -- lists ---------------------------------------------------------------------------------------------------------

    def _tuple(self, kinds: tuple[Any, ...], node: Node, at: str, before_single: tuple[object, ...]) -> object:
        """Read a list; one value alone stands for a list of one, or follows what `before_single` puts before it."""
        if isinstance(node, Scalar) and node.place.override:
            node = split_list(node, self.problems)
        length = None if kinds[-1] is Ellipsis else len(kinds)
        sections = sections_of(kinds[0])
        if isinstance(node, Scalar) and not is_null(node) and not sections and len(before_single) + 1 == (length or 1):
            value = self._value(kinds[0], Entry(node.place, node), at)
            return INVALID if value is INVALID else (*before_single, value)
        if not isinstance(node, List):
            return self._wrong(node, at, f"expected a list{f' of {length} values' if length else ''}, got {got(node)}")
        if length not in (None, len(node.items)):
            return self._wrong(node, at, f"expected a list of {length} values, got {len(node.items)}")
        read = self._keyed if keyed_kind(sections) else self._item
        items = tuple(read(kinds[0], item, join(at, str(index))) for index, item in enumerate(node.items))
        return INVALID if INVALID in items else items

    def _item(self, kind: Any, node: Node, at: str) -> object:
        return self._value(kind, Entry(node.place, node), at)

    def _keyed(self, kind: Any, node: Node, at: str) -> object:
        """Read a step of the preprocessing or a term of a loss: a map whose one key names it."""
        sections = sections_of(kind)
        what = keyed_kind(sections)
        if not isinstance(node, Map):
            return self._wrong(node, at, f"expected a {what} such as '{schema.EXAMPLES[what]}: {{…}}', got {got(node)}")
        if len(node.entries) != 1:
            found = ", ".join(node.entries) or "none"
            return self._wrong(
                node,
                at,
                f"expected one {what}, got the keys {found}; indent what belongs to it further than its name",
            )
        ((name, entry),) = node.entries.items()
        if name not in sections:
            return self._not_supported(entry.place, at, name, sections)
        path = join(at.rpartition(".")[0], name)
        keys = Map({}, entry.place) if is_null(entry.node) else entry.node
        if not isinstance(keys, Map):
            return self._wrong(keys, path, f"expected a section of keys and values, got {got(keys)}")
        return self._fill(sections[name], keys.entries, keys, entry.place, path)

    # -- problems ------------------------------------------------------------------------------------------------------

    def _wrong(self, node: Node, path: str, what: str) -> object:
        self.problems.add(node.place, path, what)
        return INVALID

    def _not_supported(self, place: Place, path: str, name: str, available: Mapping[str, object]) -> object:
        hint = did_you_mean(name, available)
        self.problems.add(place, path, f"{quote(name)} is not supported{hint or ';'} available: {', '.join(available)}")
        return INVALID


def _kind(root: Map) -> type:
    """Return what kind of configuration `Architecture.model_type` makes of a file; recognition, unless it says det."""
    architecture = root.entries.get("Architecture")
    if architecture is None or not isinstance(architecture.node, Map):
        return schema.Config
    model_type = architecture.node.entries.get("model_type")
    is_det = model_type is not None and isinstance(model_type.node, Scalar) and model_type.node.text == "det"
    return schema.detection.Config if is_det else schema.Config


def _default_name(sections: Mapping[str, type], node: Map, path: str) -> str | None:
    """Return the variant that a section without `name` means."""
    algorithm = node.entries.get("algorithm")
    text = algorithm.node.text if algorithm and isinstance(algorithm.node, Scalar) else ""
    meant = schema.ALGORITHMS.get(text, "")
    return meant if meant in sections else schema.DEFAULT_NAMES.get(path)


def _is_empty(node: Node) -> bool:
    return is_null(node) or (isinstance(node, Map) and not node.entries)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(node: Node, value: object) -> str:
    return str(_lists(value)) if isinstance(value, tuple) else got(node)


def _lists(value: object) -> object:
    if is_dataclass(value):
        return type(value).__name__
    return [_lists(item) for item in value] if isinstance(value, tuple) else value
