"""Whatever the text, reading it gives a configuration or a ConfigError with messages that can be printed."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_config, load_text
from thaiocr.config.presets import preset
from thaiocr.errors import ConfigError

BASE = to_yaml(preset("rec", "dev"))
LINES = BASE.splitlines()
WORDS = sorted({word.strip(" -:") for line in LINES for word in line.split(": ")} - {""})
FRAGMENTS = [
    "[",
    "{",
    "&a ",
    "*a",
    "<<: *a",
    "!!int x",
    "!!float y",
    "!!bool maybe",
    "!x",
    "? ",
    "---",
    "...",
    "%YAML 9.9",
]
FRAGMENTS += [
    "\t",
    "|",
    "> x",
    "'",
    '"',
    '"\\ud800"',
    '"\\UFFFFFFFF"',
    "#",
    "0x1F",
    "1_",
    "1e999",
    "-",
    "~",
    "é",
    "\x85",
    "\u2028",
]


def check(text: str, *overrides: str) -> None:
    assert all(problem.isprintable() for problem in problems_of(text, *overrides))


def problems_of(text: str, *overrides: str) -> tuple[str, ...]:
    try:
        load_text(text, file="my.yml", overrides=overrides)
    except ConfigError as error:
        return error.problems
    return ()


@settings(deadline=None, max_examples=60)
@given(st.text())
def test_any_text(text: str) -> None:
    check(text)


@settings(deadline=None, max_examples=50)
@given(st.binary())
def test_any_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "my.yml"
        file.write_bytes(content)
        with contextlib.suppress(ConfigError):
            load_config(file)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner),
        max_leaves=20,
    )
)
def test_any_yaml_with_words_of_the_schema(value: object) -> None:
    check(yaml.safe_dump(value, allow_unicode=True))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(st.integers(0, len(LINES) - 1), st.sampled_from([*FRAGMENTS, *WORDS]), st.booleans()), max_size=4
    )
)
def test_a_file_with_damaged_lines(damages: list[tuple[int, str, bool]]) -> None:
    lines = list(LINES)
    for number, fragment, is_value in damages:
        key = lines[number].split(":")[0]
        lines[number] = f"{key}: {fragment}" if is_value else f"{fragment}{lines[number]}"
    check("\n".join(lines) + "\n")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text() | st.builds("{}.{}={}".format, *[st.sampled_from(WORDS) | st.text()] * 3), max_size=3))
@example(["Global.seed=!!int x"])
@example(["Train.dataset.transforms.=1"])
@example(["Train.dataset.transforms.²=1"])
@example(["Train.dataset.label_file_list=[" + "[" * 2000])
@example(["Train.dataset.label_file_list=a,!!x b"])
def test_any_overrides(overrides: list[str]) -> None:
    check(BASE, *overrides)
