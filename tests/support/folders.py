"""Data sets on disk without fonts and without paddle: every picture another pattern, so that none is like another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset

ENTRIES: Final = ("ก", "ที่", "น้ำ", "ปี", "A")

LINES: Final = ("Loss.parts_guide=null", "Global.max_text_length=25")
"""Changes that make a configuration for labels of several entries; T is 25."""


def pattern(number: int, *, height: int = 32, width: int = 48) -> NDArray[np.uint8]:
    """Return a picture of squares, BGR [height, width, 3], another for each number."""
    squares = np.random.default_rng([3, number]).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(squares, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def encoded(number: int, suffix: str = ".png") -> bytes:
    """Return `pattern` as an image file."""
    return cv2.imencode(suffix, pattern(number))[1].tobytes()


def write_image(path: Path, number: int) -> None:
    """Write `pattern` as the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(number, path.suffix))


def write_labels(path: Path, lines: Sequence[str]) -> None:
    """Write a label file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def write_data(folder: Path, *, train: int = 20, val: int = 5) -> Path:
    """Write dict.txt, rec_gt_train.txt, rec_gt_val.txt and their pictures; returns the folder."""
    write_labels(folder / "dict.txt", ENTRIES)
    for split, first, count in (("train", 0, train), ("val", 1_000_000, val)):
        names = [f"rec/{split}/{number:04}.png" for number in range(count)]
        for number, name in enumerate(names, start=first):
            write_image(folder / name, number)
        lines = [f"{name}\t{ENTRIES[number % len(ENTRIES)]}" for number, name in enumerate(names)]
        write_labels(folder / f"rec_gt_{split}.txt", lines)
    return folder


def add_lines(path: Path, *lines: str) -> None:
    """Append to a label file."""
    with path.open("ab") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def config(folder: Path, *changes: str) -> schema.Config:
    """Return a configuration for a folder of `write_data`; `changes` are `KEY=VALUE`, as after `-o`."""
    text = to_yaml(preset("rec", "dev", data_dir=str(folder), dictionary=str(folder / "dict.txt")))
    return load_text(text, file="test.yml", overrides=changes).config


def write_config(folder: Path, *changes: str) -> str:
    """Write `config` beside the data; returns its path."""
    path = folder / "test.yml"
    path.write_text(to_yaml(config(folder, *changes)), "utf-8")
    return str(path)


def tree(folder: Path) -> dict[str, str]:
    """Return file -> SHA-256 and time of change, for all files of a folder."""
    return {
        path.relative_to(
            folder
        ).as_posix(): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def content(folder: Path) -> dict[str, bytes]:
    """Return file -> bytes, for all files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
