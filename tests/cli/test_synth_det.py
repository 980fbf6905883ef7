from __future__ import annotations

import json
from pathlib import Path

import pytest

from thaiocr.cli.main import main
from thaiocr.synth.fonts import find_fonts

FAMILIES = ("Garuda", "Laksaman", "Loma", "Sawasdee")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command that makes three pages with four fonts."""
    monkeypatch.chdir(tmp_path)
    entries = "ก ข ค ง น ม า ร ล ที่ มา ไ ป ด ท ว ส ห บ ย ต อ เ แ โ ะ มี ปี ดี A B a b 0 1 2 3 4 5 6 7 8 9 . , - :"
    Path("dict.txt").write_text("\n".join(dict.fromkeys(entries.split())), "utf-8")
    found = {font.family: str(font.path) for font in find_fonts() if font.style == "Regular"}
    assert set(FAMILIES) <= set(found), "install fonts-thai-tlwg-ttf, as scripts/test does"
    fonts = [found[family] for family in FAMILIES]
    return ["synth", "det", "-o", "pages", "--dict", "dict.txt", "--count", "1", "--workers", "1", "--fonts", *fonts]


def test_pages_are_made_reported_and_left_alone_the_next_time(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["made"] is True
    assert report["pages"] == {"train": 1, "val": 1, "test": 1}
    assert report["pages_per_s"] > 0
    assert not set(report["designs"]["train"]) & set(report["designs"]["test"])
    assert not set(report["families"]["train"]) & set(report["families"]["test"])
    assert Path("pages/det_gt_train.txt").read_text("utf-8").startswith("det/train/000001.jpg\t[{")

    assert main(command) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "nothing to do" in printed.err


def test_people_are_told_what_was_made_and_where_to_look(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--val-count", "0", "--test-count", "0", "--preset", "clean"]) == 0
    printed = capsys.readouterr().out
    assert "train: 1 pages, designs article" in printed
    assert str(Path("pages") / "contact_sheet.png") in printed


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (["--dict", "none.txt"], 3, "none.txt: no such dictionary file"),
        (["-o", "."], 2, "is not empty"),
        (["--fonts", "nowhere"], 2, "--fonts nowhere: there is no such file or folder"),
    ],
)
def test_a_mistake_is_one_message_with_a_way_out(
    command: list[str], capsys: pytest.CaptureFixture[str], change: list[str], code: int, message: str
) -> None:
    assert main([*command, *change]) == code
    assert message in capsys.readouterr().err
