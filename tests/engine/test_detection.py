"""A detector trains, goes on bit for bit, is measured and exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny
import tiny_pages

from thaiocr.cli.main import main
from thaiocr.config.dump import to_yaml
from thaiocr.data.images import read_image
from thaiocr.errors import DataError
from thaiocr.predict.detector import Detector
from thaiocr.progress import Advance, Progress


class Killed(BaseException):
    """Stands for a kill: nothing is saved on the way out."""


def killed_at(step: int) -> Progress:
    """Return a progress that kills the run after so many steps."""
    steps = 0

    @contextmanager
    def progress(label: str, _total: int, /) -> Iterator[Advance]:
        def advance(count: int, note: str = "") -> None:
            nonlocal steps
            steps += label.startswith("epoch") and count == 1 and bool(note)
            if steps == step:
                raise Killed

        yield advance

    return progress


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pages.write_pages(tmp_path_factory.mktemp("pages"), pages=4)


def test_a_killed_run_is_resumed_bit_for_bit(pages: Path, tmp_path: Path) -> None:
    """Killed in its second epoch, so that order, parts of the pages and rate must be those of that epoch again."""
    changes = (*tiny_pages.RUNS, "Train.loader.num_workers=2")
    report = tiny_pages.fit(tiny_pages.config(pages, tmp_path / "whole", *changes))
    run = tmp_path / "killed"
    with pytest.raises(Killed):
        tiny_pages.fit(tiny_pages.config(pages, run, *changes), progress=killed_at(3))

    tiny_pages.fit(tiny_pages.config(pages, run, *changes), resume=Path())

    assert tiny.outcome(run) == tiny.outcome(tmp_path / "whole")
    assert report["images"] == {"train": 4, "eval": 3}
    assert set(report["best"]) == {"epoch", "step", "hmean", "precision", "recall", "mean_iou", "map", "ap50", "ap75"}


def test_workers_do_not_change_the_run(pages: Path, tmp_path: Path) -> None:
    for name, workers in (("none", 0), ("three", 3)):
        changes = (*tiny_pages.RUNS, "Global.epoch_num=1", "Optimizer.lr.warmup_epoch=0")
        tiny_pages.fit(tiny_pages.config(pages, tmp_path / name, *changes, f"Train.loader.num_workers={workers}"))

    assert tiny.outcome(tmp_path / "none") == tiny.outcome(tmp_path / "three")


def test_pages_that_cannot_be_used_are_listed_and_refused_when_they_are_many(tmp_path: Path) -> None:
    data = tiny_pages.write_pages(tmp_path / "pages", pages=4)
    (data / "train" / "1.png").write_bytes(b"no picture")
    with (data / "det_gt_train.txt").open("a", encoding="utf-8") as labels:
        labels.write("train/0.png\t[{]\n")

    with pytest.raises(DataError) as caught:
        tiny_pages.fit(tiny_pages.config(data, tmp_path / "run", *tiny_pages.RUNS))

    assert "det_gt_train.txt:5: train/0.png: the boxes are not JSON" in str(caught.value)
    assert "det_gt_train.txt:2: train/1.png: not an image" in str(caught.value)
    assert "40.0% of the lines cannot be used" in str(caught.value)
    listed = (tmp_path / "run" / "rejects.tsv").read_text("utf-8").splitlines()
    assert [line.split("\t")[1] for line in listed] == ["train/0.png", "train/1.png"]


@pytest.mark.slow
def test_what_is_learnt_is_measured_exported_and_found_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tiny_pages.write_pages(tmp_path / "pages", pages=16)
    config = tiny_pages.config(data, tmp_path / "run", *tiny_pages.LEARNS)
    file = tmp_path / "det.yml"
    file.write_text(to_yaml(config), "utf-8")

    assert main(["train", "-c", str(file)]) == 0
    assert main(["eval", "-c", str(file), "--json"]) == 0
    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert measured["hmean"] > 0.8
    assert (measured["pages"], measured["regions"]) == (3, 9)

    bundle = tmp_path / "bundle"
    assert main(["export", "-c", str(file), "-o", str(bundle), "--json"]) == 0
    exported = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {each["engine"] for each in exported["parity"]} == {"paddle", "onnx"}
    assert all(each["same_polygons"] == each["pages"] == 3 for each in exported["parity"])

    assert main(["eval", "-c", str(file), "--bundle", str(bundle), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["hmean"] == pytest.approx(measured["hmean"])
    found = Detector(bundle).detect(read_image(data / "val" / "0.png"))
    assert len(found) == 3
