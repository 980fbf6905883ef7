from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from folders import encoded, pattern
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from thaiocr.data.remarks import image_format, remarks


def kinds(content: bytes, name: str) -> list[str]:
    return [kind for kind, _ in remarks(content, name)]


def saved(form: str, *, pages: int = 1) -> bytes:
    first, *others = (Image.fromarray(pattern(number)) for number in range(pages))
    buffer = BytesIO()
    first.save(buffer, form, save_all=pages > 1, append_images=others)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("suffix", "names"),
    [
        (".jpg", ["a.jpg", "a.JPG", "a.jpeg", "a.jfif"]),
        (".png", ["a.png", "a.b.PNG"]),
        (".bmp", ["a.bmp"]),
        (".tif", ["a.tif", "a.tiff"]),
        (".webp", ["a.webp"]),
    ],
)
def test_every_usual_suffix_of_a_format_is_right_and_others_are_not(suffix: str, names: list[str]) -> None:
    content = encoded(1, suffix)
    for name in names:
        assert kinds(content, name) == []
    assert kinds(content, "a.gif") == ["wrong_suffix"]
    assert kinds(content, "a") == ["wrong_suffix"]


def test_the_reason_for_a_wrong_suffix_names_the_right_one() -> None:
    ((_, reason),) = remarks(encoded(1, ".jpg"), "a.png")
    assert reason == "the content is JPEG, the suffix '.png' says otherwise; name it .jpg"


@pytest.mark.parametrize("form", ["TIFF", "WEBP", "PNG", "GIF"])
def test_several_pictures_in_a_file_are_counted(form: str) -> None:
    ((kind, reason),) = remarks(saved(form, pages=3), f"a.{form.lower()}")
    assert kind == "several_frames"
    assert reason.startswith("3 pictures")
    assert kinds(saved(form), f"a.{form.lower()}") == []


def test_a_telephones_jpeg_with_a_preview_is_a_jpeg() -> None:
    content = saved("MPO", pages=2)

    assert kinds(content, "a.jpg") == []
    assert image_format(content) == "JPEG"


def test_what_is_no_image_has_no_format() -> None:
    assert image_format(b"<!DOCTYPE html>") is None
    assert kinds(b"", "a.jpg") == []


@settings(max_examples=60)
@given(
    form=st.sampled_from(["JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF"]),
    pages=st.integers(1, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_damage_anywhere_raises_nothing(form: str, pages: int, seed: int) -> None:
    content = bytearray(saved(form, pages=pages if form in ("TIFF", "WEBP", "PNG", "GIF") else 1))
    random = np.random.default_rng(seed)
    for _ in range(random.integers(1, 6)):
        content[int(random.integers(0, min(len(content), 300)))] = int(random.integers(0, 256))

    for kind, reason in remarks(bytes(content), "a.jpg"):
        assert kind
        assert reason
