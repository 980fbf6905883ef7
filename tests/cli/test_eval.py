from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny

from thaiocr.cli.main import main


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
