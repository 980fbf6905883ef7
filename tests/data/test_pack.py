from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import add_lines, config, write_data, write_image

from thaiocr.config import schema
from thaiocr.data import cache as cache_module
from thaiocr.data.cache import packs_folder
from thaiocr.data.dataset import load_dataset
from thaiocr.data.pack import Packed, Stale, clear, pack, remove, remove_unfinished
from thaiocr.data.splits import open_codec, splits
from thaiocr.data.staging import YOUNG
from thaiocr.progress import silent

SHAPE = "dataset.transforms.2.RecResizeImg.image_shape=[3,32,60]"


def packed(loaded: schema.Config) -> tuple[list[Packed], list[Stale]]:
    return pack(loaded, progress=silent)


def reasons(loaded: schema.Config) -> list[str]:
    return [stale.reason for stale in packed(loaded)[1]]


def test_training_finds_what_pack_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = config(write_data(tmp_path))
    built, stale = packed(loaded)
    monkeypatch.setattr(cache_module, "read_image", lambda *_: pytest.fail("decoded again"))

    for each, split in zip(built, splits(loaded), strict=True):
        data = load_dataset(split.dataset, open_codec(loaded), split.limits, seed=0, progress=silent)
        assert each.path == packs_folder() / f"{data.pack.fingerprint}.npy"
        assert each.split == split.name

    assert stale == []
    assert [each.is_new for each in built] == [True, True]
    assert [each.is_new for each in packed(loaded)[0]] == [False, False]


def test_sizes_and_rejects_are_told(tmp_path: Path) -> None:
    write_data(tmp_path)
    (tmp_path / "rec/train/0001.png").write_bytes(b"")
    add_lines(tmp_path / "rec_gt_train.txt", "no tab")

    train, evaluation = packed(config(tmp_path))[0]

    assert (train.images, train.rejects, evaluation.images, evaluation.rejects) == (19, 2, 5, 0)
    assert evaluation.bytes == evaluation.path.stat().st_size > 5 * 32 * 100 * 3


def test_a_damaged_pack_is_built_anew(tmp_path: Path) -> None:
    loaded = config(write_data(tmp_path))
    train = packed(loaded)[0][0]
    train.path.write_bytes(train.path.read_bytes()[:1000])

    assert [each.is_new for each in packed(loaded)[0]] == [True, False]


def test_an_older_pack_of_the_same_images_is_stale_for_a_reason(tmp_path: Path) -> None:
    write_data(tmp_path)
    loaded = config(tmp_path)
    assert reasons(loaded) == []

    write_image(tmp_path / "rec/train/0003.png", 777)
    assert reasons(loaded) == ["images were changed, renamed or exchanged since"]

    write_image(tmp_path / "rec/val/0005.png", 778)
    add_lines(tmp_path / "rec_gt_val.txt", "rec/val/0005.png\tก")
    assert set(reasons(loaded)) == {
        "images were changed, renamed or exchanged since",
        "made of 5 images, now 6",
    }


def test_a_pack_made_with_other_transforms_is_stale(tmp_path: Path) -> None:
    write_data(tmp_path)
    packed(config(tmp_path))

    found = reasons(config(tmp_path, f"Train.{SHAPE}", f"Eval.{SHAPE}"))

    assert found == ["made with image_shape [3, 32, 100], now [3, 32, 60]"] * 2


def test_packs_of_other_data_and_unknown_files_are_left_alone(tmp_path: Path) -> None:
    write_data(tmp_path / "a")
    write_data(tmp_path / "b")
    packed(config(tmp_path / "a"))
    for name, content in (("x.json", "{"), ("y.json", "[]"), ("z.json", '{"of": {"folder": ""}}')):
        (packs_folder() / name).write_text(content)

    assert reasons(config(tmp_path / "b")) == []


def test_a_stale_pack_can_be_removed_and_the_used_ones_stay(tmp_path: Path) -> None:
    write_data(tmp_path)
    old = packed(config(tmp_path))[0]
    loaded = config(tmp_path, f"Train.{SHAPE}", f"Eval.{SHAPE}")
    new, stale = packed(loaded)

    for each in stale:
        remove(each)

    assert sorted(packs_folder().glob("*.npy")) == sorted(each.path for each in new)
    assert {each.path for each in stale} == {each.path for each in old}
    assert packed(loaded)[1] == []


def leave_unfinished(name: str, *, age: float) -> Path:
    """Make what a build leaves that was killed so many seconds ago."""
    folder = packs_folder() / name
    folder.mkdir(parents=True)
    (folder / "part.npy").write_bytes(b"x")
    then = time.time() - age
    os.utime(folder, (then, then))
    return folder


@pytest.mark.parametrize("act", [remove_unfinished, clear])
def test_what_killed_builds_left_is_removed_and_what_is_being_built_is_not(act: Callable[[], int]) -> None:
    old, young = leave_unfinished(".old", age=YOUNG + 1), leave_unfinished(".young", age=0)

    act()

    assert not old.exists()
    assert young.exists()


def test_a_new_pack_removes_what_killed_builds_left(tmp_path: Path) -> None:
    left = leave_unfinished(".left", age=YOUNG + 1)

    packed(config(write_data(tmp_path)))

    assert not left.exists()


def test_clear_removes_every_pack(tmp_path: Path) -> None:
    assert clear() == 0
    loaded = config(write_data(tmp_path))
    packed(loaded)

    assert clear() == 2
    assert list(packs_folder().iterdir()) == []
    assert [each.is_new for each in packed(loaded)[0]] == [True, True]
