"""`thaiocr predict --det DIR`: read whole pages."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thaiocr.cli.common import cores, out, positive, print_json, say
from thaiocr.errors import DataError, EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from thaiocr.data.images import Pixels
    from thaiocr.predict.page import PageReading
    from thaiocr.predict.searchable_pdf import SearchablePdf

FOLDERS: Final = ("draw", "hocr", "page_xml", "alto", "pdf")
"""Options of pages that name a folder to write to."""


def add_page_options(parser: argparse.ArgumentParser) -> None:
    """Add what concerns whole pages."""
    group = parser.add_argument_group("whole pages: images, TIFF files of several pages, PDF files")
    group.add_argument(
        "--det",
        metavar="DIR",
        help="an exported detection model, or thai_det, which comes with thaiocr; finds the lines that --rec reads",
    )
    group.add_argument("--text", action="store_true", help="print nothing but the text, in reading order")
    group.add_argument("--draw", metavar="DIR", help="write pages with polygons and texts as PNG files to this folder")
    group.add_argument("--hocr", metavar="DIR", help="write an hOCR file for each document")
    group.add_argument("--page-xml", metavar="DIR", help="write a PAGE XML file for each page")
    group.add_argument("--alto", metavar="DIR", help="write an ALTO 4 file for each page")
    group.add_argument("--pdf", metavar="DIR", help="write a PDF file for each document, its text to be searched")
    group.add_argument(
        "--dpi", type=positive, metavar="N", help="resolution of a PDF's pages, read or written (default: 150)"
    )
    group.add_argument("--font", metavar="FILE", help="font of --draw (default: the first of the system that has Thai)")


def reads_pages(args: argparse.Namespace) -> bool:
    """Tell whether whole pages are asked for.

    Raises:
        UsageError: options of pages without --det, or with an option of single images.
    """
    options = {name: getattr(args, name) for name in ("text", *FOLDERS, "dpi", "font")}
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if not args.det and given:
        raise UsageError(f"predict: {', '.join(given)} needs --det DIR, an exported detection model")
    if args.det and args.labels:
        raise UsageError("predict: --labels names images of single texts; leave it out, or leave --det out")
    if args.det and args.json and args.text:
        raise UsageError("predict: choose one of --json and --text")
    return bool(args.det)


def run(args: argparse.Namespace) -> int:
    """Read pages; an unreadable one is reported in its place and the exit code is 3."""
    from thaiocr.predict.detector import Detector
    from thaiocr.predict.documents import DPI
    from thaiocr.predict.page import PageReader, PageReading
    from thaiocr.predict.pretrained import DETECTION, LINE, find_bundle
    from thaiocr.predict.reader import Reader

    files, empty_folders = _files(args.images)
    outputs = _Outputs(args, files)
    threads = args.threads or cores()
    detector = Detector(find_bundle(args.det, DETECTION), engine=args.engine, threads=threads)
    reader = PageReader(detector, Reader(find_bundle(args.bundle, LINE), engine=args.engine, threads=threads))
    for name in empty_folders:
        _print(args, PageReading(name, 1, 1, error=f"{name}: no image and no PDF file in this folder"))
    failed = len(empty_folders)
    for path in files:
        readings = []
        for reading, pixels in reader.read_file(path, str(path), dpi=args.dpi or DPI):
            failed += bool(reading.error)
            _print(args, reading)
            outputs.page(reading, pixels)
            readings.append(reading)
        outputs.document(readings)
    return DataError.exit_code if failed else 0


def _files(names: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return every file asked for, folders in order of name; and the folders that hold none."""
    from thaiocr.predict.documents import SUFFIXES

    if not names:
        raise UsageError("predict: give images, PDF files or folders of them")
    files: list[Path] = []
    empty_folders = []
    for name in names:
        path = Path(name)
        if not path.is_dir():
            files.append(path)
            continue
        found = [each for each in sorted(path.rglob("*")) if each.suffix.lower() in SUFFIXES and each.is_file()]
        files += found
        if not found:
            empty_folders.append(name)
    return files, empty_folders


