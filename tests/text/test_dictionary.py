from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thaiocr.errors import DataError, EnvironmentProblem
from thaiocr.text.dictionary import Dictionary, builtin, find_dictionary
from thaiocr.text.tiers import TIERS, build_tier

ENTRIES = ("ก", "กี่", "น้ำ", " ", "ก\u0e4d", "A", "é", "\u3000")


def problems_of(content: bytes, folder: Path) -> tuple[str, ...]:
    path = folder / "dict.txt"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        Dictionary.load(path)
    return tuple(problem.replace(f"{path}:", "") for problem in caught.value.problems)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("blank", ["", "{end}", "{end}{end}"])
@pytest.mark.parametrize("last", ["", "{end}"])
def test_every_spelling_of_a_file_gives_the_same_classes(
    tmp_path: Path, end: str, mark: str, blank: str, last: str
) -> None:
    text = mark + blank + f"{end}{blank}".join(ENTRIES) + last
    path = tmp_path / "dict.txt"
    path.write_bytes(text.format(end=end).encode())
    dictionary = Dictionary.load(path)
    assert dictionary.entries == ENTRIES
    assert dictionary.fingerprint == Dictionary(ENTRIES).fingerprint


def test_another_order_is_another_dictionary() -> None:
    assert Dictionary(("ก", "ข")).fingerprint != Dictionary(("ข", "ก")).fingerprint


def test_the_fingerprint_is_that_of_the_saved_bytes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "dict.txt"
    Dictionary(ENTRIES).save(path)
    content = path.read_bytes()
    assert content == "ก\nกี่\nน้ำ\n \nก\u0e4d\nA\né\n\u3000\n".encode()
    assert hashlib.sha256(content).hexdigest() == Dictionary(ENTRIES).fingerprint
    assert [each.name for each in path.parent.iterdir()] == ["dict.txt"]


@pytest.mark.parametrize("tier", TIERS)
def test_every_tier_survives_saving_and_loading_byte_for_byte(tmp_path: Path, tier: str) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    build_tier(tier).save(first)
    loaded = Dictionary.load(first)
    loaded.save(second)
    assert loaded == build_tier(tier)
    assert len(loaded) == len(loaded.entries)
    assert first.read_bytes() == second.read_bytes()


@settings(deadline=None)
@given(st.lists(st.text(max_size=4), min_size=1, max_size=8))
def test_what_is_accepted_comes_back_the_same(tmp_path_factory: pytest.TempPathFactory, entries: list[str]) -> None:
    path = tmp_path_factory.mktemp("dictionary") / "dict.txt"
    try:
        dictionary = Dictionary(tuple(entries))
    except DataError:
        return
    dictionary.save(path)
    assert Dictionary.load(path) == dictionary


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_a_dictionary_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("dictionary") / "dict.txt"
    path.write_bytes(content)
    problems: tuple[str, ...] = ()
    try:
        entries = Dictionary.load(path).entries
    except DataError as error:
        entries, problems = (), error.problems
    assert bool(entries) != bool(problems)
    assert all(problem.startswith(str(path)) for problem in problems)


def test_all_problems_of_a_file_are_reported_with_their_lines(tmp_path: Path) -> None:
    lines = ["ก", "", "ข", "ก", "a\tb", "น\u0e4dา", "นำ", "x\ufffd", "a b", "  ", "\ufeffค", "\u0e17\u0e48\u0e35"]
    found = problems_of("\n".join(lines).encode(), tmp_path)
    assert [problem.split(":")[0] for problem in found] == ["4", "5", "6", "7", "8", "9", "10", "11", "12"]
    assert "'ก' (U+0E01 THAI CHARACTER KO KAI) is here twice" in found[0]
    assert found[0].endswith("the other one: 1")
    assert "'a\\tb' holds '\\t' (U+0009 control character)" in found[1]
    assert "not in normal form" in found[2]
    assert "write 'นำ' (U+0E19 THAI CHARACTER NO NU + U+0E33 THAI CHARACTER SARA AM)" in found[2]
    assert "'นำ' (U+0E19 THAI CHARACTER NO NU + U+0E33 THAI CHARACTER SARA AM) is here twice" in found[3]
    assert "U+FFFD" in found[4]
    assert "a line of exactly one space is the space" in found[5]
    assert "a line of exactly one space is the space" in found[6]
    assert "byte order mark" in found[7]
    assert "not in normal form" in found[8]


