from __future__ import annotations

from pathlib import Path

import pytest

from thaiocr.errors import ConfigError, EnvironmentProblem
from thaiocr.launch.settings import Settings, load_settings, write_settings

ROLE = "arn:aws:iam::123456789012:role/training"


def test_arguments_win_over_the_environment_which_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = Settings(
        region="eu-west-1", bucket="file-bucket", role=ROLE, prices={"ml.m5.large": 0.2}, tags={"a": "ข"}
    )
    write_settings(tmp_path / "sagemaker.yml", written)
    assert load_settings(None, {}, {}) == written
    variables = {"AWS_DEFAULT_REGION": "us-west-2", "THAIOCR_BUCKET": "environment-bucket", "THAIOCR_PREFIX": "a/b"}
    found = load_settings(None, {"bucket": "argument-bucket", "role": None}, variables)
    assert (found.region, found.bucket, found.role, found.prefix) == ("us-west-2", "argument-bucket", ROLE, "a/b")
    assert load_settings(None, {}, {**variables, "AWS_REGION": "ap-southeast-1"}).region == "ap-southeast-1"


def test_no_file_is_no_problem_unless_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}, {}) == Settings()
    with pytest.raises(ConfigError, match=r"other.yml: no such settings file; .*bootstrap --settings other.yml"):
        load_settings("other.yml", {}, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(str(tmp_path), {}, {})


def test_all_that_is_wrong_in_a_file_is_said_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "s.yml"
    file.write_text(
        "bukket: x\nrole: admin\nregion: [a]\nprices: 3\nspeeds:\n  ml.m5.large: fast\n  ml.c5.large: [1]\nimage:\n",
        "utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(str(file), {}, {})
    assert caught.value.problems == (
        f"{file}:1: bukket: unknown setting; did you mean 'bucket'?",
        f"{file}:2: role: expected a role's ARN: arn:aws:iam::<account>:role/<name>, got 'admin'",
        f"{file}:3: region: expected a region such as us-east-1, got a list",
        f"{file}:4: prices: expected lines `name: value` below it, got 3",
        f"{file}:6: speeds.ml.m5.large: expected a number above 0, got text 'fast'",
        f"{file}:7: speeds.ml.c5.large: expected one value, got a list",
    )
    file.write_text("just text\n", "utf-8")
    with pytest.raises(ConfigError, match="expected lines such as `bucket: my-bucket`"):
        load_settings(str(file), {}, {})


def test_a_wrong_value_names_the_argument_or_the_variable_it_came_from() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {"bucket": "Not_A_Bucket"}, {"THAIOCR_IMAGE": "a b"})
    assert caught.value.problems == (
        "--bucket: expected a bucket's name: 3 to 63 small letters, digits, '.' and '-', got 'Not_A_Bucket'",
        "THAIOCR_IMAGE: expected an image: registry/name:tag or registry/name@sha256:<64 hex digits>, got 'a b'",
    )


def test_what_is_missing_is_listed_with_every_place_it_can_be_given() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(region="us-east-1").need("region", "role", "bucket")
    assert caught.value.problems == (
        "role: not known; give --role, THAIOCR_ROLE or 'role:' in the settings file",
        "bucket: not known; give --bucket, THAIOCR_BUCKET or 'bucket:' in the settings file",
        "`thaiocr sagemaker bootstrap` makes what is missing and writes the settings",
    )


def test_settings_that_cannot_be_written_are_an_error_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        write_settings(tmp_path / "nowhere" / "s.yml", Settings())
