from __future__ import annotations

import math
import re
import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from thaiocr.config import schema
from thaiocr.data.images import Pixels, Preprocess, decode, find_images, fit, normalize, read_image
from thaiocr.errors import DataError

RED, BLUE = (200, 30, 20), (10, 60, 220)


def picture(mode: str = "RGB") -> Image.Image:
    """A picture 60 wide and 40 high: left half red, right half blue."""
    image = Image.new("RGB", (60, 40), RED)
    image.paste(BLUE, (30, 0, 60, 40))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noisy(kind: str, **options: object) -> bytes:
    """An encoded image that no codec makes small, so that a cut goes through its pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), kind, **options)


def assert_red_then_blue(image_HWC: Pixels, tolerance: int = 12) -> None:
    assert image_HWC.dtype == np.uint8
    assert image_HWC.shape == (40, 60, 3)
    for column, color in ((8, RED), (52, BLUE)):
        np.testing.assert_allclose(image_HWC[20, column, ::-1].astype(int), color, atol=tolerance)


LOSSLESS: dict[str, tuple[str, dict[str, object]]] = {
    "png": ("PNG", {}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "tiff-lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "webp-lossless": ("WEBP", {"lossless": True}),
}
LOSSY: dict[str, tuple[str, dict[str, object]]] = {
    "jpeg": ("JPEG", {"quality": 95}),
    "progressive": ("JPEG", {"progressive": True}),
    "webp": ("WEBP", {}),
}


# -- decode ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_lossless_file_gives_its_pixels_in_bgr(name: str) -> None:
    kind, options = LOSSLESS[name]

    image_HWC = decode(encoded(picture(), kind, **options), "x")

    np.testing.assert_array_equal(image_HWC, np.asarray(picture())[:, :, ::-1])


@pytest.mark.parametrize("name", LOSSY)
def test_a_lossy_file_gives_about_its_pixels_in_bgr(name: str) -> None:
    kind, options = LOSSY[name]

    assert_red_then_blue(decode(encoded(picture(), kind, **options), "x"))


@pytest.mark.parametrize(("mode", "kind"), [("L", "PNG"), ("L", "JPEG"), ("L", "TIFF"), ("1", "PNG"), ("1", "BMP")])
def test_grey_and_black_and_white_become_three_equal_channels(mode: str, kind: str) -> None:
    image_HWC = decode(encoded(picture(mode), kind), "x")

    assert image_HWC.shape == (40, 60, 3)
    np.testing.assert_array_equal(image_HWC[:, :, 0], image_HWC[:, :, 1])
    np.testing.assert_array_equal(image_HWC[:, :, 0], image_HWC[:, :, 2])


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("RGBA", "WEBP"), ("CMYK", "JPEG"), ("CMYK", "TIFF")])
def test_alpha_and_cmyk_become_bgr(mode: str, kind: str) -> None:
    assert_red_then_blue(decode(encoded(picture(mode), kind), "x"))


def test_a_palette_becomes_bgr() -> None:
    assert_red_then_blue(decode(encoded(picture().quantize(4), "PNG"), "x"))


def test_transparency_is_dropped_as_paddleocr_does() -> None:
    transparent = Image.new("RGBA", (5, 4), (200, 30, 20, 0))

    assert (decode(encoded(transparent, "PNG"), "x")[:, :, ::-1] == RED).all()


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bits_are_reduced_to_8(suffix: str) -> None:
    pixels = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)

    image_HWC = decode(cv2.imencode(suffix, pixels)[1].tobytes(), "x")

    np.testing.assert_allclose(image_HWC[:, :, 0].astype(int), pixels // 256, atol=1)


ROTATIONS = {1: 0, 3: 2, 6: 3, 8: 1}
"""EXIF orientation -> quarter turns against the clock that undo it."""


@pytest.mark.parametrize("orientation", ROTATIONS)
def test_exif_rotation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation

    image_HWC = decode(encoded(picture(), "JPEG", exif=exif, quality=95), "x")

    assert_red_then_blue(np.rot90(image_HWC, -ROTATIONS[orientation]))


ANIMATED: dict[str, dict[str, object]] = {"GIF": {}, "PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}}


@pytest.mark.parametrize("kind", ANIMATED)
def test_of_an_animation_or_several_pages_the_first_picture_is_read(kind: str) -> None:
    second = Image.new("RGB", (60, 40), (0, 255, 0))

    image_HWC = decode(encoded(picture(), kind, save_all=True, append_images=[second], **ANIMATED[kind]), "x")

    assert_red_then_blue(image_HWC)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (9000, 1)])
def test_the_smallest_and_the_longest_pictures_are_decoded(kind: str, size: tuple[int, int]) -> None:
    assert decode(encoded(Image.new("RGB", size), kind), "x").shape == (size[1], size[0], 3)


# -- what cannot be decoded --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY])
def test_a_cut_file_is_refused_and_never_filled_with_grey(name: str, share: float) -> None:
    kind, options = (LOSSLESS | LOSSY)[name]
    whole = noisy(kind, **options)

    with pytest.raises(DataError, match=r"^a/b\.x: "):
        decode(whole[: int(len(whole) * share)], "a/b.x")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_cut_jpeg_or_png_is_called_truncated(kind: str) -> None:
    whole = noisy(kind)

    with pytest.raises(DataError, match="truncated; copy it again"):
        decode(whole[: len(whole) // 2], "x")


def test_the_end_of_a_thumbnail_does_not_pass_for_the_end_of_the_image() -> None:
    thumbnail = noisy("JPEG", quality=5)
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    image = noisy("JPEG")
    whole = image[:2] + segment + image[2:]
    assert decode(whole, "x").shape == (64, 96, 3)

    with pytest.raises(DataError, match="truncated"):
        decode(whole[: len(segment) + 900], "x")


@pytest.mark.parametrize("name", [*LOSSLESS, *LOSSY])
def test_what_a_camera_adds_behind_the_end_does_no_harm(name: str) -> None:
    kind, options = (LOSSLESS | LOSSY)[name]

    assert_red_then_blue(decode(encoded(picture(), kind, **options) + bytes(100_000), "x"))


def huge_png(width: int, height: int) -> bytes:
    """A whole PNG whose header promises more than its data holds."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def huge_jpeg(width: int, height: int, *, before: bytes = b"") -> bytes:
    """A small JPEG whose header promises more; `before` comes before that header."""
    whole = noisy("JPEG")
    place = whole.index(b"\xff\xc0")
    return whole[:place] + before + whole[place : place + 5] + struct.pack(">HH", height, width) + whole[place + 9 :]


