"""A bundle: one folder with everything that reading needs, and its seal.

    inference.json, inference.pdiparams   the network for Paddle and PaddleOCR
    inference.yml                         what PaddleOCR's clients read: preprocessing and dictionary
    inference.onnx                        the network for ONNX Runtime
    inference.int8.onnx                   the same with 8-bit weights where that pays
    dict.txt                              the dictionary
    bundle.json                           preprocessing, hashes of all files and of itself, what was measured

One form of the network is enough. What does not match its hash is refused: weights and dictionary that do not belong
together read nonsense.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from thaiocr.data.images import Preprocess
from thaiocr.errors import DataError
from thaiocr.text.codec import Codec
from thaiocr.text.dictionary import Dictionary

FORMAT: Final = 1
MANIFEST: Final = "bundle.json"
DICTIONARY: Final = "dict.txt"
ONNX: Final = "inference.onnx"
INT8: Final = "inference.int8.onnx"
PADDLE: Final = "inference"
"""Prefix of the two files of the Paddle model."""
OWN_HASH: Final = "fingerprint"
"""Key of `bundle.json` under which the hash of all its other keys stands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """An opened bundle."""

    folder: Path
    preprocess: Preprocess
    dictionary: Dictionary
    use_space_char: bool
    temperature: float = 1.0
    """What scores are computed with, so that 0.9 means nine right out of ten; it changes no text."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What `export` recorded for people: architecture, metrics, parity, versions."""

    @property
    def codec(self) -> Codec:
        """Turn class ids of the model into text."""
        return Codec(self.dictionary, use_space_char=self.use_space_char)


def seal(bundle: Bundle) -> None:
    """Write `bundle.json` over the files that are in the folder now."""
    manifest = {
        "format": FORMAT,
        "dictionary": bundle.dictionary.fingerprint,
        "use_space_char": bundle.use_space_char,
        "preprocess": asdict(bundle.preprocess),
        "temperature": bundle.temperature,
        "files": {path.name: _hash(path) for path in sorted(bundle.folder.iterdir()) if path.name != MANIFEST},
        **bundle.details,
    }
    text = json.dumps({**manifest, OWN_HASH: _own_hash(manifest)}, ensure_ascii=False, indent=2)
    (bundle.folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle and check its seal.

    Raises:
        DataError: not a bundle, of another format, or a file is missing or changed.
    """
    manifest = _read_manifest(folder)
    changed = [
        f"{folder / name}: {problem}"
        for name, digest in manifest["files"].items()
        if (problem := _differs(folder / name, digest))
    ]
    if changed:
        raise DataError([*changed, f"{folder}: the bundle is not as it was exported; export it again"])
    dictionary = Dictionary.load(folder / DICTIONARY)
    if dictionary.fingerprint != manifest["dictionary"]:
        raise DataError(f"{folder / DICTIONARY}: not the dictionary that this model was trained with")
    shape = tuple(manifest["preprocess"]["image_shape"])
    known = {"format", "dictionary", "use_space_char", "preprocess", "temperature", "files", OWN_HASH}
    return Bundle(
        folder=folder,
        preprocess=Preprocess(**{**manifest["preprocess"], "image_shape": shape}),
        dictionary=dictionary,
        use_space_char=manifest["use_space_char"],
        temperature=manifest.get("temperature", 1.0),
        details={key: value for key, value in manifest.items() if key not in known},
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        found = manifest["format"]
    except FileNotFoundError as error:
        raise DataError(f"{folder}: not a bundle, there is no {MANIFEST}; make one with `thaiocr export`") from error
    except OSError as error:
        raise DataError(f"{path}: cannot read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: damaged; export the bundle again") from error
    if found != FORMAT:
        raise DataError(f"{path}: format {found}, this version of thaiocr reads format {FORMAT}; upgrade thaiocr")
    if manifest.get(OWN_HASH) != _own_hash(manifest):
        raise DataError(f"{path}: changed since it was exported; export the bundle again")
    return dict(manifest)


def _own_hash(manifest: Mapping[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != OWN_HASH}
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _differs(path: Path, digest: str) -> str:
    try:
        return "" if _hash(path) == digest else "changed since it was exported"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot read: {error.strerror}"


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
