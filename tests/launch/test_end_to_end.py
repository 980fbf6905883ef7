"""A person's whole way, against services on loopback and the container's real program."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import tiny
from cloud import Cloud
from fake_sagemaker import wait_until

from thaiocr.cli.main import main

pytestmark = pytest.mark.slow


def test_launch_stop_resume_fetch_and_read(cloud: Cloud, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = tiny.write_data(tmp_path / "ข้อมูล ไทย", images=24)
    config = tiny.write_config(data, tmp_path / "run", *tiny.RUNS)
    where = ["-c", str(config), "--instance-type", "ml.m5.large", *cloud.arguments()]

    assert main(["sagemaker", "launch", *where, "--json", "-y", "-o", "Global.epoch_num=200"]) == 0
    printed = capfd.readouterr()
    job = json.loads(printed.out)["job"]
    assert "costs at most" in printed.err
    running = cloud.sagemaker.jobs[job]
    wait_until(lambda: any("latest.states" in key for key in cloud.objects()), seconds=90)
    assert main(["sagemaker", "stop", job]) == 0
    assert main(["sagemaker", "logs", job, "--follow"]) == 130
    printed = capfd.readouterr()
    assert f"{job}: stopped; go on with: thaiocr sagemaker launch --resume {job}" in printed.err
    assert "algo-1" in printed.out
    assert "step 2: loss" in printed.out
    assert running.status == "Stopped"

    done = max(int(each) for each in re.findall(r"epoch (\d+) step", printed.out))
    longer = ["-o", f"Global.epoch_num={done + 2}"]
    resume = ["sagemaker", "launch", "--resume", job, *longer, "--json", "-y", "--follow"]
    assert main(resume) == 0
    printed = capfd.readouterr()
    again = json.loads(printed.out)["job"]
    assert again != job
    assert re.search(r"resumed .*latest: epoch \d+, step \d+", printed.err)
    assert f"epoch {done + 2} step {2 * done + 4}: acc" in printed.err
    assert "epoch 1 step" not in printed.err

    bundle = tmp_path / "bundle"
    assert main(["sagemaker", "fetch", again, "-o", str(bundle), "--sample", str(data / "val"), "--json"]) == 0
    fetched = json.loads(capfd.readouterr().out)
    assert fetched["classes"] == len(tiny.ENTRIES)
    assert main(["predict", "--bundle", str(bundle), str(data / "val/0000.png"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["text"] == fetched["text"]


def test_two_instances_train_one_model(cloud: Cloud, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = tiny.write_data(tmp_path / "data", images=24)
    half = ("Train.loader.batch_size_per_card=8", "Eval.loader.batch_size_per_card=8")
    config = tiny.write_config(data, tmp_path / "run", *tiny.RUNS, *half)
    where = ["-c", str(config), "--instance-type", "ml.m5.large", "--instances", "2", *cloud.arguments()]
    assert main(["sagemaker", "launch", *where, "--json", "-y", "--follow"]) == 0
    printed = capfd.readouterr()
    job = json.loads(printed.out)["job"]
    assert re.search(r"instances +2 x ml\.m5\.large", printed.err)
    assert re.search(r"algo-1 \S+ epoch 3 step 6: acc", printed.err)
    assert re.search(r"algo-2 \S+ machine 2 of 2: 127\.0\.0\.1 logs and saves", printed.err)
    assert not re.search(r"algo-2 .*step", printed.err)
    assert main(["sagemaker", "fetch", job, "-o", str(tmp_path / "bundle"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["classes"] == len(tiny.ENTRIES)