def _print(args: argparse.Namespace, reading: PageReading) -> None:
    from thaiocr.predict.formats import to_json, to_text

    if reading.error:
        say(reading.error)
    if args.json:
        print_json(to_json(reading))
    elif args.text and not reading.error:
        out(to_text(reading))
    elif not reading.error:
        place = f"{reading.image}, page {reading.page}" if reading.pages > 1 else reading.image
        for line in reading.lines:
            out(f"{place} → {line.text} → {line.score:.4f}")


class _Outputs:
    """Writes what --draw, --hocr, --page-xml, --alto and --pdf ask for.

    Raises:
        EnvironmentProblem: a folder cannot be written, no font of this machine has Thai, or pypdfium2 is not installed.
        UsageError: --font is no font for Thai, or a page would be written over a file that is read.
    """

    def __init__(self, args: argparse.Namespace, files: Sequence[Path]) -> None:
        from thaiocr.predict.documents import DPI

        self._folders = {name: Path(getattr(args, name)) for name in FOLDERS if getattr(args, name)}
        self._names: dict[str, str] = {}
        self._sources = {path.resolve() for path in files}
        self._dpi = args.dpi or DPI
        self._pdf: SearchablePdf | None = None
        for folder in self._folders.values():
            with _writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
        if args.draw:
            from thaiocr.predict.drawing import find_thai_font

            self._font = find_thai_font(Path(args.font) if args.font else None)

    def page(self, reading: PageReading, pixels: Pixels) -> None:
        """Write a page's own files, and add it to those of its document."""
        from thaiocr.predict.drawing import draw_page
        from thaiocr.predict.formats import to_alto, to_page_xml

        if reading.error:
            return
        name = self._name(reading.image)
        name = f"{name}-{reading.page:04}" if reading.pages > 1 else name
        self._write("draw", f"{name}.png", lambda path: draw_page(pixels, reading.lines, self._font).save(path))
        self._write("page_xml", f"{name}.xml", _text(lambda: to_page_xml(reading)))
        self._write("alto", f"{name}.alto.xml", _text(lambda: to_alto(reading)))
        if "pdf" in self._folders:
            self._open_pdf().add(pixels, reading.lines)

    def document(self, readings: Sequence[PageReading]) -> None:
        """Write the files of a whole document."""
        from thaiocr.predict.formats import to_hocr

        if not readings or all(reading.error for reading in readings):
            return
        name = self._name(readings[0].image)
        self._write("hocr", f"{name}.hocr", _text(lambda: to_hocr(readings)))
        if self._pdf:
            self._write("pdf", f"{name}.pdf", self._pdf.save)
            self._pdf.close()
            self._pdf = None

    def _open_pdf(self) -> SearchablePdf:
        from thaiocr.predict.searchable_pdf import SearchablePdf

        if self._pdf is None:
            self._pdf = SearchablePdf(dpi=self._dpi)
        return self._pdf

    def _write(self, kind: str, file: str, write: Callable[[Path], object]) -> None:
        if kind in self._folders:
            path = self._folders[kind] / file
            if path.resolve() in self._sources:
                option = kind.replace("_", "-")
                raise UsageError(f"--{option}: {path} is one of the files to read; write to another folder")
            with _writing(path):
                write(path)

    def _name(self, image: str) -> str:
        """Return a file's name without its suffix; with a number where another file has that name already."""
        if image not in self._names:
            stem, taken, number = Path(image).stem, set(self._names.values()), 1
            while (name := stem if number == 1 else f"{stem}-{number}") in taken:
                number += 1
            self._names[image] = name
        return self._names[image]


def _text(content: Callable[[], str]) -> Callable[[Path], object]:
    return lambda path: path.write_text(content(), encoding="utf-8", newline="\n")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(
            f"{path}: cannot be written ({error.strerror or error}); choose another one"
        ) from error
