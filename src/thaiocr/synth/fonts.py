"""Font files of this machine: where they are, what they call themselves, and how they are opened for Thai.

Nothing here knows a font by name; `qa` decides what a font can draw.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import ImageFont, features

from thaiocr.errors import EnvironmentProblem, UsageError

SUFFIXES: Final = (".ttf", ".otf", ".ttc", ".otc", ".woff2", ".woff")
"""In the order of preference between two files that draw the same."""

HOW_TO_GET_FONTS: Final = (
    "install more fonts (for Thai on Debian, Ubuntu: apt-get install -y fonts-thai-tlwg-ttf fonts-noto-core "
    "fonts-arundina; anywhere: npm install @expo-google-fonts/sarabun @expo-google-fonts/kanit @expo-google-fonts/mali "
    "@expo-google-fonts/itim @expo-google-fonts/prompt, then --fonts node_modules/@expo-google-fonts), "
    "or name font files or folders with --fonts"
)

_FACES: Final = frozenset({".ttc", ".otc"})
_WEIGHT: Final = re.compile(
    r"[ -](thin|hairline|(extra|ultra|semi|demi)[ -]?(light|bold)|light|regular|book|medium|bold|black|heavy"
    r"|italic|oblique)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class FontFile:
    """One face of a font file. Orders by name and content, so that the order is the same on every machine."""

    family: str
    """Without weight and slant: "Kanit Light" is of the family "Kanit"."""
    style: str
    sha256: str
    """Of the whole file."""
    face: int
    """Index in a collection; 0 in a plain font file."""
    path: Path


def require_raqm() -> None:
    """Make sure that Pillow shapes text with RAQM; its BASIC layout puts Thai marks where they do not belong.

    Raises:
        EnvironmentProblem: RAQM, or the FriBiDi library that it loads when it starts, is not there.
    """
    if not features.check("raqm"):
        raise EnvironmentProblem(
            "Pillow cannot shape Thai here: its RAQM layout, or the FriBiDi library that RAQM loads, is missing; "
            "install FriBiDi (Debian, Ubuntu: apt-get install -y libfribidi0; macOS: brew install fribidi) "
            "and use a Pillow wheel from PyPI"
        )


@functools.lru_cache(maxsize=512)
def open_font(
    path: Path, face: int, size: int, layout: ImageFont.Layout = ImageFont.Layout.RAQM
) -> ImageFont.FreeTypeFont:
    """Open one face at `size` pixels per em; the last 512 stay open (about 100 kB each).

    Raises:
        OSError: the file cannot be read, is not a font, or has no such face.
    """
    return ImageFont.truetype(str(path), size, index=face, layout_engine=layout)


def system_folders() -> tuple[Path, ...]:
    """Return the folders where Linux, macOS and Windows keep fonts, as far as they exist here."""
    home = Path.home()
    windows = os.environ.get("WINDIR", r"C:\Windows")
    folders = (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share") / "fonts",
        home / ".fonts",
        Path("/System/Library/Fonts"),
        Path("/Library/Fonts"),
        home / "Library/Fonts",
        Path(windows) / "Fonts",
        Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local") / "Microsoft/Windows/Fonts",
    )
    return tuple(folder for folder in folders if folder.is_dir())


def find_fonts(places: Sequence[Path] | None = None) -> list[FontFile]:
    """Find every font face, each content once, sorted.

    Args:
        places: Font files and folders (searched with what is below them); None searches the system's folders.

    Raises:
        UsageError: a place does not exist, or a file named here is no font.
    """
    problems: list[str] = []
    found: dict[tuple[str, int], FontFile] = {}
    for path in _font_paths(system_folders() if places is None else places, problems):
        for font in _faces(path):
            found.setdefault((font.sha256, font.face), font)
    for place in places or ():
        if place.is_file() and not any(font.path == place for font in found.values()) and not list(_faces(place)):
            problems.append(f"--fonts {place}: this is not a font that can be opened")
    if problems:
        raise UsageError(problems)
    return sorted(found.values())


def _font_paths(places: Iterable[Path], problems: list[str]) -> Iterator[Path]:
    for place in places:
        if place.is_file():
            yield place
        elif place.is_dir():
            paths = (Path(folder) / name for folder, _, names in os.walk(place) for name in names)
            fonts = sorted((path for path in paths if path.suffix.lower() in SUFFIXES), key=_preference)
            one_format: dict[Path, Path] = {}
            for path in fonts:  # web fonts come as x.woff2 and x.woff, the same font twice
                one_format.setdefault(path.with_suffix(""), path)
            yield from one_format.values()
        else:
            problems.append(f"--fonts {place}: there is no such file or folder")


def _preference(path: Path) -> tuple[int, str]:
    return SUFFIXES.index(path.suffix.lower()), str(path)


def _faces(path: Path) -> Iterator[FontFile]:
    """Yield the faces of one file; none when it cannot be read or is no scalable font."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        for face in range(64 if path.suffix.lower() in _FACES else 1):
            family, style = _names(*ImageFont.truetype(str(path), 32, index=face).getname())
            yield FontFile(family=family or path.stem, style=style, sha256=digest, face=face, path=path)
    except OSError:
        return


def _names(family: str | None, style: str | None) -> tuple[str, str]:
    """Split weight and slant off the family name, where old name tables put them.

    >>> _names("Kanit Light", "Italic")
    ('Kanit', 'Light Italic')
    """
    words: list[str] = []
    family = family or ""
    while match := _WEIGHT.search(family):
        words.insert(0, match.group(1))
        family = family[: match.start()]
    if style and (style != "Regular" or not words):
        words.append(style)
    return family, " ".join(words)
