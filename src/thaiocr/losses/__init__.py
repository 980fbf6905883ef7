"""Tensors -> a scalar to minimise."""
