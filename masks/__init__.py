"""People -> one hole a photo."""

from masks.choice import Choice, choose, is_small
from masks.refine import refine

STAGE_VERSION = 4
"""Raise when the same people and settings give another hole."""

__all__ = ["STAGE_VERSION", "Choice", "choose", "is_small", "refine"]
