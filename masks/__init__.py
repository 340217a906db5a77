"""People -> one hole a photo."""

from masks.choice import SAME_BOX, Choice, choose, is_small, listed, overlap
from masks.refine import refine

STAGE_VERSION = 4
"""Part of every key: raise it when the same people and settings give another hole than before."""

__all__ = ["SAME_BOX", "STAGE_VERSION", "Choice", "choose", "is_small", "listed", "overlap", "refine"]
