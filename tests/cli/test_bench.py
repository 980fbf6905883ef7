from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import tiny

from thaiocr.cli.main import main
from thaiocr.engine.device import has_gpu
from thaiocr.synth.fonts import find_fonts

QUICK: Final = ("--seconds", "0.01")
FIELDS: Final = {"bench", "spread", "repeats", "options", "machine", "versions"}


def bench(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    """Run a bench for as short a time as it can; returns its line after a look at what all of them promise."""
    capsys.readouterr()
    assert main(["bench", *map(str, words), *QUICK, "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    line: dict[str, Any] = json.loads(printed)
    assert set(line) >= FIELDS
    assert line["bench"] == words[0]
    medians = {**line.get("images_per_s", {}), **line.get("ms", {})}
    assert medians
    assert set(medians) == set(line["spread"]) == set(line["repeats"])
    for name, median in medians.items():
        low, high = line["spread"][name]
        assert 0 < low <= median <= high
        assert line["repeats"][name] >= 3
    assert {"cpu", "cores", "load", "memory_gb"} <= set(line["machine"]) or sys.platform != "linux"
    assert {"thaiocr", "python", "paddle", "numpy", "onnxruntime", "numba"} == set(line["versions"])
    return line


def fonts() -> list[str]:
    """Five families, which all of train, val and test can be made of."""
    families = ("Garuda", "Laksaman", "Loma", "Sawasdee", "Noto Sans Thai")
    found = {font.family: str(font.path) for font in find_fonts() if font.style == "Regular"}
    assert set(families) <= set(found), "install fonts-thai-tlwg-ttf and fonts-noto-core, as scripts/test does"
    return [found[family] for family in families]


def test_step_compares_paddles_operations_with_ours(capsys: pytest.CaptureFixture[str]) -> None:
    line = bench(capsys, "step", "--width", "8", "--batch", "2", "--classes", "5")

    assert set(line["images_per_s"]) == {"paddle", "fast"}
    assert line["options"] == {"width": 8, "batch": 2, "classes": 5, "device": "cpu"}
    expected = line["images_per_s"]["fast"] / line["images_per_s"]["paddle"]
    assert line["ratio"]["fast / paddle"] == pytest.approx(expected, rel=1e-2)


def test_step_measures_a_configuration_and_leaves_its_run_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tiny.write_data(tmp_path, images=24)
    file = tiny.write_config(data, tmp_path / "run", *tiny.RUNS)

    line = bench(capsys, "step", "-c", file, "-o", "Train.loader.batch_size_per_card=6")

    assert line["options"] == {
        "config": file.name,
        "batch": 6,
        "classes": 1 + len(tiny.ENTRIES),
        "image_shape": [3, 32, 8],
        "device": "cpu",
    }
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(has_gpu(), reason="says what is wrong where there is no GPU")
def test_step_on_a_gpu_that_is_not_there_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "step", "--device", "gpu", *QUICK]) == 5
    assert "--device gpu, but paddle sees no GPU here; install paddlepaddle-gpu" in capsys.readouterr().err


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu(), reason="needs a GPU")
@pytest.mark.parametrize("precision", [(), ("--amp", "O1"), ("--amp", "O2", "--amp-dtype", "float16")])
def test_step_measures_a_gpu_in_any_precision(precision: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    line = bench(capsys, "step", "--width", "100", "--batch", "8", "--device", "gpu", *precision)

    assert set(line["images_per_s"]) == {"paddle"}
    assert line["options"]["device"].startswith("gpu")
    assert line["options"]["gpu"]
    assert ("amp" in line["options"]) == bool(precision)


@pytest.mark.slow
def test_data_compares_the_pack_with_decoding_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THAIOCR_CACHE", str(tmp_path / "cache"))
    line = bench(capsys, "data", "--images", "40", "--batch", "16", "--width", "24", "--height", "16", "--workers", "1")

    ways = {f"{way}{change}, 1 worker" for way in ("packed", "one by one") for change in ("", ", RecAug")}
    assert set(line["images_per_s"]) == ways
    assert set(line["ratio"]) == {"packed / one by one, 1 worker", "packed / one by one, RecAug, 1 worker"}
    assert line["options"] == {"width": 24, "height": 16, "batch": 16, "images": 40, "workers": [1]}
    assert not (tmp_path / "cache").exists(), "packs of a bench are not kept among the user's"


def test_predict_measures_one_image_and_many_with_a_bundle(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = bench(capsys, "predict", "--bundle", bundle, "--images", "40")

    assert set(line["ms"]) == {"one image"}
    assert set(line["images_per_s"]) == {"decoded images", "image files"}
    assert line["options"]["bundle"] == bundle.name
    assert line["options"]["classes"] == 1 + len(tiny.ENTRIES)


@pytest.mark.slow
def test_predict_without_a_bundle_makes_an_untrained_one(capsys: pytest.CaptureFixture[str]) -> None:
    line = bench(capsys, "predict", "--images", "2", "--width", "32", "--classes", "12")

    assert line["options"]["bundle"] == "untrained"
    assert line["options"]["image_shape"] == [3, 32, 32]
    assert line["options"]["classes"] == 12


def test_synth_measures_both_presets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dict.txt").write_text("ก\nที่\nน้ำ\nปี\nA\n", "utf-8")

    line = bench(
        capsys, "synth", "--dict", tmp_path / "dict.txt", "--images", "20", "--workers", "1", "--fonts", *fonts()
    )

    assert set(line["images_per_s"]) == {"clean, 1 worker", "photo, 1 worker"}
    assert line["options"] == {"images": 20, "entries": 5, "workers": [1]}


@pytest.mark.slow
def test_startup_measures_new_processes(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = bench(capsys, "startup", "--bundle", bundle)

    assert set(line["ms"]) == {"--help", "--version", "predict"}


def test_without_json_a_table_tells_the_same(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "predict", "--bundle", str(bundle), "--images", "3", *QUICK]) == 0
    printed = capsys.readouterr().out.splitlines()

    assert printed[0].startswith("predict: bundle bundle, image_shape 3 x 32 x 8, classes 13, images 3")
    assert [line.split("  ")[1] for line in printed[1:4]] == ["one image", "decoded images", "image files"]
    assert all(" ms " in line or " images/s " in line for line in printed[1:4])
    assert all("between" in line for line in printed[1:4])
    assert printed[4].startswith("on: cpu ")
    assert printed[5].startswith("with: python ")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["bench"], 2, "KIND"),
        (["bench", "stpe"], 2, "did you mean 'step'?"),
        (["bench", "step", "--seconds", "0"], 2, "argument --seconds: must be more than 0, not 0"),
        (["bench", "data", "--seconds", "nan"], 2, "argument --seconds: must be more than 0, not nan"),
        (["bench", "data", "--images", "0"], 2, "argument --images: must be at least 1, not 0"),
        (["bench", "step", "--width", "4"], 2, "argument --width: must be at least 8, not 4"),
        (["bench", "step", "--classes", "1"], 2, "argument --classes: must be at least 2, not 1"),
        (["bench", "step", "-o", "Global.epoch_num=1"], 2, "bench step: -o changes a configuration; give one with -c"),
        (["bench", "step", "-c", "x.yml", "--batch", "4"], 2, "bench step: --batch: with -c the configuration says"),
        (["bench", "step", "-c", "x.yml", "--amp", "O1"], 2, "bench step: --amp: with -c the configuration says"),
        (["bench", "step", "--amp", "O1"], 2, "paddle has no half-precision kernels for the CPU; add --device gpu"),
        (["bench", "step", "--amp-dtype", "float16"], 2, "--amp-dtype: says how --amp computes; add --amp O1"),
        (["bench", "step", "-c", "none.yml"], 2, "none.yml"),
        (["bench", "predict", "--bundle", "none"], 3, "none: not a bundle"),
        (["bench", "startup", "--bundle", "none"], 3, "none: not a bundle"),
        (
            ["bench", "predict", "--bundle", "none", "--width", "32"],
            2,
            "bench: --width: a bundle has a size of its own",
        ),
        (["bench", "predict", "--classes", "20000"], 2, "--classes 20000: at most 11173 here"),
        (["bench", "synth", "--dict", "none.txt"], 3, "none.txt: no such dictionary file"),
        (["bench", "synth", "--fonts", "none"], 2, "none"),
    ],
)
def test_a_mistake_is_one_message_and_the_documented_exit_code(
    words: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    found: object
    try:
        found = main(words)
    except SystemExit as ended:  # argparse
        found = ended.code

    printed = capsys.readouterr()
    assert found == code
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert not printed.out
