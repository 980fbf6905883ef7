"""PaddleOCR's public configurations of SVTR_LCNet load as they are; what does not go together is refused by name."""

from __future__ import annotations

import pytest
import svtr_lcnet_files

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_text
from thaiocr.config.schema import svtr_lcnet
from thaiocr.errors import ConfigError


def load(*overrides: str) -> schema.Config:
    return load_text(svtr_lcnet_files.PUBLIC, file="v5.yml", overrides=overrides).config


def refused(*overrides: str, text: str = svtr_lcnet_files.PUBLIC) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(text, file="v5.yml", overrides=overrides)
    return list(caught.value.problems)


def test_the_public_configuration_loads_and_lists_what_is_unused() -> None:
    loaded = load_text(svtr_lcnet_files.PUBLIC, file="v5.yml")
    assert loaded.config.architecture == schema.SVTRLCNet(
        backbone=schema.PPLCNetV3(scale=0.95),
        head=schema.MultiHead(
            head_list=(
                svtr_lcnet.CTCHead(
                    neck=schema.SVTREncoder(dims=120, depth=2, hidden_dims=120, kernel_size=(1, 3), use_guide=True),
                    head=svtr_lcnet.CTCLayers(fc_decay=1e-5),
                ),
                schema.NRTRHead(nrtr_dim=384),
            )
        ),
    )
    assert loaded.config.loss == schema.MultiLoss(loss_config_list=(svtr_lcnet.CTCLoss(), svtr_lcnet.NRTRLoss()))
    assert isinstance(loaded.config.train.dataset, schema.MultiScaleDataSet)
    assert {"Global.distributed", "Architecture.Head.head_list.NRTRHead.max_text_length"} <= set(loaded.unused)


def test_what_is_written_loads_as_the_same_configuration() -> None:
    config = load("Loss.weight_2=0.5", "Architecture.Backbone.lr_mult_list=[0, 0, 0.1, 0.1, 1, 1]")
    assert load_text(to_yaml(config), file="written.yml").config == config


HEADS = "Architecture.Head.head_list"


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (
            f"{HEADS}=[{{CTCHead: {{Neck: {{}}, Head: {{}}}}}}]",
            "must be CTCHead and NRTRHead, in this order, got ['CTCHead']",
        ),
        (
            f"{HEADS}.1={{SARHead: {{}}}}",
            "'SARHead' is not supported; did you mean 'NRTRHead'? available: CTCHead, NRTRHead",
        ),
        (f"{HEADS}.1=NRTRHead", "expected a head such as 'NRTRHead: {…}', got text 'NRTRHead'"),
        (f"{HEADS}.0.CTCHead.Neck.hidden_dims=100", "100 features cannot be split among 8 heads"),
        (f"{HEADS}.0.CTCHead.Neck.name=rnn", "'rnn' is not supported; available: svtr"),
        (f"{HEADS}.0.CTCHead.Neck.kernel_size=[2, 3]", "sides must be odd, got [2, 3]"),
        (f"{HEADS}.1.NRTRHead.nrtr_dim=100", "must be a multiple of 32, got 100"),
        ("Architecture.algorithm=SVTR_LCNET", "did you mean 'SVTR_LCNet'?"),
        (
            "Architecture.Neck={name: SequenceEncoder}",
            "unknown key; keys here: name, model_type, algorithm, Backbone, Head",
        ),
        ("Architecture.Backbone.name=MobileNetV3", "'MobileNetV3' is not supported; available: PPLCNetV3"),
        ("Architecture.Head.use_pool=true", "this key of PaddleOCR is not supported; remove it"),
        ("Loss={name: CTCLoss}", "CTCLoss does not go with Architecture.algorithm SVTR_LCNet"),
        ("Loss.loss_config_list=[NRTRLoss, CTCLoss]", "expected a loss of a head such as 'NRTRLoss: {…}'"),
        (
            "Loss.loss_config_list.1={SARLoss: null}",
            "'SARLoss' is not supported; did you mean 'NRTRLoss'? available: CTCLoss, NRTRLoss",
        ),
        (
            "Train.dataset.transforms.3={CTCLabelEncode: null}",
            "the two heads of SVTR_LCNet need MultiLabelEncode: {gtc_encode: NRTRLabelEncode}, not CTCLabelEncode",
        ),
        (
            "Eval.dataset.transforms.3.KeepKeys.keep_keys=[image, label, length]",
            "MultiLabelEncode goes with other keys than KeepKeys names; write [image, label_ctc, label_gtc, length]",
        ),
        ("Eval.dataset.transforms.3.KeepKeys.keep_keys=[image, label_ctc, length]", "must contain label_gtc"),
        ("Train.dataset.transforms.3.MultiLabelEncode.gtc_encode=SARLabelEncode", "available: NRTRLabelEncode"),
        (
            "Eval.dataset.transforms.2.RecResizeImg.image_shape=[3, 32, 320]",
            "PPLCNetV3 takes 48; write [3, 48, 320]",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(override: str, problem: str) -> None:
    problems = refused(override)
    assert any(problem in each for each in problems), problems


def test_labels_for_two_heads_are_refused_where_there_is_one() -> None:
    one = "{name: MobileNetV3, scale: 0.5, model_name: large}"
    architecture = f"{{algorithm: CRNN, Backbone: {one}, Neck: {{name: SequenceEncoder}}, Head: {{name: CTCHead}}}}"
    problems = refused(f"Architecture={architecture}", "Loss={name: CTCLoss}")
    assert sum("one head needs CTCLabelEncode, not MultiLabelEncode" in each for each in problems) == 2


def test_a_network_narrower_than_its_text_is_refused() -> None:
    problems = refused("Global.max_text_length=41", "Train.dataset.transforms.1.RecConAug.max_text_length=41")
    assert any("scale [320, 32] gives 40 time steps, Global.max_text_length is 41" in each for each in problems), (
        problems
    )
