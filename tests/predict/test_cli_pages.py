"""`thaiocr predict --det`, here because the bundle of stripes is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import page_models
import pypdfium2
import pytest
from PIL import Image

from thaiocr.cli.main import main
from thaiocr.data.images import Pixels

PLACES = {"กกี่": (40, 40), "น้ำ": (250, 44), "A": (40, 160)}
"""Text -> left, top; in reading order."""
CLASSES = {"กกี่": (1, 0, 2), "น้ำ": (3,), "A": (4,)}
SCALE = 6
FOLDERS = ("draw", "hocr", "page-xml", "alto", "pdf")


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    return page_models.write_detector(tmp_path / "det")


@pytest.fixture
def scan(tmp_path: Path, draw: Callable[..., Pixels]) -> Path:
    pixels = np.full((260, 480, 3), 255, np.uint8)
    for text, (left, top) in PLACES.items():
        line = np.kron(draw(*CLASSES[text]), np.ones((SCALE, SCALE, 1), np.uint8))
        pixels[top : top + line.shape[0], left : left + line.shape[1]] = line
    cv2.imwrite(str(tmp_path / "scan.png"), pixels)
    return tmp_path / "scan.png"


def read(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["predict", *map(str, arguments)]) == code
    return capsys.readouterr().out


def test_a_page_is_read_in_reading_order(
    detector: Path, bundle: Path, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(read(capsys, "--det", detector, "--rec", bundle, "--json", scan))
    assert {key: found[key] for key in ("image", "page", "pages", "width", "height")} == {
        "image": str(scan), "page": 1, "pages": 1, "width": 480, "height": 260,
    }  # fmt: skip
    lines = found["lines"]
    assert [line["text"] for line in lines] == list(PLACES)
    corners = np.array([line["polygon"][0] for line in lines])
    assert np.abs(corners - np.array(list(PLACES.values()))).max() <= 2
    text = read(capsys, "--det", detector, "--rec", bundle, "--text", scan)
    assert text.splitlines() == list(PLACES)
    plain = read(capsys, "--det", detector, "--bundle", bundle, scan, "--threads", "1")
    assert plain.splitlines()[0] == f"{scan} → {lines[0]['text']} → {lines[0]['score']:.4f}"


def test_all_pages_of_all_files_are_written_in_every_format(
    detector: Path, bundle: Path, scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = Image.open(scan)
    (tmp_path / "books").mkdir()
    image.save(tmp_path / "books" / "scan.tif", save_all=True, append_images=[image])
    image.save(tmp_path / "books" / "scan.pdf", resolution=72)
    (tmp_path / "books" / "notes.txt").write_text("no page", "utf-8")
    folders: list[str | Path] = [word for name in FOLDERS for word in (f"--{name}", tmp_path / "out" / name)]
    arguments: list[str | Path] = [
        "--det",
        detector,
        "--rec",
        bundle,
        "--json",
        "--dpi",
        "72",
        *folders,
        scan,
        tmp_path / "books",
    ]
    found = [json.loads(line) for line in read(capsys, *arguments).splitlines()]
    assert [(Path(each["image"]).name, each["page"], each["pages"]) for each in found] == [
        ("scan.png", 1, 1), ("scan.pdf", 1, 1), ("scan.tif", 1, 2), ("scan.tif", 2, 2),
    ]  # fmt: skip
    assert {len(each["lines"]) for each in found} == {3}

    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    pages = ["scan", "scan-2", "scan-3-0001", "scan-3-0002"]
    endings = {"draw": "png", "page-xml": "xml", "alto": "alto.xml"}
    expected = [f"{kind}/{name}.{ending}" for kind, ending in endings.items() for name in pages]
    documents = [f"{kind}/{name}.{kind}" for name in ("scan", "scan-2", "scan-3") for kind in ("hocr", "pdf")]
    assert written == sorted([*expected, *documents])
    drawn = cv2.imread(str(tmp_path / "out/draw/scan.png"))
    assert drawn is not None
    assert drawn.shape == (260, 960, 3)
    for path in (tmp_path / "out").rglob("*.[xh][mo]*"):
        ET.parse(path)
    for name, count in (("scan", 1), ("scan-3", 2)):
        document = pypdfium2.PdfDocument(tmp_path / "out" / "pdf" / f"{name}.pdf")
        assert [page.get_size() for page in document] == [(480, 260)] * count
        assert [page.get_textpage().get_text_range().split() for page in document] == [list(PLACES)] * count


@pytest.mark.parametrize(("option", "file"), [("--pdf", "scan.pdf"), ("--draw", "scan.png")])
def test_nothing_that_is_read_is_written_over(
    detector: Path, bundle: Path, scan: Path, capsys: pytest.CaptureFixture[str], option: str, file: str
) -> None:
    Image.open(scan).save(scan.with_suffix(".pdf"), resolution=72)
    before = scan.with_name(file).read_bytes()
    assert (
        main(
            [
                "predict",
                "--det",
                str(detector),
                "--rec",
                str(bundle),
                str(scan.with_name(file)),
                option,
                str(scan.parent),
            ]
        )
        == 2
    )
    assert f"{option}: {scan.with_name(file)} is one of the files to read" in capsys.readouterr().err
    assert scan.with_name(file).read_bytes() == before


def test_a_file_that_cannot_be_read_is_reported_in_its_place(
    detector: Path, bundle: Path, scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 no")
    (tmp_path / "empty").mkdir()
    arguments: list[str | Path] = [
        "--det",
        detector,
        "--rec",
        bundle,
        "--json",
        tmp_path / "bad.pdf",
        scan,
        tmp_path / "empty",
    ]
    empty, bad, good = [json.loads(line) for line in read(capsys, *arguments, code=3).splitlines()]
    assert "no image and no PDF file in this folder" in empty["error"]
    assert bad["error"].startswith(f"{tmp_path / 'bad.pdf'}: cannot open the PDF file")
    assert len(good["lines"]) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--text", "a.png"], 2, "--text needs --det DIR"),
        (["--draw", "d", "--page-xml", "x", "a.png"], 2, "--draw, --page-xml needs --det DIR"),
        (["--det", "none", "a.png"], 3, "none: not a bundle, there is no such folder"),
        (["--det", "none"], 2, "give images, PDF files or folders"),
        (["--det", "none", "--labels", "l.txt"], 2, "--labels names images of single texts"),
        (["--det", "none", "--json", "--text", "a.png"], 2, "choose one of --json and --text"),
        (["--det", "none", "--draw", "/proc/no", "a.png"], 5, "/proc/no: cannot be written"),
        (["--det", "none", "--draw", "d", "--font", "no.ttf", "a.png"], 2, "no.ttf: there is no such file"),
    ],
)
def test_a_mistake_is_one_message_with_a_way_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["predict", *arguments]) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
