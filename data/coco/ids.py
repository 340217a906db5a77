"""Ids and sizes of annotation files, whatever JSON type a tool writes them as."""

from __future__ import annotations

import re

Id = int | str
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}(\.0*)?")
_EXACT = 2**53  # larger floats are no longer every whole number


def id_of(value: object) -> Id | None:
    """One value for 1, 1.0, "1" and "1.0"; another text is an id as it stands. None for what is no id."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _EXACT else None
    if isinstance(value, str) and (text := value.strip()):
        return int(text.split(".")[0]) if _WHOLE.fullmatch(text) else text
    return None


def size_of(height: object, width: object) -> tuple[int, int] | None:
    """(height, width) in pixels; 150.0 and "150" are 150. None when one of them is no number."""
    size = id_of(height), id_of(width)
    return (size[0], size[1]) if isinstance(size[0], int) and isinstance(size[1], int) else None
