"""PaddleOCR's YAML: sections as types, reading with overrides, presets, writing."""
