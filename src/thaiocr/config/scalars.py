"""Reads one value as the type that the schema asks for, from its text as written.

A `str` field keeps `no` and `012` as they stand; a number is never guessed from quoted text. A reader raises
ValueError, whose message says what was expected, what was found and, where it can be told, what to write.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from yaml.constructor import SafeConstructor

from thaiocr.config.nodes import List, Map, Node, Scalar, got, quote

_DECIMAL_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9xb_]")
_LONGEST_HINT: Final = 20


def read_text(node: Node) -> str:
    """Return a scalar's text.

    Raises:
        ValueError: no scalar, nothing, or text with control characters.
    """
    if isinstance(node, List | Map) or node.kind == "null":
        raise ValueError(f"expected text, got {got(node)}")
    for character in node.text:
        if unicodedata.category(character) in ("Cc", "Cs") and character != "\t":
            raise ValueError(f"expected text without control characters, got {quote(node.text)}")
    return node.text


def read_integer(node: Node) -> int:
    """Return a whole number in decimal digits.

    Raises:
        ValueError: anything else.
    """
    if isinstance(node, Scalar) and node.kind == "int" and _DECIMAL_INTEGER.fullmatch(node.text):
        try:
            return int(node.text)
        except ValueError:  # thousands of digits, or underscores out of place
            pass
    raise ValueError(f"expected a whole number, got {got(node)}{_integer_hint(node)}")


def read_number(node: Node) -> float:
    """Return a finite number.

    Raises:
        ValueError: anything else.
    """
    if isinstance(node, Scalar) and node.kind in ("int", "float") and not _LEADING_ZERO.match(_whole(node)):
        try:
            value = float(node.text)
        except ValueError:  # base 60, .inf, .nan
            value = math.nan
        if math.isfinite(value):
            return value
    raise ValueError(f"expected a number, got {got(node)}{_number_hint(node)}")


def read_boolean(node: Node) -> bool:
    """Return one of YAML's words for true and false.

    Raises:
        ValueError: anything else.
    """
    words: Mapping[str, bool] = SafeConstructor.bool_values
    if isinstance(node, Scalar) and node.kind == "bool" and node.text.lower() in words:
        return words[node.text.lower()]
    raise ValueError(f"expected true or false, got {got(node)}{_boolean_hint(node)}")


READERS: Final[Mapping[type, Callable[[Node], object]]] = {
    str: read_text,
    int: read_integer,
    float: read_number,
    bool: read_boolean,
}


def yaml_number(text: str) -> str:
    """Return a number's text in a form that YAML 1.1 reads as a number: `7e-4` -> `7.0e-4`."""
    mantissa, _, exponent = text.lower().partition("e")
    if exponent and "." not in mantissa:
        mantissa += ".0"
    if exponent and exponent[0] not in "+-":
        exponent = f"+{exponent}"
    return f"{mantissa}e{exponent}" if exponent else mantissa


def _whole(node: Scalar) -> str:
    """The text when it is written as a whole number, else ""."""
    return node.text if node.kind == "int" else ""


def _decimal(node: Node) -> Decimal | None:
    """The finite number that a person would read in this value, or None."""
    if not isinstance(node, Scalar) or _LEADING_ZERO.match(_whole(node)):
        return None
    try:
        value = Decimal(node.text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) < _LONGEST_HINT else None


def _number_hint(node: Node) -> str:
    value = _decimal(node)
    if value is None or not isinstance(node, Scalar):
        return _zero_hint(node)
    forms = dict.fromkeys((yaml_number(node.text.strip()), f"{value:f}"))
    shown = [form for form in forms if form.isascii() and len(form) <= _LONGEST_HINT]
    return f"; write {' or '.join(shown)}" if shown else ""


def _integer_hint(node: Node) -> str:
    value = _decimal(node)
    if value is None:
        return _zero_hint(node)
    return f"; write {int(value)}" if value == int(value) else ""


def _zero_hint(node: Node) -> str:
    if isinstance(node, Scalar) and node.kind == "int" and _LEADING_ZERO.match(node.text):
        return "; write it in decimal digits without a leading zero"
    return ""


def _boolean_hint(node: Node) -> str:
    words = {"true": "true", "false": "false", "1": "true", "0": "false"}
    word = words.get(node.text.lower()) if isinstance(node, Scalar) else None
    return f"; write {word}" if word else ""
