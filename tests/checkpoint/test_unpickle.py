"""A file is data, or it is refused: nothing in it runs, and no memory is reserved at its word."""

from __future__ import annotations

import functools
import os
import pickle
import pickletools
import resource
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thaiocr.checkpoint import unpickle
from thaiocr.checkpoint.unpickle import read_pickle
from thaiocr.errors import DataError

PROTOCOLS: Final = range(2, 6)
STATE: Final[dict[str, Any]] = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "transposed": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "swapped": np.arange(3, dtype=">i8"),
    "half": np.ones(2, np.float16),
    "flags": np.array([True, False]),
    "one": np.array(3.5),
    "none": np.zeros((0, 4), np.float32),
    "scalar": np.float64(0.25),
    "named": ("conv2d_0.w_0", np.ones(3, np.float32)),
    "nested": OrderedDict(epoch=2, text="ที่", raw=b"\x00\xff", list=[1, -1, 2**70, None, True, 0.5]),
}


@contextmanager
def at_most(gigabytes: int) -> Iterator[None]:
    """Let this process have so much more memory, and no more."""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (gigabytes << 30), limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def read(folder: Path, content: bytes) -> Any:
    path = folder / "x.pdparams"
    path.write_bytes(content)
    return read_pickle(path)


def assert_equal(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_equal(found[key], value)
    elif isinstance(expected, list | tuple):
        for each, other in zip(found, expected, strict=True):
            assert_equal(each, other)
    elif isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_and_arrays_come_back_whatever_the_protocol(tmp_path: Path, protocol: int) -> None:
    assert_equal(read(tmp_path, pickle.dumps(STATE, protocol)), STATE)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_files_of_older_numpy_versions_come_back(tmp_path: Path, protocol: int) -> None:
    content = pickletools.optimize(pickle.dumps(STATE["weight"], protocol))
    older = content.replace(b"cnumpy._core.", b"cnumpy.core.").replace(b"\x8c\x16numpy._core.", b"\x8c\x15numpy.core.")
    older = older.replace(b"\x8c\x13numpy._core.numeric", b"\x8c\x12numpy.core.numeric")
    if older.startswith((b"\x80\x04\x95", b"\x80\x05\x95")):
        older = older[:2] + older[11:]  # the frame's length is no longer right, and not needed
    assert b"numpy._core" not in older
    assert_equal(read(tmp_path, older), STATE["weight"])


def test_an_array_that_is_there_twice_is_read_once(tmp_path: Path) -> None:
    shared = np.ones(3)
    found = read(tmp_path, pickle.dumps({"a": shared, "b": [shared]}, 4))
    assert found["a"] is found["b"][0]


# -- Files that want more than to be read ------------------------------------------------------------------------------


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Has:
    """An object with attributes: protocol 2 and later make it with NEWOBJ and BUILD."""

    def __init__(self) -> None:
        self.attribute = 1


MALICIOUS: Final[dict[str, Any]] = {
    "system": Calls(os.system, "touch stolen"),
    "nested": {"head": [({"x": Calls(os.system, "touch stolen")},)]},
    "in an array's shape": Calls(np.ndarray, Calls(os.system, "touch stolen")),
    "eval": Calls(eval, "__import__('os').system('touch stolen')"),
    "getattr": Calls(getattr, "text", "upper"),
    "partial": functools.partial(os.system, "touch stolen"),
    "process": Calls(subprocess.Popen, ["touch", "stolen"]),
    "bytes of any size": Calls(bytes, 2**40),
    "object": Has(),
    "set": {1, 2},
    "class": OrderedDict,
    "objects": np.array([1, "a", None], dtype=object),
    "records": np.zeros(2, [("a", np.int32), ("b", np.float32)]),
    "texts": np.array(["a", "b"]),
    "dates": np.zeros(2, "M8[s]"),
    "numbers that numpy makes up": Calls(np.ndarray, (2**20,)),
    "keys": {(1, 2): 3},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", MALICIOUS)
def test_what_is_not_plain_data_is_refused_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"x\.pdparams: refused, not a plain checkpoint file: \S"):
        read(tmp_path, pickle.dumps(MALICIOUS[name], protocol))
    assert [path.name for path in tmp_path.iterdir()] == ["x.pdparams"]


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


HAND_MADE: Final = {
    "GLOBAL and REDUCE": b"\x80\x02cos\nsystem\n" + text("touch stolen") + b"\x85R.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch stolen\x85R.",
    "STACK_GLOBAL of an attribute": b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
    "INST": b"(S'touch stolen'\nios\nsystem\n.",
    "OBJ": b"\x80\x02(cos\nsystem\n" + text("touch stolen") + b"o.",
    "NEWOBJ": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "NEWOBJ_EX": b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93)}\x92.",
    "EXT1": b"\x80\x02\x82\x01.",
    "EXT2": b"\x80\x02\x83\x01\x00.",
    "EXT4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "PERSID": b"Px\n.",
    "BINPERSID": b"\x80\x02K\x01Q.",
    "NEXT_BUFFER": b"\x80\x05\x97.",
    "BUILD of a function": b"\x80\x02c_codecs\nencode\n}" + text("__defaults__") + b"Nsb.",
    "BUILD of a class": b"\x80\x02cnumpy\nndarray\nN}" + text("__setstate__") + b"c_codecs\nencode\ns\x86b.",
    "another encoding": b"\x80\x02c_codecs\nencode\n" + text("a") + text("zlib") + b"\x86R.",
    "a list that contains itself": b"\x80\x02]q\x00h\x00a.",
    "lists in lists": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a memory slot of any number": b"\x80\x02K\x01r\xff\xff\xff\x7f.",
    "a frame longer than the file": b"\x80\x04\x95\xff\xff\xff\xff\xff\x00\x00\x00N.",
    "bytes longer than the file": b"\x80\x04\x8e\xff\xff\xff\xff\xff\x00\x00\x00a.",
    "a byte array longer than the file": b"\x80\x05\x96\xff\xff\xff\xff\xff\x00\x00\x00a.",
    "a number longer than the file": b"\x80\x02\x8b\xff\xff\xff\x7fa.",
    "nothing": b"",
    "text": b"path\tlabel\n",
    "zeros": bytes(1000),
    "no end": b"\x80\x02K\x01",
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_instructions_that_plain_data_does_not_need_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    allowed = dict(unpickle.ALLOWED)
    with at_most(gigabytes=1), pytest.raises(DataError, match=r"x\.pdparams: refused, not a plain checkpoint file: \S"):
        read(tmp_path, HAND_MADE[name])
    assert [path.name for path in tmp_path.iterdir()] == ["x.pdparams"]
    assert allowed == unpickle.ALLOWED


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"i8", b"O8", "not one of numbers"),
        (b"i8", b"V8", "not one of numbers"),
        (b"i8", b"i4", "needs 8 bytes, it has 16"),
        (b"K\x02\x85", b"M\xff\xff\x85", "needs 524280 bytes, it has 16"),
        (b"K\x02\x85", b"J\xfe\xff\xff\xff\x85", "needs -16 bytes, it has 16"),
    ],
)
def test_an_array_whose_type_shape_and_bytes_do_not_fit_is_refused(
    tmp_path: Path, old: bytes, new: bytes, what: str
) -> None:
    """With the first of them numpy itself takes the bytes for addresses of objects."""
    content = pickletools.optimize(pickle.dumps(np.zeros(2, np.int64), 2))
    assert content.count(old) == 1
    with pytest.raises(DataError, match=what):
        read(tmp_path, content.replace(old, new))


CONTENTS: Final = [pickle.dumps(STATE, protocol) for protocol in PROTOCOLS]


@given(content=st.sampled_from(CONTENTS), data=st.data())
@settings(max_examples=200)
def test_a_damaged_file_is_read_or_refused_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(damaged)))
    with suppress(DataError):
        read(tmp_path_factory.getbasetemp(), bytes(damaged[:end] if data.draw(st.booleans()) else damaged))


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be opened as files there, with another error")
def test_a_folder_in_a_files_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read: Is a directory"):
        read_pickle(tmp_path)
