"""A trained network -> a bundle."""
