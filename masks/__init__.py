"""People -> one hole a photo."""

from masks.choice import SAME_BOX, Choice, choose, cut, is_outgrown, is_small, listed, may_be_cut
from masks.refine import hole_and_rest, refine

STAGE_VERSION = 9
"""Part of every key: raise it when the same people and settings give another hole than before."""

__all__ = [
    "SAME_BOX",
    "STAGE_VERSION",
    "Choice",
    "choose",
    "cut",
    "hole_and_rest",
    "is_outgrown",
    "is_small",
    "listed",
    "may_be_cut",
    "refine",
]
