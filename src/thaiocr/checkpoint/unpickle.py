"""Read PaddleOCR's pickled files without running anything that they contain.

`.pdparams`, `.pdopt` and `.states` are pickles: programs for a small machine that may call whatever they name. Here a
file is first read as a list of instructions, of which only those of plain data are accepted. Then it is run with
stand-ins for the few names that arrays need; numpy's own would take sizes, flags and, for arrays of objects, addresses
from the file. At last the stand-ins become arrays whose type, shape and number of bytes fit together.
"""

from __future__ import annotations

import math
import pickle
import pickletools
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from thaiocr.errors import DataError

INSTRUCTIONS: Final = re.compile(
    "PROTO|FRAME|STOP|MARK|NONE|NEWTRUE|NEWFALSE|BININT[12]?|LONG[14]|BINFLOAT"
    "|(SHORT_)?BIN(UNICODE|STRING|BYTES)|BIN(UNICODE|BYTES)8|BYTEARRAY8"
    "|EMPTY_(LIST|TUPLE|DICT)|APPENDS?|TUPLE[123]?|SETITEMS?"
    "|(LONG_)?BIN(PUT|GET)|MEMOIZE|(STACK_)?GLOBAL|REDUCE|BUILD"
)
"""What pickle's protocols 2 to 5 need for plain data and arrays."""
DTYPE: Final = re.compile(r"[biufc]\d{1,2}")
"""Numbers: no objects, no text, no records."""
PLAIN: Final = (str, bytes, bool, int, float, type(None), np.generic)


class _Dtype:
    """Stands in for `numpy.dtype`."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not DTYPE.fullmatch(code):
            raise pickle.UnpicklingError(f"an array of {code!r} is not one of numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        order, *rest = state[1:5]
        if order not in ("<", ">", "|", "=") or rest != [None, None, None]:
            raise pickle.UnpicklingError("an array of records is not one of numbers")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands in for `numpy.ndarray` until its content is known."""

    def __init__(self, *_: object) -> None:
        self.value: NDArray[Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, is_fortran, content = state
        self.value = _array(content, dtype, shape, "F" if is_fortran else "C")


def _array(content: bytes, dtype: _Dtype, shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    """Return an array of its own; the bytes must be as many as type and shape need."""
    expected = math.prod(shape) * dtype.dtype.itemsize
    if len(content) != expected:
        raise pickle.UnpicklingError(f"an array of shape {shape} needs {expected} bytes, it has {len(content)}")
    return np.array(np.frombuffer(content, dtype.dtype).reshape(shape, order=order))


def _from_buffer(content: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str, *_: object) -> _Array:
    array = _Array()
    array.value = _array(content, dtype, shape, order)
    return array


def _scalar(dtype: _Dtype, content: bytes) -> np.generic:
    value = dtype.dtype.type(_array(content, dtype, (), "C"))
    assert isinstance(value, np.generic)
    return value


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, which protocol 2 uses to hold bytes as latin-1 text."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"encoding {encoding!r} is not expected")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """Stand in for `bytes`, which protocol 2 calls for an empty array's content."""
    return b""


ALLOWED: Final[Mapping[tuple[str, str], Callable[..., Any]]] = {
    **{(module, "tuple"): tuple for module in ("builtins", "__builtin__")},
    **{(module, "bytes"): _no_bytes for module in ("builtins", "__builtin__")},
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _latin1,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    **{  # numpy 2 has renamed its core
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _Array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}


class _Callable:
    """What a file gets for a name: it can be called and nothing else, least of all changed."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: object) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it asks to change a function")


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _Callable(ALLOWED[module, name])
        except KeyError:
            raise pickle.UnpicklingError(f"it asks to run {module}.{name}") from None


def read_pickle(path: Path) -> Any:
    """Return the plain data of a pickled file: dicts, lists, numbers, text, numpy arrays.

    Raises:
        DataError: missing, unreadable, damaged, or it contains anything but plain data.
    """
    try:
        with path.open("rb") as file:
            _check_instructions(file)
            file.seek(0)
            return _plain(_Reader(file).load(), {})
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot read: {error.strerror}") from error
    except Exception as error:  # a damaged pickle can raise anything
        what = str(error) or type(error).__name__
        raise DataError(f"{path}: refused, not a plain checkpoint file: {what}") from error


def _check_instructions(file: BinaryIO) -> None:
    """Raise at an instruction that plain data does not need, or one that reserves memory at will."""
    for number, (instruction, argument, _) in enumerate(pickletools.genops(file)):
        if not INSTRUCTIONS.fullmatch(instruction.name):
            raise pickle.UnpicklingError(f"it has the instruction {instruction.name}")
        if instruction.name.endswith("BINPUT") and int(argument or 0) > number:
            raise pickle.UnpicklingError(f"its instruction {number} is to remember object {argument}")


def _plain(value: Any, known: dict[int, Any]) -> Any:
    """Return a copy with arrays for their stand-ins; `known` has the copies of containers that occur several times."""
    if isinstance(value, PLAIN):
        return value
    if id(value) in known:
        if known[id(value)] is None:
            raise pickle.UnpicklingError("it contains itself")
        return known[id(value)]
    known[id(value)] = None
    known[id(value)] = copied = _copied(value, known)
    return copied


def _copied(value: Any, known: dict[int, Any]) -> Any:
    if isinstance(value, _Array):
        if value.value is None:
            raise pickle.UnpicklingError("it contains an array without content")
        return value.value
    if isinstance(value, dict) and all(isinstance(key, str | int) for key in value):
        return type(value)((key, _plain(each, known)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return type(value)(_plain(each, known) for each in value)
    raise pickle.UnpicklingError(f"it contains more than plain data: {type(value).__name__}")
