"""`thaiocr predict --det` with pages that nobody means to read: a defined result for each, and no other suffers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import page_models
import pytest
from numpy.typing import NDArray

from thaiocr.cli.main import main


def specks() -> NDArray[np.uint8]:
    """Return a page of 10,000 boxes."""
    pixels = np.full((1000, 1000, 3), 255, np.uint8)
    for row in range(100):
        pixels[10 * row + 2 : 10 * row + 8].reshape(6, 100, 10, 3)[:, :, 2:8] = 0
    return pixels


PAGES: Final[dict[str, NDArray[np.uint8]]] = {
    "1 white.png": np.full((700, 500, 3), 255, np.uint8),
    "2 pixel.png": np.full((1, 1, 3), 255, np.uint8),
    "3 wide.png": np.full((30, 20_000, 3), 255, np.uint8),
    "4 high.png": np.full((20_000, 30, 3), 255, np.uint8),
    "5 black.png": np.zeros((300, 200, 3), np.uint8),
    "6 specks.png": specks(),
}
LINES: Final = {"1 white.png": 0, "3 wide.png": 0, "4 high.png": 0, "5 black.png": 1, "6 specks.png": 1000}
"""`max_candidates` is the most that are found; what fills up a page of a pixel is black."""


def test_odd_pages_are_read_and_written_and_a_bad_one_is_an_error_in_its_place(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for name, pixels in PAGES.items():
        cv2.imwrite(str(scans / name), pixels)
    (scans / "7 empty.png").touch()
    detector = page_models.write_detector(tmp_path / "det", unclip_ratio=0.5)
    outputs = [f"--{kind}={tmp_path / kind}" for kind in ("hocr", "page-xml")]
    assert main(["predict", "--det", str(detector), "--rec", str(bundle), "--json", *outputs, str(scans)]) == 3
    found = {Path(each["image"]).name: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {name: len(found[name]["lines"]) for name in LINES} == LINES
    assert [(found[name]["width"], found[name]["height"]) for name in PAGES] == [
        (pixels.shape[1], pixels.shape[0]) for pixels in PAGES.values()
    ]
    assert found["7 empty.png"]["error"].endswith("7 empty.png: the file is empty")
    for kind in ("hocr", "page-xml"):
        assert len(list((tmp_path / kind).iterdir())) == len(PAGES)
