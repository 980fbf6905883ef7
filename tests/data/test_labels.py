from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thaiocr.config import schema
from thaiocr.data import labels as labels_module
from thaiocr.data.labels import Limits, Reject, Sample, read_labels, read_lines
from thaiocr.errors import DataError
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary
from thaiocr.text.normalize import normalize

CODEC = Codec(Dictionary(("ก", "กี่", "น้ำ", "A", "B")))
WIDE = Limits(25)


def dataset(folder: Path, *names: str, ratios: tuple[float, ...] = (1.0,)) -> schema.SimpleDataSet:
    files = tuple(str(folder / name) for name in names)
    return schema.SimpleDataSet(data_dir=str(folder), label_file_list=files, ratio_list=ratios, transforms=())


def from_bytes(folder: Path, content: bytes, limits: Limits = WIDE) -> tuple[list[Sample], list[Reject]]:
    (folder / "gt.txt").write_bytes(content)
    labels = read_labels(dataset(folder, "gt.txt"), CODEC, limits)
    return list(labels.samples), labels.rejects


def rejected(folder: Path, line: str, limits: Limits = WIDE) -> str:
    samples, rejects = from_bytes(folder, f"a.png\tA\n{line}\nb.png\tB\n".encode(), limits)
    assert [sample.image for sample in samples] == ["a.png", "b.png"]
    assert len(rejects) == 1
    return str(rejects[0]).replace(f"{folder}/", "")


def test_a_line_becomes_a_sample_with_path_ids_and_place(tmp_path: Path) -> None:
    samples, rejects = from_bytes(tmp_path, "rec/a.png\tกี่A\n".encode())

    assert not rejects
    assert samples == [Sample("rec/a.png", tmp_path, "กี่A", (2, 4), tmp_path / "gt.txt", 1)]
    assert samples[0].path == tmp_path / "rec" / "a.png"
    assert samples[0].place == f"{tmp_path}/gt.txt:1"


def test_a_label_of_several_code_points_is_one_entry(tmp_path: Path) -> None:
    samples, _ = from_bytes(tmp_path, "a\tกี่\n".encode(), Limits(max_length=1, time_steps=1))

    assert samples[0].ids == (2,)


