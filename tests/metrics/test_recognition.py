from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from random import Random

import numpy as np
import pytest
import regex as re
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from thaiocr.metrics.recognition import Reading, RecognitionMetric
from thaiocr.metrics.summary import Summary
from thaiocr.text.frequency import cluster_counts

TEXTS = st.text(alphabet=["ก", "ด", "ต", "ี", "่", "้", "ำ", "A", "0", "O", " "], max_size=6)
READINGS = st.lists(
    st.builds(
        Reading,
        image=st.sampled_from(["a.jpg", "b.jpg", "c.jpg"]),
        label=TEXTS,
        text=TEXTS,
        score=st.floats(0, 1),
        font=st.sampled_from(["", "Loma", "Waree"]),
        top=st.lists(TEXTS, max_size=3).map(tuple),
    ),
    max_size=8,
)


def read(label: str, text: str, **others: object) -> Reading:
    return Reading(**{"image": "a.jpg", "label": label, "text": text, "score": 0.5, **others})  # type: ignore[arg-type]


def measured(*readings: Reading, ignore_space: bool = True) -> Summary:
    metric = RecognitionMetric(ignore_space=ignore_space)
    metric.update(readings)
    return metric.summary()


def paddleocr(readings: list[Reading], *, ignore_space: bool) -> tuple[float, float]:
    """The definition of PaddleOCR's RecMetric, less the 0.00001 that it adds to the number of images."""
    pairs = [(each.label, each.text) for each in readings]
    if ignore_space:
        pairs = [(label.replace(" ", ""), text.replace(" ", "")) for label, text in pairs]
    distances = [Levenshtein.normalized_distance(text, label) for label, text in pairs]
    return sum(label == text for label, text in pairs) / len(pairs), 1 - sum(distances) / len(pairs)


@given(READINGS.filter(bool), st.booleans())
def test_acc_and_norm_edit_dis_are_paddleocrs(readings: list[Reading], ignore_space: bool) -> None:
    metric = RecognitionMetric(ignore_space=ignore_space)
    metric.update(readings)
    acc, norm_edit_dis = paddleocr(metric.readings, ignore_space=ignore_space)
    found = metric.summary()
    assert found["acc"] == pytest.approx(acc)
    assert found["norm_edit_dis"] == pytest.approx(norm_edit_dis)


@given(READINGS, st.booleans())
def test_brief_says_what_the_summary_says(readings: list[Reading], ignore_space: bool) -> None:
    metric = RecognitionMetric(ignore_space=ignore_space)
    metric.update(readings)
    summary = dict(metric.summary())
    assert metric.brief() == {name: summary[name] for name in metric.brief()}


@given(READINGS, st.integers(0, 8), st.randoms())
def test_neither_order_nor_number_of_updates_matters(readings: list[Reading], cut: int, random: Random) -> None:
    mixed = random.sample(readings, len(readings))
    parted = RecognitionMetric()
    parted.update(mixed[:cut])
    parted.update(iter(mixed[cut:]))
    assert parted.summary() == measured(*readings)


@given(READINGS)
def test_rates_stay_in_their_bounds(readings: list[Reading]) -> None:
    found = measured(*readings)
    for name in ("acc", "norm_edit_dis", "macro_acc", "folded_acc"):
        assert 0 <= dict(found)[name] <= 1, name  # type: ignore[operator]
    assert found["cer"] >= 0
    assert found["folded_acc"] >= found["acc"]
    assert found["without_space"]["acc"] >= found["with_space"]["acc"]
    assert sum(row["images"] for row in found["per_font"]) == len(readings)


@given(READINGS)
def test_a_summary_is_json(readings: list[Reading]) -> None:
    found = measured(*readings)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_nothing_measured_is_the_worst_and_never_the_best() -> None:
    found = measured()
    assert [found[name] for name in ("acc", "norm_edit_dis", "macro_acc", "cer", "wer", "folded_acc")] == [
        0,
        0,
        0,
        1,
        1,
        0,
    ]
    assert found["top5_acc"] is found["frequency_weighted_acc"] is found["calibration"]["ece"] is None
    assert [len(found[name]) for name in ("per_class", "per_font", "confusions")] == [0, 0, 0]
    assert set(found["intervals"]["figures"].values()) == {None}


