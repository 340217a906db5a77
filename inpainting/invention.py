"""What a network made up: parts of a fill whose patterns or colours its surroundings do not have.

A network may put a bag on a lawn or stripes on a wall. Copies from the photo cannot, and most of what belongs behind a
person is seen beside the person, so a part of the fill that is like nothing around it is taken for an invention.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.types import Hole, Pixels
from inpainting.detail import nearest_known, patch_distance
from inpainting.windows import touched, within

SIDE = 128
"""Pixels of the longer side at which the surroundings are compared: objects, not texture."""
PATTERN = 70.0
"""Grey levels (root of the mean square) between a 7 x 7 patch and the nearest known one from which it is new."""
COLOUR = 9.0
"""CIELAB distance (lightness counts half) to the eighth nearest known colour from which a colour is new."""
_LOW = 0.6
"""A new part goes on to where it is this near to being new."""
_LEAST = 12
"""Pixels, at the compared size, of the smallest part."""
_SURE = 6, 0.02
"""Pixels of a part, and share of it, that have to be new beyond doubt."""


def surroundings(hole: Hole, share: float = 0.6, least: int = 64) -> tuple[slice, slice]:
    """The hole's box with as much around it as this share of its longer side, at least `least` pixels."""
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    by = max(least, round(share * max(bottom - top, right - left)))
    return slice(max(0, top - by), bottom + by), slice(max(0, left - by), right + by)


def invented(filled: Pixels, hole: Hole, exclude: Hole | None = None) -> Hole:
    """The parts of a filled hole that look made up, uint8 H x W, 255 = made up; nothing where hardly anything is known.

    filled: uint8 H x W x 3 RGB. hole: uint8 H x W, 255 = filled. exclude: uint8 H x W, 255 = no surroundings to compare
    with.
    """
    import cv2

    out = np.zeros_like(hole)
    if not hole.any():
        return out
    box = surroundings(hole)
    inside = hole[box]
    unknown = inside if exclude is None else np.maximum(inside, exclude[box])
    height, width = inside.shape
    shape = within(inside.shape, SIDE)
    small = np.asarray(cv2.resize(filled[box], shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    small_hole, small_unknown = touched(inside, shape), touched(unknown, shape)
    known = cv2.dilate(small_unknown, np.ones((7, 7), np.uint8)) == 0
    if np.count_nonzero(known) < _LEAST:
        return out
    new = np.maximum(_pattern(small, small_hole, known) / PATTERN, _colour(small, small_hole, known) / COLOUR)
    parts = cv2.dilate(_parts(new), np.ones((5, 5), np.uint8))
    parts[small_hole == 0] = 0
    large = cv2.resize(parts, (width, height), interpolation=cv2.INTER_LINEAR) > 100
    out[box] = np.where(large & (inside != 0), np.uint8(255), np.uint8(0))
    return out


def invented_share(filled: Pixels, hole: Hole) -> float:
    """Share of a hole, which is not empty, that looks made up, 0 to 1."""
    return float(np.count_nonzero(invented(filled, hole)) / np.count_nonzero(hole))


def _parts(new: NDArray[np.float32]) -> Hole:
    """The connected parts that are new enough, uint8, 255. new: 1 and more is new beyond doubt."""
    import cv2

    near = np.where(new >= _LOW, np.uint8(255), np.uint8(0))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    sure = np.bincount(labels[new >= 1], minlength=count)
    areas = stats[:, 4]
    keep = (sure >= np.maximum(_SURE[0], _SURE[1] * areas)) & (areas >= _LEAST)
    keep[0] = False
    return np.where(keep[labels], np.uint8(255), np.uint8(0))


def _pattern(image: Pixels, hole: Hole, known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each 7 x 7 patch of the hole to the most alike known one, in grey levels; 0 elsewhere."""
    ys, xs = np.nonzero(hole)
    near_y, near_x = nearest_known(image, hole, known)
    out = np.zeros(hole.shape, np.float32)
    out[ys, xs] = patch_distance(image, (ys, xs), (near_y, near_x))
    return out


def _colour(image: Pixels, hole: Hole, known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each colour of the hole to the eighth nearest known one; 0 elsewhere."""
    import cv2
    from scipy.spatial import cKDTree

    smooth = cv2.GaussianBlur(image, (0, 0), 1).astype(np.float32) / 255
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB) * np.array([0.5, 1, 1], np.float32)
    distances, _ = cKDTree(lab[known]).query(lab[hole != 0], k=[8])
    out = np.zeros(hole.shape, np.float32)
    out[hole != 0] = distances[:, 0]
    return out
