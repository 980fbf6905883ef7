"""A bundle -> text; needs no training code."""
