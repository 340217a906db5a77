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
    """(caption, uint8 H x W x 3) pictures in rows."""
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * _SIDE, max(1, rows) * (_SIDE + _TEXT)), "black")
    draw = ImageDraw.Draw(sheet)
    for number, (caption, pixels) in enumerate(pictures):
        x, y = number % columns * _SIDE, number // columns * (_SIDE + _TEXT)
        small = Image.fromarray(pixels)
        small.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        sheet.paste(small, (x, y))
        draw.text((x + 3, y + _SIDE + 2), caption, fill="white")
    return sheet
