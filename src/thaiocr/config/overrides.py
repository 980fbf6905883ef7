"""`-o KEY=VALUE`: sets values in a node tree. Several add up, a later one wins, `KEY=` and `KEY=null` clear.

A key is a dotted path; in a list it goes on with an index or, among transforms, with the transform's name:
`Train.dataset.transforms.RecResizeImg.image_shape=[3,32,64]`. A value is YAML on one line,
except that `7e-4` is a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import yaml

from thaiocr.config.nodes import (
    Entry,
    List,
    Map,
    Node,
    Place,
    Problems,
    Scalar,
    YamlProblem,
    build,
    compose,
    got,
    is_null,
    join,
)
from thaiocr.errors import did_you_mean

_NUMBER: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+")


class _Misplaced(Exception):  # noqa: N818 - becomes a problem of the override
    """A key that leads nowhere in this tree."""


def apply_overrides(root: Node, overrides: Sequence[str], problems: Problems, *, option: str) -> Node:
    """Return the tree with the overrides applied in order; what is wrong with one is noted under its own text.

    Args:
        root: Tree of the file; it is not changed.
        overrides: Texts `KEY=VALUE`.
        problems: Takes what is wrong.
        option: How the user gives an override, for messages: `-o`.
    """
    for number, text in enumerate(overrides, start=1):
        key, equals, raw = text.partition("=")
        target = key.strip()
        place = Place(override=number, option=f"{option} {text}", target=target)
        parts = target.split(".")
        if not equals or not all(parts):
            problems.add(place, target, "expected KEY=VALUE, for example Global.epoch_num=20")
            continue
        try:
            root = _put(root, parts, parse_value(raw.strip(), place, problems), "")
        except _Misplaced as error:
            problems.add(place, target, str(error))
    return root


def parse_value(raw: str, place: Place, problems: Problems) -> Node:
    """Return the node of a value typed on the command line; what is no YAML value is text."""
    as_text = Scalar(raw, "str", True, place)
    try:
        source = compose(raw)
    except YamlProblem:
        return as_text
    if source is None:
        return as_text if raw else Scalar("", "null", True, place)
    if isinstance(source, yaml.ScalarNode):
        if source.style is None and source.value != raw and not raw.startswith("!"):
            return as_text
    elif isinstance(source, yaml.CollectionNode) and not source.flow_style:
        return as_text
    return _typed_numbers(build(source, problems, lambda _: place))


def split_list(node: Scalar, problems: Problems) -> Node:
    """Return the list that `3,32,100` means where a list is asked for; a value without a comma as it is."""
    if not node.is_plain or "," not in node.text:
        return node
    items = (part.strip() for part in node.text.split(","))
    return List(tuple(parse_value(item, node.place, problems) for item in items), node.place)


def _typed_numbers(node: Node) -> Node:
    """Take `7e-4`, which YAML 1.1 reads as text, for the number that was meant."""
    if isinstance(node, Scalar):
        is_number = node.is_plain and node.kind == "str" and _NUMBER.fullmatch(node.text)
        return replace(node, kind="float") if is_number else node
    if isinstance(node, List):
        return replace(node, items=tuple(_typed_numbers(item) for item in node.items))
    entries = {key: replace(entry, node=_typed_numbers(entry.node)) for key, entry in node.entries.items()}
    return replace(node, entries=entries)


def _put(node: Node, parts: Sequence[str], value: Node, path: str) -> Node:
    """Return a copy of `node` with `value` at the path `parts`; sections on the way are made as needed."""
    if is_null(node):
        node = Map({}, value.place)
    if isinstance(node, Map):
        return _put_in_map(node, parts, value, path)
    if isinstance(node, List):
        return _put_in_list(node, parts, value, path)
    raise _Misplaced(f"{path} is a value ({got(node)}), not a section")


def _put_in_map(node: Map, parts: Sequence[str], value: Node, path: str) -> Map:
    head, rest = parts[0], parts[1:]
    entry = node.entries.get(head)
    if rest:
        below = entry or Entry(value.place, Map({}, value.place))
        changed = replace(below, node=_put(below.node, rest, value, join(path, head)))
    elif entry is not None and is_null(value):
        kept = {key: other for key, other in node.entries.items() if key != head}
        return replace(node, entries=kept, removed={**node.removed, head: value.place})
    else:
        changed = Entry(value.place, value)
    return replace(node, entries={**node.entries, head: changed})


def _put_in_list(node: List, parts: Sequence[str], value: Node, path: str) -> List:
    head, rest = parts[0], parts[1:]
    if re.fullmatch("[0-9]{1,6}", head):
        index = int(head)
        if index >= len(node.items):
            raise _Misplaced(f"{path} has {len(node.items)} items, numbered from 0")
        below = rest
    else:
        index = _index_of(node, head, path)
        below = parts  # the name is the key of the item
    changed = _put(node.items[index], below, value, join(path, head)) if below else value
    place = node.place if below else value.place
    return List((*node.items[:index], changed, *node.items[index + 1 :]), place)


def _index_of(node: List, name: str, path: str) -> int:
    """Return which item of a list of transforms has this name."""
    names = [next(iter(item.entries), "") if isinstance(item, Map) else "" for item in node.items]
    if names.count(name) > 1:
        places = ", ".join(str(index) for index, other in enumerate(names) if other == name)
        raise _Misplaced(f"{path} has several items named {name}; use an index: {places}")
    if name not in names:
        known = [other for other in names if other]
        choices = f"; use an index below {len(names)}{', or one of: ' if known else ''}{', '.join(known)}"
        raise _Misplaced(f"{path} has no item '{name}'{did_you_mean(name, known) or choices}")
    return names.index(name)
