"""Boxes of feature maps, followed backwards through convolutions: compute only what is asked for."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad


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

    @classmethod
    def around(cls, mask: Tensor) -> Box | None:
        """The smallest box around the non-zero positions of `mask` [..., H, W]; None when there are none."""
        marked = mask.reshape(-1, *mask.shape[-2:]).ne(0).any(0)  # [H, W]
        rows, columns = torch.nonzero(marked.any(1)), torch.nonzero(marked.any(0))
        if not len(rows):
            return None
        return cls(
            Span(int(rows[0]), int(rows[-1]) + 1),
            Span(int(columns[0]), int(columns[-1]) + 1),
        )

    def within(self, height: int, width: int) -> Box:
        return Box(self.rows.within(height), self.columns.within(width))

    def scaled_down(self, factor: int) -> Box:
        return Box(self.rows.scaled_down(factor), self.columns.scaled_down(factor))

    def scaled_up(self, factor: int) -> Box:
        return Box(Span(*(factor * i for i in self.rows)), Span(*(factor * i for i in self.columns)))

    def of(self, x: Tensor) -> Tensor:
        """This box of a map [..., H, W], a view."""
        return x[..., slice(*self.rows), slice(*self.columns)]


def cut(x: Tensor, held: Box, wanted: Box) -> Tensor:
    """`wanted` from a map of which `x` [..., h, w] holds the box `held`; zeros where `wanted` sticks out."""
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
    return pad(part, around) if any(around) else part