def test_another_spelling_of_the_same_text_is_the_same_label(tmp_path: Path) -> None:
    samples, rejects = from_bytes(tmp_path, "a\tก่ี\nb\tนํ้า\n".encode())

    assert not rejects
    assert [sample.text for sample in samples] == ["กี่", "น้ำ"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lf_crlf_and_a_byte_order_mark_read_the_same(tmp_path: Path, end: bytes, mark: bytes) -> None:
    lines = [b"a.png\tA", b"", "b.png\tกี่".encode(), b"  \t ", b"c.png\tB"]

    samples, rejects = from_bytes(tmp_path, mark + end.join(lines))

    assert not rejects
    assert [(sample.image, sample.text) for sample in samples] == [("a.png", "A"), ("b.png", "กี่"), ("c.png", "B")]
    assert [sample.place.rpartition(":")[2] for sample in samples] == ["1", "3", "5"]


def test_files_put_together_with_their_byte_order_marks_are_read(tmp_path: Path) -> None:
    mark = "\ufeff".encode()

    samples, rejects = from_bytes(tmp_path, mark + b"a.png\tA\n" + mark + b"b.png\tB\n")

    assert not rejects
    assert [sample.image for sample in samples] == ["a.png", "b.png"]


def test_thai_names_and_names_with_spaces_are_kept_as_they_are(tmp_path: Path) -> None:
    samples, _ = from_bytes(tmp_path, "ภาพ ที่ ๑/กั้ น้ำ.png\tA\n my file.png \tB\n".encode())

    assert [sample.image for sample in samples] == ["ภาพ ที่ ๑/กั้ น้ำ.png", " my file.png "]
    assert samples[0].path == tmp_path / "ภาพ ที่ ๑" / "กั้ น้ำ.png"


def test_an_image_name_is_not_respelt(tmp_path: Path) -> None:
    samples, _ = from_bytes(tmp_path, "ก่ี.png\tก่ี\n".encode())

    assert (samples[0].image, samples[0].text) == ("ก่ี.png", "กี่")


def test_an_absolute_image_path_stays_absolute(tmp_path: Path) -> None:
    samples, _ = from_bytes(tmp_path, b"/elsewhere/a.png\tA\n")

    assert samples[0].path == Path("/elsewhere/a.png")


# -- rejects -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x.png A", "gt.txt:2: no tab between image and text"),
        ("x.png\t", "gt.txt:2: x.png: the label is empty"),
        ("\tA", "gt.txt:2: no image before the tab"),
        ("x.png\tAฃ", "gt.txt:2: x.png: 'ฃ' (U+0E03 THAI CHARACTER KHO KHUAT) is not in the dictionary"),
        ("x.png\tกี", "gt.txt:2: x.png: 'กี' (U+0E01 THAI CHARACTER KO KAI + U+0E35 THAI CHARACTER SARA II) is not"),
        ("x.png\tA ", "gt.txt:2: x.png: ' ' (U+0020 SPACE) is not in the dictionary; use_space_char: true adds"),
        ("x.png\tA\tB", r"gt.txt:2: x.png: '\t' (U+0009 control character) is not in the dictionary"),
        ("x.png\tA\rB", r"gt.txt:2: x.png: '\r' (U+000D control character) is not in the dictionary"),
        ("x.png\tA\ufffd", "gt.txt:2: x.png: '\ufffd' (U+FFFD REPLACEMENT CHARACTER) is not in the dictionary"),
    ],
)
def test_a_line_that_cannot_be_used_is_a_reject_with_its_place_and_reason(
    tmp_path: Path, line: str, message: str
) -> None:
    assert rejected(tmp_path, line).startswith(message)


def test_a_label_of_more_entries_than_allowed_is_a_reject(tmp_path: Path) -> None:
    reason = rejected(tmp_path, "x.png\tกี่กี่A", Limits(max_length=2))

    assert reason == "gt.txt:2: x.png: the label has 3 dictionary entries, Global.max_text_length is 2"


@pytest.mark.parametrize(("text", "steps"), [("AB", 2), ("AA", 3), ("AAA", 5), ("ABA", 3), ("กี่กี่น้ำน้ำ", 6)])
def test_a_label_needs_a_time_step_per_entry_and_one_between_repeats(tmp_path: Path, text: str, steps: int) -> None:
    line = f"x.png\t{text}"

    samples, _ = from_bytes(tmp_path, line.encode(), Limits(25, time_steps=steps))
    reason = rejected(tmp_path, line, Limits(25, time_steps=steps - 1))

    assert samples[0].text == text
    assert reason == (
        f"gt.txt:2: x.png: the label needs {steps} time steps, the network has {steps - 1}; use a wider image_shape"
    )