def test_two_spellings_of_one_entry_name_each_other(tmp_path: Path) -> None:
    (problem,) = problems_of("นำ\nน\u0e4dา\n".encode(), tmp_path)
    assert problem.startswith("2: 'น\u0e4dา' (U+0E19 THAI CHARACTER NO NU + U+0E4D THAI CHARACTER NIKHAHIT + ")
    assert "is another spelling of 'นำ' (U+0E19 THAI CHARACTER NO NU + U+0E33 THAI CHARACTER SARA AM)" in problem
    assert problem.endswith("the other one: 1")


def test_entries_from_elsewhere_are_checked_by_number() -> None:
    with pytest.raises(DataError) as caught:
        Dictionary(("ก", "", "ก"))
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["dictionary entry 2", "dictionary entry 3"]
    with pytest.raises(DataError, match="empty"):
        Dictionary(())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the dictionary is empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "the dictionary is empty"),
        ("ก\nข".encode() + b"\xff\n", r"2: not UTF-8 text \(byte 7\); save the file as UTF-8"),
        (b"\xef\xbb\xbf" + "ก\nข".encode() + b"\xff\n", r"2: not UTF-8 text \(byte 10\)"),
        ("ก\n".encode("utf-16"), r"1: UTF-16 text \(byte 0\); save the file as UTF-8"),
        ("ก\nข\n".encode("cp874"), r"1: not UTF-8 text \(byte 0\)"),
        ("ก\rข\r".encode(), r"1: 'ก\\rข' holds '\\r' \(U\+000D control character\)"),
        ("ก\u2028ข".encode(), r"1: .* holds .* \(U\+2028 LINE SEPARATOR\)"),
    ],
)
def test_a_file_that_is_no_dictionary_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "dict.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        Dictionary.load(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "th_dict.txt").write_text("ก")
    with pytest.raises(DataError, match=r"th_dct.txt: no such dictionary file; did you mean 'th_dict.txt'\?"):
        Dictionary.load(tmp_path / "th_dct.txt")
    with pytest.raises(DataError, match="cannot read the dictionary"):
        Dictionary.load(tmp_path)
    with pytest.raises(DataError, match="cannot read the dictionary"):
        Dictionary.load("a\0b")


def test_an_unwritable_place_is_reported_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "dict.txt", "a\0b"):
        with pytest.raises(EnvironmentProblem, match="cannot write the dictionary"):
            Dictionary(ENTRIES).save(path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(EnvironmentProblem, match="cannot write the dictionary"):
        Dictionary(ENTRIES).save(tmp_path / "folder")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]


def test_the_working_directory_comes_before_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_dictionary("thai_letters/th_dict.txt") == builtin("th_dict.txt")
    assert find_dictionary("./thai_letters/th_dict.txt") == builtin("th_dict.txt")
    own = tmp_path / "thai_letters" / "th_dict.txt"
    own.parent.mkdir()
    own.write_text("ก")
    assert find_dictionary("thai_letters/th_dict.txt").absolute() == own


def test_an_unknown_path_is_named_as_it_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("ก")
    with pytest.raises(DataError) as caught:
        find_dictionary("mien.txt")
    assert (
        str(caught.value)
        == f"mien.txt: no such dictionary file (tried {tmp_path / 'mien.txt'}); did you mean 'mine.txt'?"
    )
    with pytest.raises(DataError, match=r"thai_letters/th_dct.txt: no such .* come with thaiocr.*'th_dict.txt'"):
        find_dictionary("thai_letters/th_dct.txt")
    with pytest.raises(DataError, match="a folder, not a dictionary file"):
        find_dictionary(".")
    with pytest.raises(DataError, match=r"th_dct.txt: no file of this name comes with thaiocr.*'th_dict.txt'"):
        builtin("th_dct.txt")
