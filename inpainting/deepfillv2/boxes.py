"""Boxes of feature maps, followed backwards through convolutions: compute only what is asked for."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from inpainting.windows import merged


class Span(NamedTuple):
    """Positions start <= i < stop of one axis."""

    start: int
    stop: int

    def within(self, size: int) -> Span:
        """The part that lies on an axis of `size` positions."""
        return Span(max(self.start, 0), min(self.stop, size))

    def scaled_down(self, factor: int) -> Span:
        """The positions of an axis `factor` times shorter that cover this span."""
        return Span(self.start // factor, -(-self.stop // factor))


class Box(NamedTuple):
    """A rectangle of a map: rows and columns."""

    rows: Span
    columns: Span

    @classmethod
    def whole(cls, height: int, width: int) -> Box:
        return cls(Span(0, height), Span(0, width))

    def within(self, height: int, width: int) -> Box:
        return Box(self.rows.within(height), self.columns.within(width))

    def scaled_down(self, factor: int) -> Box:
        return Box(self.rows.scaled_down(factor), self.columns.scaled_down(factor))

    def scaled_up(self, factor: int) -> Box:
        return Box(Span(*(factor * i for i in self.rows)), Span(*(factor * i for i in self.columns)))

    def covers(self, other: Box) -> bool:
        return all(a.start <= b.start and b.stop <= a.stop for a, b in zip(self, other, strict=True))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def area(self) -> int:
        return self.size[0] * self.size[1]

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(*(Span(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(self, other, strict=True)))

    def inside(self, other: Box) -> Box:
        """The same box, counted from the first position of `other`."""
        return Box(*(Span(a.start - b.start, a.stop - b.start) for a, b in zip(self, other, strict=True)))

    def tiles(self, side: int) -> list[Box]:
        """This box in boxes of about the same size, no side longer than `side`."""

        def parts(span: Span) -> list[Span]:
            length = span.stop - span.start
            count = -(-length // side)
            cuts = [span.start + length * i // count for i in range(count + 1)]
            return [Span(*ends) for ends in pairwise(cuts)]

        return [Box(rows, columns) for rows in parts(self.rows) for columns in parts(self.columns)]

    def of(self, x: Tensor) -> Tensor:
        """This box of a map [..., H, W], a view."""
        return x[..., slice(*self.rows), slice(*self.columns)]


APART = 32
"""Pixels. Parts of a hole that are nearer to each other share a box: what their fills read overlaps anyway."""


def hole_boxes(hole: Tensor) -> list[Box]:
    """Boxes around the parts of a hole [B, 1, H, W], of all items at once; none for an empty one."""
    import cv2

    marked = hole.ne(0).any(0).any(0)  # [H, W]
    height, width = marked.shape
    cells = max_pool2d(marked[None, None].float(), APART, ceil_mode=True)[0, 0].byte().cpu().numpy()
    count, _, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
    boxes = []
    for n in range(1, count):
        left, top, across, down = (APART * int(v) for v in stats[n, :4])
        box = Box(Span(top, top + down), Span(left, left + across)).within(height, width)
        inside = box.of(marked).cpu().numpy()
        rows, columns = np.nonzero(inside.any(1))[0], np.nonzero(inside.any(0))[0]
        boxes.append(
            Box(
                Span(top + int(rows[0]), top + int(rows[-1]) + 1),
                Span(left + int(columns[0]), left + int(columns[-1]) + 1),
            )
        )
    return merged(boxes)


def cut(x: Tensor, held: Box, wanted: Box, reflect: bool = False) -> Tensor:
    """`wanted` from a map of which `x` [..., h, w] holds the box `held`. Where `wanted` sticks out: zeros, or the map
    mirrored in its outermost position (`reflect`)."""
    (top, bottom), (left, right) = wanted
    inner = Box(
        Span(max(top, held.rows.start), min(bottom, held.rows.stop)),
        Span(max(left, held.columns.start), min(right, held.columns.stop)),
    )
    y, z = inner.rows.start - held.rows.start, inner.columns.start - held.columns.start
    part = x[..., y : y + inner.rows.stop - inner.rows.start, z : z + inner.columns.stop - inner.columns.start]
    around = (
        inner.columns.start - left,
        right - inner.columns.stop,
        inner.rows.start - top,
        bottom - inner.rows.stop,
    )
    if not any(around):
        return part
    return pad(part, around, mode="reflect" if reflect else "constant")