def huge_bmp(width: int, height: int) -> bytes:
    whole = encoded(picture(), "BMP")
    return whole[:18] + struct.pack("<ii", width, height) + whole[26:]


HUGE: dict[str, bytes] = {
    "png": huge_png(20_000, 20_000),
    "larger png": huge_png(60_000, 60_000),
    "widest png": huge_png(2**31 - 1, 2),
    "jpeg": huge_jpeg(20_000, 20_000),
    "jpeg with filling": huge_jpeg(65_535, 65_535, before=b"\xff\xff\xff"),
    "bmp": huge_bmp(20_000, 20_000),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_image_is_refused_by_its_header(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("took memory for it"))

    with pytest.raises(DataError, match=r"^x: the image has too many pixels .*crop or shrink"):
        decode(HUGE[name], "x")


@pytest.mark.parametrize(
    "content",
    [
        b"hello, I am a text\n" * 50,
        "ภาษาไทย".encode() * 20,
        b"%PDF-1.7\n%\xe2\xe3",
        b"PK\x03\x04" + bytes(99),
        b"\xff\xd8\xff",
    ],
    ids=["text", "thai", "pdf", "zip", "three bytes of a JPEG"],
)
def test_a_file_that_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"^x\.jpg: (not an image that can be read|the image is truncated)"):
        decode(content, "x.jpg")


def test_an_empty_file_is_called_empty() -> None:
    with pytest.raises(DataError, match=r"^x\.jpg: the file is empty$"):
        decode(b"", "x.jpg")


@given(st.data())
@settings(max_examples=60)
def test_damaged_bytes_give_pixels_or_a_message_and_nothing_else(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "BMP", "TIFF", "WEBP"]))
    content = bytearray(encoded(picture(), kind))
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        image_HWC = decode(bytes(content), "x")
    except DataError as error:
        message = str(error)
    else:
        message = f"x: {image_HWC.ndim} dimensions, {image_HWC.shape[2]} channels"
    assert re.fullmatch(r"x: (the image .*|not an image .*|cannot decode .*|3 dimensions, 3 channels)", message)


def test_the_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(picture(), "PNG"))

    assert_red_then_blue(read_image(tmp_path / "a.jpg"), tolerance=0)


def test_thai_file_names_and_spaces_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ภาพ ที่ ๑" / "กั้ น้ำ.png"
    path.parent.mkdir()
    path.write_bytes(encoded(picture(), "PNG"))

    assert_red_then_blue(read_image(path))


def test_a_missing_file_is_named_as_asked_for_and_as_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_image(tmp_path / "a.png", "rec/a.png")

    assert str(caught.value) == f"rec/a.png: no such file (looked for {tmp_path / 'a.png'})"


