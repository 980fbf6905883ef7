"""PaddleOCR's files of distillations load, or say what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import distillation
import pytest
import tiny
from yaml import safe_load

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.keys import keys_of
from thaiocr.config.load import load_text
from thaiocr.errors import ConfigError

TEXT = distillation.text(
    tiny.config(Path("data"), Path("run"), *tiny.RUNS, "Loss.parts_guide=null"), teacher=Path("teacher/best_accuracy")
)

ALGORITHMS = ", ".join(get_args(keys_of(schema.SubModel)["algorithm"].kind))


def load(*changes: str) -> schema.Config:
    return load_text(TEXT, file="my.yml", overrides=changes).config


def problem(*changes: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(*changes)
    return "\n".join(caught.value.problems)


def test_networks_losses_decoding_and_metric_are_read() -> None:
    config = load()
    assert isinstance(config.architecture, schema.DistillationModel)
    assert isinstance(config.loss, schema.CombinedLoss)
    teacher, student = config.architecture.models.values()
    assert (teacher.pretrained, teacher.freeze_params, student.freeze_params) == ("teacher/best_accuracy", True, False)
    assert [type(term).__name__ for term in config.loss.loss_config_list] == [
        "DistillationCTCLoss",
        "DistillationDMLLoss",
        "DistillationDistanceLoss",
    ]
    assert config.key == "Student"
    assert config.reader == student


def test_what_is_written_loads_as_the_same_configuration() -> None:
    text = to_yaml(load())
    assert load_text(text, file="again.yml").config == load()
    assert list(safe_load(text)["Architecture"]) == ["name", "model_type", "algorithm", "Models"]


def test_one_network_has_no_name_as_in_paddleocrs_files() -> None:
    assert "name" not in safe_load(to_yaml(tiny.config(Path("data"), Path("run"))))["Architecture"]


def test_a_setting_of_one_network_is_changed_alone() -> None:
    architecture = load("Architecture.Models.Student.Neck.hidden_size=16").architecture
    assert isinstance(architecture, schema.DistillationModel)
    assert [each.neck.hidden_size for each in architecture.models.values()] == [8, 16]


MODELS = "Architecture.Models"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("Metric.key=Studnet", "no network 'Studnet' in Architecture.Models; did you mean 'Student'?"),
        ("Metric.key=Teacher", "'Teacher' is frozen and learns nothing"),
        ("PostProcess.model_name=[Teacher]", "'Student' is not among PostProcess.model_name ['Teacher']"),
        ("PostProcess.model_name=[Student, Other]", "no network 'Other' in Architecture.Models"),
        (
            "Loss.loss_config_list.0.DistillationCTCLoss.model_name_list=[Pupil]",
            "no network 'Pupil' in Architecture.Models; networks there: Teacher, Student",
        ),
        (f"{MODELS}.Teacher.pretrained=null", "'Teacher' has freeze_params and no pretrained weights"),
        (
            f"{MODELS}.Student.Backbone.small_stride=[2,2,2,2]",
            "Student: height 32 does not become one row of features: MobileNetV3 small takes 33 to 96",
        ),
        (
            "Loss={name: CTCLoss}",
            "CTCLoss does not go with Architecture.algorithm Distillation; that one needs CombinedLoss, "
            "DistillationCTCLabelDecode, DistillationMetric",
        ),
        ("Metric={name: RecMetric}", "RecMetric does not go with Architecture.algorithm Distillation"),
        (
            "Loss.loss_config_list.1={DistillationSARLoss: {weight: 1.0}}",
            "available: DistillationCTCLoss, DistillationDMLLoss, DistillationDistanceLoss",
        ),
        ("Loss.loss_config_list.1=DML", "expected a loss such as 'DistillationCTCLoss: {…}', got text 'DML'"),
        (
            "Loss.loss_config_list.1.DistillationDMLLoss.multi_head=true",
            "this key of PaddleOCR is not supported; remove it",
        ),
        ("Loss.loss_config_list.1.DistillationDMLLoss.weight=0", "must be above 0"),
        ("Loss.loss_config_list.1.DistillationDMLLoss.act=sigmoid", "'sigmoid' is not supported; available: softmax"),
        (f"{MODELS}.Student.return_all_feats=false", "'false' is not supported; available: true"),
        (f"{MODELS}.Student.algorithm=SAR", f"'SAR' is not supported; available: {ALGORITHMS}"),
        (f"{MODELS}.Student.Transform={{name: TPS}}", "'TPS' is not supported; leave Transform empty"),
        (f"{MODELS}={{}}", "expected sections by name"),
    ],
)
def test_what_does_not_fit_is_named(change: str, message: str) -> None:
    found = problem(change)
    assert message in found
    assert found.startswith(("-o ", "my.yml:"))


def test_names_that_a_network_could_not_have_are_refused() -> None:
    with pytest.raises(ConfigError, match="names must begin with a capital letter and be one word"):
        load_text(TEXT.replace("Student", "the.student"), file="my.yml")


def test_one_network_is_refused_with_the_loss_of_several() -> None:
    with pytest.raises(ConfigError, match=r"DistillationCTCLabelDecode does not go with Architecture\.algorithm CRNN"):
        tiny.config(Path("data"), Path("run"), "PostProcess={name: DistillationCTCLabelDecode, key: head_out}")
