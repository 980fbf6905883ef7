from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from thaiocr.data import cache as cache_module
from thaiocr.data.cache import Pack, cache_root, open_pack
from thaiocr.data.images import Preprocess, fit, read_image
from thaiocr.data.labels import Sample
from thaiocr.errors import EnvironmentProblem
from thaiocr.progress import Advance, silent

PREPROCESS = Preprocess(image_shape=(3, 16, 40))


def write_images(folder: Path, count: int = 6) -> list[Sample]:
    """Noise of several shapes, as PNG."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    samples = []
    for number in range(count):
        pixels = random.integers(0, 256, (20 + number % 5, 10 + 9 * (number % 7), 3), dtype=np.uint8)
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), pixels)
        samples.append(Sample(path.name, folder, "A", (1,), Path("gt.txt"), number + 1))
    return samples


def open_quietly(samples: list[Sample], preprocess: Preprocess = PREPROCESS) -> Pack:
    return open_pack(samples, preprocess, progress=silent)


def files_of(cache: Path) -> list[str]:
    return sorted(path.suffix for path in (cache / "packs").iterdir())


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return write_images(tmp_path / "images")


def test_a_pack_holds_every_image_as_fit_makes_it(samples: list[Sample]) -> None:
    pack = open_quietly(samples)

    assert pack.images_NhwC.shape == (6, 16, 40, 3)
    assert not pack.unreadable
    for row, sample in enumerate(samples):
        pixels, filled = fit(read_image(sample.path), PREPROCESS)
        np.testing.assert_array_equal(pack.images_NhwC[row], pixels)
        assert pack.filled_N[row] == filled


def test_the_second_time_nothing_is_decoded(samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_quietly(samples)
    monkeypatch.setattr(cache_module, "read_image", lambda *_: pytest.fail("decoded again"))

    second = open_quietly(samples)

    assert second.fingerprint == first.fingerprint
    np.testing.assert_array_equal(second.images_NhwC, first.images_NhwC)
    np.testing.assert_array_equal(second.filled_N, first.filled_N)


def test_what_the_first_time_could_not_read_is_known_the_second_time(samples: list[Sample]) -> None:
    samples[2].path.write_bytes(b"")

    assert open_quietly(samples).unreadable == open_quietly(samples).unreadable == {2: "the file is empty"}


def test_an_unreadable_image_is_zero_and_its_reason_does_not_name_it_twice(samples: list[Sample]) -> None:
    samples[1].path.unlink()
    samples[4].path.write_text("no image")

    pack = open_quietly(samples)

    assert list(pack.unreadable) == [1, 4]
    assert pack.unreadable[1] == f"no such file (looked for {samples[1].path})"
    assert pack.unreadable[4].startswith("not an image that can be read")
    assert not pack.images_NhwC[[1, 4]].any()
    assert pack.filled_N[[1, 4]].tolist() == [0, 0]


def rewrite(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


@pytest.mark.parametrize("change", [rewrite, touch, Path.unlink], ids=["size", "time", "deleted"])
def test_a_changed_image_gives_another_pack(samples: list[Sample], change: object) -> None:
    before = open_quietly(samples).fingerprint
    assert callable(change)

    change(samples[3].path)

    assert open_quietly(samples).fingerprint != before


def test_an_image_that_comes_back_is_read(samples: list[Sample]) -> None:
    content = samples[0].path.read_bytes()
    samples[0].path.unlink()
    assert open_quietly(samples).unreadable
    samples[0].path.write_bytes(content)

    assert not open_quietly(samples).unreadable


def test_an_image_that_becomes_readable_by_its_permissions_alone_is_read(
    samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes

    def denied(path: Path) -> bytes:
        if path == samples[0].path:
            raise PermissionError(13, "Permission denied")
        return real(path)

    with monkeypatch.context() as patch:  # root may read everything, and the tests may run as root
        patch.setattr(Path, "read_bytes", denied)
        assert open_quietly(samples).unreadable == {0: f"cannot read {samples[0].path}: Permission denied"}
    samples[0].path.chmod(0o600)

    assert not open_quietly(samples).unreadable


@pytest.mark.parametrize(
    "other",
    [
        Preprocess(image_shape=(3, 16, 41)),
        Preprocess(image_shape=(3, 16, 40), img_mode="RGB"),
        Preprocess(image_shape=(3, 16, 40), padding=False),
    ],
)
def test_another_preprocessing_is_another_pack(samples: list[Sample], other: Preprocess) -> None:
    assert open_quietly(samples).fingerprint != open_quietly(samples, other).fingerprint


def test_another_order_or_subset_is_another_pack(samples: list[Sample]) -> None:
    packs = [open_quietly(chosen) for chosen in (samples, samples[::-1], samples[:3])]

    assert len({pack.fingerprint for pack in packs}) == 3
    np.testing.assert_array_equal(packs[1].images_NhwC[::-1], packs[0].images_NhwC)


def test_the_same_file_under_another_name_is_another_pack(samples: list[Sample], tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    other.hardlink_to(samples[0].path)
    before = open_quietly(samples[:1]).fingerprint

    assert open_quietly([replace(samples[0], image=str(other))]).fingerprint != before


def test_a_new_label_does_not_decode_again(samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    open_quietly(samples)
    monkeypatch.setattr(cache_module, "read_image", lambda *_: pytest.fail("decoded again"))

    open_quietly([replace(each, text="B", ids=(2,)) for each in samples])


def test_no_samples_make_an_empty_pack() -> None:
    assert open_quietly([]).images_NhwC.shape == (0, 16, 40, 3)
    assert open_quietly([]).filled_N.shape == (0,)


def test_more_images_than_a_chunk_all_arrive_and_are_reported(tmp_path: Path) -> None:
    samples = write_images(tmp_path / "many", cache_module.CHUNK * 2 + 3)
    done: list[int] = []

    @contextmanager
    def progress(label: str, total: int) -> Iterator[Advance]:
        assert total == len(samples)
        yield lambda count, note="": done.append(count)

    pack = open_pack(samples, PREPROCESS, progress=progress)

    assert sum(done) == len(samples)
    for row in (0, cache_module.CHUNK - 1, cache_module.CHUNK, len(samples) - 1):
        np.testing.assert_array_equal(pack.images_NhwC[row], fit(read_image(samples[row].path), PREPROCESS)[0])


# -- trouble -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("damage", ["empty", "cut", "gone"])
def test_a_damaged_pack_is_built_again(samples: list[Sample], cache: Path, suffix: str, damage: str) -> None:
    good = np.array(open_quietly(samples).images_NhwC)
    (file,) = (cache / "packs").glob(f"*{suffix}")
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "empty" else file.read_bytes()[:-9])

    np.testing.assert_array_equal(open_quietly(samples).images_NhwC, good)
    np.testing.assert_array_equal(open_quietly(samples).images_NhwC, good)


def test_a_cache_that_cannot_be_written_says_what_to_set(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("THAIOCR_CACHE", str(tmp_path / "file"))

    with pytest.raises(
        EnvironmentProblem, match=r"file/packs: cannot keep .*: .*directory; set THAIOCR_CACHE"
    ) as caught:
        open_quietly(samples)

    assert caught.value.exit_code == 5


def test_a_full_disk_is_a_message_and_no_bus_error(samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 90, 6 * 16 * 40 * 3 - 1))

    with pytest.raises(EnvironmentProblem, match="No space left on device; set THAIOCR_CACHE to another folder"):
        open_quietly(samples)


def test_an_interrupted_build_leaves_nothing(
    samples: list[Sample], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "fit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_quietly(samples)

    assert files_of(cache) == []
    assert not open_quietly(samples).unreadable


def test_the_cache_is_where_the_environment_says_or_in_the_home_folder(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_root() == cache
    monkeypatch.delenv("THAIOCR_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")

    assert cache_root() == Path("/home/someone/.cache/thaiocr")


BUILDER = """
import sys, time
from pathlib import Path
from thaiocr.data import cache
from thaiocr.data.images import Preprocess
from thaiocr.data.labels import Sample
from thaiocr.progress import silent

