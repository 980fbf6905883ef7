from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from thaiocr.data.images import MAX_PIXELS, Pixels
from thaiocr.errors import DataError
from thaiocr.predict.documents import open_document


def pages(path: Path, **options: int) -> list[Pixels]:
    found = list(open_document(path, path.name, **options))
    assert [page.number for page in found] == list(range(1, len(found) + 1))
    assert {page.pages for page in found} == {len(found)}
    assert not [page for page in found if isinstance(page.pixels_HWC, DataError)]
    return [page.pixels_HWC for page in found if not isinstance(page.pixels_HWC, DataError)]


def coloured(*colours: tuple[int, int, int]) -> list[Image.Image]:
    """Pages of one colour each, red, green, blue."""
    return [Image.new("RGB", (90, 60), colour) for colour in colours]


def write_pdf(path: Path, *sizes: tuple[float, float]) -> Path:
    """Write a PDF with pages of these sizes in points, white."""
    document = pypdfium2.PdfDocument.new()
    for size in sizes:
        document.new_page(*size)
    document.save(str(path))
    document.close()
    return path


def test_an_image_is_a_document_of_one_page(tmp_path: Path) -> None:
    coloured((250, 10, 20))[0].save(tmp_path / "a.png")
    (page,) = pages(tmp_path / "a.png")
    assert page.shape == (60, 90, 3)
    assert page[0, 0].tolist() == [20, 10, 250]


def test_a_tiff_file_has_all_its_pages_whatever_their_kind(tmp_path: Path) -> None:
    first, second = coloured((250, 10, 20), (1, 2, 3))
    grey, bits = first.convert("L"), first.convert("1")
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second, grey, bits])
    found = pages(tmp_path / "a.tif")
    assert [page.shape for page in found] == [(60, 90, 3)] * 4
    assert found[0][0, 0].tolist() == [20, 10, 250]
    assert found[1][0, 0].tolist() == [3, 2, 1]
    assert len(set(found[2][0, 0].tolist())) == 1


def test_a_tiff_file_of_one_page_is_read_as_any_image(tmp_path: Path) -> None:
    coloured((9, 99, 199))[0].save(tmp_path / "a.tiff")
    (page,) = pages(tmp_path / "a.tiff")
    expected = cv2.imread(str(tmp_path / "a.tiff"))
    assert expected is not None
    assert np.array_equal(page, expected)


def test_the_pages_of_a_pdf_have_the_resolution_asked_for(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", (144, 72), (72, 216))
    assert [page.shape for page in pages(path, dpi=144)] == [(144, 288, 3), (432, 144, 3)]
    assert [page.shape for page in pages(path, dpi=72)] == [(72, 144, 3), (216, 72, 3)]
    assert pages(path)[0].shape == (150, 300, 3)
    assert all((page == 255).all() for page in pages(path))


def test_pdf_colours_are_blue_green_red(tmp_path: Path) -> None:
    coloured((250, 10, 20))[0].save(tmp_path / "a.pdf")
    (page,) = pages(tmp_path / "a.pdf")
    assert np.abs(page[5, 5].astype(int) - [20, 10, 250]).max() < 12


def test_an_enormous_page_of_a_pdf_is_drawn_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thaiocr.predict.documents.MAX_PIXELS", 10_000)
    (page,) = pages(write_pdf(tmp_path / "a.pdf", (1440, 720)))
    assert 9_000 < page.shape[0] * page.shape[1] < 10_500
    assert MAX_PIXELS > 100_000_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"%PDF-1.7\nnot really", "cannot open the PDF file: .*it may be damaged"),
        (b"", "the file is empty"),
        (b"hello", "not an image that can be read"),
        (b"II*\0 not a tiff", "not an image that can be read"),
    ],
)
def test_a_damaged_file_is_one_message_with_its_name(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(DataError, match=f"a.bin: {message}"):
        list(open_document(tmp_path / "a.bin", "a.bin"))


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(open_document(tmp_path / "none.pdf", "none.pdf"))


def test_a_cut_off_tiff_gives_its_good_pages_and_errors_for_the_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noisy = [Image.fromarray(rng.integers(0, 256, (60, 90, 3), np.uint8)) for _ in range(3)]
    noisy[0].save(tmp_path / "a.tif", save_all=True, append_images=noisy[1:])
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with Image.open(tmp_path / "a.tif") as opened:
        opened.seek(1)
        offset = opened.tag_v2[273][0]  # type: ignore[attr-defined]  # of TIFF files only: where the pixels are
    path = tmp_path / "b.tif"
    (path).write_bytes(content[: offset + 100])
    found = list(open_document(path, "b.tif"))
    assert found
    assert any(isinstance(page.pixels_HWC, DataError) for page in found) or len(found) < 3
