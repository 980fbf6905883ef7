"""Weights of one network for another: heads are translated entry by entry, and what became of each tensor is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
import svtr_lcnet_files
import tiny
from hypothesis import given, strategies
from numpy.typing import NDArray
from paddle import nn

from thaiocr.checkpoint import store
from thaiocr.config import schema
from thaiocr.engine.build import Run, build_run
from thaiocr.engine.source_dictionary import UNKNOWN, Source, as_entries, find_source, read_lines
from thaiocr.engine.start import start
from thaiocr.engine.transfer import check_architecture, head_classes, shared, transfer, translate
from thaiocr.errors import DataError
from thaiocr.models import build_model
from thaiocr.models.recognizer import ClassAxis, Recognizer
from thaiocr.progress import silent

OLD = ("ก", "ข", "ค", "A", "é", " ")
NEW = ("ค", "ก่", "A", "ง", " ")
PREFIX = Path("official/th_rec")


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> schema.Config:
    folder = tmp_path_factory.mktemp("narrow")
    return svtr_lcnet_files.narrow(folder, folder / "run")


def network(config: schema.Config, entries: tuple[str, ...]) -> Recognizer:
    return build_model(config.architecture, len(entries) + 1)


def arrays(model: nn.Layer) -> dict[str, NDArray[Any]]:
    return {name: np.array(tensor) for name, tensor in model.state_dict().items()}


def test_rows_and_columns_of_entries_of_both_dictionaries_are_kept_in_both_heads(narrow: schema.Config) -> None:
    weights, model = arrays(network(narrow, OLD)), network(narrow, NEW)
    fresh = arrays(model)

    given, found = transfer(model, weights, PREFIX, source=Source(OLD, "old.txt"), entries=NEW)

    assert found.adapted == [
        "head.ctc_head.fc.weight",
        "head.ctc_head.fc.bias",
        "head.gtc_head.embedding.embedding.weight",
        "head.gtc_head.tgt_word_prj.weight",
    ]
    assert (found.fresh, found.unused) == ([], [])
    assert (found.kept_entries, found.fresh_entries) == (["ค", "A", " "], ["ก่", "ง"])
    assert found.dropped_entries == ["ก", "ข", "é"]
    name = "head.ctc_head.fc.weight"
    np.testing.assert_array_equal(given[name][:, [0, 1, 3, 5]], weights[name][:, [0, 3, 4, 6]])
    np.testing.assert_array_equal(given[name][:, [2, 4]], fresh[name][:, [2, 4]])
    name = "head.gtc_head.embedding.embedding.weight"
    np.testing.assert_array_equal(given[name][[0, 1, 2, 3, 4, 6, 8]], weights[name][[0, 1, 2, 3, 6, 7, 9]])
    np.testing.assert_array_equal(given[name][[5, 7, 9]], fresh[name][[5, 7, 9]])


def test_the_same_dictionary_keeps_every_tensor(narrow: schema.Config) -> None:
    weights = arrays(network(narrow, OLD))
    given, found = transfer(network(narrow, OLD), weights, PREFIX, source=Source(OLD), entries=OLD)
    assert list(given) == list(weights)
    assert (found.adapted, found.fresh, found.unused) == ([], [], [])
    assert found.kept_entries == list(OLD)
    assert found.lines() == [f"weights from {PREFIX}; fresh: none"]


def test_an_unknown_dictionary_leaves_the_heads_fresh_whatever_their_size(narrow: schema.Config) -> None:
    weights = arrays(network(narrow, OLD))
    _, found = transfer(network(narrow, OLD), weights, PREFIX, source=UNKNOWN, entries=OLD)
    assert len(found.fresh) == 4
    assert found.fresh == found.unused
    assert found.to_json()["entries"] == {"kept": 0, "fresh": list(OLD), "dropped": []}


def test_a_head_of_another_width_starts_fresh(narrow: schema.Config) -> None:
    model = network(narrow, NEW)
    weights = {**arrays(network(narrow, OLD)), "head.ctc_head.fc.weight": np.zeros((99, 7), np.float32)}
    _, found = transfer(model, weights, PREFIX, source=Source(OLD), entries=NEW)
    assert found.fresh == ["head.ctc_head.fc.weight"]


def test_the_weights_of_another_network_are_refused_with_the_nearest_names(narrow: schema.Config) -> None:
    weights = {f"Student.{name}": value for name, value in arrays(network(narrow, OLD)).items()}
    with pytest.raises(DataError) as caught:
        check_architecture(network(narrow, NEW), weights, PREFIX)
    first, *shown, last = caught.value.problems
    assert first.startswith(f"{PREFIX}: no of ")
    assert shown[0] == (
        f"{PREFIX}: no 'backbone.conv1.conv.weight' [16, 3, 3, 3]; "
        "the nearest name there: 'Student.backbone.conv1.conv.weight' [16, 3, 3, 3]"
    )
    assert len(shown) == 5
    assert last.endswith("the weights of another architecture; set Architecture as it was there")


def test_what_has_another_shape_is_told(narrow: schema.Config) -> None:
    weights = {name: np.zeros((*value.shape, 1), np.float32) for name, value in arrays(network(narrow, OLD)).items()}
    with pytest.raises(DataError, match=r"conv1\.conv\.weight' has shape \[16, 3, 3, 3, 1\], the network has \[16, 3"):
        check_architecture(network(narrow, NEW), weights, PREFIX)


def test_a_network_without_a_head_of_its_own_is_no_other_architecture(narrow: schema.Config) -> None:
    weights = {name: value for name, value in arrays(network(narrow, OLD)).items() if name.startswith("backbone.")}
    model = network(narrow, NEW)
    check_architecture(model, weights, PREFIX)
    assert head_classes(model, weights) is None


def test_the_classes_of_a_checkpoint_are_counted_with_blank(narrow: schema.Config) -> None:
    assert head_classes(network(narrow, NEW), arrays(network(narrow, OLD))) == len(OLD) + 1


def test_another_spelling_of_an_entry_is_the_same_entry() -> None:
    assert shared(("\u0e4d\u0e32", "\u212b", "ก"), ("ำ", "\u00c5")) == {1: 1, 2: 2}
    assert shared(("a", "b", "a"), ("a",)) == {1: 3}, "PaddleOCR's labels use the last one"


@given(strategies.permutations(range(1, 6)), strategies.sampled_from([0, 1]), strategies.integers(0, 3))
def test_translating_there_and_back_changes_nothing(order: list[int], axis: int, offset: int) -> None:
    where = ClassAxis(axis, offset, 0)
    shape = [4, 4]
    shape[axis] = 6 + offset
    old = np.random.default_rng(0).normal(size=shape)
    there = dict(zip(range(1, 6), order, strict=True))
    back = {target: number for number, target in there.items()}
    moved = translate(old, np.zeros(shape), there, where)
    np.testing.assert_array_equal(translate(moved, np.zeros(shape), back, where), old)


def write(path: Path, lines: tuple[str, ...], end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode())
    return path


def test_classes_are_counted_as_paddleocr_counts_lines(tmp_path: Path) -> None:
    lines = read_lines(write(tmp_path / "d.txt", ("ก", "", "ข"), "\r\n"))
    assert lines == ["ก", "", "ข"]
    assert as_entries(lines, 4) == ("ก", "", "ข")
    assert as_entries(lines, 5) == ("ก", "", "ข", " ")
    assert as_entries(lines, 6) is None
    assert as_entries(lines, 3) is None


def find(prefix: Path, configured: Path | None = None, *, classes: int = 4, fingerprint: str | None = None) -> Source:
    return find_source(
        prefix, None if configured is None else str(configured), classes=classes, fingerprint=fingerprint
    )


def test_the_dictionary_beside_a_downloaded_checkpoint_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "ppocrv5_th_dict.txt", ("ก", "ข"))
    assert find(tmp_path / "weights") == Source(("ก", "ข", " "), str(path))


def test_of_several_dictionaries_beside_a_checkpoint_none_is_guessed(tmp_path: Path) -> None:
    write(tmp_path / "a_dict.txt", ("ก", "ข"))
    write(tmp_path / "b_dict.txt", ("ข", "ก"))
    assert find(tmp_path / "weights") == UNKNOWN


@pytest.mark.parametrize("checkpoint", ["latest", "best_model/model"])
def test_the_dictionary_that_the_trainings_config_names_is_found(tmp_path: Path, checkpoint: str) -> None:
    path = write(tmp_path / "elsewhere" / "words.txt", ("ก", "ข", "ค"))
    (tmp_path / "config.yml").write_text(f"Global:\n  character_dict_path: {path}\n", "utf-8")
    assert find(tmp_path / checkpoint) == Source(("ก", "ข", "ค"), str(path))


def test_a_dictionary_that_has_moved_beside_the_config_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "words.txt", ("ก", "ข", "ค"))
    (tmp_path / "config.yml").write_text("Global: {character_dict_path: ./gone/words.txt}\n", "utf-8")
    assert find(tmp_path / "latest") == Source(("ก", "ข", "ค"), str(path))


@pytest.mark.parametrize("text", ["", "- a", "Global:", "Global: {x: 1}", "{", "!!python/object:os.system {}"])
def test_a_config_beside_a_checkpoint_that_says_nothing_is_no_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yml").write_text(text, "utf-8")
    assert find(tmp_path / "latest") == UNKNOWN


def test_a_dictionary_of_another_size_is_not_taken_and_told(tmp_path: Path) -> None:
    write(tmp_path / "dict.txt", ("ก",))
    found = find(tmp_path / "latest")
    assert found.entries is None
    assert found.remarks == (
        f"{tmp_path / 'dict.txt'}: has 1 lines, the head of {tmp_path / 'latest'} 4 classes with blank: "
        "not the dictionary that it was trained with",
    )


def test_a_dictionary_that_has_changed_since_is_not_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "dict.txt", ("ก", "ข", "ค"))
    found = find(tmp_path / "latest", fingerprint="0" * 64)
    assert found.entries is None
    assert found.remarks == (
        f"{path}: not the dictionary that {tmp_path / 'latest'} was trained with; it has changed since",
    )


def test_the_configured_dictionary_must_be_the_checkpoints(tmp_path: Path) -> None:
    write(tmp_path / "dict.txt", ("ก", "ข", "ค"))
    with pytest.raises(DataError, match=r"a\.txt: has 1 lines.*name its own in Global\.pretrained_dict_path"):
        find(tmp_path / "latest", write(tmp_path / "x" / "a.txt", ("ก",)))
    with pytest.raises(DataError, match=r"dct\.txt: no such dictionary file; did you mean 'dict\.txt'\?"):
        find(tmp_path / "latest", tmp_path / "dct.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"b\.txt: not UTF-8"):
        find(tmp_path / "latest", tmp_path / "b.txt")


@pytest.fixture
def begun(tmp_path: Path) -> Run:
    """A run with a dictionary of clusters, at its beginning."""
    data = tiny.write_data(tmp_path / "data", images=24)
    with paddle.utils.unique_name.guard():
        return build_run(svtr_lcnet_files.narrow(data, tmp_path / "run"), echo=lambda _line: None, progress=silent)


def test_an_official_checkpoint_of_code_points_starts_a_run_with_another_dictionary(begun: Run, tmp_path: Path) -> None:
    """Weights alone, and the dictionary in the same folder, as they are downloaded."""
    official = tmp_path / "official"
    write(official / "ppocrv5_th_dict.txt", ("A", "ก", "ω", "เ"))
    weights = arrays(network(begun.config, ("A", "ก", "ω", "เ", " ")))
    store.save(store.Checkpoint(weights=weights, optimizer={}, states={}), official / "th")
    for suffix in (".pdopt", ".states"):
        (official / f"th{suffix}").unlink()

    found = start(begun, official / "th.pdparams")

    assert found is not None
    assert found.kept_entries == ["ก", "เ", "A", " "]
    assert found.dropped_entries == ["ω"]
    assert begun.position.start == found.to_json()
    column = begun.codec.encode("เ")[0]
    np.testing.assert_array_equal(
        np.asarray(begun.model.head.ctc_head.fc.weight)[:, column], weights["head.ctc_head.fc.weight"][:, 4]
    )
    assert found.lines()[1].startswith(f"adapted from {official / 'ppocrv5_th_dict.txt'}: head.ctc_head.fc.weight, ")
    assert "4 of 13 entries kept" in found.lines()[1]


def test_weights_of_as_many_classes_that_say_nothing_are_taken_for_the_same_and_it_is_told(
    begun: Run, tmp_path: Path
) -> None:
    weights = arrays(network(begun.config, begun.codec.entries))
    store.save(store.Checkpoint(weights=weights, optimizer={}, states={}), tmp_path / "alone" / "w")
    found = start(begun, tmp_path / "alone" / "w")
    assert found is not None
    assert (found.adapted, found.fresh) == ([], [])
    assert found.remarks[0].endswith(f"its 14 classes are taken for those of {tmp_path / 'data' / 'dict.txt'}")


def test_a_checkpoint_that_is_not_there_is_named(begun: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.pdparams: no such file"):
        start(begun, tmp_path / "gone")
