"""Certainties of coarse maps moved to the edges of the photo: the guided filter (He, Sun, Tang, ECCV 2010)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data.types import Pixels

FLAT = 1e-4
"""Variance of colour (of 0 to 1) below which a place counts as even: the filter's epsilon."""
LARGEST = 640
"""Longer side above which a map is looked at reduced: the filter takes about 100 bytes a pixel."""


def along_edges(values: NDArray[np.float32], image: Pixels, radius: int) -> NDArray[np.float32]:
    """The map, h x w, as in every square of 2 * radius + 1 pixels a linear function of the image's colours fits it.

    image: uint8 h x w x 3.
    """
    scale = LARGEST / max(values.shape)
    if scale < 1:
        small = max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale))
        less = along_edges(
            np.asarray(cv2.resize(values, small, interpolation=cv2.INTER_AREA), np.float32),
            np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8),
            max(1, round(radius * scale)),
        )
        return np.asarray(cv2.resize(less, values.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    side = (2 * radius + 1, 2 * radius + 1)
    colours = image.astype(np.float32) / 255
    colour, value = cv2.blur(colours, side), cv2.blur(values, side)
    with_value = cv2.blur(colours * values[..., None], side) - colour * value[..., None]
    spread = np.empty((*values.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(3):
            spread[..., i, j] = cv2.blur(colours[..., i] * colours[..., j], side) - colour[..., i] * colour[..., j]
    spread += FLAT * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(spread, with_value[..., None])[..., 0].astype(np.float32)
    offset = value - (slope * colour).sum(-1)
    return np.asarray((cv2.blur(slope, side) * colours).sum(-1) + cv2.blur(offset, side), np.float32)
