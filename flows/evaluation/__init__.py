"""Figures: how good are holes and fills."""
