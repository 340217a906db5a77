"""From labels of a small picture to labels of a larger one: shifts aligned, borders cut again where they show least."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from data.types import Pixels
from inpainting.shift_map.labels import Bools, Labelling, box_of, features, moved

_SAMPLES = 500
"""Pixels along a piece's border that its shift is aligned by."""
_NO_SOURCE = 4.0
"""What the guide's own pixel costs where a piece ran out of known pixels, so that any other piece is preferred."""


def enlarged_labels(labels: NDArray[np.intp], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Each pixel of the larger shape (height, width) takes the label of the pixel that it lies in."""
    rows, columns = (np.arange(n) * small // n for n, small in zip(shape, labels.shape, strict=True))
    return np.asarray(labels[rows[:, None], columns], np.intp)


def scaled(shifts: NDArray[np.int32], before: tuple[int, int], after: tuple[int, int]) -> NDArray[np.int32]:
    """Shifts of a picture of shape `before` for the same picture at shape `after`."""
    return np.asarray(np.rint(shifts * (np.array(after) / np.array(before))), np.int32)


def aligned(
    base: Pixels, hole: Bools, known: Bools, labels: NDArray[np.signedinteger], box: tuple[slice, slice],
    shifts: NDArray[np.int32], reach: int, near: Mapping[int, tuple[slice, slice]] | None = None,
) -> NDArray[np.int32]:  # fmt: skip
    """The shifts moved by up to `reach` pixels either way, each to where its piece fits best along its border.

    base: uint8 H x W x 3, the hole filled by the guide, to which pieces are compared inside the hole; outside it they
    are compared to the photo. hole, known: bool H x W. labels: int h x w of the box, 0 outside the hole. shifts: int32
    K x 2. near: where in the box a label is at most, so that not all of it is searched.
    """
    import cv2

    out = shifts.copy()
    height, width = hole.shape
    by = np.arange(-reach, reach + 1)
    window = np.stack(np.meshgrid(by, by, indexing="ij"), axis=-1).reshape(-1, 2)
    window = window[np.argsort(np.abs(window).sum(axis=1), kind="stable")]  # of equals, the nearest
    seen = hole[box] | known[box]
    for label in range(1, len(shifts)):
        part = _part_of(label, labels, near)
        if part is None:
            continue
        mine = (labels[part] == label).view(np.uint8)
        wider, inner = cv2.dilate(mine, np.ones((5, 5), np.uint8)), cv2.erode(mine, np.ones((3, 3), np.uint8))
        rim = np.flatnonzero((wider != inner) & seen[part])
        some = np.linspace(0, len(rim) - 1, min(len(rim), _SAMPLES)).astype(np.intp)
        ys, xs = np.divmod(rim[some], mine.shape[1])
        ys, xs = ys + (part[0].start + box[0].start), xs + (part[1].start + box[1].start)
        there, needed = base[ys, xs].astype(np.int16), hole[ys, xs]
        moves = shifts[label] + window  # all of them at once: W x N places
        ty, tx = ys + moves[:, :1], xs + moves[:, 1:]
        inside = (ty >= 0) & (ty < height) & (tx >= 0) & (tx < width)
        at = np.where(inside, ty * width + tx, 0)
        inside &= known.reshape(-1)[at]
        count = np.count_nonzero(inside, axis=1)
        lost = np.count_nonzero(needed & ~inside, axis=1) / max(1, len(ys))
        apart = np.abs(base.reshape(-1, 3)[at] - there).sum(axis=2, dtype=np.int32)
        unlike = (apart * inside).sum(axis=1) / np.maximum(3 * count, 1) + 255 * lost
        unlike[(lost > 0.1) | (count == 0)] = np.inf
        best = int(np.argmin(np.round(unlike, 9)))
        if np.isfinite(unlike[best]):
            out[label] = moves[best]
    return out


def _part_of(
    label: int, labels: NDArray[np.signedinteger], near: Mapping[int, tuple[slice, slice]] | None
) -> tuple[slice, slice] | None:
    """The box of a label with two more pixels on every side; None where it is nowhere."""
    everywhere = slice(0, labels.shape[0]), slice(0, labels.shape[1])
    around = everywhere if near is None else near.get(label)
    if around is None or not (piece := labels[around] == label).any():
        return None
    rows, columns = box_of(piece, 0)
    top, left = around[0].start + rows.start, around[1].start + columns.start
    bottom, right = around[0].start + rows.stop, around[1].start + columns.stop
    return slice(max(0, top - 2), bottom + 2), slice(max(0, left - 2), right + 2)


def cut_again(
    base: Pixels, hole: Bools, known: Bools, labels: NDArray[np.intp], shifts: NDArray[np.int32], width: int
) -> NDArray[np.intp]:
    """The labels with their borders moved by up to some `width` pixels to where the pieces agree most.

    A pixel whose piece has no known pixel for it takes another piece or, where there is none, the guide's (label 0).
    """
    import cv2

    labels = np.where(hole, labels, 0)
    box = box_of(hole)
    inner, sources = labels[box], {}
    for label in np.unique(inner):
        sources[int(label)] = moved(known, box, int(shifts[label, 0]), int(shifts[label, 1])) & hole[box]
    sources[0] = hole[box]
    lost = np.zeros_like(hole[box])
    for label, source in sources.items():
        lost |= (inner == label) & ~source & hole[box]
    inner[lost] = 0
    costs = np.where(lost, np.float32(_NO_SOURCE), np.float32(0))
    graph = Labelling(features(base), hole, known, shifts, labels)
    numbers = inner.astype(np.float32)
    border = cv2.dilate(numbers, np.ones((3, 3))) != cv2.erode(numbers, np.ones((3, 3)))
    band = cv2.dilate(border.astype(np.uint8), np.ones((2 * width + 1,) * 2)) != 0
    for label in sorted(sources):
        if label == 0:
            continue
        near = cv2.dilate((graph.labels == label).astype(np.uint8), np.ones((4 * width + 1,) * 2)) != 0
        open_ = (near & band | lost) & sources[label]
        change = np.where(graph.labels == 0, -costs, np.float32(0))
        graph.expand(label, np.where(open_, change, np.float32(np.inf)))
    labels[box] = graph.labels
    return labels
