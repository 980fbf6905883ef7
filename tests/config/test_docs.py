from __future__ import annotations

import json
from pathlib import Path

import yaml

from thaiocr.config import schema
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_text
from thaiocr.config.presets import preset

DOCS = Path(__file__).parents[2] / "docs"


def test_the_settings_that_the_page_on_training_shows_are_valid() -> None:
    block = (DOCS / "training.md").read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    shown = yaml.safe_load(block)
    changes = [f"Global.{key}={json.dumps(value)}" for key, value in shown["Global"].items()]
    text = to_yaml(preset("rec", "dev"))
    config = load_text(text, file="x.yml", overrides=[*changes, f"Optimizer={json.dumps(shown['Optimizer'])}"]).config
    assert config.run.ema is not None
    assert config.run.keep_best == 2
    assert config.optimizer.lr.warmup_epoch == 5


def test_the_distillation_that_its_page_shows_is_valid() -> None:
    block = (DOCS / "distillation.md").read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    shape = "dataset.transforms.2.RecResizeImg.image_shape=[3, 32, 32]"
    changes = [f"{section}={json.dumps(value)}" for section, value in yaml.safe_load(block).items()]
    config = load_text(
        to_yaml(preset("rec", "dev")), file="x.yml", overrides=[*changes, f"Train.{shape}", f"Eval.{shape}"]
    ).config
    assert isinstance(config.loss, schema.CombinedLoss)
    assert config.key == "Student"
