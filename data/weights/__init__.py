"""Weights: the registry, the sources, the files."""
