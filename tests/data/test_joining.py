"""Joined pictures: pixels and texts that belong together, never longer or wider than allowed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.config.schema import RecConAug
from thaiocr.data.cache import Pack
from thaiocr.data.joining import Joining, Pictures, join
from thaiocr.data.labels import Limits, Sample

HEIGHT, WIDTH = 2, 20
SHAPE = (HEIGHT, WIDTH, 3)


def pack(*widths: int) -> Pack:
    """Pictures of these widths, all of whose pixels are their number from 1 on."""
    images_NhwC = np.zeros((len(widths), HEIGHT, WIDTH, 3), np.uint8)
    for number, width in enumerate(widths):
        images_NhwC[number, :, :width] = number + 1
    return Pack(images_NhwC, np.array(widths, np.int32), {}, "")


def samples(*labels: tuple[int, ...]) -> list[Sample]:
    return [
        Sample(f"{number}.png", Path(), "".join(chr(ord("a") + entry) for entry in ids), ids, Path(), number)
        for number, ids in enumerate(labels, 1)
    ]


def joined(options: RecConAug, packed: Pack, texts: list[Sample], limits: Limits, seed: int = 0) -> Pictures:
    every = Pictures(packed.images_NhwC.copy(), packed.filled_N, list(texts))
    rows = np.arange(len(texts))
    return join(every, Joining(options, limits), packed, texts, rows, np.random.default_rng(seed))


ROOMY = Limits(25)


@given(
    widths=st.lists(st.integers(1, WIDTH), min_size=1, max_size=6),
    lengths=st.lists(st.integers(1, 5), min_size=6, max_size=6),
    longest=st.integers(5, 12),
    extra=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_a_joined_picture_shows_what_its_label_says(
    widths: list[int], lengths: list[int], longest: int, extra: int, seed: int
) -> None:
    texts = samples(*((number + 1,) * length for number, length in enumerate(lengths[: len(widths)])))
    packed = pack(*widths)
    options = RecConAug(prob=1, image_shape=SHAPE, max_text_length=longest, ext_data_num=extra)

    found = joined(options, packed, texts, ROOMY, seed)

    assert found.filled_N.max() <= WIDTH
    for picture_hwC, filled, sample in zip(found.images_NhwC, found.filled_N, found.samples, strict=True):
        shown = list(picture_hwC[0, :filled, 0])
        written = list(sample.ids)
        while shown:  # part for part
            number = shown[0]
            width, length = widths[number - 1], lengths[number - 1]
            assert shown[:width] == [number] * width
            assert written[:length] == [number] * length
            shown, written = shown[width:], written[length:]
        assert written == []
        assert sample.text == "".join(chr(ord("a") + entry) for entry in sample.ids)
        assert len(sample.ids) <= longest


def test_a_picture_keeps_its_place_when_others_are_attached() -> None:
    texts = samples((1,), (2,))

    found = joined(RecConAug(prob=1, image_shape=SHAPE), pack(4, 4), texts, ROOMY)

    assert [sample.place for sample in found.samples] == [sample.place for sample in texts]
    assert any(len(sample.ids) > 1 for sample in found.samples)


def test_probability_0_leaves_all_and_1_joins_what_fits() -> None:
    texts, packed = samples(*((number + 1,) for number in range(6))), pack(*[3] * 6)

    untouched = joined(RecConAug(prob=0, image_shape=SHAPE), packed, texts, ROOMY)
    every = joined(RecConAug(prob=1, image_shape=SHAPE, ext_data_num=3), packed, texts, ROOMY)

    assert untouched.samples == texts
    assert (untouched.filled_N == 3).all()
    assert all(len(sample.ids) == 4 for sample in every.samples)


@pytest.mark.parametrize(
    ("limits", "options"),
    [
        (ROOMY, RecConAug(prob=1, image_shape=SHAPE, max_text_length=3)),
        (Limits(3), RecConAug(prob=1, image_shape=SHAPE)),
        (Limits(25, time_steps=5), RecConAug(prob=1, image_shape=SHAPE)),
        (ROOMY, RecConAug(prob=1, image_shape=(HEIGHT, 11, 3))),
    ],
    ids=["RecConAug.max_text_length", "Global.max_text_length", "time steps", "RecConAug.image_shape"],
)
def test_what_does_not_fit_is_not_attached(limits: Limits, options: RecConAug) -> None:
    """Two entries that are not the same need two time steps, and their repetition four and one between."""
    texts = samples((1, 2), (3, 2)) if limits.time_steps is None else samples((1, 1), (1, 1))

    assert joined(options, pack(6, 6), texts, limits).samples == texts


def test_pixels_of_the_pack_stay_as_they_are() -> None:
    packed = pack(4, 4)
    before = packed.images_NhwC.copy()

    joined(RecConAug(prob=1, image_shape=SHAPE), packed, samples((1,), (2,)), ROOMY)

    np.testing.assert_array_equal(packed.images_NhwC, before)
