from __future__ import annotations

import pytest

from thaiocr.cli import common


def test_progress_without_a_terminal_is_plain_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(common, "PLAIN_SECONDS", 0)

    with common.bar("images", 3) as advance:
        advance(1)
        advance(2, note="loss 0.5")

    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["images: 1/3", "images: 3/3 loss 0.5"]
    assert printed.out == ""


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with common.bar("images", 2) as advance:
        advance(2)

    assert capsys.readouterr().err == ""
