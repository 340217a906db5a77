"""Context windows: which part of the photo a fill sees for each group of holes, and at what size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from configs import InpaintSettings
from configs.fills import FILLS
from data.geometry import Box, merged
from data.types import Hole, Pixels

MIN_CONTEXT = 32
"""Pixels of surroundings that even the smallest hole gets on each side."""
MIN_KNOWN = 0.4
"""Share of a window that has to be known; the window grows until it is, or until it is the photo."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the photo, and the numbers of the connected groups of the hole that are filled from it."""

    box: Box
    groups: tuple[int, ...] = ()

    @property
    def area(self) -> int:
        return self.box.area

    def union(self, other: Window) -> Window:
        """The smallest rectangle around both, with the groups of both."""
        return Window(self.box.union(other.box), tuple(sorted(self.groups + other.groups)))


def hole_groups(hole: Hole) -> tuple[NDArray[np.int32], list[Window]]:
    """The 8-connected groups of a hole.

    Returns labels (int32 H x W, 0 = known, n = group n) and the tight box of each group, in order.
    """
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole, connectivity=8, ltype=cv2.CV_32S)
    boxes = []
    for n in range(1, count):
        x, y, w, h = (int(v) for v in stats[n, :4])
        boxes.append(Window(Box.at(x, y, w, h), (n,)))
    return np.asarray(labels, np.int32), boxes


def only_groups(labels: NDArray[np.int32], groups: Sequence[int]) -> Hole:
    """The hole of these groups alone. labels: see `hole_groups`."""
    is_theirs = np.zeros(max(int(labels.max(initial=0)), *groups) + 1, np.uint8)
    is_theirs[list(groups)] = 255
    return is_theirs[labels]


def plan_windows(unknown: Hole, boxes: list[Window], settings: InpaintSettings) -> list[Window]:
    """A window for each group of the hole, merged where one window is no larger than two.

    unknown: uint8 H x W, 255 = no source. boxes: the hole's groups, from `hole_groups`. Each window is the group's box
    and `settings.margin` x its longer side of surroundings, more where little of that is known;
    the strategy `whole` gives the full photo to all groups at once. A fill of squares (see FillMethod) sees
    the full photo where that is small, else a square.
    """
    if not boxes:
        return []
    if settings.strategy == "whole" or _fits_whole(unknown.shape, settings):
        return [Window(Box.whole(unknown.shape), tuple(n for box in boxes for n in box.groups))]
    # Far apart ones stay alone, or a scattered crowd would be filled at a tiny scale.
    fill = FILLS.get(settings.fill)  # none for `auto`
    if fill and fill.squares:
        windows = merged(_square(box, unknown, settings) for box in boxes)
    else:
        windows = merged(_with_context(box, unknown, settings.margin) for box in boxes)
    return sorted(windows, key=lambda w: w.groups)


def _fits_whole(shape: tuple[int, ...], settings: InpaintSettings) -> bool:
    """Whether the network that guides a shift map sees the photo whole, as it would by itself. Of a larger photo there
    are windows with as much context as for other fills, because a shift map takes its pieces from there."""
    guide = FILLS.get(settings.guide or "")
    return guide is not None and guide.squares and settings.window is None and max(shape) <= guide.longest


def _with_context(group: Window, unknown: Hole, margin: float) -> Window:
    by = max(MIN_CONTEXT, round(margin * max(group.box.shape)))
    while not _is_enough(box := group.box.grown(by).within(unknown.shape), unknown):
        by *= 2
    return replace(group, box=box)


def _is_enough(box: Box, unknown: Hole) -> bool:
    """Whether enough of a window is known, or it is the photo."""
    return box.shape == unknown.shape or bool(1 - np.count_nonzero(unknown[box.slices]) / box.area >= MIN_KNOWN)


def _square_around(box: Box, side: int) -> Box:
    return Box.at((box.left + box.right - side) // 2, (box.top + box.bottom - side) // 2, side, side)


def _square(group: Window, unknown: Hole, settings: InpaintSettings) -> Window:
    """The photo, if it is not too large to be seen at once, else a square around the box, moved into the photo: twice
    as long as the box and at least as long as the network sees, and longer until enough of it is known."""
    height, width = unknown.shape
    if max(height, width) <= settings.longest:
        return replace(group, box=Box.whole(unknown.shape))
    side = max(2 * max(group.box.shape), settings.reduced)
    while not _is_enough(box := _square_around(group.box, side).moved_inside((height, width)), unknown):
        side = side * 3 // 2
    return replace(group, box=box)


def within(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    """The shape (height, width), reduced where its longer side exceeds `longest`."""
    scale = min(1.0, longest / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def shrink(image: Pixels, hole: Hole, shape: tuple[int, int]) -> tuple[Pixels, Hole]:
    """Image and hole at a smaller shape (height, width).

    A pixel that touches the hole at all belongs to the hole, so that nothing of it bleeds into its surroundings; the
    others are the mean of what they cover. The image is black where the hole was.
    """
    import cv2

    known = cv2.copyTo(image, np.where(hole == 0, np.uint8(255), np.uint8(0)))
    return np.asarray(cv2.resize(known, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8), touched(hole, shape)


def touched(hole: Hole, shape: tuple[int, int]) -> Hole:
    """The pixels of a smaller shape (height, width) that any part of the hole lies in, uint8, 255 = touched."""
    import cv2

    share = cv2.resize(hole.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
    return np.where(share > 255e-4, np.uint8(255), np.uint8(0))
