"""Formats that are written by hand."""
