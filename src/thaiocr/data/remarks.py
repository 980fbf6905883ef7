"""What an image file's header tells a person who wonders about a picture: it is read, but not as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import PurePath
from typing import Final

from PIL import ExifTags, Image

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "JPEG2000": (".jp2", ".j2k"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
"""Format -> the suffixes that name it, the usual one first."""

_BITS_PER_SAMPLE: Final = 258
_UPRIGHT: Final = 1


def image_format(encoded: bytes) -> str | None:
    """Return the format by the content, as `SUFFIXES` names it; None when it is none of those."""
    picture = _open(encoded)
    return None if picture is None else _format(picture)


def remarks(encoded: bytes, name: str) -> Iterator[tuple[str, str]]:
    """Yield (kind of finding, reason) for what is unusual about an image file; `name` brings the suffix."""
    picture = _open(encoded)
    if picture is None:
        return
    with picture:
        form, suffix = _format(picture), PurePath(name).suffix
        if suffix.lower() not in SUFFIXES[form]:
            reason = f"the content is {form}, the suffix '{suffix}' says otherwise; name it {SUFFIXES[form][0]}"
            yield "wrong_suffix", reason
        if picture.mode == "CMYK":
            yield "cmyk", "CMYK, read as RGB; colours may differ from what was seen"
        if _is_deep(picture, encoded):
            yield "sixteen_bit", "more than 8 bits a channel, read as 8"
        if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
            yield "alpha", "transparency is dropped, not laid on white"
        turned = _orientation(picture, encoded)
        if turned != _UPRIGHT:
            yield "exif_rotation", f"turned or mirrored as its EXIF orientation {turned} says"
        frames = _frames(picture)
        if frames > 1:
            yield "several_frames", f"{frames} pictures in the file, the first is read"


def _open(encoded: bytes) -> Image.Image | None:
    """Read the header only."""
    try:
        return Image.open(BytesIO(encoded), formats=(*SUFFIXES, "MPO"))
    except Exception:  # Pillow raises of every sort on damaged files; whether one can be used is not asked here
        return None


def _format(picture: Image.Image) -> str:
    """MPO is a JPEG with more pictures after its end, as telephones write it."""
    return "JPEG" if picture.format == "MPO" else str(picture.format)


def _is_deep(picture: Image.Image, encoded: bytes) -> bool:
    if picture.format == "PNG":
        return encoded[24] > 8
    if picture.format == "TIFF":
        depths = getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, 8)
        return any(depth > 8 for depth in (depths if isinstance(depths, tuple) else (depths,)))
    return picture.mode.startswith("I")


def _frames(picture: Image.Image) -> int:
    if picture.format != "MPO":  # a JPEG to everyone but Pillow
        with suppress(Exception):  # Pillow looks for the others, and may find damage there
            return int(getattr(picture, "n_frames", 1))
    return 1


def _orientation(picture: Image.Image, encoded: bytes) -> int:
    if picture.format == "PNG" and b"eXIf" not in encoded:
        return _UPRIGHT  # Pillow would decode the whole picture to find out
    with suppress(Exception):  # a damaged EXIF block
        found = picture.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
        return found if found in range(1, 9) else _UPRIGHT
    return _UPRIGHT
