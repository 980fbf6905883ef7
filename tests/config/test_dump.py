"""Writing: a configuration survives being written and read, in PaddleOCR's keys and order."""

from __future__ import annotations

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from thaiocr.config import schema
from thaiocr.config.dump import to_dict, to_yaml
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset

PATHS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1)
POSITIVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
SHARES = st.floats(min_value=0, max_value=1, exclude_max=True)
COUNTS = st.integers(min_value=1, max_value=10**9)
CLIPS = st.sampled_from([{}, {"clip_norm": 1.5}, {"clip_norm_global": 10.0}])


def rates() -> st.SearchStrategy[schema.LearningRate]:
    warmups = st.floats(min_value=0, max_value=0.9)
    return st.one_of(
        st.builds(schema.Const, learning_rate=POSITIVE, warmup_epoch=warmups),
        st.builds(schema.Linear, learning_rate=POSITIVE, end_lr=SHARES, power=POSITIVE, warmup_epoch=warmups),
        st.builds(schema.Cosine, learning_rate=POSITIVE, warmup_epoch=warmups),
        st.builds(schema.OneCycle, max_lr=POSITIVE, warmup_epoch=warmups),
    )


@st.composite
def optimizers(draw: st.DrawFn) -> schema.Optimizer:
    penalties = st.none() | st.builds(schema.Regularizer, name=st.sampled_from(["L1", "L2"]), factor=SHARES)
    clip = draw(CLIPS)
    return draw(
        st.one_of(
            st.builds(schema.Adam, beta1=SHARES, epsilon=POSITIVE, lr=rates(), regularizer=penalties, **_just(clip)),
            st.builds(schema.AdamW, beta2=SHARES, weight_decay=SHARES, lr=rates(), **_just(clip)),
            st.builds(schema.Momentum, momentum=SHARES, lr=rates(), regularizer=penalties, **_just(clip)),
        )
    )


def _just(values: dict[str, float]) -> dict[str, st.SearchStrategy[float]]:
    return {name: st.just(value) for name, value in values.items()}


@st.composite
def feeds(draw: st.DrawFn, decode: schema.DecodeImage, resize: schema.RecResizeImg) -> schema.Feed:
    files = draw(st.lists(PATHS, min_size=1, max_size=3).map(tuple))
    ratios = st.floats(min_value=0, max_value=1, exclude_min=True)
    sizes = st.sampled_from([1, len(files)])
    keys = draw(st.permutations(["image", "label", "length"]).map(tuple))
    return schema.Feed(
        dataset=schema.SimpleDataSet(
            data_dir=draw(PATHS),
            label_file_list=files,
            ratio_list=draw(sizes.flatmap(lambda size: st.tuples(*[ratios] * size))),
            delimiter=draw(st.sampled_from(["\t", " ", ",", "##"])),
            transforms=(decode, schema.CTCLabelEncode(), resize, schema.KeepKeys(keep_keys=keys)),
        ),
        loader=draw(st.builds(schema.Loader, batch_size_per_card=COUNTS, num_workers=st.integers(0, 64))),
    )


@st.composite
def configs(draw: st.DrawFn) -> schema.Config:
    decode = draw(st.builds(schema.DecodeImage, channel_first=st.just(False)))
    resize = schema.RecResizeImg(image_shape=(3, 32, draw(st.integers(4, 4000))), padding=draw(st.booleans()))
    start = draw(st.sampled_from([{}, {"pretrained_model": "a"}, {"checkpoints": "ก ข"}]))
    return schema.Config(
        run=draw(
            st.builds(
                schema.Global,
                epoch_num=COUNTS,
                print_batch_step=COUNTS,
                save_model_dir=PATHS,
                save_epoch_step=st.integers(0, 100),
                eval_batch_step=st.none() | st.tuples(st.integers(0, 10**6), COUNTS),
                character_dict_path=PATHS,
                max_text_length=st.just(1),
                seed=st.integers(0, 2**32 - 1),
                max_reject_ratio=SHARES,
                pretrained_model=st.just(start.get("pretrained_model")),
                checkpoints=st.just(start.get("checkpoints")),
            )
        ),
        optimizer=draw(optimizers()),
        architecture=schema.Architecture(
            backbone=draw(
                st.builds(
                    schema.MobileNetV3,
                    model_name=st.sampled_from(["large", "small"]),
                    small_stride=st.just((1, 2, 2, 2)),
                    large_stride=st.just((1, 2, 2, 2)),
                    scale=st.sampled_from([0.35, 0.5, 0.75, 1.0, 1.25]),
                )
            ),
            neck=draw(st.builds(schema.SequenceEncoder, hidden_size=COUNTS)),
            head=draw(st.builds(schema.CTCHead, fc_decay=SHARES, mid_channels=st.none() | COUNTS)),
        ),
        loss=draw(
            st.builds(
                schema.CTCLoss,
                parts_guide=st.none()
                | st.builds(schema.PartsGuide, weight=POSITIVE, label_smoothing=st.none() | st.just(0.1)),
            )
        ),
        postprocess=schema.CTCLabelDecode(),
        metric=draw(st.builds(schema.RecMetric)),
        train=draw(feeds(decode, resize)),
        eval=draw(feeds(decode, resize)),
    )


@settings(deadline=None, max_examples=40)
@given(configs())
def test_a_configuration_that_is_written_and_read_is_the_same(config: schema.Config) -> None:
    text = to_yaml(config)
    loaded = load_text(text, file="my.yml")
    assert loaded.config == config
    assert loaded.unused == ()
    assert to_yaml(loaded.config) == text


@settings(deadline=None, max_examples=20)
@given(configs())
def test_the_plain_data_is_what_any_yaml_reader_finds_in_the_text(config: schema.Config) -> None:
    assert yaml.safe_load(to_yaml(config)) == to_dict(config)


def test_sections_stand_in_the_order_of_paddleocr() -> None:
    data = to_dict(preset("rec", "dev"))
    assert list(data) == ["Global", "Optimizer", "Architecture", "Loss", "PostProcess", "Metric", "Train", "Eval"]
    architecture = data["Architecture"]
    assert isinstance(architecture, dict)
    assert list(architecture) == ["model_type", "algorithm", "Backbone", "Neck", "Head"]


def test_what_is_none_is_left_out_because_paddleocr_acts_on_a_key_that_is_there() -> None:
    text = to_yaml(preset("rec", "dev"))
    assert "clip_norm" not in text
    assert "pretrained_model" not in text


def test_one_ratio_for_several_files_is_written_as_one_number_which_paddleocr_repeats() -> None:
    text = to_yaml(preset("rec", "dev")).replace("[./train_data/thai/rec_gt_train.txt]", "[a.txt, b.txt]")
    assert "ratio_list: 1.0\n" in to_yaml(load_text(text, file="my.yml").config)


def test_lists_stand_in_one_line_and_a_step_without_keys_is_empty() -> None:
    text = to_yaml(preset("rec", "dev"))
    assert "image_shape: [3, 32, 100]\n" in text
    assert "      - CTCLabelEncode:\n" in text
