"""A network's large maps in bands of rows, so that what only one of its blocks needs never exists as a whole.

That takes less memory, and on a CPU less time, because a band stays in the cache from one layer to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Band:
    """Some rows of the input, from `start` to `stop`, and what they are computed from: `first` to `last`."""

    start: int
    stop: int
    first: int
    last: int

    def sources(self, scale: float = 1) -> slice:
        """The rows that are computed from, in maps of `scale` times the input's height."""
        return slice(int(self.first * scale), int(self.last * scale))

    def rows(self, scale: float) -> slice:
        """The band's own rows in such maps."""
        return slice(int(self.start * scale), int(self.stop * scale))

    def kept(self, scale: float) -> slice:
        """The band's own rows in maps that were computed from its sources alone."""
        return slice(int((self.start - self.first) * scale), int((self.stop - self.first) * scale))


def bands(height: int, rows: int, halo: int) -> list[Band]:
    """Bands of so many rows, with `halo` more rows to compute from above and below, where there are any."""
    starts = range(0, height, rows)
    return [Band(y, min(y + rows, height), max(0, y - halo), min(y + rows + halo, height)) for y in starts]


def in_bands(
    compute: Callable[[Band], Sequence[Tensor]],
    height: int,
    scales: Sequence[float],
    rows: int,
    halo: int,
) -> list[Tensor]:
    """What `compute` gives, put together from bands of an input of this height.

    compute: from a band's source rows to maps [N, C, H, W] of `scales` times their height. At a cut it sees nothing of
    what lies beyond, so that the rows there come out wrong: `halo` rows are enough for all of those to be left out.
    """
    out: list[Tensor] = []
    for band in bands(height, rows, halo):
        parts = compute(band)
        if not out:
            for part, scale in zip(parts, scales, strict=True):
                n, channels, _, width = part.shape
                shape = n, channels, int(height * scale), width
                # laid out so from the start: turning maps around afterwards takes a quarter of the time
                out.append(torch.empty(shape, dtype=part.dtype, memory_format=torch.channels_last))
        for whole, part, scale in zip(out, parts, scales, strict=True):
            whole[:, :, band.rows(scale)] = part[:, :, band.kept(scale)]
    return out
