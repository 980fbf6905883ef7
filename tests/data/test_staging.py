from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from thaiocr.data import staging
from thaiocr.data.staging import ABANDONED, YOUNG, building_folder, new_folder, remove_abandoned
from thaiocr.errors import UsageError

BUILDER = """
import sys
from pathlib import Path
from thaiocr.data.staging import building_folder
with building_folder(Path(sys.argv[1]), ".x.") as folder:
    (folder / "part").write_bytes(b"x")
    print("begun", flush=True)
    sys.stdin.readline()
"""


def start_builder(parent: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILDER, str(parent)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_a_killed_builder_left_is_removed_by_the_next_and_a_living_ones_folder_is_not(tmp_path: Path) -> None:
    killed = start_builder(tmp_path)
    (left,) = tmp_path.iterdir()
    alive = start_builder(tmp_path)
    (used,) = set(tmp_path.iterdir()) - {left}
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    for folder in (left, used):
        age(folder, ABANDONED / 2)

    with building_folder(tmp_path, ".x.") as third:
        assert set(tmp_path.iterdir()) == {used, third}

    assert alive.communicate("\n")[0] == ""
    assert alive.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_locked_yet_is_left_alone(tmp_path: Path) -> None:
    young, other = tmp_path / ".x.young", tmp_path / "y.old"
    for folder in (young, other):
        folder.mkdir()
    age(other, 2 * ABANDONED)

    assert remove_abandoned(tmp_path, ".x.") == 0
    age(young, YOUNG + 1)
    assert remove_abandoned(tmp_path, ".x.") == 1
    assert list(tmp_path.iterdir()) == [other]


def test_without_locks_a_day_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "fcntl", None)
    (tmp_path / ".x.a").mkdir()
    age(tmp_path / ".x.a", ABANDONED - 60)

    assert remove_abandoned(tmp_path, ".x.") == 0
    age(tmp_path / ".x.a", ABANDONED + 60)
    assert remove_abandoned(tmp_path, ".x.") == 1


def interrupted(target: Path) -> None:
    with new_folder(target) as folder:
        (folder / "half").touch()
        raise KeyboardInterrupt


def test_a_new_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep/data [1]"
    with pytest.raises(KeyboardInterrupt):
        interrupted(target)
    assert list(target.parent.iterdir()) == []

    with new_folder(target) as folder:
        (folder / "whole").touch()
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["whole"]
    assert list(target.parent.iterdir()) == [target]


def test_a_new_folder_takes_the_place_of_an_empty_one_and_of_no_other(tmp_path: Path) -> None:
    target = tmp_path / "data"
    target.mkdir()
    with new_folder(target) as folder:
        (folder / "whole").touch()

    with pytest.raises(UsageError, match="is there already and not an empty folder"), new_folder(target):
        pass

    assert [path.name for path in target.iterdir()] == ["whole"]
