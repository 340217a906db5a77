"""COCO's compressed run lengths without a full frame: masks are decoded and encoded in time and memory of their own
box, because a large photo may show hundreds of people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.geometry import Box, around

Runs = NDArray[np.int64]
"""N x 2: first pixel and end (exclusive) of each run of a mask, counted down the columns; ascending, apart."""


class BoxMask(NamedTuple):
    """A mask by its box, beyond which it has no pixel. y, x: the box's upper left pixel. mask: bool h x w."""

    y: int
    x: int
    mask: NDArray[np.bool_]

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(np.count_nonzero(self.mask))

    @property
    def box(self) -> Box:
        height, width = self.mask.shape
        return Box.at(self.x, self.y, width, height)

    def within(self, box: Box) -> NDArray[np.bool_]:
        """The mask's pixels in another box of the photo, bool of that box's shape."""
        out = np.zeros(box.shape, bool)
        common = box.common(self.box)
        if not common.empty:
            out[common.seen_from(box).slices] = self.part(common)
        return out

    def part(self, box: Box) -> NDArray[np.bool_]:
        """The mask's pixels in a box that lies inside its own: a view."""
        return self.mask[box.seen_from(self.box).slices]

    def tight(self) -> BoxMask:
        """The same mask in the smallest box; one of 0 x 0 pixels where the mask is empty."""
        rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        if not rows.size:
            return NOTHING
        top, left = int(rows[0]), int(columns[0])
        part = self.mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
        return BoxMask(self.y + top, self.x + left, part)


NOTHING = BoxMask(0, 0, np.zeros((0, 0), bool))
"""A mask without a pixel."""


def bounds(masks: Sequence[BoxMask], margin: int, size: tuple[int, int]) -> Box:
    """The box around several masks with `margin` more pixels on each side, inside a photo of `size` (height, width)."""
    return around([mask.box for mask in masks if mask.mask.size]).grown(margin).within(size)


def box_mask(counts: str, size: tuple[int, int]) -> BoxMask:
    """The mask of compressed counts that this program wrote, of a photo of `size` (height, width), in its smallest
    box."""
    height = size[0]
    runs = runs_of(np.frombuffer(counts.encode("ascii"), np.uint8))
    if not len(runs):
        return NOTHING
    first, last = int(runs[0, 0]) // height, int(runs[-1, 1] - 1) // height
    steps = np.zeros((last - first + 1) * height + 1, np.int8)
    steps[runs[:, 0] - first * height] = 1
    steps[runs[:, 1] - first * height] = -1
    columns = np.cumsum(steps[:-1], dtype=np.int8, out=steps[:-1]).reshape(-1, height)
    return BoxMask(0, first, columns.view(bool).T).tight()


def runs_of(text: NDArray[np.uint8]) -> Runs:
    """The runs of compressed counts (their characters as numbers), for text that is known to be sound.

    Five bits a character from 48 up, the lowest first; 32: another character follows; 16 of the last: the sign; from
    the fourth number on, differences to the number before last (pycocotools' maskApi.c, rleFrString).
    """
    bits = text.astype(np.int64) - 48
    last = np.flatnonzero(bits & 32 == 0)
    if not last.size:
        return np.zeros((0, 2), np.int64)
    first = np.concatenate([[0], last[:-1] + 1])
    place = 5 * (np.arange(len(bits)) - np.repeat(first, last - first + 1))
    counts = np.add.reduceat((bits & 31) << place, first)
    counts -= np.where(bits[last] & 16, 1 << (place[last] + 5), 0)
    counts[1::2] = np.cumsum(counts[1::2])
    counts[2::2] = np.cumsum(counts[2::2])
    return runs_from_counts(counts)


def runs_from_counts(counts: NDArray[np.int64]) -> Runs:
    """The runs of plain counts, background first; empty runs are left out, and runs that touch become one."""
    edges = np.cumsum(counts)
    starts, ends = edges[: len(edges) // 2 * 2 : 2], edges[1::2]
    some = starts < ends
    starts, ends = starts[some], ends[some]
    new = np.ones(len(starts), bool)
    new[1:] = starts[1:] > ends[:-1]
    return np.stack([starts[new], ends[np.roll(new, -1)]], axis=1) if len(starts) else np.zeros((0, 2), np.int64)


def counts_from_runs(runs: Runs, pixels: int) -> list[int]:
    """Plain counts of a photo of `pixels` pixels, as pycocotools writes them: an empty last run is not told."""
    counts: list[int] = np.diff(runs.ravel(), prepend=0, append=pixels).tolist()
    return counts if counts[-1] or len(counts) == 1 else counts[:-1]