@pytest.mark.parametrize(
    ("label", "text", "acc", "norm_edit_dis", "cer", "macro_acc", "wer"),
    [
        ("", "", 1, 1, 0, 0, 0),
        ("", "ก", 0, 0, 1, 0, 1),
        ("ก", "", 0, 0, 1, 0, 1),
        ("ก", "ก", 1, 1, 0, 1, 0),
        ("ก", "กข", 0, 0.5, 1, 0, 1),
        (" ", "", 1, 1, 0, 0, 0),
        ("กี่", "กี", 0, 2 / 3, 1, 0, 1),
    ],
)
def test_one_image_has_defined_results(
    label: str, text: str, acc: float, norm_edit_dis: float, cer: float, macro_acc: float, wer: float
) -> None:
    found = measured(read(label, text))
    values = [found[name] for name in ("acc", "norm_edit_dis", "cer", "macro_acc", "wer")]
    assert values == pytest.approx([acc, norm_edit_dis, cer, macro_acc, wer])


def test_thai_texts_that_differ_never_match() -> None:
    assert measured(read("ก", "ข"), read("น้ำ", "นำ"))["acc"] == 0


def test_spaces_are_reported_both_ways_whatever_the_option_says() -> None:
    readings = read("ก ข", "กข"), read("ค", "ค")
    for ignore_space, acc in ((True, 1.0), (False, 0.5)):
        found = measured(*readings, ignore_space=ignore_space)
        assert (found["acc"], found["with_space"]["acc"], found["without_space"]["acc"]) == (acc, 0.5, 1.0)
    assert found["with_space"]["cer"] == pytest.approx(1 / 4)
    assert found["without_space"]["cer"] == 0


def test_equal_looks_are_equal_on_both_sides() -> None:
    assert measured(read("น้ำ", "น\u0e4d\u0e49า"), read("ก\u0e49\u0e31", "กั้"))["acc"] == 1


@pytest.mark.parametrize(
    ("text", "top", "hit"),
    [
        ("ก", ("ข", "ค"), True),
        ("ข", ("ข", "ก"), True),
        ("ข", ("ค", "ก"), True),
        ("ข", ("ข", "ค", "ง", "จ", "ก"), True),
        ("ข", ("ค", "ง", "จ", "ฉ", "ก"), False),
        ("ข", ("ข", "ค", "ง", "จ", "ฉ", "ก"), False),
    ],
)
def test_top_5_is_the_text_and_the_best_others(text: str, top: tuple[str, ...], hit: bool) -> None:
    found = measured(read("ก", text, top=top), read("ก", "ก"))
    assert (found["top5_acc"], found["top5_images"]) == (float(hit), 1)


def test_the_interval_of_top_5_is_of_the_images_that_have_alternatives() -> None:
    first = [read("ก", "ข", top=("ข", "ก"), image=f"{number}.jpg") for number in range(20)]
    assert measured(*first, read("ก", "ข"))["intervals"]["figures"]["top5_acc"] == [1.0, 1.0]
    assert measured(read("ก", "ข"), read("ก", "ก"))["intervals"]["figures"]["top5_acc"] is None


