"""Masks as text: `#` is the mask, `.` the background; other letters mark other masks of the same picture."""

from __future__ import annotations

import numpy as np


def mask(text: str, letters: str = "#") -> np.ndarray:
    """bool H x W: where the text has one of the letters."""
    return np.array([[c in letters for c in line] for line in text.split()])


def picture(array: np.ndarray) -> str:
    """Inverse of `mask`, lines joined by spaces."""
    return " ".join("".join(".#"[int(bool(v))] for v in row) for row in array)
