"""Image file -> pixels -> network input. Training, evaluation and prediction all go through these functions.

H, W pixels of the file  h, w pixels of the input  N images
"""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thaiocr.errors import DataError, EnvironmentProblem

try:
    import cv2
except ImportError as error:  # a bare container lacks the libraries that OpenCV links to
    raise EnvironmentProblem(f"OpenCV does not load ({error}); run: apt-get install -y libgl1 libglib2.0-0") from error

OPENCV: Final = cv2.__version__

Pixels: TypeAlias = NDArray[np.uint8]

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
"""Of image files, in small letters."""
MAX_PIXELS: Final = 178_956_970
"""Of an image that is decoded: half a gigabyte, and what Pillow takes for safe."""

START_OF_FRAME: Final = frozenset(bytes((0xFF, kind)) for kind in range(0xC0, 0xD0) if kind not in (0xC4, 0xC8, 0xCC))
"""Markers of the JPEG segments that say how large the image is."""

# Both would print about damaged files, without naming them; a DataError does.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocess:
    """What happens to a decoded image before the network sees it; travels with an exported model."""

    image_shape: tuple[int, int, int]
    """Channels (3), height, width in pixels."""
    img_mode: str = "BGR"
    padding: bool = True

    @classmethod
    def of(cls, transforms: Sequence[object]) -> Preprocess:
        """Collect from a config's transforms what concerns pixels."""
        from thaiocr.config.schema import DecodeImage, RecResizeImg  # not needed, and not waited for, where one reads

        decode = next(each for each in transforms if isinstance(each, DecodeImage))
        resize = next(each for each in transforms if isinstance(each, RecResizeImg))
        return cls(image_shape=resize.image_shape, img_mode=decode.img_mode, padding=resize.padding)


class BadImage(DataError):  # noqa: N818 - what it is called in messages and reports
    """An image file that cannot be used.

    Args:
        kind: What is wrong with it, as `thaiocr data check` counts it.
        problem: The message.
    """

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind


def decode(encoded: bytes, name: str) -> Pixels:
    """Decode an image file's bytes to BGR pixels [H, W, 3].

    EXIF rotation is applied, transparency dropped, 16-bit and CMYK reduced to 8-bit BGR, as PaddleOCR's clients do. Of
    an animation and of a file of several pages it is the first picture.

    Raises:
        BadImage: empty, truncated, not an image, or of more than `MAX_PIXELS`; the message starts with `name`.
    """
    if not encoded:
        raise BadImage("empty_file", f"{name}: the file is empty")
    pixel_count, is_truncated = _look(encoded)
    if is_truncated:
        raise BadImage("truncated", f"{name}: the image is truncated; copy it again")
    if pixel_count > MAX_PIXELS:
        raise BadImage("huge", f"{name}: the image has too many pixels to be decoded safely; crop or shrink it")
    try:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadImage("not_an_image", f"{name}: cannot decode the image ({error.err})") from error
    if image is None:
        raise BadImage(
            "not_an_image",
            f"{name}: not an image that can be read (JPEG, PNG, BMP, TIFF and WebP can), or a damaged one",
        )
    return np.asarray(image, np.uint8)


def _look(encoded: bytes) -> tuple[int, bool]:
    """Return the pixels that a header promises, and whether a JPEG or PNG lacks its end, without decoding.

    OpenCV fills what is missing with grey and says nothing.
    """
    if encoded.startswith(b"\x89PNG"):
        width, height = struct.unpack(">II", encoded[16:24].ljust(8, b"\0"))
        return width * height, b"IEND" not in encoded
    if encoded.startswith(b"\xff\xd8\xff"):
        return _look_at_jpeg(encoded)
    return _pixel_count(encoded), False


def _look_at_jpeg(encoded: bytes) -> tuple[int, bool]:
    """Walk over the segments before the first scan: one of them may hold a whole thumbnail with an end of its own."""
    pixel_count, place = 0, 2
    while place < len(encoded) and encoded[place : place + 2] != b"\xff\xda":
        marker = encoded[place : place + 2]
        if marker in START_OF_FRAME:
            height, width = struct.unpack(">HH", encoded[place + 5 : place + 9].ljust(4, b"\0"))
            pixel_count = max(pixel_count, width * height)
        is_filling = marker == b"\xff\xff"  # any number of FF may precede a marker
        place += 1 if is_filling else 2 + int.from_bytes(encoded[place + 2 : place + 4], "big")
    return pixel_count, encoded.find(b"\xff\xd9", place) < 0


def _pixel_count(encoded: bytes) -> int:
    """Return what the header of a format other than JPEG and PNG says; 0 when there is none."""
    from PIL import Image  # loaded for these formats alone

    try:
        with Image.open(BytesIO(encoded), formats=("BMP", "GIF", "TIFF", "WEBP")) as image:
            return image.width * image.height
    except Image.DecompressionBombError:
        return MAX_PIXELS + 1
    except Exception:  # whatever else is wrong with it, OpenCV decides
        return 0


def find_images(folder: Path) -> list[Path]:
    """Return the image files of a folder and the folders in it, in the order of their paths."""
    return [each for each in sorted(folder.rglob("*")) if each.suffix.lower() in SUFFIXES and each.is_file()]


def read_image(path: Path, name: str | None = None) -> Pixels:
    """Read an image file to BGR pixels [H, W, 3].

    Args:
        path: The file.
        name: What an error calls it; the path when left out.

    Raises:
        BadImage: missing, unreadable, or as in `decode`.
    """
    name = name or str(path)
    return decode(read_file(path, name), name)


def read_file(path: Path, name: str) -> bytes:
    """Return the bytes of an image file that errors call `name`.

    Raises:
        BadImage: missing or unreadable.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise BadImage("missing", f"{name}: no such file (looked for {path})") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise BadImage("unreadable", f"{name}: cannot read {path}: {reason}") from error


def fit(image_HWC: Pixels, preprocess: Preprocess) -> tuple[Pixels, int]:
    """Resize to the input's height, keeping the aspect ratio up to its width, as PaddleOCR's RecResizeImg does.

    Returns:
        Pixels [h, w, 3] in the order of `img_mode`, and how many of the w columns hold the image; the rest are zero.
    """
    _, height, width = preprocess.image_shape
    wanted = math.ceil(height * (image_HWC.shape[1] / image_HWC.shape[0]))
    filled = min(width, max(1, wanted)) if preprocess.padding else width
    resized = cv2.resize(image_HWC, (filled, height), interpolation=cv2.INTER_LINEAR)
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[:, :filled] = resized if preprocess.img_mode == "BGR" else resized[:, :, ::-1]
    return canvas, filled


def normalize(images_NhwC: Pixels, filled_N: NDArray[np.integer]) -> NDArray[np.float32]:
    """Scale pixels to -1 .. 1 and set the columns without image to 0: uint8 [N, h, w, 3] -> float32 [N, 3, h, w]."""
    x_NChw = np.ascontiguousarray(images_NhwC.transpose(0, 3, 1, 2), dtype=np.float32)
    x_NChw /= 255
    x_NChw -= 0.5
    x_NChw /= 0.5
    for row, filled in zip(x_NChw, filled_N, strict=True):
        row[:, :, filled:] = 0
    return x_NChw