@cache
def distance(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Levenshtein's distance by its recursion."""
    if not one or not other:
        return len(one) + len(other)
    swap = distance(one[1:], other[1:]) + (one[0] != other[0])
    return min(swap, 1 + min(distance(one[1:], other), distance(one, other[1:])))


CLUSTER = st.sampled_from(["ก", "ด", "ต", "กี่", "ดี", "น้ำ", "A"])
WORDS = st.lists(CLUSTER, min_size=1, max_size=3).map(" ".join)


@given(st.lists(st.tuples(CLUSTER, CLUSTER | st.just("")), min_size=1, max_size=30))
def test_class_figures_are_counted_one_image_at_a_time(pairs: list[tuple[str, str]]) -> None:
    found = measured(*(read(label, text) for label, text in pairs))
    recall = {label: np.mean([text == label for each, text in pairs if each == label]) for label, _ in pairs}
    assert found["macro_acc"] == pytest.approx(np.mean(list(recall.values())))
    assert {row["label"]: row["acc"] for row in found["per_class"]} == pytest.approx(recall)
    corpus = [cluster_counts().get(label, 0) for label in recall]
    if any(corpus):
        expected = np.average(list(recall.values()), weights=corpus)
        assert found["frequency_weighted_acc"] == pytest.approx(expected)
    else:
        assert found["frequency_weighted_acc"] is None


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_error_rates_are_counted_one_image_at_a_time(pairs: list[tuple[str, str]]) -> None:
    found = measured(*(read(label, text) for label, text in pairs), ignore_space=False)
    cuts: dict[str, Callable[[str], list[str]]] = {
        "wer": str.split,
        "cer": lambda text: re.findall(r"\X", text),
        "cer_code_points": list,
    }
    for name, cut in cuts.items():
        edits = sum(distance(tuple(cut(label)), tuple(cut(text))) for label, text in pairs)
        units = sum(len(cut(label)) for label, _ in pairs)
        assert dict(found)[name] == pytest.approx(edits / units), name


def test_signs_that_a_lone_crop_cannot_show_are_right_when_folded() -> None:
    found = measured(read("0", "O"), read("I", "|"), read("ด", "ต"), read("ก", "ก"))
    assert (found["acc"], found["folded_acc"]) == (0.25, 0.75)


def test_words_are_what_stands_between_spaces() -> None:
    assert measured(read("ไป ตลาด  วันนี้", "ไป ตลาดวันนี้"))["wer"] == pytest.approx(2 / 3)


def test_fonts_have_their_own_rows_worst_first() -> None:
    found = measured(
        read("ก", "ก", font="Loma", score=0.9),
        read("ก", "ข", font="Waree", score=0.2),
        read("ก", "ก", font="Waree", score=math.nan),
        read("ก", "ก"),
    )
    assert found["per_font"] == [
        {"font": "Waree", "images": 2, "acc": 0.5, "cer": 0.5, "mean_score": 0.1},
        {"font": "", "images": 1, "acc": 1.0, "cer": 0.0, "mean_score": 0.5},
        {"font": "Loma", "images": 1, "acc": 1.0, "cer": 0.0, "mean_score": 0.9},
    ]
    assert (found["intervals"]["by"], found["intervals"]["groups"]) == ("font", 3)


def test_intervals_hold_the_figures() -> None:
    readings = [read("กข", "กข" if number % 3 else "กค", image=f"{number}.jpg") for number in range(60)]
    found = measured(*readings)
    names = (
        "acc",
        "norm_edit_dis",
        "macro_acc",
        "cer",
        "cer_code_points",
        "folded_acc",
        "wer",
        "frequency_weighted_acc",
    )
    for name in names:
        edges = found["intervals"]["figures"][name]
        assert edges is not None
        assert edges[0] < float(dict(found)[name]) < edges[1], name  # type: ignore[arg-type]


def test_lines_are_compared_cluster_by_cluster() -> None:
    found = measured(read("น้ำใจดี", "นำใจตี"))
    assert found["clusters"] == 4
    assert [(row["label"], row["text"]) for row in found["confusions"]] == [("ดี", "ตี"), ("น้ำ", "นำ")]
    assert found["decomposition"]["kinds"]["tone"] == found["decomposition"]["kinds"]["base"] == 1
    assert found["macro_acc"] == pytest.approx(2 / 4)


def test_reset_forgets() -> None:
    metric = RecognitionMetric()
    metric.update([read("ก", "ข")])
    metric.reset()
    assert metric.summary() == measured()


def test_top_5_is_weighted_like_top_1() -> None:
    summary = measured(
        read("ก", "ด", top=("ด", "ก")),
        read("ก", "ก", top=("ก",)),
        read("ก", "ต", top=("ต",)),
        read("ด", "ต", top=("ต", "ด")),
        read("ต", "ต"),
    )
    assert summary["top5_images"] == 4
    assert summary["top5_macro_acc"] == pytest.approx((2 / 3 + 1) / 2)
    corpus = cluster_counts()
    weighted = (corpus["ก"] * 2 / 3 + corpus["ด"]) / (corpus["ก"] + corpus["ด"])
    assert summary["top5_frequency_weighted_acc"] == pytest.approx(weighted)


def test_without_alternatives_there_is_no_top_5() -> None:
    summary = measured(read("ก", "ก"))
    assert summary["top5_macro_acc"] is None
    assert summary["top5_frequency_weighted_acc"] is None


def test_folded_macro_accuracy_keeps_the_classes() -> None:
    summary = measured(read("o", "O"), read("o", "ก"), read("O", "O"))
    assert summary["macro_acc"] == pytest.approx((0 + 1) / 2)
    assert summary["folded_macro_acc"] == pytest.approx((0.5 + 1) / 2)


def test_calibration_is_shown_with_and_without_the_temperature() -> None:
    assert measured(read("ก", "ก"))["calibration_before"] is None
    summary = measured(read("ก", "ก", score=0.9, raw_score=0.6), read("ด", "ด", score=0.9, raw_score=0.6))
    assert summary["calibration"]["ece"] == pytest.approx(0.1)
    assert summary["calibration_before"] is not None
    assert summary["calibration_before"]["ece"] == pytest.approx(0.4)


def test_errors_that_look_the_same_are_counted_apart() -> None:
    summary = measured(read("I", "l", twins=("l", "|")), read("I", "ก", twins=("l",)), read("ก", "ก"))
    assert summary["same_picture"]["errors"] == 1
    assert summary["same_picture"]["acc"] == pytest.approx(2 / 3)
    assert summary["acc"] == pytest.approx(1 / 3)
