"""`thaiocr sagemaker launch` as far as it needs no account."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import folders
import pytest
from aws_model import model_problems

from thaiocr.cli.main import main

ROLE = "arn:aws:iam::123456789012:role/training"
IMAGE = "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com/thaiocr@sha256:" + "0" * 64
ACCOUNT = ["--role", ROLE, "--bucket", "my-bucket", "--image", IMAGE]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A configuration and its data; nothing answers where AWS would be, and nobody is signed in."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    return folders.write_config(folders.write_data(tmp_path / "thai"))


def test_a_dry_run_prints_the_exact_request_and_touches_no_account(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sagemaker", "launch", "-c", config, *ACCOUNT, "--dry-run", "--json", "--tag", "team=ocr"]
    assert main([*words, "-o", "Global.epoch_num=20", "--spot", "--max-cost", "10"]) == 0
    printed = json.loads(capsys.readouterr().out)
    request, cost = printed["request"], printed["cost"]
    assert set(printed) == {"request", "cost"}
    assert model_problems("CreateTrainingJob", request) == []
    assert request["HyperParameters"] == {"config": "test.yml", "Global.use_gpu": "true", "Global.epoch_num": "20"}
    assert request["ResourceConfig"] == {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50}
    assert request["AlgorithmSpecification"]["TrainingImage"] == IMAGE
    assert {"Key": "team", "Value": "ocr"} in request["Tags"]
    job = request["TrainingJobName"]
    assert request["CheckpointConfig"]["S3Uri"] == f"s3://my-bucket/thaiocr/jobs/{job}/checkpoints"
    assert cost["price_per_hour"] == 1.03
    assert 9.9 < cost["worst_case"] <= 10
    longest = request["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert longest == pytest.approx(cost["max_hours"] * 3600, abs=36)
    assert request["StoppingCondition"]["MaxWaitTimeInSeconds"] == longest + 24 * 3600


def test_a_person_sees_what_goes_where_for_how_long_and_how_much(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("sagemaker.yml").write_text(f"role: {ROLE}\nbucket: b-1\nspeeds: {{ml.g4dn.xlarge: 1}}\n", "utf-8")
    words = ["--image", IMAGE, "--dry-run", "--spot", "--max-hours", "10", "-o", "Global.epoch_num=180"]
    assert main(["sagemaker", "launch", "-c", config, *words]) == 0
    rows = {line[:15].rstrip(): line[16:] for line in capsys.readouterr().out.splitlines()}
    job, data = rows["job"], rows["channel train"]
    assert re.fullmatch(r"thaiocr-test-\d{8}-\d{6}-[0-9a-f]{4}", job)
    assert re.fullmatch(r"s3://b-1/thaiocr/data/thai-[0-9a-f]{8}/", data)
    assert rows == {
        "job": job,
        "image": IMAGE,
        "role": ROLE,
        "instances": "1 x ml.g4dn.xlarge (spot; waits for capacity, in all at most 34 h)",
        "config": "test.yml",
        "settings": "Global.use_gpu=true, Global.epoch_num=180",
        "data, train": f"{tmp_path}/thai: 29 files, 0.0 MB; what S3 has is not sent again",
        "channel train": data,
        "channel config": f"s3://b-1/thaiocr/jobs/{job}/config/",
        "checkpoints": f"s3://b-1/thaiocr/jobs/{job}/checkpoints",
        "model": f"s3://b-1/thaiocr/jobs/{job}/output/model.tar.gz",
        "stops after": "10 h",
        "costs at most": "10.34 USD; 1.03 USD/h on demand (ap-southeast-1, 2026-11)",
        "costs probably": "0.31 USD; 1.0 h: 3600 images at 1 images/s per instance",
    }


def test_every_instance_is_paid_for_and_trains_its_share(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sagemaker.yml").write_text("speeds: {ml.g4dn.xlarge: 1}\n", "utf-8")
    found = []
    for instances in ("1", "3"):
        words = ["--instances", instances, "--max-hours", "10", "-o", "Global.epoch_num=180"]
        assert main(["sagemaker", "launch", "-c", config, *ACCOUNT, "--dry-run", "--json", *words]) == 0
        found.append(json.loads(capsys.readouterr().out))
    one, three = found
    assert three["request"]["ResourceConfig"]["InstanceCount"] == 3
    assert three["cost"]["worst_case"] == pytest.approx(3 * one["cost"]["worst_case"], abs=0.02)
    assert three["cost"]["estimated_hours"] == pytest.approx(one["cost"]["estimated_hours"] / 3, abs=0.01)
    assert three["cost"]["estimate"] == one["cost"]["estimate"]


def test_what_is_missing_is_all_said_before_anything_is_asked(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sagemaker", "launch", "-c", config, "--dry-run"]) == 2
    assert capsys.readouterr().err.splitlines()[:2] == [
        "role: not known; give --role, THAIOCR_ROLE or 'role:' in the settings file",
        "bucket: not known; give --bucket, THAIOCR_BUCKET or 'bucket:' in the settings file",
    ]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--instance-type", "ml.g4dn.xlrge"], 2, "no ml.g4dn.xlrge; did you mean 'ml.g4dn.xlarge'?"),
        (["--image", "docker.io/me/thaiocr:1"], 2, "not an image in ECR, and SageMaker pulls from nowhere else"),
        (["--region", "us-east-1"], 2, "in ap-southeast-1, the job would run in us-east-1; push it there"),
        (["--max-cost", "0.01"], 2, "--max-cost: 0.01 USD pay for too little"),
        (["--instance-type", "ml.p5.48xlarge", "--max-cost", "9"], 2, "the price of this instance type is not known"),
        (["--spot", "--keep-alive", "5"], 2, "not together with --spot"),
        (["--tag", "nothing"], 2, "--tag nothing: expected KEY=VALUE"),
        (["-o", "Global.epoch_nums=2"], 2, "did you mean 'epoch_num'?"),
        (["-o", "Global.save_model_dir=x"], 2, "the job keeps its run in /opt/ml/checkpoints"),
        (["-o", "Global.character_dict_path=none.txt"], 3, "none.txt: no such dictionary file"),
        (["-o", "Train.dataset.label_file_list=[none.txt]"], 3, "none.txt"),
        (["-o", "Train.dataset.data_dir=nowhere"], 3, "nowhere: no such folder"),
        (["-o", "Global.pretrained_model=none"], 3, "none.pdparams: no such file"),
    ],
)
def test_what_would_fail_later_is_refused_before_it_costs_anything(
    config: str, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert main(["sagemaker", "launch", "-c", config, *ACCOUNT, "--dry-run", *words]) == code
    assert message in capsys.readouterr().err


def test_images_that_are_not_there_are_named_with_their_line(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders.add_lines(tmp_path / "thai/rec_gt_train.txt", *(f"no/{number}.png\tก" for number in range(12)))
    assert main(["sagemaker", "launch", "-c", config, *ACCOUNT, "--dry-run"]) == 3
    first, *_, more, advice = capsys.readouterr().err.splitlines()
    assert first == f"{tmp_path}/thai/rec_gt_train.txt:21: no/0.png: no such image in the data folder"
    assert (more, advice) == ("… and 2 more", "`thaiocr data check` looks at all of it")


def test_files_from_elsewhere_travel_with_the_configuration(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from thaiocr.launch.local import read_run

    val = folders.write_data(tmp_path / "other", train=1)
    (tmp_path / "weights.pdparams").write_bytes(b"x")
    (tmp_path / "extra.txt").write_bytes((tmp_path / "thai/rec_gt_train.txt").read_bytes())
    changes = [
        f"Eval.dataset.data_dir={val}",
        f"Eval.dataset.label_file_list=[{val}/rec_gt_val.txt]",
        f"Train.dataset.label_file_list=[{tmp_path}/thai/rec_gt_train.txt, {tmp_path}/extra.txt]",
        "Train.dataset.ratio_list=[1.0, 0.5]",
        "Global.pretrained_model=weights",
        "Global.epoch_num=10",
    ]
    run = read_run(config, changes)
    assert sorted(run.config_files) == ["dict.txt", "extra.txt", "test.yml", "weights.pdparams"]
    assert sorted(run.data) == ["eval", "train"]
    assert run.images == 300
    (tmp_path / "extra.txt").rename(tmp_path / "dict.txt")
    clash = [*changes, f"Train.dataset.label_file_list=[{tmp_path}/dict.txt]", "Train.dataset.ratio_list=1.0"]
    assert main(["sagemaker", "launch", "-c", config, *ACCOUNT, "--dry-run", "-o", *clash]) == 3
    assert "files of a job need different names" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "maybe\n"])
def test_anything_but_yes_means_no_job(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert main(["sagemaker", "launch", "-c", config, *ACCOUNT, "--region", "ap-southeast-1"]) == 2
    *_, question, last = capsys.readouterr().err.splitlines()
    assert (question, last) == ("launch this job? [y/N]", "nothing was done")


def test_nobody_to_ask_means_no_job(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sagemaker", "launch", "-c", config, *ACCOUNT, "--region", "ap-southeast-1"]) == 2
    assert "launch this job? Nobody is there to ask; add -y to say yes" in capsys.readouterr().err
