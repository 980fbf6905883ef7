"""YAML text -> a tree of nodes that know where they were written. Nothing in the text is ever constructed or executed.

Nodes are immutable, so that two places that share an anchor cannot change each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml

from thaiocr.errors import ConfigError

MAX_QUOTED: Final = 60
"""So many characters of a wrong value does a message show."""

_TAG: Final = "tag:yaml.org,2002:"
_KNOWN_TAGS: Final = frozenset(
    _TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "seq", "map")
)


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Where something was written: a line of the file, or an override; overrides sort after all lines."""

    override: int = 0
    """0 for the file, else the number of the override."""
    line: int = 1
    option: str = ""
    """The override as typed: `-o Global.epoch_num=20`."""
    target: str = ""
    """The key that the override sets."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value, still as text."""

    text: str
    kind: str
    """What YAML 1.1 takes it for: str, int, float, bool, null, timestamp, …"""
    is_plain: bool
    """Written without quotes."""
    place: Place


@dataclass(frozen=True, slots=True)
class List:
    """A sequence."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a map; `place` is the key's."""

    place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Map:
    """A section; keys are text."""

    entries: Mapping[str, Entry]
    place: Place
    removed: Mapping[str, Place] = field(default_factory=dict)
    """Keys that an override took away."""


Node: TypeAlias = Scalar | List | Map


class Problems:
    """What is wrong with a configuration, collected so that all of it is reported together."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[tuple[Place, str]] = []

    def add(self, place: Place, path: str, what: str) -> None:
        """Note that the value at the dotted `path`, written at `place`, is wrong; `what` ends with the way out."""
        if place.override:
            parts = (place.option, path if path != place.target else "", what)
        else:
            parts = (f"{self.file}:{place.line}", path, what)
        self._found.append((place, _printable(": ".join(part for part in parts if part))))

    def raise_any(self) -> None:
        """Raise what was found, by line; overrides last.

        Raises:
            ConfigError: there is at least one problem.
        """
        if self._found:
            raise ConfigError(dict.fromkeys(message for _, message in sorted(self._found, key=lambda found: found[0])))


def join(*parts: str) -> str:
    """Return the dotted path of the parts that are not empty."""
    return ".".join(part for part in parts if part)


def is_null(node: Node) -> bool:
    """Whether nothing was written: empty, `~` or `null`."""
    return isinstance(node, Scalar) and node.kind == "null"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def quote(text: str) -> str:
    """Return text in quotes for a message, shortened when long."""
    return repr(text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…")


def got(node: Node) -> str:
    """Describe a value for "expected …, got …"."""
    if isinstance(node, List):
        return "a list"
    if isinstance(node, Map):
        return "a section"
    if node.kind == "null":
        return "nothing"
    return f"text {quote(node.text)}" if node.kind == "str" else quote(node.text)[1:-1]


class YamlProblem(Exception):  # noqa: N818 - a reason that the caller turns into a ConfigError
    """Text that is not one YAML document: the line and the reason."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


def compose(text: str) -> yaml.Node | None:
    """Parse one YAML document without constructing anything; None for an empty one.

    Raises:
        YamlProblem: not one YAML document.
    """
    try:
        loader = yaml.SafeLoader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        raise YamlProblem(
            text.count("\n", 0, error.position) + 1,
            f"the character {quote(chr(error.character))} is not allowed in YAML",
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(mark.line + 1 if mark else 1, _explain(error)) from None
    except RecursionError:
        raise YamlProblem(1, "not usable YAML: nested too deeply") from None
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, a %YAML version of thousands of digits
        raise YamlProblem(1, f"not usable YAML: {error}") from None


def _explain(error: yaml.MarkedYAMLError) -> str:
    reason = error.problem or "cannot be parsed"
    if "'\\t'" in reason:
        return "not usable YAML: a tab where an indentation or a value belongs; use spaces"
    return f"not usable YAML: {reason}" + (f" ({error.context})" if error.context else "")


def build(root: yaml.Node, problems: Problems, place_of: Callable[[yaml.Node], Place]) -> Node:
    """Turn composed YAML into nodes: anchors resolved, merge keys applied, foreign tags and repeated keys reported."""
    try:
        return _Builder(problems, place_of).node(root, "")
    except RecursionError:
        problems.add(place_of(root), "", "not usable YAML: nested too deeply")
        return Scalar("", "null", True, place_of(root))


class _Builder:
    def __init__(self, problems: Problems, place_of: Callable[[yaml.Node], Place]) -> None:
        self.problems = problems
        self.place_of = place_of
        self.done: dict[int, Node] = {}
        self.open: set[int] = set()

    def node(self, source: yaml.Node, path: str) -> Node:
        """Build a node once, however often an alias repeats it."""
        key = id(source)
        if key in self.open:
            self.problems.add(self.place_of(source), path, "an anchor that contains itself; write the value out")
            return Scalar("", "null", True, self.place_of(source))
        if key not in self.done:
            self.open.add(key)
            self.done[key] = self._fresh(source, path)
            self.open.remove(key)
        return self.done[key]

    def _fresh(self, source: yaml.Node, path: str) -> Node:
        place = self.place_of(source)
        self._check_tag(source, path)
        if isinstance(source, yaml.MappingNode):
            return Map(self._entries(source, path), place)
        if isinstance(source, yaml.ScalarNode):
            return Scalar(source.value, source.tag.removeprefix(_TAG), source.style is None, place)
        items = (self.node(item, join(path, str(index))) for index, item in enumerate(source.value))
        return List(tuple(items), place)

    def _check_tag(self, source: yaml.Node, path: str) -> None:
        if source.tag not in _KNOWN_TAGS:
            tag = quote(source.tag.replace(_TAG, "!!"))
            self.problems.add(self.place_of(source), path, f"the tag {tag} is not allowed; write plain values only")

    def _entries(self, source: yaml.MappingNode, path: str) -> Mapping[str, Entry]:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in source.value:
            place = self.place_of(key)
            self._check_tag(key, path)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.add(place, path, "a key must be plain text, not a list or a section")
            elif key.tag == _TAG + "merge":
                for part in self._merge_parts(value, path):
                    merged = {**part.entries, **merged}
            elif key.value in own:
                first = own[key.value].place.line
                self.problems.add(
                    place, join(path, key.value), f"given twice, first in line {first}; remove one of the two"
                )
            else:
                own[key.value] = Entry(place, self.node(value, join(path, key.value)))
        return {**merged, **own}

    def _merge_parts(self, source: yaml.Node, path: str) -> Iterator[Map]:
        value = self.node(source, path)
        for part in value.items if isinstance(value, List) else (value,):
            if isinstance(part, Map):
                yield part
            else:
                self.problems.add(part.place, path, f"'<<' merges sections, got {got(part)}; name an anchor with '*'")


def read_tree(text: str, problems: Problems) -> Node | None:
    """Return the tree of a file's text; None, with a problem noted, when it is no YAML; an empty file is null."""
    try:
        root = compose(text)
    except YamlProblem as problem:
        problems.add(Place(line=problem.line), "", problem.what)
        return None
    if root is None:
        return Scalar("", "null", True, Place())
    return build(root, problems, lambda node: Place(line=node.start_mark.line + 1))
