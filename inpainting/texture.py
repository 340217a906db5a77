"""Fine detail for a fill that is smoother than its surroundings, as networks' fills are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.types import Hole, Pixels
from inpainting.detail import nearest_known, patch_distance
from inpainting.invention import surroundings
from inpainting.windows import touched, within

_SIDE = 256
"""Pixels of the longer side at which places that look alike are sought."""
_SIGMA = 1.0
"""The finest band is what a Gaussian of this many pixels takes away."""
_GOOD, _BAD = 12.0, 28.0
"""Grey levels between a place and the nearest known one: up to the first its detail is borrowed, from the second on
none of it."""
_GAIN = 1.8
"""Most by which a fill's own detail is amplified where none can be borrowed."""
_MOST = 40.0
"""Grey levels of borrowed detail."""
_AREA = 11
"""Side in pixels of the area over which the power of detail is compared."""


def add_texture(filled: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
    """The window with as much fine detail in its hole as its surroundings have.

    Where a known place looks alike, the power that the fill lacks is borrowed from it; elsewhere the fill's own finest
    band is amplified towards that power. filled: uint8 H x W x 3 RGB. hole: uint8 H x W, 255 = filled. exclude: uint8
    H x W, 255 = not borrowed from. Pixels outside the hole stay as they are.
    """
    import cv2

    if not hole.any():
        return filled
    box = surroundings(hole)
    inside = hole[box]
    unknown = inside if exclude is None else np.maximum(inside, exclude[box])
    pixels = filled[box].astype(np.float32)
    found = _places(filled[box], inside, unknown)
    if found is None:
        return filled
    from_y, from_x, distance = found
    known = (unknown == 0).astype(np.float32)
    weight = np.maximum(cv2.GaussianBlur(known, (0, 0), _SIGMA), 1e-3)[..., None]
    # of the known pixels alone, so that nothing of the hole is borrowed
    band_around = pixels - cv2.GaussianBlur(pixels * known[..., None], (0, 0), _SIGMA) / weight
    own = pixels - cv2.GaussianBlur(pixels, (0, 0), _SIGMA)
    ys, xs = np.nonzero(inside)
    borrowed = np.zeros_like(pixels)
    there = unknown[from_y, from_x] == 0
    borrowed[ys[there], xs[there]] = np.clip(band_around[from_y[there], from_x[there]], -_MOST, _MOST)
    wanted, has = _power(borrowed), _power(own * (inside != 0)[..., None])
    share = np.clip((_BAD - cv2.GaussianBlur(distance, (0, 0), 3)) / (_BAD - _GOOD), 0, 1)[..., None]
    lacking = np.sqrt(np.clip((wanted - has) / np.maximum(wanted, 1e-3), 0, 1))[..., None]
    gain = np.clip(np.sqrt(wanted / np.maximum(has, 0.5)), 1, _GAIN)[..., None] - 1
    textured = np.clip(np.rint(pixels + share * lacking * borrowed + (1 - share) * gain * own), 0, 255)
    out = filled.copy()
    out[box] = np.where((inside != 0)[..., None], textured.astype(np.uint8), filled[box])
    return out


def _power(band: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean square of a band, H x W x 3, around each pixel."""
    import cv2

    return np.asarray(np.maximum(cv2.boxFilter((band * band).mean(axis=2), -1, (_AREA, _AREA)), 0), np.float32)


def _places(
    image: Pixels, hole: Hole, unknown: Hole
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]] | None:
    """For each pixel of the hole, in the order of `np.nonzero`, the row and column of the known place that looks most
    alike; and how far from alike each pixel of the window is, in grey levels, float32 H x W. None where no place is
    known."""
    import cv2

    height, width = hole.shape
    shape = within(hole.shape, _SIDE)
    small = np.asarray(cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    small_hole, small_unknown = touched(hole, shape), touched(unknown, shape)
    known = cv2.dilate(small_unknown, np.ones((7, 7), np.uint8)) == 0
    if not known.any():
        return None
    near_y, near_x = nearest_known(small, small_hole, known)
    sy, sx = np.nonzero(small_hole)
    distance = np.full(shape, 99, np.float32)
    distance[sy, sx] = patch_distance(small, (sy, sx), (near_y, near_x))
    shift_y, shift_x = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    shift_y[sy, sx], shift_x[sy, sx] = near_y - sy, near_x - sx
    ys, xs = np.nonzero(hole)
    qy, qx = np.minimum(ys * shape[0] // height, shape[0] - 1), np.minimum(xs * shape[1] // width, shape[1] - 1)
    from_y = np.clip(np.rint(ys + shift_y[qy, qx] * (height / shape[0])).astype(np.intp), 0, height - 1)
    from_x = np.clip(np.rint(xs + shift_x[qy, qx] * (width / shape[1])).astype(np.intp), 0, width - 1)
    return from_y, from_x, np.asarray(cv2.resize(distance, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
