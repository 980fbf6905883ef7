from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thaiocr.data.images import Preprocess
from thaiocr.errors import DataError
from thaiocr.predict.bundle import DICTIONARY, MANIFEST, ONNX, Bundle, open_bundle, seal
from thaiocr.text.dictionary import Dictionary


def refused(folder: Path) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        open_bundle(folder)
    return tuple(problem.replace(str(folder), "bundle") for problem in caught.value.problems)


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def test_a_sealed_bundle_opens_as_it_was(bundle: Path) -> None:
    found = open_bundle(bundle)

    assert found.folder == bundle
    assert found.preprocess == Preprocess(image_shape=(3, 8, 40))
    assert isinstance(found.preprocess.image_shape, tuple)
    assert found.dictionary == Dictionary(("ก", "กี่", "น้ำ", "A"))
    assert found.use_space_char is False
    assert found.details == {"architecture": "stripes", "metrics": {"acc": 0.123456789}}
    assert found.codec.decode([2, 3]) == "กี่น้ำ"


def test_every_setting_travels(tmp_path: Path) -> None:
    dictionary = Dictionary(("A",))
    dictionary.save(tmp_path / DICTIONARY)
    preprocess = Preprocess(image_shape=(3, 48, 320), img_mode="RGB", padding=False)

    seal(Bundle(folder=tmp_path, preprocess=preprocess, dictionary=dictionary, use_space_char=True, temperature=1.25))

    found = open_bundle(tmp_path)
    assert found.preprocess == preprocess
    assert found.temperature == 1.25
    assert found.codec.entries == ("A", " ")


def test_sealing_twice_writes_the_same_bytes(bundle: Path) -> None:
    before = (bundle / MANIFEST).read_bytes()

    seal(open_bundle(bundle))

    assert (bundle / MANIFEST).read_bytes() == before


def test_a_manifest_is_readable_thai_and_may_be_laid_out_anew(bundle: Path) -> None:
    seal(Bundle(**{**_fields(open_bundle(bundle)), "details": {"note": "ภาษาไทย"}}))
    assert "ภาษาไทย" in (bundle / MANIFEST).read_text("utf-8")

    change_manifest(bundle, lambda manifest: manifest)

    assert open_bundle(bundle).details == {"note": "ภาษาไทย"}


def _fields(bundle: Bundle) -> dict[str, Any]:
    return {name: getattr(bundle, name) for name in ("folder", "preprocess", "dictionary", "use_space_char")}


def test_a_bundle_from_before_there_was_a_temperature_opens_with_1(bundle: Path) -> None:
    manifest = json.loads((bundle / MANIFEST).read_text("utf-8"))
    del manifest["temperature"], manifest["fingerprint"]
    fingerprint = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
    (bundle / MANIFEST).write_text(json.dumps({**manifest, "fingerprint": fingerprint}), "utf-8")

    assert open_bundle(bundle).temperature == 1.0


# -- tampering ---------------------------------------------------------------------------------------------------------

AGAIN = "bundle: the bundle is not as it was exported; export it again"


def test_changed_weights_are_refused(bundle: Path) -> None:
    content = bytearray((bundle / ONNX).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / ONNX).write_bytes(content)

    assert refused(bundle) == ("bundle/inference.onnx: changed since it was exported", AGAIN)


@pytest.mark.parametrize("entries", [("ก", "กี่", "A", "น้ำ"), ("ก", "กี่", "น้ำ"), ("ก", "กี่", "น้ำ", "A", "B")])
def test_another_dictionary_is_refused(bundle: Path, entries: tuple[str, ...]) -> None:
    Dictionary(entries).save(bundle / DICTIONARY)

    assert refused(bundle) == ("bundle/dict.txt: changed since it was exported", AGAIN)


def test_missing_and_changed_files_are_named_together(bundle: Path) -> None:
    (bundle / ONNX).unlink()
    (bundle / DICTIONARY).write_text("A\n")

    assert refused(bundle) == (
        "bundle/dict.txt: changed since it was exported",
        "bundle/inference.onnx: missing",
        AGAIN,
    )


def test_a_file_that_became_a_folder_is_named(bundle: Path) -> None:
    (bundle / ONNX).unlink()
    (bundle / ONNX).mkdir()

    assert refused(bundle) == ("bundle/inference.onnx: cannot read: Is a directory", AGAIN)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest["preprocess"].update(image_shape=[3, 8, 80]),
        lambda manifest: manifest["preprocess"].update(mean=0),
        lambda manifest: manifest.update(use_space_char=True),
        lambda manifest: manifest.update(temperature=0.5),
        lambda manifest: manifest["metrics"].update(acc=1.0),
        lambda manifest: manifest.pop("files"),
        lambda manifest: manifest.pop("fingerprint"),
        lambda manifest: manifest.update(more=1),
    ],
    ids=[
        "width",
        "unknown preprocessing",
        "space",
        "temperature",
        "accuracy",
        "no files",
        "no fingerprint",
        "another key",
    ],
)
def test_an_edited_manifest_is_refused(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    change_manifest(bundle, change)

    assert refused(bundle) == ("bundle/bundle.json: changed since it was exported; export the bundle again",)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"3", b"{}", b"\xff\xfe", b"null"])
def test_a_damaged_manifest_is_refused(bundle: Path, content: bytes) -> None:
    (bundle / MANIFEST).write_bytes(content)

    assert refused(bundle) == ("bundle/bundle.json: damaged; export the bundle again",)


def test_a_newer_format_asks_for_an_upgrade(bundle: Path) -> None:
    change_manifest(bundle, lambda manifest: manifest.update(format=2))

    assert refused(bundle) == ("bundle/bundle.json: format 2, this version of thaiocr reads format 1; upgrade thaiocr",)


def test_a_dictionary_that_the_model_was_not_trained_with_is_refused_even_when_sealed(bundle: Path) -> None:
    opened = _fields(open_bundle(bundle))
    Dictionary(("A", "B")).save(bundle / DICTIONARY)
    seal(Bundle(**opened))

    assert refused(bundle) == ("bundle/dict.txt: not the dictionary that this model was trained with",)


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    assert refused(tmp_path) == ("bundle: not a bundle, there is no bundle.json; make one with `thaiocr export`",)


def test_a_missing_folder_is_no_bundle(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere")[0].startswith("bundle: not a bundle")


def test_a_file_is_no_bundle(bundle: Path) -> None:
    assert refused(bundle / ONNX) == ("bundle/bundle.json: cannot read: Not a directory",)
