"""A contact sheet: many photos on one, each with what became of its people."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data.types import Hole, Pixels

_SIDE, _TEXT = 320, 18
_MISSED, _EDGE = (255, 40, 40), (60, 255, 90)


def marked(pixels: Pixels, truth: NDArray[np.bool_], hole: Hole) -> Pixels:
    """The photo with people outside the hole in red and the hole's edge in green.

    pixels: uint8 H x W x 3. truth: bool H x W, everyone's pixels. hole: uint8 H x W, 255 = removed.
    """
    out = pixels.copy()
    missed = truth & (hole == 0)
    out[missed] = (out[missed] // 3 + np.array(_MISSED) * 2 // 3).astype(np.uint8)
    width = max(1, round(max(hole.shape) / _SIDE))
    edge = cv2.dilate(hole, np.ones((2 * width + 1,) * 2, np.uint8)) != hole
    out[edge] = _EDGE
    return out


def contact_sheet(pictures: Sequence[tuple[str, Pixels]], columns: int = 4) -> Image.Image:
    """(caption, uint8 H x W x 3) pictures in rows as high as their highest picture."""
    small = [(caption, Image.fromarray(pixels)) for caption, pixels in pictures]
    for _, picture in small:
        picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    rows = [small[at : at + columns] for at in range(0, len(small), columns)]
    heights = [max(picture.height for _, picture in row) + _TEXT for row in rows]
    sheet = Image.new("RGB", (columns * _SIDE, max(1, sum(heights))), "black")
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        y = sum(heights[:number])
        for column, (caption, picture) in enumerate(row):
            sheet.paste(picture, (column * _SIDE, y))
            draw.text((column * _SIDE + 3, y + picture.height + 2), caption, fill="white")
    return sheet
