"""Differences in light across seams evened out, in the gradient domain (Perez et al., Poisson image editing, 2003)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.types import Pixels
from inpainting.shift_map.labels import Bools, Floats, Labelling

_ALONG = 15
"""Side in pixels of the box over which steps along a seam are averaged: texture cancels out, light does not."""
_EDGE = 0.5
"""Mean step, as a share of full brightness over three channels, from which it is taken for a real edge and stays."""
_SCREEN = 0.004
"""Pull of the correction towards none, so that it fades away from a seam."""
_CYCLES = 4
_NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)


def composite_and_correction(
    base: Pixels, hole: Bools, known: Bools, labels: NDArray[np.intp], shifts: NDArray[np.int32]
) -> tuple[Floats, Floats, tuple[slice, slice]]:
    """The pieces put together, what is to be added to them, both float32 h x w x 3 in 0..1, and the box they are of."""
    import cv2

    planes = np.concatenate([np.moveaxis(base.astype(np.float32) / 255, 2, 0), known[None].astype(np.float32)])
    graph = Labelling(planes, hole, known, shifts, labels)
    steps = np.zeros((*graph.hole.shape, 3), np.float32)
    for edge in graph.edges:
        if not edge.there.any():
            continue
        first, second = graph.now[:, *edge.first], graph.now[:, *edge.second]
        seam = (graph.labels[edge.first] != graph.labels[edge.second]) & (edge.there > 0)
        # The step that either piece has here, where it has one.
        one, two = edge.ahead[3] * first[3], edge.back[3] * second[3]
        wanted = (edge.ahead[:3] - first[:3]) * one + (second[:3] - edge.back[:3]) * two
        count = one + two
        off = np.where(seam & (count > 0), wanted / np.maximum(count, 1) - (second[:3] - first[:3]), 0)
        off = np.ascontiguousarray(np.moveaxis(off, 0, 2))
        total = cv2.blur(off, (_ALONG, _ALONG))
        share = cv2.blur(seam.astype(np.float32), (_ALONG, _ALONG))
        mean = np.linalg.norm(total, axis=2) / np.maximum(share, 1e-6)
        off /= (1 + (mean / _EDGE) ** 4)[..., None]
        steps[edge.first] += off
        steps[edge.second] -= off
    meets = (known | hole)[graph.box]
    return np.moveaxis(graph.now[:3], 0, 2), _solve(steps, graph.hole, meets), graph.box


def _solve(steps: Floats, hole: Bools, meets: Bools) -> Floats:
    """The correction whose gradients differ from 0 by `steps`: 0 on known pixels, free towards what `meets` nothing.

    float32 h x w x 3, by multigrid, the same on every machine but for rounding.
    """
    return _cycles(steps, hole.astype(np.float32), _neighbours(meets), _SCREEN, _CYCLES)


def _neighbours(meets: Bools) -> Floats:
    """How many of its four neighbours each pixel has, at least 1."""
    import cv2

    count = cv2.filter2D(meets.astype(np.float32), -1, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
    return np.maximum(np.asarray(count, np.float32), np.float32(1))


def _cycles(steps: Floats, inside: Floats, around: Floats, screen: float, cycles: int) -> Floats:
    import cv2

    height, width = inside.shape
    weight = (inside * np.float32(0.8) / (around + np.float32(screen)))[..., None]
    mask, count = inside[..., None], (around + np.float32(screen))[..., None]

    def rest(of: Floats) -> Floats:
        """How far each pixel is from its equation."""
        return cv2.filter2D(of, -1, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT) - steps - count * of

    out = weight * -steps
    if min(height, width) < 6:
        for _ in range(60):
            out += weight * rest(out)
        return out
    rows, columns = (height + 1) // 2, (width + 1) // 2

    def padded(of: Floats) -> Floats:
        return np.pad(of, ((0, 2 * rows - height), (0, 2 * columns - width)) + ((0, 0),) * (of.ndim - 2))

    coarse_inside = padded(inside).reshape(rows, 2, columns, 2).min(axis=(1, 3))
    coarse_around = _neighbours(np.ones(coarse_inside.shape, np.bool_))
    for cycle in range(cycles):
        for _ in range(1 if cycle == 0 else 2):
            out += weight * rest(out)
        residual = padded(-mask * rest(out)).reshape(rows, 2, columns, 2, 3).sum(axis=(1, 3))
        below = _cycles(residual, coarse_inside, coarse_around, screen * 4, 1 if min(rows, columns) > 12 else 2)
        out += mask * cv2.resize(below, (2 * columns, 2 * rows), interpolation=cv2.INTER_NEAREST)[:height, :width]
        for _ in range(2):
            out += weight * rest(out)
    return out
