"""RapidOCR's recognition: BUNDLE SHAPE IMAGE… -> a JSON line for each image."""

from __future__ import annotations

import json
import sys

from rapidocr import RapidOCR

folder, shape, *images = sys.argv[1:]
reader = RapidOCR(
    params={
        "Global.log_level": "error",
        "Rec.model_path": f"{folder}/inference.onnx",
        "Rec.rec_keys_path": f"{folder}/dict.txt",
        "Rec.rec_img_shape": json.loads(shape),
    }
)
for image in images:
    found = reader(image, use_det=False, use_cls=False, use_rec=True)
    print(
        json.dumps({"text": found.txts[0], "score": float(found.scores[0])} if found.txts else {"text": "", "score": 0})
    )
