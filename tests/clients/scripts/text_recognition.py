"""PaddleOCR's TextRecognition: BUNDLE ENGINE IMAGE… -> a JSON line for each image."""

from __future__ import annotations

import json
import sys

from paddleocr import TextRecognition

folder, engine, *images = sys.argv[1:]
options = {} if engine == "paddle" else {"engine": engine}
model = TextRecognition(model_name="th_PP-OCRv5_mobile_rec", model_dir=folder, **options)
for image in images:
    (found,) = model.predict(image, batch_size=1)
    print(json.dumps({"text": found["rec_text"], "score": float(found["rec_score"])}))
