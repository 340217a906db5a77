"""Sharp fills for large holes: a window filled at reduced size gets its fine detail back from the photo.

The idea of contextual residual aggregation (Yi et al., Contextual residual aggregation for ultra
high-resolution image inpainting, 2020), with a nearest-neighbour field (Barnes et al. 2009) in place of
attention: where the small fill looks like some known place, it gets what that place loses by shrinking.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.types import Hole, Pixels
from inpainting.windows import touched, within

_REACH = 3
# Centre, a ring at 1.5 and one at 3 pixels: a 7 x 7 patch seen at 13 places.
_SAMPLES = (
    (0, 0),
    (-1, -1),
    (-1, 1),
    (1, -1),
    (1, 1),
    (-3, 0),
    (3, 0),
    (0, -3),
    (0, 3),
    (-2, -2),
    (-2, 2),
    (2, -2),
    (2, 2),
)
_BAND = 128
"""Rows that are enlarged at a time."""
_JUMPS = (8, 1, 4, 1, 2, 1)
_SEARCH = 1024
"""Longer side, in pixels, of the picture on which alike places are looked for: their number and the memory for their
surroundings grow with its area."""


def nearest_known(image: Pixels, hole: Hole, known: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each pixel of the hole, the known place whose 7 x 7 surroundings look most alike.

    image: uint8 H x W x 3, filled. hole: uint8 H x W, 255 = look up. known: bool H x W, where to look;
    at least one. Returns the rows and columns of the places, in the order of `np.nonzero(hole)`.
    Whole-number arithmetic and a fixed seed: the same on every machine.
    """
    height, width = hole.shape
    padded = np.pad(image, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="edge").astype(np.int16)
    patches = np.concatenate(
        [padded[_REACH + y : _REACH + y + height, _REACH + x : _REACH + x + width] for y, x in _SAMPLES], axis=2
    ).reshape(height * width, -1)
    ys, xs = np.nonzero(hole)
    mine = patches[ys * width + xs]
    rng = np.random.default_rng(0)
    sources = np.flatnonzero(known)
    best = sources[rng.integers(len(sources), size=len(ys))]
    best_y, best_x = best // width, best % width
    cost = _distance(mine, patches, best)
    number = np.full((height, width), -1, np.int64)
    number[ys, xs] = np.arange(len(ys))

    def consider(rows: NDArray[np.intp], cand_y: NDArray[np.intp], cand_x: NDArray[np.intp]) -> None:
        ok = (cand_y >= 0) & (cand_y < height) & (cand_x >= 0) & (cand_x < width)
        rows, cand_y, cand_x = rows[ok], cand_y[ok], cand_x[ok]
        ok = known[cand_y, cand_x]
        rows, cand_y, cand_x = rows[ok], cand_y[ok], cand_x[ok]
        new = _distance(mine[rows], patches, cand_y * width + cand_x)
        better = new < cost[rows]
        rows = rows[better]
        cost[rows], best_y[rows], best_x[rows] = new[better], cand_y[better], cand_x[better]

    every = np.arange(len(ys))
    for jump in _JUMPS:
        for dy, dx in ((0, jump), (jump, 0), (0, -jump), (-jump, 0)):
            # What suits a neighbour, shifted by as much, may suit this pixel.
            ny, nx = ys + dy, xs + dx
            there = (ny >= 0) & (ny < height) & (nx >= 0) & (nx < width)
            rows = every[there]
            neighbour = number[ny[there], nx[there]]
            rows, neighbour = rows[neighbour >= 0], neighbour[neighbour >= 0]
            consider(rows, best_y[neighbour] - dy, best_x[neighbour] - dx)
        radius = max(height, width) // 2
        while radius >= 1:
            consider(
                every,
                best_y + rng.integers(-radius, radius + 1, size=len(ys)),
                best_x + rng.integers(-radius, radius + 1, size=len(ys)),
            )
            radius //= 4
    return best_y, best_x


def patch_distance(
    image: Pixels, at: tuple[NDArray[np.intp], NDArray[np.intp]], to: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> NDArray[np.float32]:
    """Root of the mean square difference, in grey levels, between the 7 x 7 surroundings of pairs of places.

    image: uint8 H x W x 3. at, to: rows and columns, N each. Returns float32 N.
    """
    side = 2 * _REACH + 1
    padded = np.pad(image, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="edge").astype(np.float32)
    total = np.zeros(len(at[0]), np.float32)
    for dy in range(side):
        for dx in range(side):
            total += ((padded[at[0] + dy, at[1] + dx] - padded[to[0] + dy, to[1] + dx]) ** 2).mean(axis=1)
    return np.sqrt(total / side**2)


def _distance(mine: NDArray[np.int16], patches: NDArray[np.int16], at: NDArray[np.intp]) -> NDArray[np.int32]:
    difference = patches[at] - mine
    return np.asarray(np.einsum("ij,ij->i", difference, difference, dtype=np.int32), np.int32)


def enlarge(small: Pixels, small_hole: Hole, small_unknown: Hole, image: Pixels, hole: Hole, unknown: Hole) -> Pixels:
    """A small filled window at the photo's size, with the photo's fine detail in its hole.

    small: uint8 h x w x 3, filled. small_hole: uint8 h x w, what was filled. small_unknown: uint8 h x w, no
    source. image: uint8 H x W x 3, the window before. hole, unknown: uint8 H x W, the same two at the photo's size.
    """
    import cv2

    height, width = hole.shape
    large = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    h, w = within(small_hole.shape, _SEARCH)
    small = np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    small_hole, small_unknown = touched(small_hole, (h, w)), touched(small_unknown, (h, w))
    # Detail is what shrinking took. Three pixels off the hole neither it nor the fill plays a part in that.
    known = cv2.dilate(small_unknown, np.ones((7, 7), np.uint8)) == 0
    if not known.any() or not small_hole.any():
        return large
    near_y, near_x = nearest_known(small, small_hole, known)
    ys, xs = np.nonzero(small_hole)
    shift_y, shift_x = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    shift_y[ys, xs], shift_x[ys, xs] = near_y - ys, near_x - xs
    for top in range(0, height, _BAND):  # places are wide numbers: of all pixels at once they need gigabytes
        py, px = np.nonzero(hole[top : top + _BAND])
        py += top
        qy, qx = np.minimum(py * h // height, h - 1), np.minimum(px * w // width, w - 1)
        from_y = np.clip(np.rint(py + shift_y[qy, qx] * (height / h)).astype(np.intp), 0, height - 1)
        from_x = np.clip(np.rint(px + shift_x[qy, qx] * (width / w)).astype(np.intp), 0, width - 1)
        detail = image[from_y, from_x].astype(np.int16) - large[from_y, from_x]
        detail[unknown[from_y, from_x] != 0] = 0  # so that nothing is taken from where `large` changed already
        large[py, px] = np.clip(large[py, px] + detail, 0, 255)
    return large