@pytest.mark.parametrize("name", ["", "zero\0byte.png", "x" * 300 + ".png"], ids=["a folder", "zero byte", "too long"])
def test_a_path_that_cannot_be_opened_is_a_message(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"^x: cannot read .*(directory|null byte|too long)"):
        read_image(tmp_path / name, "x")


def test_the_images_of_a_folder_and_its_folders_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "b/10.png", "a.tiff", "notes.txt", "b/c/1.webp", "noend"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()

    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]

    assert found == ["a.tiff", "b/10.png", "b/2.PNG", "b/c/1.webp"]
    assert find_images(tmp_path / "nowhere") == []


# -- fit and normalize against PaddleOCR -------------------------------------------------------------------------------


def paddleocr_input(image_HWC: Pixels, options: Preprocess) -> NDArray[np.float32]:
    """What PaddleOCR's DecodeImage and RecResizeImg make of BGR pixels, from their description.

    RGB by reversing the channels; resize bilinearly to the height, to a width of ceil(height * w / h) but at most the
    input's (without padding: the input's); scale to -1 .. 1; put it at the left of an array of zeros.
    """
    channels, height, width = options.image_shape
    if options.img_mode == "RGB":
        image_HWC = np.ascontiguousarray(image_HWC[:, :, ::-1])
    resized_width = width
    if options.padding:
        resized_width = min(width, math.ceil(height * (image_HWC.shape[1] / float(image_HWC.shape[0]))))
    resized = cv2.resize(image_HWC, (resized_width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    padded = np.zeros((channels, height, width), np.float32)
    padded[:, :, :resized_width] = (resized.transpose(2, 0, 1) / 255 - 0.5) / 0.5
    return padded


@given(
    height=st.integers(1, 120),
    width=st.integers(1, 400),
    shape=st.sampled_from([(3, 32, 100), (3, 32, 320), (3, 48, 48), (3, 32, 33)]),
    img_mode=st.sampled_from(["BGR", "RGB"]),
    padding=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_input_is_what_paddleocr_makes_of_the_image(
    height: int, width: int, shape: tuple[int, int, int], img_mode: str, padding: bool, seed: int
) -> None:
    image_HWC = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    options = Preprocess(image_shape=shape, img_mode=img_mode, padding=padding)

    pixels, filled = fit(image_HWC, options)
    x_NChw = normalize(pixels[None], np.array([filled]))

    assert x_NChw.dtype == np.float32
    assert x_NChw.flags.c_contiguous
    np.testing.assert_allclose(x_NChw[0], paddleocr_input(image_HWC, options), atol=1e-6)


def test_a_square_image_fills_a_third_of_the_width_and_zero_pads_the_rest() -> None:
    white = np.full((64, 64, 3), 255, np.uint8)

    pixels, filled = fit(white, Preprocess(image_shape=(3, 32, 100)))
    x_NChw = normalize(pixels[None], np.array([filled]))

    assert filled == 32
    assert (x_NChw[:, :, :, :32] == 1).all()
    assert (x_NChw[:, :, :, 32:] == 0).all()  # grey after normalisation: not the -1 of black


def test_without_padding_the_image_is_stretched_over_the_whole_width() -> None:
    white = np.full((64, 64, 3), 255, np.uint8)

    pixels, filled = fit(white, Preprocess(image_shape=(3, 32, 100), padding=False))

    assert filled == 100
    assert (pixels == 255).all()


@pytest.mark.parametrize(("height", "width", "filled"), [(4000, 1, 1), (1, 40_000, 100), (32, 100, 100), (33, 100, 97)])
def test_extreme_shapes_keep_at_least_one_column_and_at_most_the_width(height: int, width: int, filled: int) -> None:
    image_HWC = np.zeros((height, width, 3), np.uint8)

    assert fit(image_HWC, Preprocess(image_shape=(3, 32, 100)))[1] == filled


def test_normalize_leaves_its_input_alone() -> None:
    images_NhwC = np.full((2, 4, 8, 3), 100, np.uint8)

    normalize(images_NhwC, np.array([3, 8]))

    assert (images_NhwC == 100).all()


def test_preprocess_comes_from_the_transforms_of_a_config() -> None:
    transforms = (
        schema.DecodeImage(img_mode="RGB"),
        schema.CTCLabelEncode(),
        schema.RecResizeImg(image_shape=(3, 48, 320), padding=False),
        schema.KeepKeys(),
    )

    assert Preprocess.of(transforms) == Preprocess(image_shape=(3, 48, 320), img_mode="RGB", padding=False)
