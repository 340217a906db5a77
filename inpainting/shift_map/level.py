"""The window at one size: what is known, what is to be filled, and the guide's picture of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.types import Hole, Pixels
from inpainting.shift_map.labels import Bools
from inpainting.windows import shrink, touched


@dataclass(frozen=True)
class Level:
    """base: uint8 h x w x 3, the known pixels and elsewhere the guide's. hole: bool h x w, to be filled. known: bool
    h x w, what may be copied; what is neither (people who stay) is not looked at."""

    base: Pixels
    hole: Bools
    known: Bools

    @classmethod
    def at(cls, image: Pixels, hole: Bools, known: Bools, guide: Pixels, shape: tuple[int, int]) -> Level:
        """The window (uint8 H x W x 3, bool H x W) and the guide's picture of it, of any size, both at `shape`."""
        import cv2

        pixels, unknown = reduced(image, np.where(known, np.uint8(0), np.uint8(255)), shape)
        inside = (touched(np.where(hole, np.uint8(255), np.uint8(0)), shape) != 0) & (unknown != 0)
        if guide.shape[:2] != shape:
            how = cv2.INTER_AREA if shape[0] < guide.shape[0] else cv2.INTER_CUBIC
            guide = np.asarray(cv2.resize(guide, shape[::-1], interpolation=how), np.uint8)
        return cls(np.where(unknown[..., None] != 0, guide, pixels), inside, unknown == 0)


def reduced(image: Pixels, unknown: Hole, shape: tuple[int, int]) -> tuple[Pixels, Hole]:
    """The window at a smaller shape, black where it is unknown; at its own shape, the same without shrinking."""
    if shape == unknown.shape:
        return np.where(unknown[..., None] != 0, np.uint8(0), image), unknown
    return shrink(image, unknown, shape)
