"""What the figures of evaluations are, for their tables, their files and docs/evaluation.md."""

from __future__ import annotations

from typing import Literal, NamedTuple

Better = Literal["lower", "higher", "as the truth", "-"]


class Figure(NamedTuple):
    """better: which way a figure is better; `as the truth` where the truth's own value is the aim, `-` where it is none
    of quality. unit: of the value in tables."""

    better: Better
    unit: str
    what: str
