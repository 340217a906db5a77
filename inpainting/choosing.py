"""Which of several fills of one hole continues its surroundings best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.types import Hole, Pixels
from inpainting.smooth import spread

_BLUR = 64
"""Colours are compared at the scale of this share of the longer side: texture is no matter."""


def best(fills: Sequence[Pixels], image: Pixels, hole: Hole, unknown: Hole) -> Pixels:
    """The fill whose colours, without their texture, are nearest to a smooth continuation of what is known.

    A patch fill that went wrong has put the colours of one place where another's belong; this finds the one that did
    so least. fills, image: uint8 H x W x 3. hole: uint8 H x W, what was filled. unknown: the same with all that is no
    source. The first of equals.
    """
    if len(fills) == 1:
        return fills[0]
    smooth = spread(image.astype(np.float32), unknown == 0)
    return min(fills, key=lambda filled: distance(filled, hole, smooth))


def distance(filled: Pixels, hole: Hole, smooth: NDArray[np.float32]) -> float:
    """Mean absolute difference of the blurred fill and `smooth` in the hole, in grey levels."""
    import cv2

    blurred = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), max(1.0, max(hole.shape) / _BLUR))
    inside = hole != 0
    return float(np.abs(blurred[inside] - smooth[inside]).mean()) if inside.any() else 0.0