real = cache.read_image
begun = False

def slowly(path, name):
    global begun
    if not begun:
        begun = True
        print("begun", flush=True)
        sys.stdin.readline()
    return real(path, name)

cache.read_image = slowly
paths = [Path(name) for name in sys.argv[1:]]
samples = [Sample(path.name, path.parent, "A", (1,), Path("gt.txt"), row) for row, path in enumerate(paths, start=1)]
pack = cache.open_pack(samples, Preprocess(image_shape=(3, 16, 40)), progress=silent)
print(pack.fingerprint, pack.images_NhwC.sum(), pack.filled_N.sum(), flush=True)
"""


def start_builder(samples: list[Sample]) -> subprocess.Popen[str]:
    """Start a process that builds the pack, and wait until it is in the middle; a line on its input lets it go on."""
    command = [sys.executable, "-c", BUILDER, *(str(sample.path) for sample in samples)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_a_killed_build_leaves_nothing_that_looks_like_a_pack(samples: list[Sample], cache: Path) -> None:
    process = start_builder(samples)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not {".npy", ".json"} & set(files_of(cache))

    pack = open_quietly(samples)

    np.testing.assert_array_equal(pack.images_NhwC[5], fit(read_image(samples[5].path), PREPROCESS)[0])


def test_builders_at_once_give_the_same_pack(samples: list[Sample], cache: Path) -> None:
    builders = [start_builder(samples), start_builder(samples)]
    said = {process.communicate("go on\n")[0] for process in builders}
    files = files_of(cache)

    pack = open_quietly(samples)

    assert [process.returncode for process in builders] == [0, 0]
    assert said == {f"{pack.fingerprint} {pack.images_NhwC.sum()} {pack.filled_N.sum()}\n"}
    assert files == [".json", ".npy"]
