"""Runs and weights on disk, under PaddleOCR's names."""
