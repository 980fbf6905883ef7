"""Synthetic training images: fonts that draw Thai right, texts, damage, and the files of a data set."""
