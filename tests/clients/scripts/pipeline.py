"""PaddleOCR's whole pipeline: DETECTION RECOGNITION SIDE IMAGE… -> a JSON line for each image.

It asks its own detector for limits of its own, whatever `inference.yml` says: SIDE is the longest side.
"""

from __future__ import annotations

import json
import sys

from paddleocr import PaddleOCR

detection, recognition, side, *images = sys.argv[1:]
pipeline = PaddleOCR(
    text_detection_model_name="PP-OCRv5_mobile_det",
    text_detection_model_dir=detection,
    text_recognition_model_name="th_PP-OCRv5_mobile_rec",
    text_recognition_model_dir=recognition,
    text_det_limit_side_len=int(side),
    text_det_limit_type="max",
    use_doc_orientation_classify=False,
    use_doc_unwarping=False,
    use_textline_orientation=False,
)
for image in images:
    (found,) = pipeline.predict(image)
    polygons = [[[int(value) for value in point] for point in polygon] for polygon in found["rec_polys"]]
    print(json.dumps({"texts": list(found["rec_texts"]), "polygons": polygons}))
