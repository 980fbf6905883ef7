"""Thai OCR from one PaddleOCR-style YAML file: dictionary, data, config, train, evaluate, export, predict."""

__version__ = "0.1.0"
