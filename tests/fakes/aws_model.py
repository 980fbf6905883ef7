"""Checks parameters against botocore's own description of an operation: required members, enums, patterns, limits.

botocore itself checks only types and what is required; the service refuses the rest, and so does the fake.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import botocore.session


@cache
def _service() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def model_problems(operation: str, parameters: Any) -> list[str]:
    """Return what is wrong with the parameters of an operation of SageMaker."""
    return _problems(_service().operation_model(operation).input_shape, parameters, operation)


def _problems(shape: Any, value: Any, where: str) -> list[str]:
    checks = {"structure": _structure, "list": _list, "map": _map, "string": _string}
    checks |= dict.fromkeys(("integer", "long", "double", "float"), _number)
    if shape.type_name == "boolean":
        return [] if isinstance(value, bool) else [f"{where}: not a boolean"]
    return checks[shape.type_name](shape, value, where) if shape.type_name in checks else []


def _structure(shape: Any, value: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: not a structure"]
    found = [f"{where}.{key}: missing" for key in shape.required_members if key not in value]
    found += [f"{where}.{key}: unknown" for key in value if key not in shape.members]
    for key, each in value.items():
        if key in shape.members:
            found += _problems(shape.members[key], each, f"{where}.{key}")
    return found


def _list(shape: Any, value: Any, where: str) -> list[str]:
    found = _limits(shape, len(value), where)
    for number, each in enumerate(value):
        found += _problems(shape.member, each, f"{where}[{number}]")
    return found


def _map(shape: Any, value: Any, where: str) -> list[str]:
    found = _limits(shape, len(value), where)
    for key, each in value.items():
        found += _problems(shape.key, key, f"{where} key {key}") + _problems(shape.value, each, f"{where}[{key}]")
    return found


def _string(shape: Any, value: Any, where: str) -> list[str]:
    if not isinstance(value, str):
        return [f"{where}: not text"]
    found = _limits(shape, len(value), where)
    if shape.enum and value not in shape.enum:
        found.append(f"{where}: '{value}' is none of the {len(shape.enum)} values allowed")
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(_as_python(pattern), value, re.DOTALL):
        found.append(f"{where}: '{value}' does not match {pattern}")
    return found


def _as_python(pattern: str) -> str:
    r"""Spell Java's classes of characters as Python does; `\p{L}\p{Z}\p{N}` are letters, spaces and digits."""
    return (
        pattern.replace(r"\p{L}", r"\w\u0e31\u0e34-\u0e3a\u0e47-\u0e4e").replace(r"\p{Z}", " ").replace(r"\p{N}", r"\d")
    )


def _number(shape: Any, value: Any, where: str) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [f"{where}: not a number"]
    return _limits(shape, value, where)


def _limits(shape: Any, size: float, where: str) -> list[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        return [f"{where}: {size} is not between {low} and {high}"]
    return []
