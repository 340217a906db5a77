"""Binary morphology with round elements of any (also fractional) radius, by distance transform: O(pixels)
whatever the radius. All masks are bool H x W."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


class Borders(NamedTuple):
    """Which sides of an array are the photo's own borders."""

    top: bool
    bottom: bool
    left: bool
    right: bool


def distance(mask: Mask) -> NDArray[np.float32]:
    """Distance in pixels of every pixel to the nearest one of the mask (0 inside); inf where the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def dilate(mask: Mask, radius: float) -> Mask:
    """Every pixel within `radius` (Euclidean, in pixels) of the mask."""
    return mask.copy() if radius < 1 else distance(mask) <= radius


def close(mask: Mask, radius: float) -> Mask:
    """Dilation, then erosion: cracks and notches narrower than twice the radius are filled.

    The photo's border counts as background, so nothing is glued to it (see `snap`).
    """
    if radius < 1:
        return mask.copy()
    pad = int(np.ceil(radius)) + 1
    grown = dilate(np.pad(mask, pad), radius)
    closed = distance(~grown) > radius
    return closed[pad:-pad, pad:-pad] | mask


def drop_specks(mask: Mask, area: float) -> Mask:
    """Without the 8-connected parts smaller than `area` pixels; the largest part always stays."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas >= area
    keep[0] = False
    if count > 1:
        keep[int(areas.argmax())] = True
    out: Mask = keep[labels]
    return out


def fill_enclosed(mask: Mask, area: float) -> Mask:
    """With the background parts (4-connected) filled that do not reach the array's border and have at most
    `area` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).view(np.uint8), connectivity=4)
    height, width = mask.shape
    inside = (
        (stats[:, cv2.CC_STAT_LEFT] > 0)
        & (stats[:, cv2.CC_STAT_TOP] > 0)
        & (stats[:, cv2.CC_STAT_LEFT] + stats[:, cv2.CC_STAT_WIDTH] < width)
        & (stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT] < height)
    )
    fill = inside & (stats[:, cv2.CC_STAT_AREA] <= area)
    fill[0] = False  # the mask itself
    out: Mask = mask | fill[labels]
    return out


def snap(mask: Mask, reach: float, borders: Borders) -> Mask:
    """Extended straight to the photo's border where the mask ends within `reach` pixels of it: a person cut off by
    the frame has no background in between."""
    out = mask.copy()
    band = int(reach)
    if band < 1:
        return out
    for wanted, outwards, result in (  # views whose first axis runs towards the border
        (borders.top, mask[::-1], out[::-1]),
        (borders.bottom, mask, out),
        (borders.left, mask.T[::-1], out.T[::-1]),
        (borders.right, mask.T, out.T),
    ):
        if wanted:
            result[-band:] |= np.logical_or.accumulate(outwards[-band:], axis=0)
    return out
