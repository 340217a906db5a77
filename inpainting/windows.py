"""Context windows: which part of the photo a fill sees for each group of holes, and at what size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from configs import InpaintSettings
from data.types import Hole, Pixels

MIN_CONTEXT = 32
"""Pixels of surroundings that even the smallest hole gets on each side."""
MIN_KNOWN = 0.4
"""Share of a window that has to be known; the window grows until it is, or until it is the photo."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the photo, in pixels; right and bottom are exclusive.

    groups: numbers of the connected groups of the hole that are filled from this window.
    """

    left: int
    top: int
    right: int
    bottom: int
    groups: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def box(self) -> tuple[slice, slice]:
        """The index of this rectangle in an array of the photo's size."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, by: int, height: int, width: int) -> Window:
        """This rectangle with `by` more pixels on every side, clamped to the photo."""
        return replace(
            self,
            left=max(0, self.left - by),
            top=max(0, self.top - by),
            right=min(width, self.right + by),
            bottom=min(height, self.bottom + by),
        )

    def union(self, other: Window) -> Window:
        """The smallest rectangle around both, with the groups of both."""
        return Window(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
            tuple(sorted(self.groups + other.groups)),
        )


def hole_groups(hole: Hole) -> tuple[NDArray[np.int32], list[Window]]:
    """The 8-connected groups of a hole.

    Returns labels (int32 H x W, 0 = known, n = group n) and the tight box of each group, in order.
    """
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole, connectivity=8, ltype=cv2.CV_32S)
    boxes = []
    for n in range(1, count):
        x, y, w, h = (int(v) for v in stats[n, :4])
        boxes.append(Window(x, y, x + w, y + h, (n,)))
    return np.asarray(labels, np.int32), boxes


def plan_windows(hole: Hole, boxes: list[Window], settings: InpaintSettings) -> list[Window]:
    """A window for each group of the hole, merged where one window is no larger than two.

    hole: uint8 H x W, 0 or 255. boxes: its groups, from `hole_groups`. Each window is the group's box
    and `settings.margin` x its longer side of surroundings, more where little of that is known;
    the strategy `whole` gives the full photo to all groups at once.
    """
    height, width = hole.shape
    if not boxes:
        return []
    if settings.strategy == "whole":
        return [Window(0, 0, width, height, tuple(n for box in boxes for n in box.groups))]
    return _merged([_with_context(box, hole, settings.margin) for box in boxes])


def _with_context(box: Window, hole: Hole, margin: float) -> Window:
    height, width = hole.shape
    by = max(MIN_CONTEXT, round(margin * max(box.shape)))
    while True:
        window = box.grown(by, height, width)
        known = 1 - np.count_nonzero(hole[window.box]) / window.area
        if known >= MIN_KNOWN or window.shape == hole.shape:
            return window
        by *= 2


def _merged(windows: list[Window]) -> list[Window]:
    # Two overlapping windows become one when that is no more work: it sees more context and fills both
    # holes consistently. Far apart ones stay alone, or a scattered crowd would be filled at a tiny scale.
    done: list[Window] = []
    waiting = list(reversed(windows))
    while waiting:
        window = waiting.pop()
        for index, other in enumerate(done):
            both = window.union(other)
            if both.area <= window.area + other.area:
                del done[index]
                waiting.append(both)
                break
        else:
            done.append(window)
    return sorted(done, key=lambda w: w.groups)


def shrink(image: Pixels, hole: Hole, shape: tuple[int, int]) -> tuple[Pixels, Hole]:
    """Image and hole at a smaller shape (height, width).

    A pixel that touches the hole at all belongs to the hole, so that nothing of it bleeds into its surroundings; the
    others are the mean of what they cover. The image is black where the hole was.
    """
    import cv2

    size = (shape[1], shape[0])
    known = np.where(hole[..., None] == 0, image, np.uint8(0))
    small = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    touched = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 255e-4
    return np.asarray(small, np.uint8), np.where(touched, np.uint8(255), np.uint8(0))
