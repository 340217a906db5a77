"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """about: what was looked at. level: `note` is worth knowing, `problem` is in the way of something. fix: what to do
    about it, a command where there is one."""

    about: str
    level: Level
    what: str
    fix: str | None = None
