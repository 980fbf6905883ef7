"""PaddleOCR's TextDetection: MODEL ENGINE IMAGE… -> a JSON line for each image."""

from __future__ import annotations

import json
import sys

from paddleocr import TextDetection

folder, engine, *images = sys.argv[1:]
options = {} if engine == "paddle" else {"engine": engine}
model = TextDetection(model_name="PP-OCRv5_mobile_det", model_dir=folder, **options)
for image in images:
    (found,) = model.predict(image, batch_size=1)
    polygons = [[[int(value) for value in point] for point in polygon] for polygon in found["dt_polys"]]
    print(json.dumps({"polygons": polygons, "scores": [float(score) for score in found["dt_scores"]]}))