def test_another_delimiter_is_named_in_the_reason(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("a b.png, A\na b.png\tA\n", "utf-8")

    labels = read_labels(replace(dataset(tmp_path, "gt.txt"), delimiter=", "), CODEC, WIDE)

    assert [(sample.image, sample.text) for sample in labels.samples] == [("a b.png", "A")]
    assert [str(reject) for reject in labels.rejects] == [f"{tmp_path}/gt.txt:2: no ', ' between image and text"]


# -- samples -----------------------------------------------------------------------------------------------------------


def test_a_part_of_the_samples_is_those_samples(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a\tA\nb\tB\nbad\nc\tกี่\n", "utf-8")
    (tmp_path / "two.txt").write_text("d\tAB\n", "utf-8")
    samples = read_labels(dataset(tmp_path, "one.txt", "two.txt"), CODEC, WIDE).samples
    every = list(samples)

    assert [sample.text for sample in every] == ["A", "B", "กี่", "AB"]
    assert list(samples[1:3]) == every[1:3]
    assert list(samples[::-2]) == every[::-2]
    assert list(samples.take(np.array([3, 0, 3]))) == [every[3], every[0], every[3]]
    assert list(samples.take(np.array([3, 0]))[1:]) == [every[0]]
    assert samples[-1] == every[3]
    with pytest.raises(IndexError):
        samples[4]


@pytest.mark.parametrize("remembered", [0, 1, 50_000])
def test_a_text_that_is_not_remembered_is_judged_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(labels_module, "REMEMBERED", remembered)

    samples, rejects = from_bytes(tmp_path, "a\tA\nb\tฃ\nc\tA\nd\tฃ\ne\tB\nf\tA\n".encode(), Limits(1))

    assert [(sample.image, sample.ids) for sample in samples] == [("a", (4,)), ("c", (4,)), ("e", (5,)), ("f", (4,))]
    assert [reject.image for reject in rejects] == ["b", "d"]
    assert len({reject.reason for reject in rejects}) == 1


@pytest.mark.slow
def test_a_million_lines_are_each_the_sample_or_the_reject_that_they_are(tmp_path: Path) -> None:
    texts = ["ก", "กี่", "น้ำ", "A", "B", "AB", "ฃ", ""]

    def line(number: int) -> str:
        return "no tab\n" if number % 1000 == 7 else f"rec/{number:07}.png\t{texts[number * 7919 % len(texts)]}\n"

    with (tmp_path / "gt.txt").open("w", encoding="utf-8") as file:
        file.writelines(map(line, range(1_000_000)))
    labels = read_labels(dataset(tmp_path, "gt.txt"), CODEC, WIDE)

    kinds = Counter(reject.kind for reject in labels.rejects)
    expected = Counter(texts[number * 7919 % len(texts)] for number in range(1_000_000) if number % 1000 != 7)
    assert kinds == {"no_delimiter": 1000, "unknown_character": expected["ฃ"], "empty_label": expected[""]}
    assert len(labels.samples) == expected.total() - expected["ฃ"] - expected[""]
    for sample in (labels.samples[index] for index in range(0, len(labels.samples), 997)):
        number = sample.line - 1
        assert line(number) == f"{sample.image}\t{sample.text}\n"
        assert sample.ids == tuple(CODEC.encode(sample.text))
    for reject in labels.rejects[::997]:
        number = int(reject.place.rpartition(":")[2]) - 1
        assert line(number).startswith(reject.image or "no tab")


# -- every line --------------------------------------------------------------------------------------------------------

LINE = st.one_of(
    st.text(max_size=20),
    st.builds("{}\t{}".format, st.text(max_size=8), st.text(max_size=8)),
    st.builds("{}\t{}".format, st.just("x.png"), st.text(st.sampled_from("กขี่้ำนAB \t\u200b"), max_size=40)),
).filter(lambda line: "\n" not in line)


def assert_every_line_is_accounted_for(lines: list[str]) -> None:
    with TemporaryDirectory() as name:
        samples, rejects = from_bytes(Path(name), "\n".join(lines).encode())
        numbered = enumerate(lines, start=1)
        places = [f"{name}/gt.txt:{number}" for number, line in numbered if line.removeprefix("\ufeff").strip()]

    found = [sample.place for sample in samples] + [reject.place for reject in rejects]
    assert sorted(found) == sorted(places)
    assert all(reject.reason for reject in rejects)
    for sample in samples:
        image, _, text = lines[int(sample.place.rpartition(":")[2]) - 1].removeprefix("\ufeff").partition("\t")
        assert sample.image == image
        assert CODEC.decode(sample.ids) == sample.text == normalize(text.removesuffix("\r"))


@given(st.lists(LINE, max_size=12))
@settings(max_examples=150)
def test_every_line_is_a_sample_or_a_reject_and_none_is_swapped(lines: list[str]) -> None:
    assert_every_line_is_accounted_for(lines)


@pytest.mark.slow
def test_a_hundred_thousand_lines_are_each_a_sample_or_a_reject() -> None:
    seen = 0

    @settings(max_examples=1000, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(LINE, min_size=105, max_size=105))
    def run(lines: list[str]) -> None:
        nonlocal seen
        seen += len(lines)
        assert_every_line_is_accounted_for(lines)

    run()
    assert seen >= 100_000


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_that_is_not_utf8_is_named_with_the_line(tmp_path: Path, mark: bytes) -> None:
    content = mark + b"a.png\tA\nb.png\tB\nc.png\t" + "กี่".encode("cp874") + b"\n"

    with pytest.raises(DataError, match=r"gt\.txt:3: not UTF-8 text; save the file as UTF-8"):
        from_bytes(tmp_path, content)


def test_all_missing_files_are_named_together_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "rec_gt_train.txt").write_text("a.png\tA\n", "utf-8")

    with pytest.raises(DataError) as caught:
        read_labels(dataset(tmp_path, "rec_gt_tain.txt", "rec_gt_train.txt", "no/where.txt"), CODEC, WIDE)

    assert caught.value.problems == (
        f"{tmp_path}/rec_gt_tain.txt: no such label file; did you mean 'rec_gt_train.txt'?",
        f"{tmp_path}/no/where.txt: no such label file",
    )


@pytest.mark.parametrize("name", ["", "zero\0byte.txt"], ids=["a folder", "zero byte"])
def test_a_label_file_that_cannot_be_opened_is_a_message(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"cannot read the label file: (Is a directory|embedded null byte)"):
        read_labels(dataset(tmp_path, name), CODEC, WIDE)


def test_several_files_are_read_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a\tA\nb\tB\n", "utf-8")
    (tmp_path / "two.txt").write_text("c\tA\n", "utf-8")

    samples = read_labels(dataset(tmp_path, "two.txt", "one.txt"), CODEC, WIDE).samples

    assert [sample.image for sample in samples] == ["c", "a", "b"]


# -- ratio_list --------------------------------------------------------------------------------------------------------


def numbered(folder: Path, name: str, count: int) -> None:
    (folder / name).write_text("".join(f"{number}.png\tA\n" for number in range(count)), "utf-8")


def drawn(folder: Path, *ratios: float, seed: int) -> list[str]:
    data = dataset(folder, "one.txt", "two.txt", ratios=ratios)
    return [sample.place for sample in read_labels(data, CODEC, WIDE, seed=seed).samples]


def test_a_share_of_each_file_is_drawn_by_seed(tmp_path: Path) -> None:
    numbered(tmp_path, "one.txt", 40)
    numbered(tmp_path, "two.txt", 20)

    first = drawn(tmp_path, 0.5, 0.25, seed=7)

    assert first == drawn(tmp_path, 0.5, 0.25, seed=7)
    assert first != drawn(tmp_path, 0.5, 0.25, seed=8)
    assert len(set(first)) == 25
    assert sum("one.txt" in place for place in first) == 20


def test_one_ratio_holds_for_all_files(tmp_path: Path) -> None:
    numbered(tmp_path, "one.txt", 40)
    numbered(tmp_path, "two.txt", 20)

    assert len(drawn(tmp_path, 0.1, seed=0)) == 6


def test_a_ratio_of_one_keeps_every_line_in_order(tmp_path: Path) -> None:
    numbered(tmp_path, "one.txt", 5)
    numbered(tmp_path, "two.txt", 1)

    assert [place.rpartition("/")[2] for place in drawn(tmp_path, 1.0, seed=3)] == [
        *(f"one.txt:{number}" for number in range(1, 6)),
        "two.txt:1",
    ]


def test_blank_lines_are_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("\n\na.png\tA\n\n", "utf-8")

    assert [place for place, _ in read_lines(tmp_path / "gt.txt")] == [f"{tmp_path}/gt.txt:3"]
