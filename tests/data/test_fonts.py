from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from folders import config, write_data

from thaiocr.data.check import check
from thaiocr.data.fonts import fonts_of
from thaiocr.progress import silent


def font(family: str, number: int) -> dict[str, Any]:
    return {"family": family, "style": "Regular", "file": f"{number}.ttf", "face": 0, "sha256": f"{number:064}"}


FONTS = [font("Garuda", 0), font("Loma", 1), font("Sarabun", 2)]


def write_manifest(folder: Path, train: list[int], val: list[int], evaluation_set: str = "B") -> None:
    splits = {
        name: {
            "labels": f"rec_gt_{name}.txt",
            "folder": f"rec/{name}",
            "evaluation_set": used,
            "images": {"font": fonts},
        }
        for name, fonts, used in (("train", train, ""), ("val", val, evaluation_set))
    }
    (folder / "manifest.json").write_text(json.dumps({"fonts": FONTS, "splits": splits}), "utf-8")


def reasons(folder: Path, *changes: str) -> list[str]:
    found = check(config(folder, *changes), progress=silent).findings
    assert {finding.kind for finding in found} <= {"font_leak"}
    return [finding.reason for finding in found]


def test_a_font_of_train_in_eval_is_a_warning_that_names_the_family(tmp_path: Path) -> None:
    write_data(tmp_path)
    write_manifest(tmp_path, train=[0, 1, 0, 1], val=[1, 2])

    (reason,) = reasons(tmp_path)

    assert "families Loma; 1 font files are the same" in reason


def test_held_out_fonts_are_no_leak(tmp_path: Path) -> None:
    write_data(tmp_path)
    write_manifest(tmp_path, train=[0, 1], val=[2])

    assert reasons(tmp_path) == []


def test_a_test_set_that_is_meant_to_show_fonts_of_train_is_no_leak(tmp_path: Path) -> None:
    write_data(tmp_path)
    write_manifest(tmp_path, train=[0, 1], val=[0], evaluation_set="C")

    assert reasons(tmp_path) == []


def test_fonts_of_two_data_sets_are_compared(tmp_path: Path) -> None:
    """Two runs of synth with other seeds hold out other families."""
    first, second = write_data(tmp_path / "a"), write_data(tmp_path / "b")
    write_manifest(first, train=[0, 1], val=[2])
    write_manifest(second, train=[2], val=[0])
    changes = f"Eval.dataset.data_dir={second}", f"Eval.dataset.label_file_list=[{second}/rec_gt_val.txt]"

    (reason,) = reasons(first, *changes)

    assert "Garuda" in reason


def test_a_manifest_that_knows_no_fonts_is_no_problem(tmp_path: Path) -> None:
    write_data(tmp_path)
    for content in ("{", "[]", '{"fonts": []}', '{"splits": {"train": 3}}', '{"fonts": [], "splits": {"train": {}}}'):
        (tmp_path / "manifest.json").write_text(content)
        assert reasons(tmp_path) == []
        assert fonts_of(tmp_path / "rec_gt_train.txt", tmp_path) is None
