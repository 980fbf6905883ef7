from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny
from numpy.typing import NDArray

from thaiocr.cli.main import main
from thaiocr.predict import pretrained


def encoded(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def expected(trained: tiny.Trained) -> dict[str, str]:
    """The labels of val: image -> text."""
    lines = (trained.data / "rec_gt_val.txt").read_text("utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def read(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> list[dict[str, object]]:
    """Run predict --json; returns what each line holds."""
    capsys.readouterr()
    assert main(["predict", "--json", *map(str, arguments)]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_image_of_a_label_file_is_read_as_training_measured(
    trained: tiny.Trained, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = expected(trained)
    found = read(capsys, "--bundle", bundle, "--labels", trained.data / "rec_gt_val.txt")
    assert [each["image"] for each in found] == list(labels)
    assert all(set(each) == {"image", "text", "score"} for each in found)
    right = sum(each["text"] == labels[str(each["image"])] for each in found)
    assert right / len(labels) == trained.report["best"]["acc"]
    assert read(capsys, "--bundle", bundle, "--labels", trained.data / "rec_gt_val.txt", "--engine", "paddle") == [
        {**each, "score": pytest.approx(each["score"], abs=1e-4)} for each in found
    ]


def test_a_folder_is_read_in_the_order_of_its_names(
    trained: tiny.Trained, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b/2.PNG", "b/10.png", "a.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(trained.data / "val" / "0000.png", tmp_path / name)
    found = read(capsys, "--bundle", bundle, tmp_path, trained.data / "val" / "0001.png", "--threads", "1")
    names = [tmp_path / "a.png", tmp_path / "b/10.png", tmp_path / "b/2.PNG", trained.data / "val/0001.png"]
    assert [each["image"] for each in found] == [str(name) for name in names]
    assert len({each["text"] for each in found[:3]}) == 1


def test_without_a_bundle_the_model_that_comes_with_thaiocr_reads(
    trained: tiny.Trained, bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = trained.data / "val" / "0000.png"
    monkeypatch.setattr(pretrained, "pretrained_bundle", {"thai_cluster": bundle}.__getitem__)
    assert read(capsys, image) == read(capsys, "--bundle", bundle, image)

    monkeypatch.setattr(pretrained, "pretrained_bundle", lambda name: pytest.fail("--bundle comes first"))
    assert read(capsys, "--bundle", bundle, image)


def test_a_folder_without_images_is_named_and_the_others_are_read(
    trained: tiny.Trained, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.png").mkdir()
    good = trained.data / "val" / "0000.png"
    found = read(capsys, "--bundle", bundle, good, tmp_path, good, code=3)
    assert found[0] == {
        "image": str(tmp_path),
        "error": f"{tmp_path}: no image in this folder (.bmp, .jpeg, .jpg, .png, .tif, .tiff, .webp)",
    }
    assert [each["image"] for each in found[1:]] == [str(good), str(good)]
    assert main(["predict", "--bundle", str(bundle), str(tmp_path)]) == 3


ODD: dict[str, bytes] = {
    "empty.jpg": b"",
    "text.png": "ข้อความ".encode(),
    "one pixel.png": encoded(np.full((1, 1, 3), 7, np.uint8)),
    "wide.png": encoded(np.full((40, 20_000, 3), 200, np.uint8)),
    "tall.png": encoded(np.full((20_000, 3, 3), 200, np.uint8)),
    "grey.png": encoded(np.full((40, 40), 90, np.uint8)),
    "alpha.png": encoded(np.full((40, 40, 4), 90, np.uint8)),
    "deep.png": encoded(np.full((40, 40, 3), 9000, np.uint16)),
}
REFUSED: dict[str, str] = {"empty.jpg": "the file is empty", "text.png": "not an image"}


def test_odd_images_of_a_folder_are_read_or_refused_one_by_one(
    trained: tiny.Trained, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in ODD.items():
        (tmp_path / name).write_bytes(content)
    shutil.copy(trained.data / "val" / "0000.png", tmp_path / "zz good.png")
    found = {Path(str(each["image"])).name: each for each in read(capsys, "--bundle", bundle, tmp_path, code=3)}
    assert found.keys() == {*ODD, "zz good.png"}
    assert {name for name, each in found.items() if "error" in each} == REFUSED.keys()
    assert all(str(found[name]["error"]).startswith(f"{tmp_path / name}: {text}") for name, text in REFUSED.items())
    assert found["zz good.png"]["text"] in tiny.ENTRIES


def test_a_broken_image_is_reported_in_its_place_and_the_others_are_read(
    trained: tiny.Trained, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = trained.data / "val" / "0000.png"
    broken = tmp_path / "broken.png"
    broken.write_bytes(good.read_bytes()[:300])
    first, second, third, fourth = read(capsys, "--bundle", bundle, good, broken, tmp_path / "none.png", good, code=3)
    assert first == fourth
    assert first["text"]
    assert second == {"image": str(broken), "error": f"{broken}: the image is truncated; copy it again"}
    assert str(third["error"]).startswith(f"{tmp_path / 'none.png'}: no such file")

    assert main(["predict", "--bundle", str(bundle), str(good), str(broken)]) == 3
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    assert printed.out.startswith(f"{good}")
    assert str(first["text"]) in printed.out
    assert printed.err == f"{broken}: the image is truncated; copy it again\n"


def test_reading_needs_no_paddle(trained: tiny.Trained, bundle: Path) -> None:
    script = (
        "import sys; from thaiocr.cli.main import main; code = main(sys.argv[1:]);"
        "assert not {'paddle', 'thaiocr.models', 'thaiocr.engine'} & sys.modules.keys(); sys.exit(code)"
    )
    command = ["predict", "--bundle", str(bundle), "--json", str(trained.data / "val" / "0000.png")]
    result = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["text"] in tiny.ENTRIES
    assert result.stderr == ""
