"""The files that Paddle Inference and PaddleOCR's clients load."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import paddle
import yaml
from paddle import nn

from thaiocr.models.recognizer import Recognizer
from thaiocr.predict.bundle import PADDLE, Bundle

CLIENT_MODEL_NAME: Final = "th_PP-OCRv5_mobile_rec"
"""PaddleX accepts only names of its own list; this one selects a Thai font for drawing, the network is not checked."""


def write_paddle_model(model: nn.Layer, bundle: Bundle) -> None:
    """Write `inference.json` and `inference.pdiparams`; batch size and width stay free."""
    channels, height, _ = bundle.preprocess.image_shape
    model.eval()
    network = model.for_export() if isinstance(model, Recognizer) else model
    shape = paddle.static.InputSpec([None, channels, height, None], "float32", name="x")
    # Not to_static(model): that would replace the model's own forward, which the parity gate runs.
    paddle.jit.save(network, str(bundle.folder / PADDLE), input_spec=[shape])


def write_client_yaml(bundle: Bundle) -> None:
    """Write `inference.yml` for PaddleOCR 3.x: it prepends blank, and appends a space after the dictionary."""
    document = {
        "Global": {"model_name": CLIENT_MODEL_NAME},
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": bundle.preprocess.img_mode}},
                {"RecResizeImg": {"image_shape": list(bundle.preprocess.image_shape)}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(bundle.dictionary.entries)},
    }
    # Escaped, because PyYAML folds U+0085 and its like when it writes them plainly.
    text = yaml.safe_dump(document, allow_unicode=False, sort_keys=False)
    path: Path = bundle.folder / f"{PADDLE}.yml"
    path.write_text(text, encoding="ascii")
