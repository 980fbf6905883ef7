from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny

from thaiocr.cli.main import main
from thaiocr.predict.reader import Reader


def test_a_checkpoint_and_its_bundle_measure_what_training_measured(
    trained: tiny.Trained, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, name in (([], str(trained.run / "best_accuracy")), (["--bundle", str(bundle)], str(bundle))):
        assert main(["eval", "-c", str(trained.config_file), "--json", *options]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert summary["model"] == name
        assert summary["images"] == 24
        for figure in ("acc", "macro_acc", "cer", "norm_edit_dis"):
            assert summary[figure] == trained.report["best"][figure]


def test_a_person_gets_the_figures_and_a_page(
    trained: tiny.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels of a folder elsewhere: its images lie beside it."""
    data = tiny.write_data(tmp_path / "data", images=12, val_images=12)
    labels = data / "rec_gt_val.txt"
    names = [line.split("\t")[0] for line in labels.read_text("utf-8").splitlines()]
    labels.write_text("".join(f"{name}\tก\n" for name in [*names, "val/none.png"]), "utf-8")
    report = tmp_path / "report"

    command = ["eval", "-c", str(trained.config_file), "--labels", str(labels), "--report", str(report)]
    assert main([*command, "--checkpoint", str(trained.run / "latest.pdparams")]) == 0

    printed = capsys.readouterr()
    assert "images                 12\n" in printed.out
    assert "accuracy               0." in printed.out
    assert "  ก -> " in printed.out.partition("most frequent confusions")[2]
    assert f"{labels}:13: val/none.png: " in printed.err
    assert "1 of 13 lines cannot be used and are not counted" in printed.err
    assert f"report: {report / 'index.html'}" in printed.err
    page = (report / "index.html").read_text("utf-8")
    assert "data:image/" in page


def test_a_report_can_be_one_json_file(trained: tiny.Trained, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    assert main(["eval", "-c", str(trained.config_file), "--report", str(path)]) == 0
    assert json.loads(path.read_text("utf-8"))["images"] == 24


def test_a_bundle_that_prepares_images_in_another_way_is_refused(
    trained: tiny.Trained, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = [f"{feed}.dataset.transforms.2.RecResizeImg.image_shape=[3, 32, 16]" for feed in ("Train", "Eval")]
    assert main(["eval", "-c", str(trained.config_file), "--bundle", str(bundle), "-o", *shape]) == 3
    assert f"{bundle}: prepares images in another way than Eval.dataset.transforms" in capsys.readouterr().err


def test_weights_of_another_dictionary_of_the_same_size_are_refused(
    trained: tiny.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(trained.data, tmp_path / "data"))
    (data / "dict.txt").write_text("".join(f"{entry}\n" for entry in reversed(tiny.ENTRIES)), "utf-8")
    other = f"Global.character_dict_path={data / 'dict.txt'}"
    assert main(["eval", "-c", str(trained.config_file), "-o", other]) == 3
    message = f"{trained.run}/best_accuracy: trained with another dictionary than {data}/dict.txt\n"
    assert message in capsys.readouterr().err


def test_several_label_files_are_measured_one_by_one(
    trained: tiny.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tiny.write_data(tmp_path / "data", images=12, val_images=12)
    lines = (data / "rec_gt_val.txt").read_text("utf-8").splitlines(keepends=True)
    files = [data / "rec_gt_test_A.txt", data / "rec_gt_test_D.txt"]
    for file, some in zip(files, (lines[:5], lines[5:]), strict=True):
        file.write_text("".join(some), "utf-8")
    report = tmp_path / "report"
    command = ["eval", "-c", str(trained.config_file), "--labels", *map(str, files)]

    assert main([*command, "--report", str(report)]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].split() == ["|", "figure,", "%", "|", "test_A", "|", "test_D", "|"]
    assert f"report: {report / 'index.html'}" in printed.err
    assert all((report / name / "index.html").is_file() for name in ("test_A", "test_D"))
    whole = json.loads((report / "report.json").read_text("utf-8"))["sets"]

    assert main([*command, "--json"]) == 0
    sets = json.loads(capsys.readouterr().out)["sets"]
    assert {name: found["images"] for name, found in sets.items()} == {"test_A": 5, "test_D": 7}
    assert sets == whole


def test_label_files_of_one_name_are_refused(
    trained: tiny.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(tmp_path / folder / "rec_gt_test.txt") for folder in ("one", "other")]
    assert main(["eval", "-c", str(trained.config_file), "--labels", *files]) == 2
    assert "several files are called rec_gt_test" in capsys.readouterr().err


def test_images_with_nothing_to_read_are_told_from_right_readings(
    trained: tiny.Trained, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank, noise = tmp_path / "blank", tmp_path / "noise"
    for folder, random in ((blank, None), (noise, np.random.default_rng(0))):
        folder.mkdir()
        for number in range(5):
            pixels = np.full((40, 40, 3), 230) if random is None else random.integers(0, 256, (40, 40, 3))
            cv2.imwrite(str(folder / f"{number}.png"), pixels.astype(np.uint8))
    command = ["eval", "-c", str(trained.config_file), "--bundle", str(bundle), "--negatives", str(blank), str(noise)]

    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["separation"]
    assert (found["right"] + found["wrong"], found["negatives"]) == (24, 10)
    assert sum(each["negatives"] for each in found["bins"]) == 10
    reader = Reader(bundle, threads=1)
    scores = [each.score for folder in (blank, noise) for each in reader.read_files(named(folder))]
    assert found["negatives_read"] == sum(score > 0 for score in scores) / 10
    assert found["negatives_above"] == sum(score >= found["threshold"] for score in scores) / 10

    assert main(command) == 0
    printed = capsys.readouterr().out
    assert f"AUROC, negatives       {found['auroc_negatives']:.4f}  (10 images with nothing to read)" in printed


def named(folder: Path) -> list[tuple[str, Path]]:
    return [(path.name, path) for path in sorted(folder.iterdir())]


def test_negatives_that_cannot_be_read_are_named(
    trained: tiny.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    command = ["eval", "-c", str(trained.config_file), "--negatives"]
    assert main([*command, str(tmp_path)]) == 3
    assert capsys.readouterr().err == f"{tmp_path}/a.png: the file is empty\n{tmp_path}/b.png: the file is empty\n"
    assert main([*command, str(tmp_path / "nowhere")]) == 3
    assert "nowhere: no image in this folder" in capsys.readouterr().err
