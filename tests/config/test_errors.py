"""Messages: the place, what is wrong, the way out; all of them at once and in the order of lines."""

from __future__ import annotations

from typing import get_args

import pytest

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.keys import keys_of, sections_of
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset
from thaiocr.errors import ConfigError

BASE = to_yaml(preset("rec", "dev"))
SECTIONS = "Global, Optimizer, Architecture, Loss, PostProcess, Metric, Train, Eval, wandb"

ALGORITHMS = ", ".join(get_args(keys_of(schema.Architecture)["algorithm"].kind))


def problems_of(text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(text, file="my.yml", overrides=overrides)
    return list(caught.value.problems)


# What to replace, with what, and the message; {line} is the first line that differs, {above} the one above it.
CASES = [
    # numbers
    (
        "learning_rate: 0.001",
        "learning_rate: 7e-4",
        "my.yml:{line}: Optimizer.lr.learning_rate: expected a number, got text '7e-4'; write 7.0e-4 or 0.0007",
    ),
    (
        "learning_rate: 0.001",
        "learning_rate: '0.01'",
        "my.yml:{line}: Optimizer.lr.learning_rate: expected a number, got text '0.01'; write 0.01",
    ),
    (
        "learning_rate: 0.001",
        "learning_rate: 1E5",
        "my.yml:{line}: Optimizer.lr.learning_rate: expected a number, got text '1E5'; write 1.0e+5 or 100000",
    ),
    (
        "learning_rate: 0.001",
        "learning_rate: ๕",
        "my.yml:{line}: Optimizer.lr.learning_rate: expected a number, got text '๕'; write 5",
    ),
    (
        "learning_rate: 0.001",
        "learning_rate: .inf",
        "my.yml:{line}: Optimizer.lr.learning_rate: expected a number, got .inf",
    ),
    (
        "learning_rate: 0.001",
        "learning_rate: 012",
        "my.yml:{line}: Optimizer.lr.learning_rate: expected a number, got 012; "
        "write it in decimal digits without a leading zero",
    ),
    (
        "learning_rate: 0.001",
        "learning_rate: [0.001]",
        "my.yml:{line}: Optimizer.lr.learning_rate: expected a number, got a list",
    ),
    (
        "learning_rate: 0.001",
        "learning_rate: true",
        "my.yml:{line}: Optimizer.lr.learning_rate: expected a number, got true",
    ),
    ("epoch_num: 10", "epoch_num: 1.5", "my.yml:{line}: Global.epoch_num: expected a whole number, got 1.5"),
    (
        "epoch_num: 10",
        "epoch_num: 10.0",
        "my.yml:{line}: Global.epoch_num: expected a whole number, got 10.0; write 10",
    ),
    ("epoch_num: 10", "epoch_num: true", "my.yml:{line}: Global.epoch_num: expected a whole number, got true"),
    (
        "epoch_num: 10",
        "epoch_num: '10'",
        "my.yml:{line}: Global.epoch_num: expected a whole number, got text '10'; write 10",
    ),
    (
        "epoch_num: 10",
        "epoch_num: 010",
        "my.yml:{line}: Global.epoch_num: expected a whole number, got 010; "
        "write it in decimal digits without a leading zero",
    ),
    (
        "epoch_num: 10",
        "epoch_num:",
        "my.yml:{line}: Global.epoch_num: expected a whole number, got nothing; write a value",
    ),
    ("epoch_num: 10", "epoch_num: 1:30", "my.yml:{line}: Global.epoch_num: expected a whole number, got 1:30"),
    ("epoch_num: 10", "epoch_num: 0", "my.yml:{line}: Global.epoch_num: must be at least 1, got 0"),
    # words
    ("use_gpu: false", "use_gpu: 0", "my.yml:{line}: Global.use_gpu: expected true or false, got 0; write false"),
    (
        "use_gpu: false",
        "use_gpu: 'True'",
        "my.yml:{line}: Global.use_gpu: expected true or false, got text 'True'; write true",
    ),
    ("use_gpu: false", "use_gpu: ture", "my.yml:{line}: Global.use_gpu: expected true or false, got text 'ture'"),
    (
        "character_dict_path: thai_letters/th_dict.txt",
        "character_dict_path:",
        "my.yml:{line}: Global.character_dict_path: expected text, got nothing; write a value",
    ),
    (
        "data_dir: ./train_data/thai",
        'data_dir: "a\\0b"',
        "my.yml:{line}: Train.dataset.data_dir: expected text without control characters, got 'a\\x00b'",
    ),
    (
        "data_dir: ./train_data/thai",
        "data_dir: ''",
        "my.yml:{line}: Train.dataset.data_dir: must not be empty, got text ''",
    ),
    # names
    (
        "algorithm: CRNN",
        "algorithm: SAR",
        f"my.yml:{{line}}: Architecture.algorithm: 'SAR' is not supported; available: {ALGORITHMS}",
    ),
    (
        "channel_first: false",
        "channel_first: true",
        "my.yml:{line}: Train.dataset.transforms.DecodeImage.channel_first: 'true' is not supported; available: false",
    ),
    (
        "name: Adam",
        "name: Adma",
        "my.yml:{line}: Optimizer.name: 'Adma' is not supported; did you mean 'Adam'? "
        "available: Adam, AdamW, Momentum, RMSProp",
    ),
    (
        "name: Cosine",
        "name: DecayLearningRate",
        "my.yml:{line}: Optimizer.lr.name: 'DecayLearningRate' is not supported; "
        "available: Const, Linear, Cosine, Step, MultiStepDecay, Piecewise, OneCycle, ReduceOnPlateau",
    ),
    (
        "name: SimpleDataSet",
        "name: SimpleDataset",
        "my.yml:{line}: Train.dataset.name: 'SimpleDataset' is not supported; "
        "did you mean 'SimpleDataSet'? available: SimpleDataSet, MultiScaleDataSet",
    ),
    (
        "- CTCLabelEncode:",
        "- ParseQRecAug:",
        "my.yml:{line}: Train.dataset.transforms.1: 'ParseQRecAug' is not supported; did you mean 'RecAug'? "
        f"available: {', '.join(sections_of(schema.Transform))}",
    ),
    (
        "algorithm: CRNN\n",
        "algorithm: CRNN\n  Transform: {name: TPS, num_fiducial: 20}\n",
        "my.yml:{line}: Architecture.Transform: 'TPS' is not supported; leave Transform empty",
    ),
    (
        "name: CTCLoss\n",
        "name: [CTCLoss]\n",
        "my.yml:{line}: Loss.name: expected one name, got a list; "
        f"available: {', '.join(sections_of(keys_of(schema.Config)['Loss'].kind))}",
    ),
    # keys
    ("epoch_num: 10", "epoch_nums: 10", "my.yml:{line}: Global.epoch_nums: unknown key; did you mean 'epoch_num'?"),
    (
        "encoder_type: rnn",
        "num_layers: 2",
        "my.yml:{line}: Architecture.Neck.num_layers: unknown key; keys here: name, encoder_type, hidden_size",
    ),
    (
        "epoch_num: 10",
        "epoch_num: 10\n  calc_epoch_interval: 1",
        "my.yml:{line}: Global.calc_epoch_interval: this key of PaddleOCR is not supported; remove it",
    ),
    ("Metric:", "Metrik:", "my.yml:{line}: Metrik: unknown key; did you mean 'Metric'?"),
    ("  epoch_num: 10\n", "", "my.yml:1: Global.epoch_num: missing; write it, it has no default"),
    ("  name: Adam\n", "", "my.yml:{above}: Optimizer.name: missing; available: Adam, AdamW, Momentum, RMSProp"),
    (
        "  epoch_num: 10\n",
        "  epoch_num: 10\n  epoch_num: 11\n",
        "my.yml:{line}: Global.epoch_num: given twice, first in line 3; remove one of the two",
    ),
    # shapes of sections and lists
    (
        "  parts_guide:\n    weight: 1.0",
        "  parts_guide: true",
        "my.yml:{line}: Loss.parts_guide: expected a section of keys and values, got true",
    ),
    (
        "  Neck:\n    name: SequenceEncoder\n    encoder_type: rnn\n    hidden_size: 96",
        "  Neck:",
        "my.yml:{above}: Architecture.Neck: expected a section with 'name: …' and its keys, got nothing",
    ),
    (
        "image_shape: [3, 32, 100]",
        "image_shape: [3, 32]",
        "my.yml:{line}: Train.dataset.transforms.RecResizeImg.image_shape: expected a list of 3 values, got 2",
    ),
    (
        "image_shape: [3, 32, 100]",
        "image_shape: 32",
        "my.yml:{line}: Train.dataset.transforms.RecResizeImg.image_shape: expected a list of 3 values, got 32",
    ),
    (
        "image_shape: [3, 32, 100]",
        "image_shape: [3, 32, wide]",
        "my.yml:{line}: Train.dataset.transforms.RecResizeImg.image_shape.2: expected a whole number, got text 'wide'",
    ),
    (
        "image_shape: [3, 32, 100]",
        "image_shape: [1, 32, 100]",
        "my.yml:{line}: Train.dataset.transforms.RecResizeImg.image_shape: "
        "must be [3, height, width] with positive sides, got [1, 32, 100]",
    ),
    (
        "- CTCLabelEncode:",
        "- CTCLabelEncode",
        "my.yml:{line}: Train.dataset.transforms.1: "
        "expected a transform such as 'RecResizeImg: {{…}}', got text 'CTCLabelEncode'",
    ),
    (
        "      - DecodeImage:\n          img_mode: BGR\n          channel_first: false",
        "      - DecodeImage:\n        img_mode: BGR",
        "my.yml:{above}: Train.dataset.transforms.0: expected one transform, got the keys DecodeImage, img_mode; "
        "indent what belongs to it further than its name",
    ),
    # YAML itself
    (
        "  epoch_num: 10",
        "\tepoch_num: 10",
        "my.yml:{line}: not usable YAML: a tab where an indentation or a value belongs; use spaces",
    ),
    (
        "algorithm: CRNN",
        "algorithm: !!python/name:os.system",
        "my.yml:{line}: Architecture.algorithm: the tag '!!python/name:os.system' is not allowed; "
        "write plain values only",
    ),
    (
        "epoch_num: 10",
        "<<: 5\n  epoch_num: 10",
        "my.yml:{line}: Global: '<<' merges sections, got 5; name an anchor with '*'",
    ),
    (
        "epoch_num: 10",
        "[1, 2]: 3\n  epoch_num: 10",
        "my.yml:{line}: Global: a key must be plain text, not a list or a section",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), CASES)
def test_message(old: str, new: str, message: str) -> None:
    assert old in BASE
    text = BASE.replace(old, new, 1)
    pairs = zip(BASE.splitlines(), text.splitlines(), strict=False)
    line = next(number for number, (before, after) in enumerate(pairs, start=1) if before != after)
    expected = message.format(line=line, above=line - 1)
    found = problems_of(text)
    assert expected in found
    assert found[0] == expected


def test_all_problems_are_reported_at_once_in_the_order_of_lines_and_overrides_last() -> None:
    text = BASE.replace("epoch_num", "epoch_nums").replace("0.001", "7e-4").replace("CRNN", "SAR")
    found = problems_of(text, "Globl.seed=3", "Train.loader.num_workers=-1")
    assert [problem.split(": ", 1)[1] for problem in found] == [
        "Global.epoch_nums: unknown key; did you mean 'epoch_num'?",
        "Optimizer.lr.learning_rate: expected a number, got text '7e-4'; write 7.0e-4 or 0.0007",
        f"Architecture.algorithm: 'SAR' is not supported; available: {ALGORITHMS}",
        "Globl: unknown key; did you mean 'Global'?",
        "must be at least 0, got -1",
    ]
    assert [problem.split(": ")[0] for problem in found[3:]] == ["-o Globl.seed=3", "-o Train.loader.num_workers=-1"]


def test_a_wrong_value_does_not_hide_what_is_wrong_between_others() -> None:
    text = BASE.replace("use_gpu: false", "use_gpu: maybe").replace("epoch_num: 10", "epoch_num: 5")
    found = problems_of(text)
    assert len(found) == 2
    assert "Optimizer.lr.warmup_epoch: a warm-up of 5 epochs does not end before Global.epoch_num 5" in found[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "my.yml:1: expected sections such as 'Global:', got nothing; a complete file is written by: "
            "thaiocr config new rec --preset dev -o FILE",
        ),
        (
            "- a\n- b\n",
            "my.yml:1: expected sections such as 'Global:', got a list; a complete file is written by: "
            "thaiocr config new rec --preset dev -o FILE",
        ),
        (
            "Global: {a: 1\nLoss: 2\n",
            "my.yml:2: not usable YAML: expected ',' or '}', but got ':' (while parsing a flow mapping)",
        ),
        (
            "a: 1\n--- \nb: 2\n",
            "my.yml:2: not usable YAML: but found another document (expected a single document in the stream)",
        ),
        ("a: 1\nb: \x07\n", "my.yml:2: the character '\\x07' is not allowed in YAML"),
        ("a: *b\n", "my.yml:1: not usable YAML: found undefined alias 'b'"),
        ("[" * 1000, "my.yml:1: not usable YAML: nested too deeply"),
        ('a: "\\U00110000"\n', "my.yml:1: not usable YAML: chr() arg not in range(0x110000)"),
    ],
)
def test_text_that_is_no_configuration_has_one_message(text: str, message: str) -> None:
    assert problems_of(text) == [message]


def test_a_tag_that_would_run_a_command_is_refused_wherever_it_stands() -> None:
    for line in ("x: !!python/object/apply:os.system [touch pwned]", "!!python/name:os.system : 1", "x: !own 1"):
        assert any("is not allowed; write plain values only" in problem for problem in problems_of(f"{line}\n"))


def test_an_anchor_that_contains_itself_is_an_error() -> None:
    found = problems_of("Global: &a\n  epoch_num: *a\n")
    assert "my.yml:1: Global.epoch_num: an anchor that contains itself; write the value out" in found


def test_anchors_that_multiply_cost_no_more_than_their_text() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert problems_of("\n".join(lines) + "\n")[0].startswith("my.yml:1: a0: unknown key")


def test_a_control_character_in_a_key_is_shown_escaped() -> None:
    assert problems_of(BASE + '"a\\x1b[31m": 1\n') == [
        f"my.yml:{len(BASE.splitlines()) + 1}: a\\x1b[31m: unknown key; keys here: {SECTIONS}"
    ]
