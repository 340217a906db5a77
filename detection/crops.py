"""Square crops around person boxes: cut out of the photo for a small network, and its map pasted back."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from data.geometry import Box
from data.types import Pixels

SIDE = 256
"""Side in pixels of the crop that a network sees."""

Corners = tuple[float, float, float, float]
"""A box as a network gives it: x0, y0, x1, y1 in pixels; pixel edges are whole numbers."""
Crop = NDArray[np.float32]
"""float32 SIDE x SIDE x 3, RGB in 0..1."""
SoftMask = NDArray[np.float32]
"""Probability of a person, float32 H x W in 0..1."""


def square_around(box: Corners, grow: float) -> Box:
    """The square with the box's centre and `grow` times its longer side."""
    x0, y0, x1, y1 = box
    side = max(2, math.ceil(max(x1 - x0, y1 - y0) * grow))
    return Box.at(math.floor((x0 + x1 - side + 1) / 2), math.floor((y0 + y1 - side + 1) / 2), side, side)


def grown(box: Corners, share: float, size: tuple[int, int]) -> Box:
    """The box grown by a share of its width and height on each side, clipped to the photo; may be empty."""
    x0, y0, x1, y1 = box
    dx, dy = share * (x1 - x0), share * (y1 - y0)
    left, top = max(round(x0 - dx), 0), max(round(y0 - dy), 0)
    right, bottom = min(round(x1 + dx), size[1]), min(round(y1 + dy), size[0])
    return Box.at(left, top, max(right - left, 0), max(bottom - top, 0))


def cut(pixels: Pixels, window: Box) -> Crop:
    """The window of the photo, stretched to the network's size.

    Outside the photo its border goes on: black bars would read as edges of the person. The window must
    touch the photo.
    """
    inside = pixels[window.within(pixels.shape).slices]
    (height, width), (h, w) = window.shape, inside.shape[:2]
    top, left = max(-window.top, 0), max(-window.left, 0)
    padded = cv2.copyMakeBorder(inside, top, height - h - top, left, width - w - left, cv2.BORDER_REPLICATE)
    # Averaging when shrinking: interpolation would skip pixels of people larger than the crop.
    how = cv2.INTER_AREA if max(width, height) > SIDE else cv2.INTER_LINEAR
    return cv2.resize(padded, (SIDE, SIDE), interpolation=how).astype(np.float32) / np.float32(255)


def paste(soft: SoftMask, window: Box, where: Box) -> SoftMask:
    """The part of a window's map, SIDE x SIDE, that lies in `where`, at the photo's scale; 0 off the window."""
    out = np.zeros((where.height, where.width), np.float32)
    common = where.common(window)
    if not common.empty:
        large = cv2.resize(soft, (window.width, window.height), interpolation=cv2.INTER_LINEAR)
        out[common.relative_to(where).slices] = large[common.relative_to(window).slices]
    return out


def regridded(soft: SoftMask, window: Box, other: Box) -> SoftMask:
    """A window's map, SIDE x SIDE, on the grid of another window; beyond its own, its border goes on."""
    if window == other:
        return soft
    steps = (np.arange(SIDE) + 0.5) / SIDE
    x = (other.left + steps * other.width - window.left) * SIDE / window.width - 0.5
    y = (other.top + steps * other.height - window.top) * SIDE / window.height - 0.5
    columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    out = cv2.remap(soft, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.astype(np.float32, copy=False)


def ellipse(box: Corners, where: Box) -> NDArray[np.float64]:
    """For each pixel of `where` the squared distance from the box's middle: 1 on the ellipse that fills the box."""
    x0, y0, x1, y1 = box
    u = (np.arange(where.left, where.right) + 0.5 - (x0 + x1) / 2) / max(x1 - x0, 1) * 2
    v = (np.arange(where.top, where.bottom) + 0.5 - (y0 + y1) / 2) / max(y1 - y0, 1) * 2
    squares: NDArray[np.float64] = u[None, :] ** 2 + v[:, None] ** 2
    return squares
